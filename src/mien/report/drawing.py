"""Drawing what was found on a picture.

Everything that looks the same from one face or frame to the next (a panel's background and labels, a word, a bar)
is rasterised once and kept, so that a frame of a video costs little more than laying small patches on it. A patch
is (h, w, 4) uint8: red, green and blue, already multiplied by the fourth, the opacity.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from mien.emotions import colour_of
from mien.faces import Box, Face, Image, Prediction, check_image

Patch: TypeAlias = NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]
Places: TypeAlias = NDArray[np.int64]  # (N, 4): left, top, right, bottom in pixels

_INK: Final = (16, 19, 26)
_WHITE: Final = (255, 255, 255)
_DIM: Final = (186, 193, 205)

_SMALLEST_TYPE: Final = 11  # pixels; smaller is not read on a screen
_SMALLEST_CHIP_TYPE: Final = 9
_TYPE_SHARE: Final = 1 / 75  # of the longer side: legible once the whole picture fills a screen
_MOST_OF_OWN_FACE: Final = 0.15  # of its box, that a panel may hide when there is no room beside it
_MOST_OF_PICTURE: Final = 0.5  # that all panels together may hide


def annotate(image: Image, faces: Sequence[Face]) -> Image:
    """A copy of a picture with its faces framed, named, and every probability drawn as a bar.

    A face has its panel beside it, where it hides no other face and no other panel. Where faces stand so close
    that most of them have no room for one, all get a compact form: the leading expression, its probability, and
    a strip that shares out all probabilities by colour. Nothing leaves the picture.

    Args:
        image: (H, W, 3) uint8, RGB; it stays as it is.
        faces: in the picture's pixels.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        InvalidInput: `image` is not an image.
    """
    drawn = check_image(image).copy(order="C")
    height, width = drawn.shape[:2]
    seen = [(face, place) for face in faces if (place := _pixels(face.box, width, height))]
    type_size = max(_SMALLEST_TYPE, round(max(width, height) * _TYPE_SHARE))
    for face, place in seen:
        _draw_frame(drawn, place, colour_of(face.label), type_size)
    for legend in _arrange([face for face, _ in seen], [place for _, place in seen], (width, height), type_size):
        _lay(drawn, legend.patch, legend.left, legend.top)
    return drawn


class _Legend(NamedTuple):
    patch: Patch
    left: int
    top: int


class _Place(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int


# --- where ----------------------------------------------------------------------------------------------------


def _arrange(faces: Sequence[Face], places: Sequence[_Place], frame: tuple[int, int], type_size: int) -> list[_Legend]:
    """Panels for all, or for most with chips for the rest; else chips for all."""
    boxes = np.array(places, np.int64).reshape(-1, 4)
    found: list[_Place | None] = [None] * len(faces)
    size = type_size
    for size in sorted({type_size, max(_SMALLEST_TYPE, round(0.75 * type_size))}, reverse=True):
        found = _place_panels([_panel_size(face.prediction.labels, size) for face in faces], boxes, frame, size)
        if None not in found:
            break
    if found.count(None) > len(found) / 2:
        found = [None] * len(faces)
    taken = np.array([place for place in found if place], np.int64).reshape(-1, 4)
    legends = []
    for index, (face, place) in enumerate(zip(faces, found, strict=True)):
        if place:
            legends.append(_Legend(_panel(face, size), place.left, place.top))
            continue
        chip = _place_chip(face, boxes, index, taken, frame, type_size)
        taken = np.vstack([taken, [chip.left, chip.top, *_far_corner(chip)]])
        legends.append(chip)
    return legends


def _place_panels(
    sizes: Sequence[tuple[int, int]], boxes: Places, frame: tuple[int, int], type_size: int
) -> list[_Place | None]:
    """For each face the place of its panel, or None where there is no room."""
    width, height = frame
    if sum(w * h for w, h in sizes) > _MOST_OF_PICTURE * width * height:
        return [None] * len(sizes)
    gap = max(2, round(0.5 * type_size))
    places: list[_Place | None] = []
    for index, size in enumerate(sizes):
        box = _Place(*boxes[index].tolist())
        obstacles = np.vstack([np.delete(boxes, index, 0), *(np.array([place]) for place in places if place)])
        candidates = _beside(box, size, gap, frame)
        places.append(_first_free(candidates, box, obstacles, frame, _MOST_OF_OWN_FACE))
    return places


def _beside(box: _Place, size: tuple[int, int], gap: int, frame: tuple[int, int]) -> Places:
    """Where a patch may go, the best first: right, left, below, above; then pushed back into the frame."""
    width, height = size
    middle_x, middle_y = (box.left + box.right - width) // 2, (box.top + box.bottom - height) // 2
    corners = [
        *((x, y) for x in (box.right + gap, box.left - gap - width) for y in (box.top, box.bottom - height, middle_y)),
        *((x, y) for y in (box.bottom + gap, box.top - gap - height) for x in (middle_x, box.left, box.right - width)),
    ]
    outer = np.array(corners, np.int64)
    slid = np.clip(outer, gap // 2, np.maximum(np.array(frame) - size - gap // 2, gap // 2))
    corner = np.concatenate([outer, slid])
    return np.concatenate([corner, corner + size], axis=1)


def _first_free(
    candidates: Places, own: _Place, obstacles: Places, frame: tuple[int, int], most_of_own: float
) -> _Place | None:
    """The candidate that hides least of its own face, and of equal ones the first, among those that hide nothing
    else and stay in the frame."""
    hides_own = _shared(candidates, np.array([own]))[:, 0] / _area(own)
    free = (
        (candidates[:, :2] >= 0).all(1)
        & (candidates[:, 2:] <= frame).all(1)
        & (_shared(candidates, obstacles).sum(1) == 0)
        & (hides_own <= most_of_own)
    )
    if not free.any():
        return None
    return _Place(*candidates[int(np.where(free, hides_own, np.inf).argmin())].tolist())


def _place_chip(
    face: Face, boxes: Places, index: int, taken: Places, frame: tuple[int, int], type_size: int
) -> _Legend:
    """The most telling chip that has room at its face; a strip inside the box when none has."""
    box = _Place(*boxes[index].tolist())
    obstacles = np.vstack([np.delete(boxes, index, 0), taken])
    small = min(type_size, max(_SMALLEST_CHIP_TYPE, round(0.75 * type_size)))
    for size, percent in ((type_size, True), (small, True), (small, False)):
        patch = _chip(face.prediction, face.track_id, size, percent)
        height, width = patch.shape[:2]
        gap = max(1, size // 8)
        x = (box.left + box.right - width) // 2
        tops = [box.bottom + gap, box.top - gap - height]
        if height < 0.25 * (box.bottom - box.top):
            tops.append(box.bottom - 2 * gap - height)
        corner = np.array([(left, top) for top in tops for left in (x, box.left, box.right - width)], np.int64)
        corner[:, 0] = np.clip(corner[:, 0], 0, max(0, frame[0] - width))
        candidates = np.concatenate([corner, corner + np.array([width, height])], axis=1)
        place = _first_free(candidates, box, obstacles, frame, 1.0)
        if place:
            return _Legend(patch, place.left, place.top)
    width = box.right - box.left
    strip = _strip(face.prediction, width, min(box.bottom - box.top, max(3, round(0.4 * small))))
    return _Legend(strip, box.left, box.bottom - strip.shape[0])


def _pixels(box: Box, width: int, height: int) -> _Place | None:
    """A box on the grid of pixels, in the frame; None if nothing of it is."""
    left, top, right, bottom = (round(value) for value in box.clipped(width, height))
    return _Place(left, top, right, bottom) if left < right and top < bottom else None


def _far_corner(legend: _Legend) -> tuple[int, int]:
    height, width = legend.patch.shape[:2]
    return legend.left + width, legend.top + height


def _shared(some: Places, others: Places) -> NDArray[np.int64]:
    """(N, 4) and (M, 4) → (N, M): the pixels that each of the first shares with each of the second."""
    first, second = some[:, None], others[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared: NDArray[np.int64] = np.maximum(sides, 0).prod(axis=-1)
    return shared


def _area(place: _Place) -> int:
    return (place.right - place.left) * (place.bottom - place.top)


# --- what -----------------------------------------------------------------------------------------------------


def _panel(face: Face, size: int) -> Patch:
    """Title, and a labelled bar with its percentage for each probability."""
    prediction = face.prediction
    layout = _panel_layout(prediction.labels, size)
    patch = _empty_panel(prediction.labels, size).copy()
    leading = prediction.labels.index(prediction.label)
    best = float(prediction.scores[leading])

    title = _type(_title(prediction.label, face.track_id), layout.title_size, _WHITE)
    percent = _type(_percent(best), layout.title_size, _WHITE)
    dot = round(0.62 * layout.title_size)
    middle = layout.title_top + title.shape[0] // 2
    _lay(patch, _pill(dot, dot, colour_of(prediction.label)), layout.padding, middle - dot // 2)
    _lay(patch, title, layout.padding + dot + layout.gap, layout.title_top)
    _lay(patch, percent, layout.width - layout.padding - percent.shape[1], layout.title_top)

    for row, (label, score) in enumerate(zip(prediction.labels, prediction.scores.tolist(), strict=True)):
        top = layout.row_top(row)
        length = round(score * layout.bar_width)
        if length:
            bar = _pill(max(length, layout.bar_height), layout.bar_height, colour_of(label))
            _lay(patch, bar, layout.bar_left, layout.bar_top(row))
        if row == leading:
            _lay(patch, _type(label, size, _WHITE), layout.padding, top)
        number = _type(_percent(score), size, _WHITE if row == leading else _DIM)
        _lay(patch, number, layout.width - layout.padding - number.shape[1], top)
    return patch


def _chip(prediction: Prediction, track_id: int | None, size: int, with_percent: bool) -> Patch:
    """The compact form: a word, perhaps its percentage, above a strip of all probabilities."""
    words = [_type(_title(prediction.label, track_id), size, _WHITE)]
    if with_percent:
        words.append(_type(_percent(float(prediction.scores.max())), size, _DIM))
    padding, gap, strip_height = round(0.5 * size), round(0.35 * size), max(3, round(0.28 * size))
    inner = sum(word.shape[1] for word in words) + gap * (len(words) - 1)
    text_height = words[0].shape[0]
    height = padding // 2 + text_height + strip_height + padding
    patch = _rounded(inner + 2 * padding, height, round(0.45 * size)).copy()
    left = padding
    for word in words:
        _lay(patch, word, left, padding // 2)
        left += word.shape[1] + gap
    _lay(patch, _strip(prediction, inner, strip_height), padding, height - round(0.7 * padding) - strip_height)
    return patch


def _strip(prediction: Prediction, width: int, height: int) -> Patch:
    """One bar shared out among the expressions by their probabilities, in their order."""
    colours = np.array([colour_of(label) for label in prediction.labels], np.uint8)
    ends = np.cumsum(prediction.scores, dtype=np.float64)
    shares = np.minimum(np.searchsorted(ends, (np.arange(width) + 0.5) / width), len(colours) - 1)
    strip = np.empty((height, width, 4), np.uint8)
    opacity = _pill(width, height, _WHITE)[..., 3:]
    strip[..., :3] = colours[shares] * (opacity / 255.0)
    strip[..., 3:] = opacity
    return strip


def _title(label: str, track_id: int | None) -> str:
    return label if track_id is None else f"{label} #{track_id}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


class _PanelLayout(NamedTuple):
    """In pixels, from the panel's upper left corner."""

    width: int
    height: int
    padding: int
    gap: int
    title_size: int
    title_top: int
    rows_top: int
    row_height: int
    text_height: int
    bar_left: int
    bar_width: int
    bar_height: int

    def row_top(self, row: int) -> int:
        """Of the row's type."""
        return self.rows_top + row * self.row_height

    def bar_top(self, row: int) -> int:
        """Of the row's bar, which runs through the middle of its type."""
        return self.row_top(row) + (self.text_height - self.bar_height + 1) // 2


