"""What a face detector is."""

from typing import Protocol

from mien.values import Detection, Image


class Detector(Protocol):
    """Any callable from a picture to the faces in it.

    One instance may be called from many threads at once.
    """

    def __call__(self, image: Image) -> list[Detection]:
        """(H, W, 3) uint8 RGB → the faces, from the largest to the smallest; an empty list when there are none."""
        ...
