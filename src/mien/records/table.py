"""Results as a data frame."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any

from mien.emotions import valence_arousal
from mien.errors import MissingExtra
from mien.records.frames import FrameRecord, TrackRecord, VideoHeader, columns, rows
from mien.records.wire import BoxRecord
from mien.tracking.events import Event, EventFinder
from mien.values import Box, Face, FrameResult


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
        "quality": 1.0 if face.quality is None else face.quality,
        "quality_reasons": list(face.quality_reasons),
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


def as_table(results: Iterable[FrameResult], *, source: str = "", labels: tuple[str, ...] | None = None) -> Any:
    """Results as a data frame of pandas, or of polars if only that is installed: the columns of the CSV.

    Args:
        results: of `Analyzer.stream`.
        source: what to write into the column of that name.
        labels: the model's; taken from the first face when left out, and needed only if there may be none.

    Raises:
        MissingExtra: neither is installed.
    """
    records = [frame_record(result) for result in results]
    if labels is None:
        labels = next((tuple(face["scores"]) for record in records for face in record["faces"]), ())
    header = VideoHeader(source=source, width=0, height=0, rate=None, labels=labels, model="", detector="")
    names = [name for name in columns(header) if name not in ("width", "height")]
    cells = [dict(zip(columns(header), row, strict=True)) for record in records for row in rows(header, record)]
    table = {name: [row[name] for row in cells] for name in names}
    if find_spec("pandas"):
        import pandas

        return pandas.DataFrame(table)
    if find_spec("polars"):
        import polars

        return polars.DataFrame(table, strict=False)
    raise MissingExtra("A data frame", "table")
