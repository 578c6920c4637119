"""Making the faces of a picture unrecognisable."""

import math
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np

from mien.errors import InvalidInput
from mien.values import Box, Image, check_image

Anonymization: TypeAlias = Literal["blur", "pixelate"]

_MARGIN: Final = 0.15  # of the box's sides, added at each: chin, ears and hair tell a person, too
_CELLS: Final = 8  # across and down: what is left of a face, whatever comes after
_SMALLEST_CELL: Final = 4  # pixels; a small face is left fewer cells
_FEATHER: Final = 0.15  # of the ellipse's radius, beyond it, over which a blur fades out
_MASK_SIDE: Final = 96  # pixels, in which the ellipse is drawn before it is stretched


def anonymized(image: Image, boxes: Iterable[Box], *, how: Anonymization = "blur") -> Image:
    """A copy of a picture in which nobody is recognised by the face.

    Each box is grown by 15 % of its width and height at every side, and what it then holds is averaged in 8×8 cells
    at most, which no sharpening brings back. `pixelate` shows the cells; `blur` smooths them over, in the ellipse
    that fills the grown box, and fades out around it.

    Args:
        image: (H, W, 3) uint8, RGB; it stays as it is.
        boxes: of the faces, in the picture's pixels; they may leave the picture.
        how: `blur` or `pixelate`.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        InvalidInput: `image` is not an image, a box is not four numbers, or there is no such way. Nothing is passed
            over in silence: a face would stay to be seen.
    """
    if how not in ("blur", "pixelate"):
        raise InvalidInput(f"faces are made unrecognisable by 'blur' or 'pixelate'; got {how!r}")
    hidden = check_image(image).copy(order="C")
    height, width = hidden.shape[:2]
    for box in boxes:
        if not all(map(math.isfinite, box)):
            raise InvalidInput(f"a face's box is four finite numbers; got {box}")
        hidden_box = _grown(box, 1 + 2 * _MARGIN)
        reach = _grown(hidden_box, 1 + _FEATHER) if how == "blur" else hidden_box
        left, top = (math.floor(value) for value in reach.clipped(width, height)[:2])
        right, bottom = (math.ceil(value) for value in reach.clipped(width, height)[2:])
        if left < right and top < bottom:
            region = hidden[top:bottom, left:right]
            region[...] = _pixelated(region) if how == "pixelate" else _blurred(region, hidden_box, left, top)
    return hidden


def _grown(box: Box, factor: float) -> Box:
    (x, y), half_width, half_height = box.centre, factor * box.width / 2, factor * box.height / 2
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)


def _cells(region: Image) -> Image:
    """The averages of at most 8×8 cells."""
    height, width = region.shape[:2]
    across, down = (max(1, min(_CELLS, round(side / _SMALLEST_CELL))) for side in (width, height))
    return np.asarray(cv2.resize(region, (across, down), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _pixelated(region: Image) -> Image:
    height, width = region.shape[:2]
    return np.asarray(cv2.resize(_cells(region), (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _blurred(region: Image, ellipse: Box, left: int, top: int) -> Image:
    """The cells without their edges, in the ellipse that fills a box of the picture and, fading, just around it."""
    height, width = region.shape[:2]
    # Smoothed while they are few, and only then stretched: a hundred times cheaper, and looks the same.
    cells = cv2.resize(_cells(region), None, fx=6, fy=6, interpolation=cv2.INTER_LINEAR)
    smooth = cv2.resize(cv2.GaussianBlur(cells, (0, 0), 3), (width, height), interpolation=cv2.INTER_LINEAR)
    centre, side = ellipse.centre, min(_MASK_SIDE, width, height)
    x = (left + (np.arange(side) + 0.5) * (width / side) - centre[0]) / (ellipse.width / 2)
    y = (top + (np.arange(side) + 0.5) * (height / side) - centre[1]) / (ellipse.height / 2)
    opacity = np.clip(1 - (np.hypot(x, y[:, None]) - 1) / _FEATHER, 0, 1).astype(np.float32)
    opacity = cv2.resize(opacity, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return np.asarray(cv2.blendLinear(smooth, region, opacity, 1 - opacity), dtype=np.uint8)
