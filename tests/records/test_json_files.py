import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.emotions import EMOTIONS
from mien.records import Header
from mien.records.json_files import JsonLinesSink, JsonSink
from mien.values import Failure, FrameResult, VideoInfo


def test_the_object_says_how_results_were_made(written: Callable[..., bytes]) -> None:
    assert json.loads(written(JsonSink, [])) == {
        "format": "mien", "version": 2, "model": "mini-xception", "detector": "yunet",
        "detector_options": {"min_face": 40}, "reading": None, "prior": None, "max_error": None, "sets": None,
        "views": 1, "labels": list(EMOTIONS),
        "settings": {"every": 1, "smoothing": 0.5, "model_file": str(Path("a") / "b.onnx"), "window": [0.5, "nan"]},
        "results": [], "drift": None, "complete": True,
    }  # fmt: skip


def test_pictures_videos_and_failures_stand_side_by_side(written: Callable[..., bytes], results: list[Any]) -> None:
    picture, video, broken, empty = json.loads(written(JsonSink, results))["results"]
    assert picture == {
        "source": "a.jpg", "width": 640, "height": 480, "faces": [results[0].faces[0].to_dict()], "drawing": None,
        "explanations": [], "error": None,
    }  # fmt: skip
    assert {name: value for name, value in video.items() if name != "frames"} == {
        "source": "talk.mp4", "width": 640, "height": 360, "rate": 25.0, "started_at": None, "drawing": None,
        "events": [], "error": "talk.mp4: it broke off",
    }  # fmt: skip
    assert video["frames"] == [
        {"index": each.index, "time": each.time, "faces": [face.to_dict() for face in each.faces]}
        for each in results[1:4]
    ]
    assert broken == {
        "source": "b.jpg", "width": None, "height": None, "faces": [], "drawing": None, "explanations": [],
        "error": "b.jpg: no picture",
    }  # fmt: skip
    assert (empty["faces"], empty["drawing"]) == ([], "out/c.jpg")


def test_a_line_a_picture_and_a_line_a_frame(written: Callable[..., bytes], results: list[Any]) -> None:
    lines = [line.removesuffix(",") for line in written(JsonSink, results).decode().splitlines()]
    assert [json.loads(line)["index"] for line in lines if line.startswith('{"index"')] == [0, 1, 2]
    pictures = [line for line in lines if line.startswith('{"source"') and line.endswith("}")]
    assert [json.loads(line)["source"] for line in pictures] == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_video_ends_when_another_comes(written: Callable[..., bytes], make_frame: Any, make_person: Any) -> None:
    started = VideoInfo(started_at="2024-05-01T12:30:00+00:00")
    frames = [make_frame(index, make_person(1, happy=0.75)) for index in range(10)]
    other = [make_frame(index, make_person(1, sad=0.5), source="b.mp4", video=started) for index in (3, 4)]
    picture = FrameResult(source="talk.mp4", width=1, height=1)
    results = json.loads(written(JsonSink, [*frames, *frames[:2], *other, picture, frames[5]]))["results"]
    assert [(each["source"], [frame["index"] for frame in each.get("frames", [])]) for each in results] == [
        ("talk.mp4", [*range(10)]), ("talk.mp4", [0, 1]), ("b.mp4", [3, 4]), ("talk.mp4", []), ("talk.mp4", [5]),
    ]  # fmt: skip
    assert (results[2]["rate"], results[2]["started_at"]) == (None, "2024-05-01T12:30:00+00:00")
    (event,) = results[0]["events"]
    assert event == {
        "track_id": 1, "label": "happy", "start": 0.0, "end": 0.36, "peak": 0.75, "peak_time": 0.0, "mean": 0.75,
    }  # fmt: skip
    assert results[1]["events"] == []


def test_a_failure_of_another_source_does_not_break_a_video(written: Callable[..., bytes], make_frame: Any) -> None:
    video, other = json.loads(written(JsonSink, [make_frame(0), Failure("b.jpg", "gone")]))["results"]
    assert (video["error"], other["source"], other["error"]) == (None, "b.jpg", "gone")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_object_is_whole_after_an_exception(header: Header, results: list[Any], error: type[BaseException]) -> None:
    for count in range(len(results) + 1):
        stream = io.BytesIO()
        with pytest.raises(error), JsonSink(stream, header) as sink:
            for each in results[:count]:
                sink.write(each)
            raise error
        document = json.loads(stream.getvalue())
        assert document["complete"] is False
        frames = sum(len(each.get("frames", [0])) for each in document["results"])
        assert frames == count - (count > 4)  # the video's own failure is not a result


def test_what_cannot_be_written_leaves_nothing_half_written(header: Header, make_frame: Any) -> None:
    stream = io.BytesIO()
    with pytest.raises(AttributeError), JsonSink(stream, header) as sink:
        sink.write(make_frame(0))
        sink.write(make_frame(1, None))
    (video,) = json.loads(stream.getvalue())["results"]
    assert [frame["index"] for frame in video["frames"]] == [0]


