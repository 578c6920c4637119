"""Numbers that a user gives, checked."""

import math
import numbers
import re
import sys

from mien.errors import InvalidInput


def checked_number(
    name: str, value: object, least: float = 0, most: float = math.inf, *, kind: str = "a number", above: bool = False
) -> float:
    """`value` as a float, if it is a number from `least` to `most`, and not beyond the integers of C code.

    A bool is not taken for a number, and with `above` `least` itself is refused. The message calls the setting `name`,
    and what it stands for `kind`; "a whole number" refuses fractions.
    """
    accepted = numbers.Integral if kind == "a whole number" else numbers.Real
    if isinstance(value, accepted) and not isinstance(value, bool):
        number = float(value)
        if least <= number <= min(most, sys.maxsize) and not (above and number == least):
            return number
    limits = f"{least:,} or more" if most == math.inf else f"{least:,} to {most:,}"
    if above:
        limits = f"above {least:,}" + ("" if most == math.inf else f", at most {most:,}")
    raise InvalidInput(f"{name} is {kind}, {limits}; got {value!r}")


def checked_threads(number: object) -> int:
    """A number of processor threads for one run of a network, 1 to 256; an `InvalidInput` for anything else."""
    return int(checked_number("num_threads", number, 1, 256, kind="a whole number"))


def parse_share(text: str | float) -> float:
    """The share that a text means, as 5% or 0.05; above 0 and up to 1.

        >>> parse_share("5%")
        0.05

    Raises:
        InvalidInput: It means none.
    """
    parts = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*", str(text), re.ASCII)
    value = float(parts[1]) / (100 if parts[2] else 1) if parts else 0.0
    if not 0 < value <= 1:
        raise InvalidInput(f"expected a share above 0 and up to 1, as 5% or 0.05; got {str(text)[:80]}")
    return value
