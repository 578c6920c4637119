"""What a face detector is, and the check of its options."""

import math
import numbers
import sys
from typing import Protocol

from mien.errors import InvalidInput
from mien.values import Detection, Image


class Detector(Protocol):
    """Any callable from a picture to the faces in it.

    One instance may be called from many threads at once.
    """

    def __call__(self, image: Image) -> list[Detection]:
        """(H, W, 3) uint8 RGB → the faces, from the largest to the smallest; an empty list when there are none."""
        ...


def check_number(option: str, value: object, least: float, most: float = math.inf, *, whole: bool = False) -> None:
    """Check that an option's value is a number within its range.

    Raises:
        InvalidInput: It is not; the message begins with the option's name.
    """
    kind = numbers.Integral if whole else numbers.Real
    if isinstance(value, bool) or not isinstance(value, kind) or not least <= float(value) <= min(most, sys.maxsize):
        what = "a whole number" if whole else "a number"
        limits = f"{least:,} or more" if most == math.inf else f"{least:,} to {most:,}"
        raise InvalidInput(f"{option} is {what}, {limits}; got {value!r}")
