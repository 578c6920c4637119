"""Results as a data frame."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any

from mien.emotions import valence_arousal
from mien.errors import MissingExtra
from mien.records.frames import FrameRecord, TrackRecord
from mien.records.rows import Cell, columns, rows
from mien.records.sink import Header
from mien.records.wire import BoxRecord
from mien.tracking.events import Event, EventFinder
from mien.values import Box, Face, Failure, FrameResult


def frame_record(result: FrameResult) -> FrameRecord:
    """A result as it leaves mien."""
    return {
        "index": result.index,
        "time": result.time,
        "faces": [_track_record(face) for face in result.faces],
        "doubtful": [_box_record(box) for box in result.doubtful],
    }


def _box_record(box: Box) -> BoxRecord:
    left, top, right, bottom = map(float, box)
    return {"left": left, "top": top, "right": right, "bottom": bottom}


def _track_record(face: Face) -> TrackRecord:
    raw = face.raw or face.prediction
    circumplex = valence_arousal(face.prediction.labels, face.prediction.scores)
    valence, arousal = circumplex or (None, None)
    return {
        "track_id": face.track_id or 0,
        "box": _box_record(face.box),
        "detector_score": face.detection.score,
        "interpolated": face.interpolated,
        "quality": 1.0 if face.quality is None else face.quality.score,
        "quality_reasons": list(face.quality.reasons if face.quality else ()),
        "label": face.label,
        "scores": face.scores,
        "raw_scores": dict(zip(raw.labels, raw.scores.tolist(), strict=True)),
        "valence": valence,
        "arousal": arousal,
    }


def events_of(records: Iterable[FrameRecord]) -> Iterator[Event]:
    """The stretches of time in which a face keeps a label, in the order in which they end."""
    finder = EventFinder()
    for record in records:
        for face in record["faces"]:
            label = face["label"]
            yield from finder.add(face["track_id"], record["time"], label, face["scores"][label])
        yield from finder.tick(record["time"])
    yield from finder.close()


def as_table(results: Iterable[FrameResult | Failure], *, labels: tuple[str, ...] | None = None) -> Any:
    """Results as a data frame of pandas, or of polars if only that is installed: the columns of the CSV.

        >>> as_table(mien.Analyzer().stream("talk.mp4"))  # doctest: +SKIP

    Args:
        results: Pictures, frames and failures, in any order.
        labels: The model's labels, K of them; taken from the first face when left out, and needed only if there may be
            no face.

    Raises:
        InvalidInput: One of the labels has the name of another column.
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
    if labels is None:
        faces = (face for result in found if isinstance(result, FrameResult) for face in result.faces)
        labels = next((face.prediction.labels for face in faces), ())
    header = Header(model="a table", detector="", labels=labels)
    table: dict[str, list[Cell]] = {name: [] for name in columns(header)}
    for row in (row for result in found for row in rows(header, result)):
        for column, cell in zip(table.values(), row, strict=True):
            column.append(cell)
    return table
