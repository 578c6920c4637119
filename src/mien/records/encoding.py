"""How every writer spells numbers, text and rows, so that all formats say the same."""

import csv
import io
import json
import math
from collections.abc import Sequence

import numpy as np


def number(value: float | None) -> float | None:
    """The fewest digits that give back the same 32-bit number; neither JSON nor CSV has a word for infinity."""
    return None if value is None or not math.isfinite(value) else float(str(np.float32(value)))


def seconds(value: float) -> float | None:
    """A time keeps its 64 bits: 32 of them are a quarter of a millisecond off after an hour."""
    return float(value) if math.isfinite(value) else None


def json_text(value: object) -> str:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def csv_row(row: Sequence[object]) -> bytes:
    """One line of CSV, with its end."""
    text = io.StringIO(newline="")
    # A lone \r in a file's name is quoted only if the line's own end has one.
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return utf8(text.getvalue().removesuffix("\r\n") + "\n")


def utf8(text: str) -> bytes:
    """The bytes of a text that may hold a file's name."""
    # A file name that is not UTF-8 comes with lone surrogates, which UTF-8 has no bytes for. Python's escape of
    # one, \udc80, is JSON's too.
    return text.encode("utf-8", "backslashreplace")
