"""Facial expressions: find the faces in a picture and say what each one shows.

    >>> import mien
    >>> faces = mien.Analyzer()("party.jpg")
    >>> faces[0].label, faces[0].scores["happy"]
    ('happy', 0.97)

mien says what a face *shows*, not what a person *feels*.
"""

from mien.analyzer import Analyzer
from mien.emotions import EMOTIONS
from mien.errors import MienError
from mien.images import read_image
from mien.values import Box, Detection, Face, Frame, FrameResult, Prediction

__version__ = "0.1.0"

__all__ = [
    "EMOTIONS",
    "Analyzer",
    "Box",
    "Detection",
    "Face",
    "Frame",
    "FrameResult",
    "MienError",
    "Prediction",
    "read_image",
]
