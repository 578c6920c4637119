"""mien over HTTP: pictures, videos and a camera's frames from many callers. Nothing but running videos is on disk."""