@given(st.text(), st.floats(1, 1e5, width=32))
def test_any_name_and_number_survives(written: Callable[..., bytes], make_frame: Any, text: str, rate: float) -> None:
    header = Header(model=text, detector=text, labels=(f"a{text}", "b"), settings={text: rate})
    frame = make_frame(0, source=text, video=VideoInfo(rate))
    document = json.loads(written(JsonSink, [frame, Failure(text, text), Failure(text, text)], header))
    video, failure = document["results"]
    assert (document["model"], document["settings"]) == (text, {text: rate})
    assert (video["source"], video["error"], failure["error"]) == (text, text, text)
    assert np.float32(video["rate"]) == np.float32(rate)


def test_a_file_takes_its_name_when_the_block_ends(tmp_path: Path, header: Header, results: list[Any]) -> None:
    path = tmp_path / "r.json"
    path.write_text("earlier")
    with JsonSink(path, header) as sink:
        for each in results:
            sink.write(each)
        assert path.read_text() == "earlier"
    assert len(json.loads(path.read_text())["results"]) == 4
    assert list(tmp_path.iterdir()) == [path]


def test_only_an_earlier_object_is_replaced(tmp_path: Path, written: Callable[..., bytes], results: list[Any]) -> None:
    path = tmp_path / "r.json"
    for content, may in [
        (b"", True),
        (written(JsonSink, results), True),
        (b'{\n"format": "mien",\n"version": 1,\n"model": "rep-small",\n', True),
        (b'{\n"format": "mien",\n"version": 2,\n"events": []}', False),
        (b'{"model": "rep-small"}', False),
        (b'["format", "mien"]', False),
    ]:
        path.write_bytes(content)
        assert JsonSink.replaces(path) is may


def lines_of(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.decode().split("\n")[:-1]]


def test_a_line_a_picture_frame_or_failure(written: Callable[..., bytes], results: list[Any]) -> None:
    lines = lines_of(written(JsonLinesSink, results))
    fields = ["source", "index", "time", "width", "height", "faces", "drawing", "explanations", "error"]
    assert all(list(line) == fields for line in lines)
    assert [(line["source"], line["index"], len(line["faces"]), line["error"]) for line in lines] == [
        ("a.jpg", 0, 1, None),
        ("talk.mp4", 0, 0, None),
        ("talk.mp4", 1, 2, None),
        ("talk.mp4", 2, 1, None),
        ("talk.mp4", None, 0, "talk.mp4: it broke off"),
        ("b.jpg", None, 0, "b.jpg: no picture"),
        ("c.jpg", 0, 0, None),
    ]
    assert lines[2]["faces"] == [face.to_dict() for face in results[2].faces]
    assert (lines[3]["time"], lines[6]["drawing"]) == (3600.1, "out/c.jpg")
    assert written(JsonLinesSink, []) == b""


def test_every_line_is_out_before_the_next_frame_comes(header: Header, results: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "live.jsonl"
    with path.open("wb") as stream, JsonLinesSink(stream, header) as sink:
        for count, each in enumerate(results, start=1):
            sink.write(each)
            assert path.read_bytes().count(b"\n") == count


@given(st.text())
def test_any_name_survives(written: Callable[..., bytes], text: str) -> None:
    first, second = lines_of(written(JsonLinesSink, [Failure(text, text), FrameResult(source=text, width=1, height=1)]))
    assert (first["source"], first["error"], second["source"]) == (text, text, text)


def test_a_name_that_is_not_utf8_survives(written: Callable[..., bytes]) -> None:
    assert lines_of(written(JsonLinesSink, [Failure("caf\udce9.jpg", "x")]))[0]["source"] == "caf\udce9.jpg"


def test_what_cannot_be_written_leaves_no_half_line(header: Header, make_frame: Any) -> None:
    stream = io.BytesIO()
    with pytest.raises(AttributeError), JsonLinesSink(stream, header) as sink:
        sink.write(make_frame(0))
        sink.write(make_frame(1, None))
    assert [line["index"] for line in lines_of(stream.getvalue())] == [0]


def test_only_earlier_lines_are_replaced(tmp_path: Path, written: Callable[..., bytes], results: list[Any]) -> None:
    path = tmp_path / "r.jsonl"
    for content, may in [
        (b"", True),
        (written(JsonLinesSink, results), True),
        (b'{"source": "talk.mp4", "index": 0, "time": 0.0, "faces": []}\n', True),
        (b'{"source": "talk.mp4", "prices": []}\n{"faces": []}\n', False),
        (b'{"text": "a"}\n', False),
    ]:
        path.write_bytes(content)
        assert JsonLinesSink.replaces(path) is may


def test_drift_stands_at_the_end(
    written: Callable[..., bytes], header: Header, reference: Any, make_picture: Any
) -> None:
    dark = [make_picture(number, 0.05) for number in range(60)]
    document = json.loads(written(JsonSink, dark, replace(header, reference=reference)))
    assert [*document][-2:] == ["drift", "complete"]
    drift = document["drift"]
    assert (drift["model"], drift["num_reference"], drift["num_units"]) == ("even", 1000, 60)
    assert [finding["name"] for finding in drift["image"]] == ["brightness"]
    assert (drift["image"][0]["level"], drift["image"][0]["share"]) == (0.1, 1.0)
    assert [finding["name"] for finding in drift["classes"]] == [
        "happy", "angry", "disgust", "fear", "sad", "surprise", "neutral",
    ]  # fmt: skip
    assert drift["shares"]["happy"] == {"share": 1.0, "reference": pytest.approx(1 / 7)}
    assert "reference" not in document
