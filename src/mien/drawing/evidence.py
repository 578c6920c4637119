"""Which parts of a face speak for what it shows, as colours over the face."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.drawing.patches import DARK, PALE, WHITE, Colour, Patch, Rectangle, background, bar, blend, read_only, text
from mien.emotions import UNCLEAR
from mien.errors import InvalidInput
from mien.values import Box, Evidence, Face, Image, check_image

LIMIT: Final = 12.0
"""Evidence at which the colours end, in logits: the same in all pictures, so that they can be compared. Of the shipped
networks' maps, 1 value in 100 to 500 is beyond it; it has the last colour."""

_LEVELS: Final = 96  # shades between no evidence and the limit
_HUES: Final = (255.0, 45.0)  # against: blue; for: orange. Both are told apart by people who lack one kind of cones
_CHROMA: Final = 0.17  # of the last colours, in Oklab
_MIDDLE: Final = 0.66  # lightness towards which the face's own is drawn where there is evidence
_EVENED: Final = 0.4  # share by which it is; the rest keeps the face visible under any colour

_TILE: Final = 300  # side of one view of a face on its sheet, in pixels
_MARGIN: Final = 0.06  # of the picture around the crop, as a share of the crop's side
_FONT: Final = 15
_OUTSIDE: Final = 0.45  # brightness of what the network did not see, on a sheet


@lru_cache(maxsize=1)
def shades() -> NDArray[np.uint8]:
    """The colour of each grey value under each level of evidence: (256, 2 * LEVELS + 1, 3), RGB.

    Evidence changes hue and chroma, linearly and by the same amount on both sides, and the face keeps most of its
    lightness: in Oklab (Ottosson 2020), in which equal steps look equal. Without evidence the face is grey.
    """
    grey = _linear(np.arange(256) / 255)
    level = np.linspace(-1, 1, 2 * _LEVELS + 1)
    weight = _EVENED * abs(level)
    lightness = np.cbrt(grey)[:, None] * (1 - weight) + _MIDDLE * weight
    hue = np.radians(np.where(level < 0, *_HUES))
    shown = np.zeros((*lightness.shape, 3))
    for share in np.linspace(0, 1, 33):  # the most chroma that a screen can show, so that no hue is bent
        chroma = share * _CHROMA * abs(level)
        lab = np.stack(np.broadcast_arrays(lightness, chroma * np.cos(hue), chroma * np.sin(hue)), axis=-1)
        colour = _rgb(lab)
        inside = ((colour > -1e-4) & (colour < 1 + 1e-4)).all(axis=-1)
        shown[inside] = colour[inside]
    colours = np.rint(255 * _encoded(np.clip(shown, 0, 1))).astype(np.uint8)
    colours.flags.writeable = False
    return colours


