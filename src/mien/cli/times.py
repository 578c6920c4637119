"""Times and rates of a command line: `3`, `3s`, `1.5s`, `1:30`."""

import math
import re
from typing import Final

import typer

_TIME: Final = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)\s*s?", re.IGNORECASE | re.ASCII)


def seconds(text: str | float) -> float:
    """The seconds that an option's text means: with or without an s, or minutes and seconds, or hours too, with colons.

    It is typer's `parser` of every option that takes a time; typer parses default values too, which are numbers.
    """
    parts = _TIME.fullmatch(str(text).strip())
    if parts:
        hours, minutes, rest = parts.groups()
        least = 60 if minutes else math.inf
        if float(rest) < least and (not hours or int(minutes) < 60):
            return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest)
    raise typer.BadParameter(f"expected a time, as in 3, 1.5s or 1:30; got {text}")


def above_zero(value: float | None) -> float | None:
    """The value itself if it is above 0 or None; typer's `callback` of an option."""
    if value is not None and not 0 < value < math.inf:
        raise typer.BadParameter(f"expected a number above 0; got {value:g}")
    return value
