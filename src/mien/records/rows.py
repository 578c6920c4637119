"""Results as rows of a table: the columns that CSV, Parquet and data frames share; and CSV and data frames."""

import csv
import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final, TypeAlias

from mien.errors import InvalidInput, MissingExtra
from mien.files import as_text_cell
from mien.records.sink import FileSink, Header, Target
from mien.values import MEASURES, Failure, FrameResult

Cell: TypeAlias = str | int | float | bool | list[str] | None
"""One value of a table."""

QUALITY_COLUMNS: Final = tuple(f"quality_{name}" for name in MEASURES)
"""The columns of the measures of a face's quality: the score of each, 0 to 100."""

POINTS: Final = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
LANDMARKS: Final = tuple(f"{point}_{axis}" for point in POINTS for axis in "xy")
"""The columns of a face's five landmarks, in the order of `mien.values.Landmarks`."""


@lru_cache(maxsize=16)
def columns(header: Header) -> tuple[str, ...]:
    """The names of a table's columns."""
    names = (
        "source", "frame", "time", "width", "height", "face", "track_id", "left", "top", "right", "bottom",
        "crop_x", "crop_y", "crop_side", "roll", "yaw", *LANDMARKS,
        "detector_score", "interpolated", "returned", "quality", "quality_reasons", *QUALITY_COLUMNS,
        "reading", "label", *header.labels, *(f"raw_{label}" for label in header.labels),
        "valence", "arousal", "uncertain", "prediction_set", "drawing", "explanation", "error",
    )  # fmt: skip
    return check_columns(names, header)


def check_columns(names: tuple[str, ...], header: Header) -> tuple[str, ...]:
    """The names of a table's columns; `InvalidInput` names the model's label that is also another column's."""
    for label in header.labels:
        if names.count(label) > 1:
            raise InvalidInput(
                f"{header.model}: its label {label!r} is also the name of another column, and a table cannot have "
                "both; write JSON, or give the label another name"
            )
    return names


def rows(header: Header, result: FrameResult | Failure) -> list[tuple[Cell, ...]]:
    """The rows of one result: one a face, but at least one; a cell for every one of `columns`."""
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
            crop = {f"crop_{name}": value for name, value in (record["crop"] or {}).items()}
            place = {**record["box"], **crop, **record["pose"], **points}
            sheet = {"explanation": result.explanations[number] if result.explanations else None}
            found.append({**record, **place, **measures, **record["scores"], **raw, **frame, **sheet, "face": number})
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
    return as_text_cell(text) if isinstance(text, str) else text


class CsvSink(FileSink):
    """A row a face; a row without a face for a picture or a frame that shows none, and for a source that failed.

        >>> with CsvSink(Path("faces.csv"), header) as sink:
        ...     sink.write(result)

    UTF-8, separated by commas, with `\\n` at the end of a line. A text that a spreadsheet would take for a formula gets
    an apostrophe before it.
    """

    # Version 1 had other columns for pictures and for videos.
    signature = rb"source,(frame,time,)?width,height,(face|track_id),[^\n]*,(error|arousal)\r?\n"

    def __init__(self, target: Target, header: Header) -> None:
        super().__init__(target, header)
        self._columns = columns(header)

    def begin(self) -> None:
        self.put(csv_row(self._columns))

    def write(self, result: FrameResult | Failure) -> None:
        self.put("".join(map(csv_row, rows(self.header, result))))


def as_table(results: Iterable[FrameResult | Failure], *, labels: tuple[str, ...] | None = None) -> Any:
    """Results as a data frame of pandas, or of polars if only that is installed: the columns of the CSV.

        >>> as_table(mien.Analyzer().stream("talk.mp4"))  # doctest: +SKIP

    Args:
        results: Pictures, frames and failures, in any order.
        labels: The model's labels, K of them; taken from the first face when left out, and needed only if there may be
            no face.

    Raises:
        InvalidInput: One of the labels has the name of another column, or something else than a result is given.
        MissingExtra: Neither is installed.
    """
    table = table_columns(results, labels=labels)
    if find_spec("pandas"):
        import pandas

        return pandas.DataFrame(table)
    if find_spec("polars"):
        import polars

        return polars.DataFrame(table, strict=False)
    raise MissingExtra("A data frame", "table")


def table_columns(
    results: Iterable[FrameResult | Failure], *, labels: tuple[str, ...] | None = None
) -> dict[str, list[Cell]]:
    """The cells of results by the names of their columns."""
    found = [*results]
    if other := next((each for each in found if not isinstance(each, FrameResult | Failure)), None):
        raise InvalidInput(
            "a table is made of results, as Analyzer.stream gives them and mien.analyze gives to watch; got a "
            f"{type(other).__name__}"
        )
    if labels is None:
        faces = (face for result in found if isinstance(result, FrameResult) for face in result.faces)
        labels = next((face.prediction.labels for face in faces), ())
    header = Header(model="a table", detector="", labels=labels)
    table = [row for result in found for row in rows(header, result)]
    return {name: [row[place] for row in table] for place, name in enumerate(columns(header))}