@lru_cache(maxsize=64)
def _panel_layout(labels: tuple[str, ...], size: int) -> _PanelLayout:
    title_size = round(1.2 * size)
    padding, gap = round(0.8 * size), round(0.5 * size)
    text_height = _type("x", size, _DIM).shape[0]
    title_height = _type("x", title_size, _WHITE).shape[0]
    row_height = max(text_height, round(1.3 * size))
    label_width = max(_type(label, size, _WHITE).shape[1] for label in labels)
    percent_width = _type(_percent(1), size, _WHITE).shape[1]
    bar_left, bar_width = padding + label_width + gap, round(4.6 * size)
    rows_top = round(0.55 * padding) + title_height + round(0.15 * size)
    return _PanelLayout(
        width=bar_left + bar_width + gap + percent_width + padding,
        height=rows_top + len(labels) * row_height + round(0.6 * padding),
        padding=padding,
        gap=gap,
        title_size=title_size,
        title_top=round(0.55 * padding),
        rows_top=rows_top,
        row_height=row_height,
        text_height=text_height,
        bar_left=bar_left,
        bar_width=bar_width,
        bar_height=max(3, round(0.42 * size)),
    )


def _panel_size(labels: tuple[str, ...], size: int) -> tuple[int, int]:
    layout = _panel_layout(labels, size)
    return layout.width, layout.height


