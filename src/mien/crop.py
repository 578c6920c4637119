"""Cropping a detected face to the small grey picture that a network takes."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.values import Crop, Image

STEPS: Final = 64
"""Steps of a pixel, and of a degree, to which a crop is rounded before it is cut: the last digits of a detector's
floats differ from machine to machine, and no pixel of a face should."""


def crop_face(image: Image, crop: Crop, size: int) -> NDArray[np.uint8]:
    """The square `crop` of a picture, upright and grey, `size` pixels a side.

    Args:
        image: (H, W, 3) uint8, RGB.
        crop: Outside the picture, the picture is mirrored at its edge, so that a face at the border keeps its
            proportions.
        size: S, in pixels.

    Returns:
        (S, S) uint8, 0 black to 255 white.
    """
    crop = _on_grid(crop)
    if crop.roll == 0:
        return _resized(_grey_square(image, crop)[0], size)
    angle = math.radians(crop.roll)
    cos, sin = math.cos(angle), math.sin(angle)
    enclosing, left, top = _grey_square(image, crop._replace(side=crop.side * (abs(cos) + abs(sin))))
    # Shrunk before it is turned, to twice the size: turning looks at four pixels for each of the result, and would
    # leave out the others.
    side = max(1, min(len(enclosing), math.ceil(2 * size * len(enclosing) / crop.side)))
    shrunk = _resized(enclosing, side)
    scale = side / len(enclosing)
    step = crop.side * scale / (2 * size)
    x, y = (crop.x - left) * scale, (crop.y - top) * scale
    across, down = np.array([cos, sin]) * step, np.array([-sin, cos]) * step
    first = np.array([x, y]) - (across + down) * (size - 0.5) - 0.5  # the middle of a pixel is at a half
    upright = cv2.warpAffine(
        shrunk, np.column_stack([across, down, first]), (2 * size, 2 * size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return _resized(np.asarray(upright, np.uint8), size)


def _on_grid(crop: Crop) -> Crop:
    x, y, side, roll = (round(each * STEPS) / STEPS for each in crop)
    return Crop(x, y, max(side, 1 / STEPS), roll)


def _grey_square(image: Image, crop: Crop) -> tuple[NDArray[np.uint8], int, int]:
    """The level square around a crop's centre, mirrored outside of the picture; its left and its top."""
    height, width = image.shape[:2]
    # A region much larger than the picture holds no face, and must not take memory of that size.
    side = max(1, round(min(crop.side, 4 * max(height, width))))
    # One that is all outside is moved to the edge, so that there is a pixel to mirror.
    left = min(max(round(crop.x - side / 2), 1 - side), width - 1)
    top = min(max(round(crop.y - side / 2), 1 - side), height - 1)
    right, bottom = left + side, top + side
    inside = image[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    grey = cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY)
    if grey.shape != (side, side):
        margins = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
        grey = cv2.copyMakeBorder(grey, *margins, cv2.BORDER_REFLECT_101)
    return np.asarray(grey, np.uint8), left, top


def _resized(grey: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    shrinks = len(grey) > size
    return np.asarray(
        cv2.resize(grey, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
    )