def tint(drawn: Image, image: Image, evidence: Evidence, label: str, against: str | None = None) -> None:
    """Colour a face in `drawn`, in place, by what speaks for a label; `image` is the picture before anything was drawn.

    The crop becomes grey where nothing speaks for or against the label; around it nothing changes.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = map(round, evidence.crop.enclosing.clipped(width, height))
    part = image[top:bottom, left:right]
    if part.size:
        place = evidence.crop._replace(x=evidence.crop.x - left, y=evidence.crop.y - top)
        values = place.back(evidence.map(label, against), part.shape[:2])
        seen = np.isfinite(values)
        grey = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)
        drawn[top:bottom, left:right][seen] = _coloured(grey[seen], values[seen])


def draw_legend(drawn: Image, faces: Sequence[Rectangle], resolution: str, font_size: int) -> None:
    """Draw the scale of the colours into the corner where it hides least of the faces, in place."""
    scale, unit = legend(15 * font_size, font_size), text(f"logits; {resolution} a face", font_size, PALE)
    ends = text("speaks against", font_size, WHITE), text("for", font_size, WHITE)
    gap, line = round(0.6 * font_size), unit.shape[0]
    width = max(scale.shape[1], unit.shape[1]) + 2 * gap
    patch = background(width, 2 * line + scale.shape[0] + 2 * gap, gap).copy()
    for words, left in zip(ends, (gap, width - gap - ends[1].shape[1]), strict=True):
        blend(patch, words, left, gap // 2)
    blend(patch, scale, (width - scale.shape[1]) // 2, gap + line)
    blend(patch, unit, (width - unit.shape[1]) // 2, gap + line + scale.shape[0])
    right, bottom = drawn.shape[1] - width - gap, drawn.shape[0] - patch.shape[0] - gap
    if min(right, bottom) < gap:
        return  # a picture that is too small for it
    corners = [(x, y) for y in (bottom, gap) for x in (gap, right)]
    left, top = min(corners, key=lambda corner: _hidden(corner, patch, faces))
    blend(drawn, patch, left, top)


def _hidden(corner: tuple[int, int], patch: Patch, faces: Sequence[Rectangle]) -> float:
    """How many pixels of faces a patch would hide."""
    box = Box(*corner, corner[0] + patch.shape[1], corner[1] + patch.shape[0])
    return sum(box.intersection(Box(*face)).area for face in faces)


def explain(image: Image, face: Face, *, label: str | None = None, against: str | None = None) -> Image:
    """A sheet about one face: the face, what speaks for its label, and what for it rather than for the second.

    Colours are the same on every sheet: orange speaks for, blue against, in logits, with a scale beneath; the more
    colour, the more evidence. The maps are as coarse as the sheet says, and only enlarged.

        >>> faces = Analyzer(explain=True)("party.jpg")                       # doctest: +SKIP
        >>> explain(mien.read_image("party.jpg"), faces[0]).shape             # doctest: +SKIP
        (449, 948, 3)

    Args:
        image: (H, W, 3) uint8, RGB: the picture that the face was found in.
        face: A face with an explanation, as `Analyzer(explain=True)` gives it.
        label: What to explain; None: the likeliest expression.
        against: What to compare it with; None: the likeliest other one.

    Returns:
        (H, W, 3) uint8, RGB, always of the same size.

    Raises:
        InvalidInput: `image` is not an image, the face carries no explanation, or there is no such label.
    """
    check_image(image)
    evidence = checked_evidence(face)
    order = [evidence.labels[place] for place in np.argsort(-evidence.maps.mean((1, 2)), kind="stable")]
    label = label or (face.label if face.label in order else order[0])
    against = against or next((each for each in order if each != label), None)
    titles = [_named(face, label)]
    tiles = [_tile(image, evidence, None, None)]
    for other in (None, *([against] if against else [])):
        logit = evidence.logit(label, other)
        what = f"for {label}" if other is None else f"{label} rather than {other}"
        odds = "" if other is None else f", {_times(logit)}"
        titles.append((what, f"mean {_signed(logit)} logits{odds}"))
        tiles.append(_tile(image, evidence, label, other))
    return _sheet(tiles, titles, evidence)


def _named(face: Face, label: str) -> tuple[str, str]:
    """The lines above the face: what it shows, or "unclear" and the label that is explained nevertheless."""
    scored = f"{label} {face.scores[label]:.0%}" if label in face.scores else label
    return (UNCLEAR, f"the face; {scored}") if face.uncertain else (scored, "the face")


def checked_evidence(face: Face) -> Evidence:
    """The face's evidence; `InvalidInput` for a face without."""
    if face.explanation is None:
        raise InvalidInput("the face carries no explanation; mien.Analyzer(explain=True) gives faces that do")
    return face.explanation


