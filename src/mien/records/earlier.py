"""Telling whether a file is an earlier output of mien's, which a new one may replace."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

HEAD: Final = 2**20
"""How many bytes of a file are looked at."""


def starts_with(pattern: bytes) -> Callable[[Path], bool]:
    """A test whether a file begins as the regular expression says; an empty file passes, too."""
    expression = re.compile(pattern)

    def test(path: Path) -> bool:
        with path.open("rb") as file:
            head = file.read(HEAD)
        return not head or expression.match(head) is not None

    return test


def ends_with(pattern: bytes) -> Callable[[Path], bool]:
    """A test whether the regular expression is found near a file's end; an empty file passes, too."""
    expression = re.compile(pattern)

    def test(path: Path) -> bool:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - HEAD))
            tail = file.read(HEAD)
        return not tail or expression.search(tail) is not None

    return test
