"""How every output spells numbers, text and rows, so that all formats say the same."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Final

from mien.records.sink import FORMAT, VERSION, Header
from mien.values import number

__all__ = ["csv_row", "header_fields", "json_text", "number", "seconds", "utf8"]

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet may execute (CWE-1236)."""


def header_fields(header: Header) -> dict[str, object]:
    """The header as JSON has it, with the format's name and version first."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": header.model,
        "detector": header.detector,
        "detector_options": _plain(header.detector_options),
        "labels": list(header.labels),
        "settings": _plain(header.settings),
    }


def seconds(value: float) -> float | None:
    """A time keeps its 64 bits: 32 of them are a quarter of a millisecond off after an hour."""
    return float(value) if math.isfinite(value) else None


def json_text(value: object) -> str:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def csv_row(row: Sequence[object]) -> bytes:
    """One line of CSV, with its end.

    Lists are joined with ";". A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers
    stay as they are.
    """
    text = io.StringIO(newline="")
    # A lone \r in a file's name is quoted only if the line's own end has one.
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, row))
    return utf8(text.getvalue().removesuffix("\r\n") + "\n")


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ";".join(value) if isinstance(value, list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def utf8(text: str) -> bytes:
    """The bytes of a text that may hold a file's name."""
    # A file name that is not UTF-8 comes with lone surrogates, which UTF-8 has no bytes for. Python's escape of
    # one, \udc80, is JSON's too.
    return text.encode("utf-8", "backslashreplace")


def _plain(value: object) -> object:
    """A setting as JSON can have it; what JSON cannot hold becomes its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
