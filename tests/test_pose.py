import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.pose import NOSE, yaw

FRONT = np.array([[-10, -10], [10, -10], [0, 2], [-8, 10], [8, 10]], np.float32)


def turned(aside: float) -> np.ndarray:
    """The nose moved to the right, by this share of the distance between the eyes."""
    points = FRONT.copy()
    points[2, 0] += aside * 20
    return points


def test_a_nose_to_the_right_is_a_head_turned_to_the_right() -> None:
    assert yaw(FRONT) == pytest.approx(0, abs=1e-6)
    assert yaw(turned(NOSE)) == pytest.approx(45, abs=1e-4)
    assert yaw(turned(-NOSE)) == pytest.approx(-45, abs=1e-4)


@given(st.floats(-2, 2), st.floats(-180, 180), st.floats(0.1, 50), st.floats(-500, 500))
def test_roll_size_and_place_change_nothing(aside: float, roll: float, scale: float, place: float) -> None:
    cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    moved = turned(aside) @ np.array([[cos, sin], [-sin, cos]]) * scale + place
    assert yaw(moved.astype(np.float32)) == pytest.approx(yaw(turned(aside)), abs=0.5)


def test_eyes_at_one_place_say_nothing() -> None:
    assert math.isnan(yaw(np.zeros((5, 2), np.float32)))
