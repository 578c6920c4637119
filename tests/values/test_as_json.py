import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.values import number

LARGEST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (1e39, None),
        (-1e39, None),
        (math.inf, None),
        (math.nan, None),
        (None, None),
        (LARGEST, 3.4028235e38),
        (-3.4028235e38, -3.4028235e38),
        (np.float32(LARGEST), 3.4028235e38),
        (0.1, 0.1),
        (np.float32(0.1), 0.1),
        (7, 7.0),
    ],
)
def test_numbers_are_recorded_as_32_bits_have_them(value: float | None, recorded: float | None) -> None:
    assert number(value) == recorded


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_recorded_number_gives_back_the_same_32_bits(value: float) -> None:
    assert np.float32(number(value)) == np.float32(value)
    assert number(number(value)) == number(value)