@lru_cache(maxsize=8)
def _empty_panel(labels: tuple[str, ...], size: int) -> Patch:
    """What the panels of all faces share: background, labels, and the tracks of the bars."""
    layout = _panel_layout(labels, size)
    patch = _rounded(layout.width, layout.height, round(0.6 * size)).copy()
    for row, label in enumerate(labels):
        _lay(patch, _type(label, size, _DIM), layout.padding, layout.row_top(row))
        track = _pill(layout.bar_width, layout.bar_height, _WHITE, 0.13)
        _lay(patch, track, layout.bar_left, layout.bar_top(row))
    return _kept(patch)


# --- patches --------------------------------------------------------------------------------------------------


def _lay(target: NDArray[np.uint8], patch: Patch, left: int, top: int) -> None:
    """Lay a patch on a picture or on another patch, in place; what leaves the target is cut off."""
    height, width, channels = target.shape
    x, y = max(0, -left), max(0, -top)
    patch = patch[y : max(y, height - top), x : max(x, width - left)]
    region = target[max(0, top) :, max(0, left) :][: patch.shape[0], : patch.shape[1]]
    behind = region.astype(np.uint16)
    behind *= 255 - patch[..., 3:]
    behind += 128  # with the next two lines a rounded division by 255
    behind += behind >> 8
    behind >>= 8
    behind += patch[..., :channels]
    region[...] = behind


