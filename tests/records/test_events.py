import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien.errors import InvalidInput
from mien.records import Header
from mien.records.events import EventsSink
from mien.records.json_files import JsonSink
from mien.records.rows import CsvSink
from mien.values import Failure, FrameResult


@pytest.fixture
def two_videos(make_frame: Any, make_person: Any, make_face: Any) -> list[FrameResult]:
    """A second of joy then a second of sorrow; a picture; half a second of joy in another video."""
    return [
        *(make_frame(index, make_person(1, happy=0.75)) for index in range(25)),
        *(make_frame(index, make_person(1, sad=0.5 + index / 100)) for index in range(25, 50)),
        FrameResult(source="a.jpg", width=9, height=9, faces=(make_face(0, 0, happy=1),)),
        *(make_frame(index, make_person(1, happy=1), source="=b.mp4") for index in range(13)),
    ]


EVENTS = [
    ("talk.mp4", "1", "happy", "0.0", "1.0", "0.75", "0.0", "0.75"),
    ("talk.mp4", "1", "sad", "1.0", "1.96", "0.99", "1.96", "0.865"),
    ("'=b.mp4", "1", "happy", "0.0", "0.48", "1.0", "0.0", "1.0"),
]


def test_events_of_all_videos_stand_in_one_table(two_videos: list[Any], tmp_path: Path, header: Header) -> None:
    path = tmp_path / "new" / "events.CSV"
    with EventsSink(path, header) as sink:
        for each in two_videos:
            sink.write(each)
    head, *found = csv.reader(io.StringIO(path.read_text()))
    assert head == ["source", "track_id", "label", "start", "end", "peak", "peak_time", "mean"]
    assert [tuple(row) for row in found] == EVENTS
    assert EventsSink.replaces(path)


def test_events_as_json_are_those_of_the_document(two_videos: list[Any], tmp_path: Path, header: Header) -> None:
    path = tmp_path / "events.json"
    document = io.BytesIO()
    with EventsSink(path, header) as sink, JsonSink(document, header) as other:
        for each in two_videos:
            sink.write(each)
            other.write(each)
    found = json.loads(path.read_text())
    videos = [each for each in json.loads(document.getvalue())["results"] if "events" in each]
    expected = [{"source": video["source"], **event} for video in videos for event in video["events"]]
    assert len(expected) == 3
    assert found == {"format": "mien", "version": 2, "events": expected, "complete": True}
    assert EventsSink.replaces(path)


def test_an_event_is_written_as_soon_as_it_has_ended(two_videos: list[Any], header: Header) -> None:
    stream = io.BytesIO()
    with EventsSink(stream, header) as sink:
        for count, each in enumerate(two_videos[:40], start=1):
            sink.write(each)
            assert stream.getvalue().count(b"\n") == 1 + (count > 25)


def test_events_are_whole_after_an_exception(two_videos: list[Any], tmp_path: Path, header: Header) -> None:
    path = tmp_path / "events.json"
    with pytest.raises(KeyboardInterrupt), EventsSink(path, header) as sink:
        for each in two_videos[:40]:
            sink.write(each)
        raise KeyboardInterrupt
    found = json.loads(path.read_text())
    assert found["complete"] is False
    assert [event["label"] for event in found["events"]] == ["happy", "sad"]


def test_a_video_without_faces_has_no_event(make_frame: Any, tmp_path: Path, header: Header) -> None:
    path = tmp_path / "events.json"
    with EventsSink(path, header) as sink:
        sink.write(make_frame(0))
        sink.write(Failure("talk.mp4", "it broke off"))
    assert json.loads(path.read_text())["events"] == []


def test_another_suffix_is_refused(tmp_path: Path, header: Header) -> None:
    with pytest.raises(InvalidInput, match=r"events\.xlsx: .*\.csv or \.json; got the suffix '\.xlsx'"):
        EventsSink(tmp_path / "events.xlsx", header)


def test_only_earlier_events_are_replaced(tmp_path: Path, written: Callable[..., bytes], two_videos: list[Any]) -> None:
    path = tmp_path / "events.csv"
    for content, may in [
        (b"", True),
        (b"track_id,label,start,end,peak,peak_time,mean\n", True),
        (b'{\n"format": "mien",\n"version": 1,\n"events": [', True),
        (written(JsonSink, two_videos), False),
        (written(CsvSink, two_videos), False),
        (b"name,price\n", False),
    ]:
        path.write_bytes(content)
        assert EventsSink.replaces(path) is may


def test_few_analysed_frames_a_second_have_events_too(
    make_frame: Any, make_person: Any, written: Callable[..., bytes]
) -> None:
    """Frames half a second apart were taken for one face that left and came back again and again."""
    frames = [make_frame(12 * index, make_person(1, happy=0.9), time=index / 2) for index in range(20)]
    frames += [make_frame(600, make_person(1, happy=0.9), time=20.0)]
    content = written(EventsSink, frames)
    assert content.decode().splitlines()[1:] == ["talk.mp4,1,happy,0.0,9.5,0.9,0.0,0.9"], "a pause is one still"


@pytest.mark.parametrize(("num_unclear", "expected"), [
    (5, [("happy", 0.0, 1.96)]),
    (15, [("happy", 0.0, 0.76), ("happy", 1.4, 1.96)]),
])  # fmt: skip
def test_unclear_frames_are_part_of_no_event(
    make_frame: Any, make_person: Any, header: Header, num_unclear: int, expected: list[tuple[str, float, float]]
) -> None:
    """As where the face is out of sight: a short stretch is bridged, a longer one ends the event."""
    people = [make_person(1, happy=0.9)] * 50
    people[20 : 20 + num_unclear] = [make_person(1, happy=0.9, uncertain=("unclear",))] * num_unclear
    stream = io.BytesIO()
    with EventsSink(stream, header) as sink:
        for index, person in enumerate(people):
            sink.write(make_frame(index, person))
    rows = csv.DictReader(io.StringIO(stream.getvalue().decode()))
    found = [(row["label"], float(row["start"]), float(row["end"])) for row in rows]
    assert [each[:2] for each in found] == [each[:2] for each in expected]
    assert [each[2] for each in found] == pytest.approx([each[2] for each in expected], abs=0.05)
