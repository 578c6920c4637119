"""Several views of each face, whose answers are averaged: test-time augmentation.

(Krizhevsky et al. 2012 average ten crops; the gain and the price of each number of views are in docs/models.md.)
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput
from mien.values import GreyFaces

VIEWS: Final = (
    (0, 0, False), (0, 0, True),
    (-1, -1, False), (1, 1, True), (1, -1, False), (-1, 1, True),
    (-1, 1, False), (1, -1, True), (1, 1, False), (-1, -1, True),
)  # fmt: skip
"""By how many pixels a view is moved to the right and down, and whether it is mirrored after that."""


def check_views(views: int) -> int:
    """The number of views; an `InvalidInput` where there are not as many."""
    if isinstance(views, bool) or not isinstance(views, int) or not 1 <= views <= len(VIEWS):
        raise InvalidInput(f"views is a whole number from 1 to {len(VIEWS)}; got {views!r}")
    return views


def views_of(faces: GreyFaces, number: int) -> list[GreyFaces]:
    """The first so many views of N faces, (N, S, S) uint8 each; where a view has moved, the edge is repeated.

    >>> [view.tolist() for view in views_of(np.array([[[1, 2], [3, 4]]], np.uint8), 3)]
    [[[[1, 2], [3, 4]]], [[[2, 1], [4, 3]]], [[[4, 4], [4, 4]]]]
    """
    return [_view(faces, *view) for view in VIEWS[:number]]


def mean_map(maps: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """The mean of the maps of so many views, (V·N, K, h, w), view by view → (N, K, h, w).

    Mirrored ones are mirrored back. That others were moved by a pixel is left as it is: it is less than a cell.
    """
    by_view = maps.reshape(number, -1, *maps.shape[1:])
    back = [each[..., ::-1] if mirrored else each for each, (*_, mirrored) in zip(by_view, VIEWS, strict=False)]
    return np.asarray(np.mean(back, axis=0), np.float32)


def _view(faces: GreyFaces, right: int, down: int, mirrored: bool) -> GreyFaces:
    side = faces.shape[-1]
    rows, columns = (np.clip(np.arange(side) - by, 0, side - 1) for by in (down, right))
    moved = faces[:, rows[:, None], columns] if right or down else faces
    return np.ascontiguousarray(moved[:, :, ::-1] if mirrored else moved)
