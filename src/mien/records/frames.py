"""What leaves mien about a video, frame by frame, as JSON, JSON Lines and CSV; docs/output.md describes it.

A video gives one `FrameRecord` a frame, faces or none, and every writer takes them one at a time with `write(record)`
between the entering and the leaving of a `with` block: an hour needs no more memory than a second. What was written
is whole also when an exception ends the block. `mien.records.frames_parquet` holds the fourth writer.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NotRequired, Self, TypeAlias, TypedDict

from mien.errors import InvalidInput, MienError
from mien.files import replacing
from mien.records.encoding import csv_row, json_text, number, seconds, utf8
from mien.records.wire import FORMAT, VERSION, BoxRecord

Cell: TypeAlias = str | int | float | bool | list[str] | None

_BEFORE_SCORES: Final = (
    "source", "frame", "time", "width", "height", "track_id", "left", "top", "right", "bottom", "detector_score",
    "interpolated", "quality", "quality_reasons", "label",
)  # fmt: skip
_AFTER_SCORES: Final = ("valence", "arousal")
_BEFORE_FACE: Final = 5  # columns that a frame without a face has, too
_EVENT_COLUMNS: Final = ("track_id", "label", "start", "end", "peak", "peak_time", "mean")


class TrackRecord(TypedDict):
    """One face of one frame.

    `interpolated`: the detector did not run in this frame, or missed the face, and the tracker moved the box.
    `quality` is 0 to 1, how much its pixels can be relied on, and `quality_reasons` says what is wrong with them.
    `label` is after smoothing and hysteresis, `scores` after smoothing, `raw_scores` of this frame alone; each
    has a probability for every label. `valence` and `arousal` are -1 to 1.
    """

    track_id: int
    box: BoxRecord
    detector_score: float | None
    interpolated: bool
    quality: float
    quality_reasons: list[str]
    label: str
    scores: Mapping[str, float]
    raw_scores: Mapping[str, float]
    valence: float | None
    arousal: float | None


class FrameRecord(TypedDict):
    """One frame: its number from 0, its time in seconds, and its faces, possibly none.

    `doubtful` is where else there may be a face; no writer writes it, but who hides faces hides it too.
    """

    index: int
    time: float
    faces: list[TrackRecord]
    doubtful: NotRequired[list[BoxRecord]]


class Event(TypedDict):
    """A stretch of time in which a face keeps a label: seconds, and that label's probability, 0 to 1."""

    track_id: int
    label: str
    start: float
    end: float
    peak: float
    peak_time: float
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoHeader:
    """What was analysed, and how.

    Attributes:
        source: the video, as it was named.
        width: of a frame, in pixels.
        height: of a frame, in pixels.
        rate: mean frames a second; None when unknown.
        labels: what the model tells apart, in the order of the columns.
        model: its name or its file.
        detector: its name.
        settings: of detector, tracker and smoothing, as far as a reader should know them.
        started_at: the time of day at the first frame, for a camera.
    """

    source: str
    width: int
    height: int
    rate: float | None
    labels: tuple[str, ...]
    model: str
    detector: str
    settings: Mapping[str, object] = field(default_factory=dict)
    started_at: datetime | None = None


def header_fields(header: VideoHeader) -> dict[str, object]:
    """The header as JSON has it."""
    return {
        "source": header.source,
        "width": header.width,
        "height": header.height,
        "rate": number(header.rate),
        "started_at": header.started_at.isoformat() if header.started_at else None,
        "model": header.model,
        "detector": header.detector,
        "labels": list(header.labels),
        "settings": _plain(header.settings),
    }


def columns(header: VideoHeader) -> tuple[str, ...]:
    """The names of a table's columns.

    Raises:
        InvalidInput: one of the model's labels has the name of another column.
    """
    raw = [f"raw_{label}" for label in header.labels]
    names = (*_BEFORE_SCORES, *header.labels, *raw, *_AFTER_SCORES)
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(
                f"{header.source}: a table of {header.model} would have two columns {name!r}, as one of its labels "
                "is the name of another column; write JSON, or give the label another name"
            )
    return names


def rows(header: VideoHeader, record: FrameRecord) -> list[tuple[Cell, ...]]:
    """The rows of one frame, as many as faces, but at least one; a cell for every one of `columns`."""
    frame = header.source, record["index"], seconds(record["time"]), header.width, header.height
    found: list[tuple[Cell, ...]] = []
    for face in record["faces"]:
        box, scores, raw_scores = face["box"], face["scores"], face["raw_scores"]
        found.append((
            *frame, face["track_id"], *(number(box[side]) for side in ("left", "top", "right", "bottom")),
            number(face["detector_score"]), face["interpolated"], number(face["quality"]), face["quality_reasons"],
            face["label"], *(number(scores.get(label)) for label in header.labels),
            *(number(raw_scores.get(label)) for label in header.labels),
            number(face["valence"]), number(face["arousal"]),
        ))  # fmt: skip
    nothing = [None] * (len(_BEFORE_SCORES) - _BEFORE_FACE + 2 * len(header.labels) + len(_AFTER_SCORES))
    return found or [(*frame, *nothing)]


