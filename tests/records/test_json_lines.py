import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.records import Header
from mien.records.json_lines import JsonLinesSink
from mien.values import Failure, FrameResult


def read(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.decode().split("\n")[:-1]]


def test_a_line_a_picture_frame_or_failure(written: Callable[..., bytes], results: list[Any]) -> None:
    lines = read(written(JsonLinesSink, results))
    fields = ["source", "index", "time", "width", "height", "faces", "drawing", "error"]
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
    first, second = read(written(JsonLinesSink, [Failure(text, text), FrameResult(source=text, width=1, height=1)]))
    assert (first["source"], first["error"], second["source"]) == (text, text, text)


def test_a_name_that_is_not_utf8_survives(written: Callable[..., bytes]) -> None:
    assert read(written(JsonLinesSink, [Failure("caf\udce9.jpg", "x")]))[0]["source"] == "caf\udce9.jpg"


def test_what_cannot_be_written_leaves_no_half_line(header: Header, make_frame: Any) -> None:
    stream = io.BytesIO()
    with pytest.raises(AttributeError), JsonLinesSink(stream, header) as sink:
        sink.write(make_frame(0))
        sink.write(make_frame(1, None))
    assert [line["index"] for line in read(stream.getvalue())] == [0]


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
