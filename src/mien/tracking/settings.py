"""Settings that are numbers, and the comparison of times."""

import math
import numbers
from typing import Final

from mien.errors import InvalidInput

TIME_TOLERANCE: Final = 1e-6
"""Difference in seconds below which two times are equal, since timestamps are rounded."""


def checked_number(
    name: str, value: object, *, kind: str = "a number of seconds", positive: bool = False, most: float = math.inf
) -> float:
    """`value` as a float, if it is a finite number from 0 to `most`.

    Args:
        name: The setting's name in the message.
        value: What the caller passed, of any type; a bool is not taken for a number.
        kind: What the number stands for in the message.
        positive: Whether 0 is refused.
        most: The largest allowed value.

    Raises:
        InvalidInput: The value is of another type, NaN, infinite, or out of range.
    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        number = float(value)
        if (number > 0 if positive else number >= 0) and number <= most and number < math.inf:
            return number
    allowed = f"0 to {most:g}" if most < math.inf else ("more than 0" if positive else "0 or more")
    raise InvalidInput(f"{name} is {kind}, {allowed}; got {value!r}")
