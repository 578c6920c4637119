import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import InvalidInput
from mien.values import Box, Crop

coordinate = st.floats(-1000, 1000)
boxes = st.builds(
    lambda left, top, width, height: Box(left, top, left + width, top + height),
    coordinate, coordinate, st.floats(0.5, 500), st.floats(0.5, 500),
)  # fmt: skip


@given(boxes, boxes)
def test_overlap_is_symmetric_and_a_share(one: Box, other: Box) -> None:
    assert 0 <= one.overlap(other) <= 1 + 1e-9
    assert one.overlap(other) == pytest.approx(other.overlap(one))
    assert one.overlap(one) == pytest.approx(1)


@given(boxes, boxes)
def test_overlap_of_the_smaller_is_symmetric_and_no_less_than_that_of_the_union(one: Box, other: Box) -> None:
    share = one.overlap_of_smaller(other)
    assert one.overlap(other) - 1e-9 <= share <= 1 + 1e-9
    assert share == other.overlap_of_smaller(one)


def test_a_box_inside_another_overlaps_it_wholly() -> None:
    outer, inner, beside = Box(0, 0, 10, 10), Box(1, 1, 3, 3), Box(8, 0, 12, 5)
    assert outer.intersection(inner) == inner
    assert outer.overlap_of_smaller(inner) == inner.overlap_of_smaller(outer) == 1
    assert outer.overlap_of_smaller(beside) == pytest.approx(0.5)
    assert inner.overlap_of_smaller(beside) == 0
    assert Box(5, 5, 5, 9).overlap_of_smaller(outer) == 0


@given(boxes, st.integers(1, 500), st.integers(1, 500))
def test_a_clipped_box_is_inside_and_never_larger(box: Box, width: int, height: int) -> None:
    inside = box.clipped(width, height)
    assert 0 <= inside.left <= inside.right <= width
    assert 0 <= inside.top <= inside.bottom <= height
    assert inside.area <= box.area + 1e-6


@given(boxes)
def test_a_square_holds_its_box_around_the_same_centre(box: Box) -> None:
    square = box.squared()
    assert square.width == pytest.approx(square.height)
    assert square.centre == pytest.approx(box.centre)
    assert square.left <= box.left + 1e-9
    assert square.bottom >= box.bottom - 1e-9


def test_boxes_apart_do_not_overlap() -> None:
    assert Box(0, 0, 10, 10).overlap(Box(10, 0, 20, 10)) == 0
    assert Box(0, 0, 10, 10).overlap(Box(5, 0, 15, 10)) == pytest.approx(1 / 3)


def test_the_corners_of_a_crop_turn_clockwise_with_it() -> None:
    np.testing.assert_allclose(Crop(10, 10, 4).corners, [[8, 8], [12, 12]])
    np.testing.assert_allclose(Crop(10, 10, 4, 90).corners, [[12, 8], [8, 12]])


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(1, 900), st.floats(-179, 179))
def test_a_crop_is_known_by_its_corners(x: float, y: float, side: float, roll: float) -> None:
    assert Crop.between(Crop(x, y, side, roll).corners) == pytest.approx((x, y, side, roll), abs=1e-6)


SQUARE = np.arange(6, dtype=np.float32).reshape(2, 3) - 2


@given(
    st.floats(-50, 150), st.floats(-50, 150), st.floats(0.5, 300), st.floats(-180, 180), st.integers(1, 90),
    st.integers(1, 90),
)  # fmt: skip
def test_a_map_laid_back_stays_within_its_values_and_its_crop(
    x: float, y: float, side: float, roll: float, height: int, width: int
) -> None:
    laid = Crop(x, y, side, roll).back(SQUARE, (height, width))
    assert laid.shape == (height, width)
    assert laid.dtype == np.float32
    inside = laid[np.isfinite(laid)]
    assert inside.size == 0 or (inside.min() >= SQUARE.min() - 1e-4 and inside.max() <= SQUARE.max() + 1e-4)
    rows, columns = np.nonzero(np.isfinite(laid))
    away = np.hypot(columns + 0.5 - x, rows + 0.5 - y)
    assert away.size == 0 or away.max() <= side / math.sqrt(2) + 1e-2
    near = np.hypot(np.arange(width) + 0.5 - x, np.arange(height)[:, None] + 0.5 - y) < side / 2 - 1e-2
    assert np.isfinite(laid[near]).all()


def test_a_turned_map_lies_as_the_face_does() -> None:
    upper_left = np.array([[8, 0], [0, 0]], np.float32)
    for roll, corner in ((0, (20, 20)), (90, (20, 80)), (180, (80, 80)), (-90, (80, 20))):
        laid = Crop(50, 50, 80, roll).back(upper_left, (100, 100))
        assert laid[corner] > 6, roll  # clockwise: what was on top is on the right


def test_the_mean_of_a_map_is_kept_where_nothing_is_cut_off() -> None:
    maps = np.random.default_rng(0).normal(size=(3, 6, 6)).astype(np.float32)
    laid = Crop(60, 60, 96).back(maps, (120, 120))
    assert laid.shape == (3, 120, 120)
    cells = laid[:, 12:108, 12:108].reshape(3, 6, 16, 6, 16)[:, :, 7:9, :, 7:9].mean((2, 4))
    np.testing.assert_allclose(cells, maps, atol=0.15)  # the cells' centres


@pytest.mark.parametrize("maps", [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 0, 3))])
def test_what_is_no_map_is_refused(maps: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="maps of a crop"):
        Crop(5, 5, 5).back(maps, (10, 10))
    with pytest.raises(InvalidInput, match="shape of a picture"):
        Crop(5, 5, 5).back(SQUARE, (10, 0))
