import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.emotions import EMOTIONS
from mien.errors import InvalidInput, VideoError
from mien.records import (
    Event,
    FrameCsvWriter,
    FrameJsonWriter,
    FrameRecord,
    JsonLinesWriter,
    TrackRecord,
    VideoHeader,
    write_events,
)

Writer = type[FrameCsvWriter] | type[FrameJsonWriter] | type[JsonLinesWriter]

EVENTS = [
    Event(track_id=1, label="happy", start=0.1, end=1 / 3, peak=0.75, peak_time=0.2, mean=0.5),
    Event(track_id=2, label="sad", start=3600.04, end=3601.0, peak=1.0, peak_time=3600.08, mean=0.9),
]


def written(kind: Writer, header: VideoHeader, *records: FrameRecord) -> bytes:
    stream = io.BytesIO()
    with kind(stream, header) as writer:
        for each in records:
            writer.write(each)
    return stream.getvalue()


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


@pytest.fixture
def records(make_track: Callable[..., TrackRecord]) -> list[FrameRecord]:
    return [
        FrameRecord(index=0, time=0.0, faces=[]),
        FrameRecord(index=1, time=1 / 30, faces=[make_track(1, happy=0.75, valence=0.5), make_track(2, sad=1)]),
        FrameRecord(index=2, time=3600.1, faces=[make_track(2, interpolated=True, label="happy", sad=0.25)]),
    ]


def test_csv_has_a_row_a_face_and_frame(video_header: VideoHeader, records: list[FrameRecord]) -> None:
    rows = table(written(FrameCsvWriter, video_header, *records))
    assert [(row["frame"], row["track_id"], row["label"]) for row in rows] == [
        ("0", "", ""), ("1", "1", "happy"), ("1", "2", "sad"), ("2", "2", "happy"),
    ]  # fmt: skip
    assert list(rows[0]) == [
        "source", "frame", "time", "width", "height", "track_id", "left", "top", "right", "bottom", "detector_score",
        "interpolated", "quality", "quality_reasons", "label", *EMOTIONS, *(f"raw_{name}" for name in EMOTIONS),
        "valence", "arousal",
    ]  # fmt: skip
    assert {name for name, value in rows[0].items() if value} == {"source", "frame", "time", "width", "height"}
    first, last = rows[1], rows[3]
    assert float(first["time"]) == 1 / 30
    assert (first["left"], first["right"], first["bottom"], first["detector_score"]) == (
        "10.5",
        "110.5",
        "130.25",
        "0.875",
    )
    assert (first["happy"], first["neutral"], first["raw_happy"], first["sad"]) == ("0.75", "0.25", "0.75", "0.0")
    assert (first["valence"], first["arousal"], first["interpolated"]) == ("0.5", "-0.5", "false")
    assert (last["interpolated"], last["detector_score"], last["quality_reasons"], last["valence"]) == (
        "true", "", "blurred;turned away", "",
    )  # fmt: skip


def test_json_is_one_video_among_the_results(video_header: VideoHeader, records: list[FrameRecord]) -> None:
    started = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
    stream = io.BytesIO()
    with FrameJsonWriter(stream, replace(video_header, started_at=started)) as writer:
        for each in records:
            writer.write(each)
        writer.add_events(EVENTS)
    result = json.loads(stream.getvalue())
    assert {
        "format": "mien",
        "version": 1,
        "model": "mini-xception",
        "detector": "yunet",
        "complete": True,
    }.items() <= (result.items())
    assert result["labels"] == list(EMOTIONS)
    (video,) = result["results"]
    assert {key: video[key] for key in ("source", "width", "height", "rate", "started_at", "error")} == {
        "source": "talk.mp4", "width": 640, "height": 360, "rate": 25.0, "started_at": "2024-05-01T12:30:00+00:00",
        "error": None,
    }  # fmt: skip
    assert video["settings"] == {
        "every": 1, "smoothing": 0.5, "model_file": str(Path("a") / "b.onnx"), "window": [0.5, "nan"],
    }  # fmt: skip
    assert video["frames"] == records
    assert video["events"] == EVENTS


def test_json_holds_a_frame_a_line(video_header: VideoHeader, records: list[FrameRecord]) -> None:
    lines = written(FrameJsonWriter, video_header, *records).decode().splitlines()
    assert [json.loads(line.removesuffix(",")) for line in lines if line.startswith('{"index"')] == records


def test_json_lines_are_frames_and_nothing_else(video_header: VideoHeader, records: list[FrameRecord]) -> None:
    lines = written(JsonLinesWriter, video_header, *records).decode().splitlines()
    assert [json.loads(line) for line in lines] == [{"source": "talk.mp4", **each} for each in records]
    assert written(JsonLinesWriter, video_header) == b""


def test_every_line_is_out_before_the_next_frame_comes(
    video_header: VideoHeader, records: list[FrameRecord], tmp_path: Path
) -> None:
    path = tmp_path / "live.jsonl"
    with path.open("wb") as stream, JsonLinesWriter(stream, video_header) as writer:
        for count, each in enumerate(records, start=1):
            writer.write(each)
            assert path.read_bytes().count(b"\n") == count


