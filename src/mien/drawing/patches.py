"""Small pictures that are laid on larger ones: words, bars, grounds and outlines.

Everything that looks the same from one face or frame to the next is rasterised once and kept, so that a frame of a
video costs little more than laying patches on it. A patch is (h, w, 4) uint8: red, green and blue, already multiplied
by the fourth, the opacity.
"""

import math
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from mien.values import Image

Patch: TypeAlias = NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]

INK: Final = (16, 19, 26)
WHITE: Final = (255, 255, 255)
DIM: Final = (186, 193, 205)


class Place(NamedTuple):
    """A rectangle on the grid of pixels; right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int


def lay(target: NDArray[np.uint8], patch: Patch, left: int, top: int) -> None:
    """Lay a patch on a picture or on another patch, in place; what leaves the target is cut off."""
    height, width, channels = target.shape
    x, y = max(0, -left), max(0, -top)
    patch = patch[y : max(y, height - top), x : max(x, width - left)]
    region = target[max(0, top) :, max(0, left) :][: patch.shape[0], : patch.shape[1]]
    if not region.size:
        return
    opacity = cv2.extractChannel(patch, 3)
    shine = cv2.merge([cv2.bitwise_not(opacity)] * channels)
    cv2.multiply(region, shine, dst=region, scale=1 / 255)
    cv2.add(region, patch if channels == 4 else cv2.cvtColor(patch, cv2.COLOR_RGBA2RGB), dst=region)


def draw_outline(image: Image, place: Place, colour: Colour, type_size: int, *, dashed: bool = False) -> None:
    """A rounded outline just inside a face's box, between two thin dark lines that part it from any background.

    Args:
        image: (H, W, 3) uint8, RGB; it is drawn on.
        place: the box.
        colour: of the outline, RGB.
        type_size: of the words beside it, in pixels, to which the line's width is fitted.
        dashed: leave gaps in the sides; the corners stay.
    """
    width, height = place.right - place.left, place.bottom - place.top
    shorter = min(width, height)
    line = max(1, min(round(type_size / 7), shorter // 16))
    radius = min(round(0.8 * type_size), shorter // 5)
    corner = radius + line + 2 * max(1, line // 3) + 1
    if shorter <= 2 * corner:
        lay(image, outline(width, height, radius, line, colour), place.left, place.top)
        return
    # The corners and one pixel of each side make any size: the sides are that pixel, stretched.
    nine = outline(2 * corner + 1, 2 * corner + 1, radius, line, colour)
    across, down = width - 2 * corner, height - 2 * corner
    near, far = slice(0, corner), slice(corner + 1, None)
    upper, lower = nine[near], nine[far]
    left, right = nine[corner : corner + 1, near], nine[corner : corner + 1, far]
    for band, top in ((upper, place.top), (lower, place.bottom - corner)):
        stretched = np.repeat(band[:, corner : corner + 1], across, axis=1)
        if dashed:
            stretched[:, _gaps(across, 4 * line)] = 0
        lay(image, np.concatenate([band[:, near], stretched, band[:, far]], axis=1), place.left, top)
    for side, x in ((left, place.left), (right, place.right - corner)):
        stretched = np.repeat(side, down, axis=0)
        if dashed:
            stretched[_gaps(down, 4 * line)] = 0
        lay(image, stretched, x, place.top + corner)


def _gaps(length: int, dash: int) -> NDArray[np.bool_]:
    """(length,): where a side has a gap; it begins and ends with one, and all dashes are about `dash` long."""
    parts = 2 * max(1, round(length / (2 * dash))) + 1
    gaps: NDArray[np.bool_] = np.arange(length) * parts // length % 2 == 0
    return gaps


@lru_cache(maxsize=64)
def outline(width: int, height: int, radius: int, line: int, colour: Colour) -> Patch:
    """A rounded line and its dark casing; empty within."""
    casing = max(1, line // 3)
    depth = _depth(width, height, radius)
    dark = 0.45 * _between(depth, 0, line + 2 * casing)
    bright = _between(depth, casing, casing + line)
    return kept(_coloured(INK, dark * (1 - bright)) + _coloured(colour, bright))


@lru_cache(maxsize=16)
def rounded(width: int, height: int, radius: int) -> Patch:
    """The dark, translucent ground of panels and chips, with a hairline for dark pictures."""
    depth = _depth(width, height, radius)
    ground, hairline = 0.8 * _between(depth, 0, math.inf), 0.12 * _between(depth, 0, 1)
    return kept(_coloured(INK, ground * (1 - hairline)) + _coloured(WHITE, hairline))


@lru_cache(maxsize=512)
def pill(width: int, height: int, colour: Colour, opacity: float = 1.0) -> Patch:
    """A bar with round ends."""
    return kept(_coloured(colour, opacity * _between(_depth(width, height, height / 2), 0, math.inf)))


@lru_cache(maxsize=256)
def typed(text: str, size: int, colour: Colour) -> Patch:
    """Words in one line; the height is the font's, so that baselines agree."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    mask = Pillow.new("L", (max(1, math.ceil(font.getlength(text))), ascent + descent))
    ImageDraw.Draw(mask).text((0, ascent), text, fill=255, font=font, anchor="ls")
    return kept(_coloured(colour, np.asarray(mask, dtype=np.float32) / np.float32(255)))


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _depth(width: int, height: int, radius: float) -> NDArray[np.float32]:
    """(h, w): how deep each pixel's centre lies inside a rounded rectangle, in pixels; negative outside."""
    radius = min(radius, width / 2, height / 2)
    x = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2) - (width / 2 - radius)
    y = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2)[:, None] - (height / 2 - radius)
    beyond = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
    depth: NDArray[np.float32] = radius - beyond - np.minimum(np.maximum(x, y), 0)
    return depth


def _between(depth: NDArray[np.float32], start: float, end: float) -> NDArray[np.float32]:
    """(h, w), 0 to 1: the share of each pixel that lies between two depths, which smooths the edge."""
    share: NDArray[np.float32] = np.clip(depth - start + 0.5, 0, 1) * np.clip(end - depth + 0.5, 0, 1)
    return share


def _coloured(colour: Colour, opacity: NDArray[np.float32]) -> Patch:
    """(h, w), 0 to 1 → a patch."""
    channels = np.array([*colour, 255], np.float32)
    return np.asarray(opacity[..., None] * channels + 0.5, dtype=np.uint8)


def kept(patch: Patch) -> Patch:
    """The patch itself, guarded against being drawn on: it is shared."""
    patch.flags.writeable = False
    return patch
