"""Frames with true times, faces that keep their number from frame to frame, and labels that hold still."""