@lru_cache(maxsize=8)
def legend(width: int, size: int) -> Patch:
    """The scale of the colours, on a face's middle grey, so many pixels wide with text of that size."""
    edge = max(text(_signed(end), size, PALE).shape[1] for end in (-LIMIT, LIMIT)) // 2 + 1
    length = max(1, width - 2 * edge)
    height = max(4, round(0.8 * size))
    ramp = _coloured(np.full(length, 150, np.uint8), np.linspace(-LIMIT, LIMIT, length, dtype=np.float32))
    opacity = bar(length, height, WHITE)[..., 3:]
    colours = np.concatenate([(ramp[None] * (opacity / 255.0)).astype(np.uint8), opacity], axis=2)
    line = text("0", size, PALE).shape[0]
    patch = np.zeros((height + line + size // 4, width, 4), np.uint8)
    blend(patch, colours, edge, 0)
    for value in np.linspace(-LIMIT, LIMIT, 5):
        words = text(_signed(float(value)), size, PALE)
        middle = edge + round((value + LIMIT) / (2 * LIMIT) * length)
        blend(patch, words, middle - words.shape[1] // 2, height + size // 4)
    return read_only(patch)


def _sheet(tiles: list[Image], titles: list[tuple[str, str]], evidence: Evidence) -> Image:
    """Tiles beside each other, a title and a line above each, the scale and what it means beneath."""
    gap, line = _FONT, text("x", _FONT, WHITE).shape[0]
    top, scale = gap + 2 * line + gap // 2, legend(_TILE + gap, _FONT - 2)
    width = gap + len(tiles) * (_TILE + gap)
    sheet = np.full((top + _TILE + gap + scale.shape[0] + gap, width, 3), DARK, np.uint8)
    for number, (tile, (title, note)) in enumerate(zip(tiles, titles, strict=True)):
        left = gap + number * (_TILE + gap)
        for row, (words, colour) in enumerate(((title, WHITE), (note, PALE))):
            blend(sheet, _fitting(words, colour), left, gap + row * line)
        sheet[top : top + _TILE, left : left + _TILE] = tile
    beneath = top + _TILE + gap
    blend(sheet, scale, width - gap - scale.shape[1], beneath)
    cells = f"{evidence.resolution}; what lies between is interpolated"
    for row, words in enumerate(("orange speaks for, blue against, in logits", cells)):
        blend(sheet, text(words, _FONT - 2, PALE), gap, beneath + round(row * 1.05 * line) - 2)
    return sheet


def _tile(image: Image, evidence: Evidence, label: str | None, against: str | None) -> Image:
    """A square view of the face, tinted if there is a label: (TILE, TILE, 3)."""
    crop = evidence.crop
    height, width = image.shape[:2]
    around = crop._replace(side=crop.side * (1 + 2 * _MARGIN)).enclosing
    left, top = math.floor(around.left), math.floor(around.top)
    right, bottom = max(left + 1, math.ceil(around.right)), max(top + 1, math.ceil(around.bottom))
    inside = Box(left, top, right, bottom).clipped(width, height)
    scale = _TILE / max(right - left, bottom - top)
    tile = np.full((_TILE, _TILE, 3), DARK, np.uint8)
    x, y, end, foot = (round(each) for each in (
        (inside.left - left) * scale, (inside.top - top) * scale,
        (inside.right - left) * scale, (inside.bottom - top) * scale))  # fmt: skip
    part = image[int(inside.top) : int(inside.bottom), int(inside.left) : int(inside.right)]
    if not part.size or end <= x or foot <= y:
        return tile
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile[y:foot, x:end] = cv2.resize(part, (end - x, foot - y), interpolation=how)[: _TILE - y, : _TILE - x]
    if label is None:
        return tile
    place = crop._replace(x=(crop.x - left) * scale, y=(crop.y - top) * scale, side=crop.side * scale)
    dimmed = cv2.cvtColor(cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    shown = np.asarray(dimmed * _OUTSIDE, np.uint8)
    tint(shown, tile, replace(evidence, crop=place), label, against)
    shown[:y], shown[foot:], shown[:, :x], shown[:, end:] = (DARK,) * 4  # outside of the picture
    return shown


def _coloured(grey: NDArray[np.uint8], values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(N,) grey values and evidence in logits → (N, 3) RGB."""
    levels = np.rint(np.clip(values / LIMIT, -1, 1) * _LEVELS).astype(np.intp) + _LEVELS
    return np.asarray(shades()[grey, levels], np.uint8)


def _fitting(words: str, colour: Colour) -> Patch:
    """A line of text, in smaller type where it would be wider than a tile."""
    for size in range(_FONT, 8, -1):
        patch = text(words, size, colour)
        if patch.shape[1] <= _TILE:
            return patch
    return text(words, 8, colour)[:, :_TILE]


def _signed(value: float) -> str:
    return "0" if value == 0 else f"{value:+.3g}"


def _times(logit: float) -> str:
    """How much likelier the one is, for a difference of logits."""
    ratio = math.exp(min(abs(logit), 50))
    if ratio < 1.05:
        return "as likely"
    shown = f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}" if ratio < 10_000 else "over 10,000"
    return f"{shown} times {'likelier' if logit > 0 else 'less likely'}"


def _linear(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB, 0 to 1, as amounts of light."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encoded(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


def _rgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Oklab → amounts of red, green and blue light, beyond 0 to 1 where no screen shows the colour."""
    to_cones = np.array([[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728],
                         [1, -0.0894841775, -1.2914855480]])  # fmt: skip
    to_light = np.array([[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
                         [-0.0041960863, -0.7034186147, 1.7076147010]])  # fmt: skip
    light: NDArray[np.float64] = (lab @ to_cones.T) ** 3 @ to_light.T
    return light