@pytest.mark.parametrize(
    ("error", "message"), [(VideoError("talk.mp4: it broke"), "talk.mp4: it broke"), (KeyboardInterrupt(), None)]
)
def test_json_is_whole_when_the_video_breaks(
    video_header: VideoHeader, records: list[FrameRecord], error: BaseException, message: str | None
) -> None:
    stream = io.BytesIO()
    with pytest.raises(type(error)), FrameJsonWriter(stream, video_header) as writer:
        writer.write(records[1])
        raise error
    result = json.loads(stream.getvalue())
    assert result["complete"] is False
    assert result["results"][0]["frames"] == [records[1]]
    assert result["results"][0]["error"] == message


@pytest.mark.parametrize("kind", [FrameCsvWriter, FrameJsonWriter, JsonLinesWriter])
def test_a_record_that_lacks_a_field_leaves_nothing_half_written(
    kind: Writer, video_header: VideoHeader, records: list[FrameRecord]
) -> None:
    broken: Any = {"index": 9, "time": 9.0, "faces": [*records[1]["faces"], {"track_id": 4}]}
    stream = io.BytesIO()
    with pytest.raises(KeyError), kind(stream, video_header) as writer:
        writer.write(records[1])
        writer.write(broken)
    text = stream.getvalue().decode()
    if kind is FrameCsvWriter:
        assert [row["frame"] for row in table(stream.getvalue())] == ["1", "1"]
    elif kind is JsonLinesWriter:
        assert [json.loads(line)["index"] for line in text.splitlines()] == [1]
    else:
        assert [frame["index"] for frame in json.loads(text)["results"][0]["frames"]] == [1]


def test_the_fewest_digits_of_32_bits_are_written_but_times_keep_64(
    video_header: VideoHeader, make_track: Callable[..., TrackRecord]
) -> None:
    share = float(np.float32(0.1))
    data = written(
        FrameCsvWriter, video_header, FrameRecord(index=7, time=3599.9666666666667, faces=[make_track(1, happy=share)])
    )
    (row,) = table(data)
    assert (row["happy"], row["raw_happy"], row["time"]) == ("0.1", "0.1", "3599.9666666666667")


@pytest.mark.parametrize("kind", [FrameCsvWriter, FrameJsonWriter, JsonLinesWriter])
@given(value=st.floats(width=32), quality=st.floats(width=32), text=st.text())
def test_any_number_and_name_can_be_written_and_read_back(
    kind: Writer, value: float, quality: float, text: str
) -> None:
    header = VideoHeader(
        source=text, width=1, height=1, rate=value, labels=("a",), model="m", detector="d", settings={text: value}
    )
    face = TrackRecord(
        track_id=1, box={"left": value, "top": 0.0, "right": 1.0, "bottom": None}, detector_score=value,
        interpolated=False, quality=quality, quality_reasons=[text], label="a", scores={"a": value},
        raw_scores={"a": value}, valence=value, arousal=None,
    )  # fmt: skip
    data = written(kind, header, FrameRecord(index=0, time=value, faces=[face]))
    left: Any
    if kind is FrameCsvWriter:
        if "\x00" in text:
            return
        (row,) = table(data)
        left = float(row["left"]) if row["left"] else None
    else:
        loaded = json.loads(data)
        left = (loaded["results"][0]["frames"][0] if kind is FrameJsonWriter else loaded)["faces"][0]["box"]["left"]
    assert left is None if not np.isfinite(value) else np.float32(left) == np.float32(value)


@pytest.mark.parametrize(
    ("labels", "name"), [(("happy", "time"), "time"), (("a", "raw_a"), "raw_a"), (("a", "a"), "a")]
)
def test_a_label_that_is_another_columns_name_is_refused(
    video_header: VideoHeader, labels: tuple[str, ...], name: str
) -> None:
    with pytest.raises(InvalidInput, match=f"talk.mp4: .* two columns '{name}'"):
        FrameCsvWriter(io.BytesIO(), replace(video_header, labels=labels))


def test_events_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "new" / "events.CSV"
    write_events(iter(EVENTS), path)
    assert path.read_text() == (
        "track_id,label,start,end,peak,peak_time,mean\n"
        "1,happy,0.1,0.3333333333333333,0.75,0.2,0.5\n"
        "2,sad,3600.04,3601.0,1.0,3600.08,0.9\n"
    )


@pytest.mark.parametrize("events", [EVENTS, []])
def test_events_as_json(tmp_path: Path, events: list[Event]) -> None:
    path = tmp_path / "events.json"
    write_events(iter(events), path)
    assert json.loads(path.read_text()) == {"format": "mien", "version": 1, "events": events}


def test_events_of_another_ending_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"events\.xlsx: .*\.csv or \.json; got the ending '\.xlsx'"):
        write_events(EVENTS, tmp_path / "events.xlsx")


def test_events_that_break_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("old")
    with pytest.raises(KeyError):
        write_events([EVENTS[0], {"track_id": 1}], path)  # type: ignore[typeddict-item]
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["events.csv"]
