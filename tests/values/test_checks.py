import math
from fractions import Fraction

import numpy as np
import pytest

from mien.errors import InvalidInput
from mien.values import checked_number


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.5), np.int64(1), Fraction(1, 2)])
def test_numbers_of_any_type_become_floats(value: object) -> None:
    number = checked_number("hold", value, most=1)
    assert type(number) is float
    assert number == value


@pytest.mark.parametrize(
    "value", [True, np.True_, "1", None, [1.0], np.array([1.0]), 1j, math.nan, math.inf, 2**64, -1e-9]
)
def test_anything_else_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidInput, match="hold is a number, 0 or more; got"):
        checked_number("hold", value)


def test_ranges_are_named() -> None:
    with pytest.raises(InvalidInput, match="margin is a share, 0 to 1; got 2"):
        checked_number("margin", 2, kind="a share", most=1)
    with pytest.raises(InvalidInput, match="window is a number, above 0; got 0"):
        checked_number("window", 0, above=True)
