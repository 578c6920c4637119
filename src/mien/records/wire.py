"""The one format in which results leave mien, as JSON and as CSV; docs/output.md describes it for its readers.

A result becomes a `Record` first, and every writer writes records: a further format is a further writer, with
`write(record)` between the entering and the leaving of a `with` block. Writers hold one record at a time, so that a
million pictures need no more memory than one.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, TypedDict

from mien.files import STANDARD_OUTPUT, replacing
from mien.records.encoding import csv_row, json_text, number, utf8
from mien.values import Face

FORMAT: Final = "mien"
VERSION: Final = 1
"""Of the format: it rises when a field changes its name or its meaning, and stays when one is added."""

_COLUMNS: Final = (
    "source", "width", "height", "face", "left", "top", "right", "bottom", "detector_score", "label",
)  # fmt: skip


class BoxRecord(TypedDict):
    """The picture's pixels; right and bottom exclusive."""

    left: float | None
    top: float | None
    right: float | None
    bottom: float | None


class FaceRecord(TypedDict):
    """One face. The fields are those of `mien.values.Face`."""

    box: BoxRecord
    detector_score: float | None
    landmarks: list[list[float | None]] | None
    label: str
    scores: dict[str, float | None]
    track_id: int | None


class Record(TypedDict):
    """What came of one input: its faces, possibly none, or the error."""

    source: str
    width: int | None
    height: int | None
    faces: list[FaceRecord]
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """How the results were made.

    Attributes:
        model: the name or the file of the model.
        detector: the detector's name.
        labels: what the model tells apart, in the order of the CSV's columns.
        options: the detector's options that were not left as they are.
    """

    model: str
    detector: str
    labels: tuple[str, ...]
    options: Mapping[str, object] = field(default_factory=dict)


def record(source: str, image_size: tuple[int, int], faces: Sequence[Face]) -> Record:
    """What was found in a picture.

    Args:
        source: the input, as it was named.
        image_size: width and height in pixels.
        faces: from the largest to the smallest; possibly none.
    """
    width, height = image_size
    return Record(source=source, width=width, height=height, faces=[_face(face) for face in faces], error=None)


def error_record(source: str, message: str) -> Record:
    """Why nothing is known of an input."""
    return Record(source=source, width=None, height=None, faces=[], error=message)


class JsonWriter:
    """One JSON object, whose `results` hold a record a line.

    The object is closed and well-formed also when an exception ends the `with` block; `complete` is then false.

    Args:
        stream: takes the bytes, as UTF-8.
        header: how the results were made.
    """

    def __init__(self, stream: BinaryIO, header: Header) -> None:
        self._stream = stream
        self._header = header
        self._separator = "\n"

    def __enter__(self) -> Self:
        about = {
            "format": FORMAT,
            "version": VERSION,
            "model": self._header.model,
            "detector": self._header.detector,
            "detector_options": dict(self._header.options),
            "labels": list(self._header.labels),
        }
        opening = ",\n".join(f"{json_text(key)}: {json_text(value)}" for key, value in about.items())
        self._stream.write(utf8("{\n" + opening + ',\n"results": ['))
        return self

    def write(self, record: Record) -> None:
        """Add one record."""
        self._stream.write(utf8(self._separator + json_text(record)))
        self._separator = ",\n"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.write(utf8('\n],\n"complete": ' + json_text(kind is None) + "\n}\n"))


class CsvWriter:
    """A row a face; a row without a face for an input that shows none, and for one that failed.

    Args:
        stream: takes the bytes, as UTF-8.
        header: how the results were made; it gives the columns of scores.
    """

    def __init__(self, stream: BinaryIO, header: Header) -> None:
        self._stream = stream
        self._labels = header.labels

    def __enter__(self) -> Self:
        self._write_rows([(*_COLUMNS, *self._labels, "error")])
        return self

    def write(self, record: Record) -> None:
        """Add the rows of one record."""
        common = record["source"], record["width"], record["height"]
        rows: list[Sequence[object]] = []
        for index, face in enumerate(record["faces"]):
            box, scores = face["box"], face["scores"]
            rows.append((
                *common, index, box["left"], box["top"], box["right"], box["bottom"], face["detector_score"],
                face["label"], *(scores.get(label) for label in self._labels), None,
            ))  # fmt: skip
        if not rows:
            nothing = [None] * (len(_COLUMNS) - len(common) + len(self._labels))
            rows.append((*common, *nothing, record["error"]))
        self._write_rows(rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is left to write: a CSV is whole after every row."""

    def _write_rows(self, rows: Sequence[Sequence[object]]) -> None:
        for row in rows:
            self._stream.write(csv_row(row))


@contextmanager
def results_file(path: Path) -> Iterator[BinaryIO]:
    """Where a writer writes: a file, or standard output for `-`.

    The file takes its name when the block ends, so that results of an earlier run are never half overwritten.
    It also does so when the block is interrupted or fails: what was done until then is kept.

    Raises:
        OSError: the folder cannot be written, or the disk is full; a file of that name is as it was.
    """
    if path == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    end: BaseException | None = None
    with replacing(path) as partial, partial.open("wb") as stream:
        try:
            yield stream
        except BaseException as error:  # noqa: BLE001 - whatever it is, it goes on its way below
            end = error
    if end:
        raise end


def _face(face: Face) -> FaceRecord:
    detection, prediction = face.detection, face.prediction
    left, top, right, bottom = map(number, detection.box)
    landmarks = None if detection.landmarks is None else [[*map(number, point)] for point in detection.landmarks]
    return FaceRecord(
        box=BoxRecord(left=left, top=top, right=right, bottom=bottom),
        detector_score=number(detection.score),
        landmarks=landmarks,
        label=face.label,
        scores=dict(zip(prediction.labels, map(number, prediction.scores), strict=True)),
        track_id=face.track_id,
    )
