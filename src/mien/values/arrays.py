"""Pictures, faces, scores and points as arrays, and how a value that holds one is compared."""

from dataclasses import fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput

Image: TypeAlias = NDArray[np.uint8]
"""A picture: (H, W, 3) uint8, RGB."""

GreyFaces: TypeAlias = NDArray[np.uint8]
"""Faces as networks take them: (N, S, S) uint8, grey, 0 black to 255 white."""

Scores: TypeAlias = NDArray[np.float32]
"""Probabilities: (K,) float32, each 0 to 1, together 1."""

Landmarks: TypeAlias = NDArray[np.float32]
"""Points of a face: (5, 2) float32, x and y in the frame's pixels; its right eye (left in the picture),
left eye, nose tip, right and left corner of the mouth."""


class ByValue:
    """Equality and hash by the values of all fields, arrays among them, which a dataclass cannot compare by itself."""

    __slots__ = ()

    def _key(self) -> tuple[object, ...]:
        values = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type] # used by dataclasses
        return tuple((each.shape, each.tobytes()) if isinstance(each, np.ndarray) else each for each in values)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


def check_image(image: object) -> Image:
    """`image` itself, if it is one, a (H, W, 3) uint8 array with at least one pixel; else an `InvalidInput`."""
    if not isinstance(image, np.ndarray):
        raise InvalidInput(f"an image is a numpy array of shape (H, W, 3), uint8, RGB; got {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InvalidInput(
            f"an image is (H, W, 3) uint8, RGB; got {image.shape} {image.dtype}. mien.read_image converts grey and "
            "RGBA, and says how to convert others"
        )
    return image
