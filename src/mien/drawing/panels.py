"""What stands beside a face: a panel with a bar for every probability, or a chip where there is no room for one."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.drawing.patches import DIM, WHITE, Colour, Patch, Place, kept, lay, pill, rounded, typed
from mien.emotions import colour_of
from mien.values import Box

Places: TypeAlias = NDArray[np.int64]  # (N, 4): left, top, right, bottom in pixels

SMALLEST_TYPE: Final = 11
"""Pixels; smaller is not read on a screen."""

_SMALLEST_CHIP_TYPE: Final = 9
_MOST_OF_OWN_FACE: Final = 0.15  # of its box, that a panel may hide when there is no room beside it
_MOST_OF_PICTURE: Final = 0.5  # that all panels together may hide

_QUALITY: Final = "quality"
_DOUBTFUL: Final = 0.4  # a quality below is shown in the colour of alarm
_ALARM: Final = (240, 130, 50)


class Reading(NamedTuple):
    """What a face shows, as far as it is drawn.

    Attributes:
        labels: the names of the expressions, in the order of `scores`.
        scores: the probability of each, 0 to 1.
        label: the one that counts; with hysteresis it need not be the likeliest.
        number: the person's, or the face's in its picture; None where there is but one.
        quality: of the face's pixels, 0 to 1; None where nobody measured it.
    """

    labels: tuple[str, ...]
    scores: tuple[float, ...]
    label: str
    number: int | None = None
    quality: float | None = None

    @property
    def score(self) -> float:
        """The probability of the label."""
        return self.scores[self.labels.index(self.label)]


class Legend(NamedTuple):
    """A panel or a chip, and where its upper left corner goes; `side` tells panels where they were."""

    patch: Patch
    left: int
    top: int
    side: int | None = None


class _Spot(NamedTuple):
    place: Place
    side: int  # which of the candidates


# --- where ----------------------------------------------------------------------------------------------------


def arrange(
    readings: Sequence[Reading],
    places: Sequence[Place],
    frame: tuple[int, int],
    type_size: int,
    usual: Sequence[int | None] | None = None,
) -> list[Legend]:
    """Panels for all, or for most with chips for the rest; else chips for all.

    Args:
        readings: what each face shows.
        places: where each face is, in the frame.
        frame: width and height of what legends may cover, from the upper left corner, in pixels.
        type_size: of the words, in pixels.
        usual: the side of its face where each panel was in the frame before, so that it stays there while it can.
    """
    usual = usual or [None] * len(readings)
    boxes = np.array(places, np.int64).reshape(-1, 4)
    found: list[_Spot | None] = [None] * len(readings)
    size = type_size
    for size in sorted({type_size, max(SMALLEST_TYPE, round(0.75 * type_size))}, reverse=True):
        found = _place_panels([_panel_size(each, size) for each in readings], boxes, frame, size, usual)
        if None not in found:
            break
    if found.count(None) > len(found) / 2:
        found = [None] * len(readings)
    taken = np.array([spot.place for spot in found if spot], np.int64).reshape(-1, 4)
    legends = []
    for index, (reading, spot) in enumerate(zip(readings, found, strict=True)):
        if spot:
            legends.append(Legend(_panel(reading, size), spot.place.left, spot.place.top, spot.side))
            continue
        chip = _place_chip(reading, boxes, index, taken, frame, type_size)
        taken = np.vstack([taken, [chip.left, chip.top, *_far_corner(chip)]])
        legends.append(chip)
    return legends


def _place_panels(
    sizes: Sequence[tuple[int, int]],
    boxes: Places,
    frame: tuple[int, int],
    type_size: int,
    usual: Sequence[int | None],
) -> list[_Spot | None]:
    """For each face the place of its panel, or None where there is no room."""
    width, height = frame
    if sum(w * h for w, h in sizes) > _MOST_OF_PICTURE * width * height:
        return [None] * len(sizes)
    gap = max(2, round(0.5 * type_size))
    spots: list[_Spot | None] = []
    for index, size in enumerate(sizes):
        box = Place(*boxes[index].tolist())
        obstacles = np.vstack([np.delete(boxes, index, 0), *(np.array([spot.place]) for spot in spots if spot)])
        candidates = _beside(box, size, gap, frame)
        spots.append(_first_free(candidates, box, obstacles, frame, _MOST_OF_OWN_FACE, usual[index]))
    return spots


def _beside(box: Place, size: tuple[int, int], gap: int, frame: tuple[int, int]) -> Places:
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
    candidates: Places,
    own: Place,
    obstacles: Places,
    frame: tuple[int, int],
    most_of_own: float,
    usual: int | None = None,
) -> _Spot | None:
    """The candidate that hides least of its own face, and of equal ones the usual or else the first, among those that
    hide nothing else and stay in the frame."""
    hides_own = _shared(candidates, np.array([own]))[:, 0] / _area(own)
    free = (
        (candidates[:, :2] >= 0).all(1)
        & (candidates[:, 2:] <= frame).all(1)
        & (_shared(candidates, obstacles).sum(1) == 0)
        & (hides_own <= most_of_own)
    )
    if not free.any():
        return None
    cost = np.where(free, hides_own, np.inf)
    side = int(cost.argmin())
    if usual is not None and cost[usual] <= cost[side]:
        side = usual
    return _Spot(Place(*candidates[side].tolist()), side)


def _place_chip(
    reading: Reading, boxes: Places, index: int, taken: Places, frame: tuple[int, int], type_size: int
) -> Legend:
    """The most telling chip that has room at its face; a strip inside the box when none has."""
    box = Place(*boxes[index].tolist())
    obstacles = np.vstack([np.delete(boxes, index, 0), taken])
    small = min(type_size, max(_SMALLEST_CHIP_TYPE, round(0.75 * type_size)))
    for size, percent in ((type_size, True), (small, True), (small, False)):
        patch = _chip(reading, size, percent)
        height, width = patch.shape[:2]
        gap = max(1, size // 8)
        x = (box.left + box.right - width) // 2
        tops = [box.bottom + gap, box.top - gap - height]
        if height < 0.25 * (box.bottom - box.top):
            tops.append(box.bottom - 2 * gap - height)
        corner = np.array([(left, top) for top in tops for left in (x, box.left, box.right - width)], np.int64)
        corner[:, 0] = np.clip(corner[:, 0], 0, max(0, frame[0] - width))
        candidates = np.concatenate([corner, corner + np.array([width, height])], axis=1)
        spot = _first_free(candidates, box, obstacles, frame, 1.0)
        if spot:
            return Legend(patch, spot.place.left, spot.place.top)
    width = box.right - box.left
    strip = _strip(reading, width, min(box.bottom - box.top, max(3, round(0.4 * small))))
    return Legend(strip, box.left, box.bottom - strip.shape[0])


def on_grid(box: Box, width: int, height: int) -> Place | None:
    """A box on the grid of pixels, in the frame; None if nothing of it is."""
    left, top, right, bottom = (round(value) for value in box.clipped(width, height))
    return Place(left, top, right, bottom) if left < right and top < bottom else None


def _far_corner(legend: Legend) -> tuple[int, int]:
    height, width = legend.patch.shape[:2]
    return legend.left + width, legend.top + height


def _shared(some: Places, others: Places) -> NDArray[np.int64]:
    """(N, 4) and (M, 4) → (N, M): the pixels that each of the first shares with each of the second."""
    first, second = some[:, None], others[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared: NDArray[np.int64] = np.maximum(sides, 0).prod(axis=-1)
    return shared


def _area(place: Place) -> int:
    return (place.right - place.left) * (place.bottom - place.top)


# --- what -----------------------------------------------------------------------------------------------------


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
    num_labels: int
    quality_gap: int

    def row_top(self, row: int) -> int:
        """Of the row's type; a row after those of the labels stands a little apart."""
        return self.rows_top + row * self.row_height + (self.quality_gap if row == self.num_labels else 0)

    def bar_top(self, row: int) -> int:
        """Of the row's bar, which runs through the middle of its type."""
        return self.row_top(row) + (self.text_height - self.bar_height + 1) // 2