class FrameCsvWriter:
    """A row a face and frame; a row without a face for a frame that shows none.

    Args:
        stream: takes the bytes, as UTF-8.
        header: what was analysed; it gives the columns of scores.

    Raises:
        InvalidInput: one of the model's labels has the name of another column.
    """

    def __init__(self, stream: BinaryIO, header: VideoHeader) -> None:
        self._stream = stream
        self._header = header
        self._columns = columns(header)

    def __enter__(self) -> Self:
        self._stream.write(csv_row(self._columns))
        return self

    def write(self, record: FrameRecord) -> None:
        """Add the rows of one frame."""
        lines = (csv_row([_cell(value) for value in row]) for row in rows(self._header, record))
        self._stream.write(b"".join(lines))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is left to write: a CSV is whole after every row."""


class FrameJsonWriter:
    """One JSON object like that of pictures; the one entry of its `results` is the video, with a frame a line.

    When an exception ends the `with` block, `complete` is false, and `error` says why if it was mien that raised it.

    Args:
        stream: takes the bytes, as UTF-8.
        header: what was analysed.
    """

    def __init__(self, stream: BinaryIO, header: VideoHeader) -> None:
        self._stream = stream
        self._header = header
        self._separator = "\n"
        self._events: list[dict[str, object]] = []

    def __enter__(self) -> Self:
        entry = header_fields(self._header)
        about = {"format": FORMAT, "version": VERSION}
        about |= {name: entry.pop(name) for name in ("model", "detector", "labels")}
        opening = ",\n".join(f"{json_text(key)}: {json_text(value)}" for key, value in about.items())
        self._stream.write(
            utf8("{\n" + opening + ',\n"results": [\n' + json_text(entry).removesuffix("}") + ', "frames": [')
        )
        return self

    def write(self, record: FrameRecord) -> None:
        """Add one frame."""
        self._stream.write(utf8(self._separator + json_text(_frame(record))))
        self._separator = ",\n"

    def add_events(self, events: Iterable[Event]) -> None:
        """Events to stand after the frames; they may be added at any time within the block."""
        self._events.extend(_event(each) for each in events)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        events = ",\n".join(json_text(each) for each in self._events)
        message = json_text(str(error)) if isinstance(error, MienError) else "null"
        closing = (
            f'\n], "events": [\n{events}\n], "error": {message}}}\n],\n"complete": {json_text(kind is None)}\n}}\n'
        )
        self._stream.write(utf8(closing))


class JsonLinesWriter:
    """A line a frame, each of them a JSON object that stands for itself; none is kept back, so a reader follows live.

    Args:
        stream: takes the bytes, as UTF-8.
        header: what was analysed; its source is in every line.
    """

    def __init__(self, stream: BinaryIO, header: VideoHeader) -> None:
        self._stream = stream
        self._source = header.source

    def __enter__(self) -> Self:
        return self

    def write(self, record: FrameRecord) -> None:
        """Add one frame."""
        self._stream.write(utf8(json_text({"source": self._source, **_frame(record)}) + "\n"))
        self._stream.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is left to write: every line is whole."""


def write_events(events: Iterable[Event], path: Path) -> None:
    """Write a video's events into a file: CSV or JSON, by its ending.

    Raises:
        InvalidInput: the ending is another.
        OSError: the folder cannot be written, or the disk is full; a file of that name is as it was.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".json"):
        raise InvalidInput(f"{path}: events are written as .csv or .json; got the ending {path.suffix!r}")
    found = (_event(each) for each in events)
    with replacing(path) as partial, partial.open("wb") as stream:
        if kind == ".csv":
            stream.write(csv_row(_EVENT_COLUMNS))
            stream.writelines(csv_row(list(each.values())) for each in found)
        else:
            lines = ",\n".join(json_text(each) for each in found)
            about = f'"format": {json_text(FORMAT)},\n"version": {VERSION}'
            stream.write(utf8(f'{{\n{about},\n"events": [\n{lines}\n]\n}}\n'))


def _frame(record: FrameRecord) -> dict[str, object]:
    faces = [_track(face) for face in record["faces"]]
    return {"index": record["index"], "time": seconds(record["time"]), "faces": faces}


def _track(face: TrackRecord) -> dict[str, object]:
    box = face["box"]
    return {
        "track_id": face["track_id"],
        "box": {side: number(box[side]) for side in ("left", "top", "right", "bottom")},
        "detector_score": number(face["detector_score"]),
        "interpolated": face["interpolated"],
        "quality": number(face["quality"]),
        "quality_reasons": list(face["quality_reasons"]),
        "label": face["label"],
        "scores": {label: number(score) for label, score in face["scores"].items()},
        "raw_scores": {label: number(score) for label, score in face["raw_scores"].items()},
        "valence": number(face["valence"]),
        "arousal": number(face["arousal"]),
    }


def _event(event: Event) -> dict[str, object]:
    """In the order of the columns."""
    return {
        "track_id": event["track_id"],
        "label": event["label"],
        "start": seconds(event["start"]),
        "end": seconds(event["end"]),
        "peak": number(event["peak"]),
        "peak_time": seconds(event["peak_time"]),
        "mean": number(event["mean"]),
    }


def _cell(value: Cell) -> Cell:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(value) if isinstance(value, list) else value


def _plain(value: object) -> object:
    """A setting as JSON can have it; what JSON knows nothing of becomes its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
