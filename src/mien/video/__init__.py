"""Frames in with the times their container gives, and videos out. Nothing here finds or reads a face."""

from mien.video.camera import Camera
from mien.video.source import VideoSource, open_video
from mien.video.writer import VideoWriter

__all__ = ["Camera", "VideoSource", "VideoWriter", "open_video"]
