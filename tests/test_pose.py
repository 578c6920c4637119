import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.pose import FACE, yaw_and_pitch


def seen(yaw: float, pitch: float, roll: float, scale: float = 10.0) -> np.ndarray:
    """The mean face's points, turned and seen from far away."""
    a, b, c = (math.radians(each) for each in (yaw, pitch, roll))
    tilt = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    turn = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    lean = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return np.asarray((FACE @ (lean @ turn @ tilt).T)[:, :2] * scale + 100, np.float32)


@given(st.floats(-60, 60), st.floats(-25, 25), st.floats(0.5, 50))
def test_a_turned_mean_face_gives_its_pose(yaw: float, pitch: float, scale: float) -> None:
    found = yaw_and_pitch(seen(yaw, pitch, 0, scale))
    # The line through the eyes leans when a head is turned and lifted at once, which is read as roll.
    allowed = 0.1 + abs(yaw * pitch) / 40
    assert found == pytest.approx((yaw, pitch), abs=allowed)


@given(st.floats(-60, 60), st.floats(-180, 180))
def test_leaning_changes_neither(yaw: float, roll: float) -> None:
    assert yaw_and_pitch(seen(yaw, 10, roll)) == pytest.approx(yaw_and_pitch(seen(yaw, 10, 0)), abs=0.05)


def test_the_signs_are_those_of_the_picture() -> None:
    assert yaw_and_pitch(seen(30, 0, 0))[0] > 0
    assert seen(30, 0, 0)[2, 0] > seen(0, 0, 0)[2, 0]  # the nose goes to the right
    assert yaw_and_pitch(seen(0, 20, 0))[1] > 0
    assert seen(0, 20, 0)[2, 1] < seen(0, 0, 0)[2, 1]  # and up


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.tile(np.arange(5)[:, None], 2), np.full((5, 2), 7)])
def test_points_on_one_line_have_no_pose(points: np.ndarray) -> None:
    assert all(math.isnan(each) for each in yaw_and_pitch(points.astype(np.float32)))
