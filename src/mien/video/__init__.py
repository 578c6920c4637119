"""Frames in, with the times of their container, and videos out. Nothing here finds or reads a face."""

from mien.video.camera import Camera, open_camera
from mien.video.source import VideoSource, open_video
from mien.video.writer import VideoWriter, drawn_by_mien

__all__ = ["Camera", "VideoSource", "VideoWriter", "drawn_by_mien", "open_camera", "open_video"]
