"""Small pictures that are blended into larger ones: text, bars, backgrounds and outlines.

What looks the same from one face or frame to the next is rendered once and cached, so that a video's frame costs little
more than blending. A patch is (h, w, 4) uint8: red, green and blue premultiplied by the fourth, the opacity.
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

DARK: Final = (16, 19, 26)
WHITE: Final = (255, 255, 255)
PALE: Final = (186, 193, 205)


class Rectangle(NamedTuple):
    """A rectangle of whole pixels; right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int


def blend(target: NDArray[np.uint8], patch: Patch, left: int, top: int) -> None:
    """Blend a patch into a picture or another patch, in place; what leaves the target is cut off."""
    height, width, channels = target.shape
    x, y = max(0, -left), max(0, -top)
    patch = patch[y : max(y, height - top), x : max(x, width - left)]
    region = target[max(0, top) :, max(0, left) :][: patch.shape[0], : patch.shape[1]]
    if not region.size:
        return
    transparency = cv2.merge([cv2.bitwise_not(cv2.extractChannel(patch, 3))] * channels)
    cv2.multiply(region, transparency, dst=region, scale=1 / 255)
    cv2.add(region, patch if channels == 4 else cv2.cvtColor(patch, cv2.COLOR_RGBA2RGB), dst=region)


def draw_outline(image: Image, box: Rectangle, colour: Colour, font_size: int) -> None:
    """Draw a rounded outline just inside a box, in place, between thin dark lines that part it from any background.

    The line's width follows the size of the text beside the box, in pixels.
    """
    width, height = box.right - box.left, box.bottom - box.top
    shorter = min(width, height)
    line = max(1, min(round(font_size / 7), shorter // 16))
    radius = min(round(0.8 * font_size), shorter // 5)
    corner = radius + line + 2 * max(1, line // 3) + 1
    if shorter <= 2 * corner:
        blend(image, outline(width, height, radius, line, colour), box.left, box.top)
        return
    # Boxes are of any size, so only the smallest with such corners is cached; its middle row and column are repeated.
    smallest = outline(2 * corner + 1, 2 * corner + 1, radius, line, colour)
    across, down = width - 2 * corner, height - 2 * corner
    wide = np.repeat(smallest, np.where(np.arange(2 * corner + 1) == corner, across, 1), axis=1)
    high = np.repeat(smallest[corner : corner + 1], down, axis=0)
    blend(image, wide[:corner], box.left, box.top)
    blend(image, wide[-corner:], box.left, box.bottom - corner)
    blend(image, high[:, :corner], box.left, box.top + corner)
    blend(image, high[:, -corner:], box.right - corner, box.top + corner)


@lru_cache(maxsize=64)
def outline(width: int, height: int, radius: int, line: int, colour: Colour) -> Patch:
    """A rounded line between two thin dark ones, transparent inside."""
    border = max(1, line // 3)
    depth = _depth(width, height, radius)
    dark = 0.45 * _between(depth, 0, line + 2 * border)
    bright = _between(depth, border, border + line)
    return read_only(_filled(DARK, dark * (1 - bright)) + _filled(colour, bright))


@lru_cache(maxsize=16)
def background(width: int, height: int, radius: int) -> Patch:
    """A dark, translucent rounded rectangle with a faint light edge, which shows on dark pictures."""
    depth = _depth(width, height, radius)
    inside, edge = 0.8 * _between(depth, 0, math.inf), 0.12 * _between(depth, 0, 1)
    return read_only(_filled(DARK, inside * (1 - edge)) + _filled(WHITE, edge))


@lru_cache(maxsize=512)
def bar(width: int, height: int, colour: Colour, opacity: float = 1.0) -> Patch:
    """A bar with round ends."""
    return read_only(_filled(colour, opacity * _between(_depth(width, height, height / 2), 0, math.inf)))


@lru_cache(maxsize=256)
def text(words: str, size: int, colour: Colour) -> Patch:
    """One line of text, as high as its font, so that baselines agree; control characters become spaces."""
    words = "".join(character if character.isprintable() else " " for character in words)
    font = _font(size)
    ascent, descent = font.getmetrics()
    mask = Pillow.new("L", (max(1, math.ceil(font.getlength(words))), ascent + descent))
    ImageDraw.Draw(mask).text((0, ascent), words, fill=255, font=font, anchor="ls")
    return read_only(_filled(colour, np.asarray(mask, dtype=np.float32) / np.float32(255)))


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


def _filled(colour: Colour, opacity: NDArray[np.float32]) -> Patch:
    """A patch of one colour whose opacity is given: (h, w), 0 to 1."""
    channels = np.array([*colour, 255], np.float32)
    return np.asarray(opacity[..., None] * channels + 0.5, dtype=np.uint8)


def read_only(patch: Patch) -> Patch:
    """The patch itself, which can no longer be drawn on: cached ones are shared."""
    patch.flags.writeable = False
    return patch
