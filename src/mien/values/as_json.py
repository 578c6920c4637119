"""Numbers and boxes as JSON has them."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from mien.values.geometry import Box

_FLOAT32_LIMIT: Final = 2.0**128 - 2.0**103  # the least number that becomes infinite when it is rounded to 32 bits


def number(value: float | None) -> float | None:
    """The fewest digits that give back the same 32-bit number; None for infinity and NaN, which JSON cannot hold."""
    return float(str(np.float32(value))) if value is not None and abs(float(value)) < _FLOAT32_LIMIT else None


def numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: number(value) for name, value in values.items()}


def box_to_dict(box: Box) -> dict[str, float | None]:
    """A box as JSON has it: its four sides by name, in pixels."""
    return numbers(box._asdict())


def box_from_dict(record: Mapping[str, float]) -> Box:
    """The box that `box_to_dict` recorded."""
    return Box(record["left"], record["top"], record["right"], record["bottom"])
