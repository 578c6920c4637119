"""Cropping a detected face to the small grey picture that a network takes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.values import Box, Image


def crop_face(image: Image, region: Box, size: int) -> NDArray[np.uint8]:
    """The square `region` of a picture, grey, `size` pixels a side.

    Args:
        image: (H, W, 3) uint8, RGB.
        region: A square in the picture's pixels. Outside the picture, the picture is mirrored at its edge, so that a
            face at the border keeps its proportions.
        size: S, in pixels.

    Returns:
        (S, S) uint8, 0 black to 255 white.
    """
    height, width = image.shape[:2]
    # A region much larger than the picture holds no face, and must not take memory of that size.
    side = max(1, round(min(max(region.width, region.height), 4 * max(height, width))))
    x, y = region.centre
    left, top = round(x - side / 2), round(y - side / 2)
    right, bottom = left + side, top + side
    inside = image[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    if inside.size == 0:
        inside = image[:1, :1]
    grey = cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY)
    if grey.shape != (side, side):
        margins = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
        grey = cv2.copyMakeBorder(grey, *margins, cv2.BORDER_REFLECT_101)
    shrinks = side > size
    return np.asarray(
        cv2.resize(grey, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR),
        dtype=np.uint8,
    )
