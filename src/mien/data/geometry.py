"""Fitting faces into the square that a network takes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput

_LARGEST = 1024


def check_size(size: int) -> None:
    """
    Raises:
        InvalidInput: Faces cannot have this side.
    """
    if not 1 <= size <= _LARGEST:
        raise InvalidInput(f"a face's side is 1 to {_LARGEST} pixels; got {size}")


def fit_square(grey: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A face in a square of `size` pixels a side, its proportions kept.

    The longer side is resized to `size`, by averaging where it shrinks (INTER_AREA) and linearly where it grows. A
    picture that is not square is centred, and its outermost pixels are repeated to the square's edge: that cuts nothing
    off, distorts no face, and leaves no hard edge for a network to learn.

    Args:
        grey: (H, W) uint8.
        size: S, in pixels.

    Returns:
        (S, S) uint8.
    """
    height, width = grey.shape
    if height == width == size:
        return grey
    longest = max(height, width)
    new_height, new_width = (max(1, round(side * size / longest)) for side in (height, width))
    method = cv2.INTER_AREA if longest > size else cv2.INTER_LINEAR
    fitted = cv2.resize(grey, (new_width, new_height), interpolation=method)
    if new_height != new_width:
        top, left = (size - new_height) // 2, (size - new_width) // 2
        margins = top, size - new_height - top, left, size - new_width - left
        fitted = cv2.copyMakeBorder(fitted, *margins, cv2.BORDER_REPLICATE)
    return np.asarray(fitted, dtype=np.uint8)