def _draw_frame(image: Image, place: _Place, colour: Colour, type_size: int) -> None:
    """A rounded outline just inside a face's box, between two thin dark lines that part it from any background."""
    width, height = place.right - place.left, place.bottom - place.top
    shorter = min(width, height)
    line = max(1, min(round(type_size / 7), shorter // 16))
    radius = min(round(0.8 * type_size), shorter // 5)
    corner = radius + line + 2 * max(1, line // 3) + 1
    if shorter <= 2 * corner:
        _lay(image, _outline(width, height, radius, line, colour), place.left, place.top)
        return
    # The corners and one pixel of each side make any size: the sides are that pixel, stretched.
    nine = _outline(2 * corner + 1, 2 * corner + 1, radius, line, colour)
    across, down = width - 2 * corner, height - 2 * corner
    near, far = slice(0, corner), slice(corner + 1, None)
    upper, lower = nine[near], nine[far]
    left, right = nine[corner : corner + 1, near], nine[corner : corner + 1, far]
    for band, top in ((upper, place.top), (lower, place.bottom - corner)):
        stretched = np.repeat(band[:, corner : corner + 1], across, axis=1)
        _lay(image, np.concatenate([band[:, near], stretched, band[:, far]], axis=1), place.left, top)
    for side, x in ((left, place.left), (right, place.right - corner)):
        _lay(image, np.repeat(side, down, axis=0), x, place.top + corner)


@lru_cache(maxsize=64)
def _outline(width: int, height: int, radius: int, line: int, colour: Colour) -> Patch:
    casing = max(1, line // 3)
    depth = _depth(width, height, radius)
    dark = 0.45 * _between(depth, 0, line + 2 * casing)
    bright = _between(depth, casing, casing + line)
    return _kept(_coloured(_INK, dark * (1 - bright)) + _coloured(colour, bright))


@lru_cache(maxsize=16)
def _rounded(width: int, height: int, radius: int) -> Patch:
    """The dark, translucent ground of panels and chips, with a hairline for dark pictures."""
    depth = _depth(width, height, radius)
    ground, hairline = 0.8 * _between(depth, 0, math.inf), 0.12 * _between(depth, 0, 1)
    return _kept(_coloured(_INK, ground * (1 - hairline)) + _coloured(_WHITE, hairline))


@lru_cache(maxsize=512)
def _pill(width: int, height: int, colour: Colour, opacity: float = 1.0) -> Patch:
    return _kept(_coloured(colour, opacity * _between(_depth(width, height, height / 2), 0, math.inf)))


@lru_cache(maxsize=256)
def _type(text: str, size: int, colour: Colour) -> Patch:
    """Words in one line; the height is the font's, so that baselines agree."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    mask = Pillow.new("L", (max(1, math.ceil(font.getlength(text))), ascent + descent))
    ImageDraw.Draw(mask).text((0, ascent), text, fill=255, font=font, anchor="ls")
    return _kept(_coloured(colour, np.asarray(mask, dtype=np.float32) / np.float32(255)))


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


def _kept(patch: Patch) -> Patch:
    """The patch itself, guarded against being drawn on: it is shared."""
    patch.flags.writeable = False
    return patch
