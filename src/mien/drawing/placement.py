"""Where the panels of a picture's faces go: beside their faces, hiding no other face and no other panel."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.drawing.panels import chip, panel, score_strip
from mien.drawing.patches import Patch, Rectangle, blend
from mien.values import Face, Image

Rectangles: TypeAlias = NDArray[np.int64]
"""(N, 4): left, top, right, bottom in pixels."""

SMALLEST_FONT: Final = 11  # smallest font, in pixels, that can be read on a screen

_SMALLEST_CHIP_FONT: Final = 9
_MOST_OF_OWN_FACE: Final = 0.15  # share of its own face that a panel may hide when there is no room beside it
_MOST_OF_PICTURE: Final = 0.5  # share of the picture that all panels together may hide


class Shown(NamedTuple):
    """A face, its part inside the picture, its person's number or place in the picture, and its panel's title."""

    face: Face
    box: Rectangle
    number: int
    title: str


class _Spot(NamedTuple):
    box: Rectangle
    side: int


def draw_panels(
    image: Image, faces: Sequence[Shown], font_size: int, sides: dict[int, int], *, chips_alone: bool = False
) -> None:
    """Draw panels for all faces, or for most and chips for the rest; else chips for all. Both are drawn in place.

    Panels take smaller text than `font_size` pixels where that makes room for all. `sides` says on which side of its
    face each panel was in the frame before, by the face's number, and is updated; a panel stays there while it hides
    no more of faces than elsewhere.
    """
    frame = image.shape[1], image.shape[0]
    boxes = _stack([shown.box for shown in faces])
    spots: list[_Spot | None] = []
    size = font_size
    for size in sorted({font_size, max(SMALLEST_FONT, round(0.75 * font_size))}, reverse=True):
        spots = _place_panels(faces, boxes, frame, size, sides)
        if None not in spots:
            break
    if chips_alone or spots.count(None) > len(spots) / 2:
        spots = [None] * len(spots)
    taken = _stack([spot.box for spot in spots if spot])
    for index, (shown, spot) in enumerate(zip(faces, spots, strict=True)):
        if spot:
            blend(image, panel(shown.face, size).filled(shown.face, shown.title), spot.box.left, spot.box.top)
            sides[shown.number] = spot.side
        else:
            patch, box = _place_chip(shown, np.vstack([np.delete(boxes, index, 0), taken]), frame, font_size)
            blend(image, patch, box.left, box.top)
            taken = np.vstack([taken, box])


def _place_panels(
    faces: Sequence[Shown], boxes: Rectangles, frame: tuple[int, int], font_size: int, sides: Mapping[int, int]
) -> list[_Spot | None]:
    """For each face the place of its panel, or None where there is no room."""
    sizes = [panel(shown.face, font_size).patch.shape[1::-1] for shown in faces]
    spots: list[_Spot | None] = [None] * len(faces)
    if sum(width * height for width, height in sizes) > _MOST_OF_PICTURE * frame[0] * frame[1]:
        return spots
    gap = max(2, round(0.5 * font_size))
    heads = _heads(boxes)
    for index, (shown, size) in enumerate(zip(faces, sizes, strict=True)):
        others = np.delete(boxes, index, 0), np.delete(heads, index, 0)
        obstacles = np.vstack([others[0], _stack([spot.box for spot in spots if spot])])
        corners = _corners_beside(shown.box, size, gap, frame)
        spots[index] = _best(
            corners, size, shown.box, obstacles, frame, _MOST_OF_OWN_FACE, sides.get(shown.number), others[1]
        )
    return spots


def _heads(boxes: Rectangles) -> Rectangles:
    """The boxes with hair, ears and chin."""
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    margins = np.stack([-width // 4, -height // 3, width // 4, height // 8], axis=1)
    return np.asarray(boxes + margins)


def _corners_beside(box: Rectangle, size: tuple[int, int], gap: int, frame: tuple[int, int]) -> NDArray[np.int64]:
    """(24, 2): upper left corners for a patch, the best first: right, left, below, above; then moved into the frame."""
    width, height = size
    middle_x, middle_y = (box.left + box.right - width) // 2, (box.top + box.bottom - height) // 2
    corners = np.array([
        *((x, y) for x in (box.right + gap, box.left - gap - width) for y in (box.top, box.bottom - height, middle_y)),
        *((x, y) for y in (box.bottom + gap, box.top - gap - height) for x in (middle_x, box.left, box.right - width)),
    ])  # fmt: skip
    inside = np.clip(corners, gap // 2, np.maximum(np.array(frame) - size - gap // 2, gap // 2))
    return np.concatenate([corners, inside])


def _best(
    corners: NDArray[np.int64], size: tuple[int, int], own: Rectangle, obstacles: Rectangles, frame: tuple[int, int],
    most_of_own: float = 1.0, usual: int | None = None, heads: Rectangles | None = None,
) -> _Spot | None:  # fmt: skip
    """The corner where a patch hides least of its own face and of other heads, among those where it stays in the frame
    and hides none of the obstacles; of equal ones the usual or else the first."""
    boxes = np.concatenate([corners, corners + size], axis=1)
    hidden = _shared(boxes, _stack([own]))[:, 0] / ((own.right - own.left) * (own.bottom - own.top))
    free = (
        (boxes[:, :2] >= 0).all(1)
        & (boxes[:, 2:] <= frame).all(1)
        & (_shared(boxes, obstacles).sum(1) == 0)
        & (hidden <= most_of_own)
    )
    if not free.any():
        return None
    if heads is not None:
        areas = (heads[:, 2:] - heads[:, :2]).prod(axis=1)
        hidden = hidden + (_shared(boxes, heads) / areas).sum(axis=1)
    cost = np.where(free, hidden, np.inf)
    side = int(cost.argmin())
    if usual is not None and cost[usual] <= cost[side]:
        side = usual
    return _Spot(Rectangle(*boxes[side].tolist()), side)


def _place_chip(shown: Shown, obstacles: Rectangles, frame: tuple[int, int], font_size: int) -> tuple[Patch, Rectangle]:
    """The largest chip that has room at its face, and its place; a strip inside the face's box when none has."""
    box = shown.box
    small = min(font_size, max(_SMALLEST_CHIP_FONT, round(0.75 * font_size)))
    for size, with_percent in ((font_size, True), (small, True), (small, False)):
        patch = chip(shown.face, shown.title, size, with_percent=with_percent)
        height, width = patch.shape[:2]
        gap = max(1, size // 8)
        tops = [box.bottom + gap, box.top - gap - height]
        if height < 0.25 * (box.bottom - box.top):
            tops.append(box.bottom - 2 * gap - height)
        lefts = [(box.left + box.right - width) // 2, box.left, box.right - width]
        corners = np.array([(min(max(left, 0), max(0, frame[0] - width)), top) for top in tops for left in lefts])
        spot = _best(corners, (width, height), box, obstacles, frame)
        if spot:
            return patch, spot.box
    height = min(box.bottom - box.top, max(3, round(0.4 * small)))
    return score_strip(shown.face, box.right - box.left, height), box._replace(top=box.bottom - height)


def _stack(boxes: Sequence[Rectangle]) -> Rectangles:
    return np.array(boxes, np.int64).reshape(-1, 4)


def _shared(some: Rectangles, others: Rectangles) -> NDArray[np.int64]:
    """(N, 4) and (M, 4) → (N, M): the pixels that each of the first shares with each of the second."""
    first, second = some[:, None], others[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared: NDArray[np.int64] = np.maximum(sides, 0).prod(axis=-1)
    return shared
