"""Making the faces of a picture unrecognisable."""

import math
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias, get_args

import cv2
import numpy as np

from mien.errors import InvalidInput
from mien.values import Box, Detection, Face, Image, check_image

Anonymization: TypeAlias = Literal["blur", "pixelate"]

_MARGIN: Final = 0.15
"""Share of a box's width and height that is added at each side: chin, ears and hair identify a person, too."""

_CELLS: Final = 8  # how many cells are left of a face at most, across and down
_SMALLEST_CELL: Final = 4  # smallest width and height of a cell, in pixels; a small face is left fewer cells
_FEATHER: Final = 0.15  # share of the ellipse's radius, beyond it, over which a blur fades out
_MASK_SIDE: Final = 96  # largest size in which the ellipse is drawn before it is enlarged, in pixels


def check_anonymization(how: object) -> None:
    """Raise `InvalidInput` for anything that is neither a way to hide faces nor None."""
    if how is not None and how not in get_args(Anonymization):
        raise InvalidInput(f"faces are anonymized by 'blur' or 'pixelate'; got {how!r}")


def anonymize(image: Image, faces: Iterable[Face | Detection | Box], *, how: Anonymization = "blur") -> Image:
    """A copy of a picture in which the given faces cannot be recognised.

    Each box is enlarged by 15 % of its width and height at every side, and its content averaged in at most 8×8 cells,
    which no sharpening undoes. `pixelate` shows the cells; `blur` smooths them, in the ellipse that fills the enlarged
    box, and fades out around it. Faces that are not given, such as those a detector missed, stay visible.

        >>> import numpy as np
        >>> from mien import Box
        >>> image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
        >>> hidden = anonymize(image, [Box(40, 20, 100, 90)], how="pixelate")
        >>> len(np.unique(hidden[20:90, 40:100].reshape(-1, 3), axis=0)) <= 64  # colours that are left
        True

    Args:
        image: (H, W, 3) uint8, RGB; it stays as it is.
        faces: Faces, detections or boxes, in the picture's pixels. They may leave the picture.
        how: `blur` or `pixelate`.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        InvalidInput: `image` is not an image, there is no such way, or one of the faces is anything else or its box is
            not four finite numbers, left before right and top before bottom. Nothing is skipped silently, as a face
            would stay visible.
    """
    check_anonymization(how)
    hidden = check_image(image).copy(order="C")
    height, width = hidden.shape[:2]
    for box in map(_checked_box, faces):
        enlarged = _scaled_about_centre(box, 1 + 2 * _MARGIN)
        reach = _scaled_about_centre(enlarged, 1 + _FEATHER) if how == "blur" else enlarged
        left, top, right, bottom = reach.clipped(width, height)
        if left < right and top < bottom:
            left, top = math.floor(left), math.floor(top)
            region = hidden[top : math.ceil(bottom), left : math.ceil(right)]
            region[...] = _blurred(region, enlarged, left, top) if how == "blur" else _pixelated(region)
    return hidden


def _checked_box(face: object) -> Box:
    box = face.box if isinstance(face, Face | Detection) else face
    if not isinstance(box, Box):
        raise InvalidInput(
            "anonymize takes a list of faces, detections or boxes as mien.Box(left, top, right, bottom); "
            f"got {face!r:.80} in it"
        )
    if not all(map(math.isfinite, box)) or box.left > box.right or box.top > box.bottom:
        raise InvalidInput(f"a face's box is finite, left before right and top before bottom; got {box}")
    return box


def _scaled_about_centre(box: Box, factor: float) -> Box:
    (x, y), half_width, half_height = box.centre, factor * box.width / 2, factor * box.height / 2
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)


def _cells(region: Image) -> Image:
    """The averages of at most 8×8 cells."""
    height, width = region.shape[:2]
    across, down = (max(1, min(_CELLS, round(side / _SMALLEST_CELL))) for side in (width, height))
    return np.asarray(cv2.resize(region, (across, down), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _pixelated(region: Image) -> Image:
    size = region.shape[1::-1]
    return np.asarray(cv2.resize(_cells(region), size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _blurred(region: Image, ellipse: Box, left: int, top: int) -> Image:
    """The cells without their edges, in the ellipse that fills a box of the picture, fading out around it.

    `left` and `top` say where in the picture the region begins.
    """
    height, width = region.shape[:2]
    # Smoothed while they are few, and only then enlarged: a hundred times cheaper, and looks the same.
    cells = cv2.resize(_cells(region), None, fx=6, fy=6, interpolation=cv2.INTER_LINEAR)
    smooth = cv2.resize(cv2.GaussianBlur(cells, (0, 0), 3), (width, height), interpolation=cv2.INTER_LINEAR)
    centre, side = ellipse.centre, min(_MASK_SIDE, width, height)
    radii = max(ellipse.width / 2, 1e-3), max(ellipse.height / 2, 1e-3)  # a box may be as thin as floats can say
    x = (left + (np.arange(side) + 0.5) * (width / side) - centre[0]) / radii[0]
    y = (top + (np.arange(side) + 0.5) * (height / side) - centre[1]) / radii[1]
    opacity = np.clip(1 - (np.hypot(x, y[:, None]) - 1) / _FEATHER, 0, 1).astype(np.float32)
    opacity = cv2.resize(opacity, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return np.asarray(cv2.blendLinear(smooth, region, opacity, 1 - opacity), dtype=np.uint8)
