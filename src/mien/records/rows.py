"""Results as rows of a table: the columns that CSV, Parquet and data frames share."""

import csv
import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from mien.errors import InvalidInput
from mien.records.sink import Header
from mien.values import MEASURES, Failure, FrameResult

Cell: TypeAlias = str | int | float | bool | list[str] | None
"""One value of a table."""

QUALITY_COLUMNS: Final = tuple(f"quality_{name}" for name in MEASURES)
"""The columns of the measures of a face's quality: the score of each, 0 to 100."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet may execute (CWE-1236)."""

POINTS: Final = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
LANDMARKS: Final = tuple(f"{point}_{axis}" for point in POINTS for axis in "xy")
"""The columns of a face's five landmarks, in the order of `mien.values.Landmarks`."""


@lru_cache(maxsize=16)
def columns(header: Header) -> tuple[str, ...]:
    """The names of a table's columns.

    Raises:
        InvalidInput: One of the model's labels has the name of another column.
    """
    names = (
        "source", "frame", "time", "width", "height", "face", "track_id", "left", "top", "right", "bottom",
        "crop_x", "crop_y", "crop_side", "roll", "yaw", "pitch", *LANDMARKS,
        "detector_score", "interpolated", "quality", "quality_reasons", *QUALITY_COLUMNS, "label", *header.labels,
        *(f"raw_{label}" for label in header.labels), "valence", "arousal", "uncertain", "prediction_set",
        "drawing", "error",
    )  # fmt: skip
    return check_columns(names, header)


def check_columns(names: tuple[str, ...], header: Header) -> tuple[str, ...]:
    """The names of a table's columns, once it is known that no two are the same.

    Raises:
        InvalidInput: Two are; the message names the model's label that is to blame.
    """
    for label in header.labels:
        if names.count(label) > 1:
            raise InvalidInput(
                f"{header.model}: its label {label!r} is also the name of another column, and a table cannot have "
                "both; write JSON, or give the label another name"
            )
    return names


def rows(header: Header, result: FrameResult | Failure) -> list[tuple[Cell, ...]]:
    """The rows of one result: one a face, but at least one; a cell for every one of `columns`.

    Args:
        header: Gives the columns of scores.
        result: A picture, a frame, or why there is none.
    """
    frame: dict[str, Any] = {"source": result.source, "error": result.error}
    found = []
    if isinstance(result, FrameResult):
        frame |= {"frame": result.index, "time": float(result.time), "drawing": result.drawing}
        frame |= {"width": result.width, "height": result.height}
        for number, face in enumerate(result.faces):
            record = face.to_dict()
            raw = {f"raw_{label}": score for label, score in (record["raw_scores"] or {}).items()}
            measures = {f"quality_{name}": each["score"] for name, each in record["quality_measures"].items()}
            points = dict(zip(LANDMARKS, (each for point in record["landmarks"] or () for each in point), strict=False))
            crop = {f"crop_{name}": value for name, value in record["crop"].items()}
            place = {**record["box"], **crop, **record["pose"], **points}
            found.append({**record, **place, **measures, **record["scores"], **raw, **frame, "face": number})
    return [tuple(map(cells.get, columns(header))) for cells in found or [frame]]


def csv_row(row: Sequence[object]) -> str:
    """One line of CSV, with its end.

    Lists are joined with ";". A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers
    stay as they are.
    """
    text = io.StringIO(newline="")
    # A lone \r in a file's name is quoted only if the line's own end has one.
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, row))
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: object) -> object:
    if value is None or isinstance(value, float):  # by far the most
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ";".join(value) if isinstance(value, list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text