def _panel(reading: Reading, size: int) -> Patch:
    """Title, a labelled bar with its percentage for each probability, and one for the quality if it is known."""
    layout = _panel_layout(reading.labels, size, reading.quality is not None)
    patch = _empty_panel(reading.labels, size, reading.quality is not None).copy()

    title = typed(_title(reading.label, reading.number), layout.title_size, WHITE)
    percent = typed(_percent(reading.score), layout.title_size, WHITE)
    dot = round(0.62 * layout.title_size)
    middle = layout.title_top + title.shape[0] // 2
    lay(patch, pill(dot, dot, colour_of(reading.label)), layout.padding, middle - dot // 2)
    lay(patch, title, layout.padding + dot + layout.gap, layout.title_top)
    lay(patch, percent, layout.width - layout.padding - percent.shape[1], layout.title_top)

    for row, (label, score) in enumerate(zip(reading.labels, reading.scores, strict=True)):
        leads = label == reading.label
        _draw_bar(patch, layout, row, score, size, colour_of(label), WHITE if leads else DIM)
        if leads:
            lay(patch, typed(label, size, WHITE), layout.padding, layout.row_top(row))
    if reading.quality is not None:
        colour = DIM if reading.quality >= _DOUBTFUL else _ALARM
        _draw_bar(patch, layout, len(reading.labels), reading.quality, size, colour, colour)
    return patch


def _draw_bar(
    patch: Patch, layout: _PanelLayout, row: int, share: float, size: int, colour: Colour, ink: Colour
) -> None:
    """One row's bar, on the track that is there already, and its percentage."""
    length = round(share * layout.bar_width)
    if length:
        bar = pill(max(length, layout.bar_height), layout.bar_height, colour)
        lay(patch, bar, layout.bar_left, layout.bar_top(row))
    number = typed(_percent(share), size, ink)
    lay(patch, number, layout.width - layout.padding - number.shape[1], layout.row_top(row))


def _chip(reading: Reading, size: int, with_percent: bool) -> Patch:
    """The compact form: a word, perhaps its percentage, above a strip of all probabilities."""
    words = [typed(_title(reading.label, reading.number), size, WHITE)]
    if with_percent:
        words.append(typed(_percent(reading.score), size, DIM))
    padding, gap, strip_height = round(0.5 * size), round(0.35 * size), max(3, round(0.28 * size))
    inner = sum(word.shape[1] for word in words) + gap * (len(words) - 1)
    text_height = words[0].shape[0]
    height = padding // 2 + text_height + strip_height + padding
    patch = rounded(inner + 2 * padding, height, round(0.45 * size)).copy()
    left = padding
    for word in words:
        lay(patch, word, left, padding // 2)
        left += word.shape[1] + gap
    lay(patch, _strip(reading, inner, strip_height), padding, height - round(0.7 * padding) - strip_height)
    return patch


def _strip(reading: Reading, width: int, height: int) -> Patch:
    """One bar shared out among the expressions by their probabilities, in their order."""
    colours = np.array([colour_of(label) for label in reading.labels], np.uint8)
    ends = np.cumsum(reading.scores, dtype=np.float64)
    shares = np.minimum(np.searchsorted(ends, (np.arange(width) + 0.5) / width), len(colours) - 1)
    strip = np.empty((height, width, 4), np.uint8)
    opacity = pill(width, height, WHITE)[..., 3:]
    strip[..., :3] = colours[shares] * (opacity / 255.0)
    strip[..., 3:] = opacity
    return strip


def _title(label: str, number: int | None) -> str:
    return label if number is None else f"{label} #{number}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


@lru_cache(maxsize=64)
def _panel_layout(labels: tuple[str, ...], size: int, with_quality: bool) -> _PanelLayout:
    title_size = round(1.2 * size)
    padding, gap = round(0.8 * size), round(0.5 * size)
    text_height = typed("x", size, DIM).shape[0]
    title_height = typed("x", title_size, WHITE).shape[0]
    row_height = max(text_height, round(1.3 * size))
    label_width = max(typed(label, size, WHITE).shape[1] for label in (*labels, *([_QUALITY] if with_quality else [])))
    percent_width = typed(_percent(1), size, WHITE).shape[1]
    bar_left, bar_width = padding + label_width + gap, round(4.6 * size)
    quality_gap = round(0.4 * size)
    rows_height = len(labels) * row_height + (quality_gap + row_height if with_quality else 0)
    rows_top = round(0.55 * padding) + title_height + round(0.15 * size)
    return _PanelLayout(
        width=bar_left + bar_width + gap + percent_width + padding,
        height=rows_top + rows_height + round(0.6 * padding),
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
        num_labels=len(labels),
        quality_gap=quality_gap,
    )


def _panel_size(reading: Reading, size: int) -> tuple[int, int]:
    layout = _panel_layout(reading.labels, size, reading.quality is not None)
    return layout.width, layout.height


@lru_cache(maxsize=8)
def _empty_panel(labels: tuple[str, ...], size: int, with_quality: bool) -> Patch:
    """What the panels of all faces share: background, labels, and the tracks of the bars."""
    layout = _panel_layout(labels, size, with_quality)
    patch = rounded(layout.width, layout.height, round(0.6 * size)).copy()
    for row, label in enumerate((*labels, *([_QUALITY] if with_quality else []))):
        lay(patch, typed(label, size, DIM), layout.padding, layout.row_top(row))
        track = pill(layout.bar_width, layout.bar_height, WHITE, 0.13)
        lay(patch, track, layout.bar_left, layout.bar_top(row))
    return kept(patch)
