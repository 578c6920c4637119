import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.emotions import EMOTIONS
from mien.records import CsvWriter, Header, JsonWriter, Record, error_record, record, results_file
from mien.values import Face

HEADER = Header(model="mini-xception", detector="haar", labels=EMOTIONS, options={"min_face": 40})


def as_json(*records: Record) -> Any:
    stream = io.BytesIO()
    with JsonWriter(stream, HEADER) as writer:
        for each in records:
            writer.write(each)
    return json.loads(stream.getvalue())


def as_csv(*records: Record) -> list[dict[str, str]]:
    stream = io.BytesIO()
    with CsvWriter(stream, HEADER) as writer:
        for each in records:
            writer.write(each)
    return list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))


def test_json_holds_everything(make_face: Callable[..., Face]) -> None:
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    face = make_face(10.5, 20, happy=0.75, landmarks=points)
    result = as_json(record("a.jpg", (640, 480), [face]), record("b.jpg", (1, 1), []), error_record("c.jpg", "broken"))
    assert {"format": "mien", "version": 1, "model": "mini-xception", "complete": True}.items() <= result.items()
    assert result["detector_options"] == {"min_face": 40}
    first, second, third = result["results"]
    assert first == {
        "source": "a.jpg", "width": 640, "height": 480, "error": None,
        "faces": [{
            "box": {"left": 10.5, "top": 20.0, "right": 60.5, "bottom": 70.0}, "detector_score": 7.0,
            "landmarks": points.tolist(), "label": "happy", "track_id": None,
            "scores": {name: {"happy": 0.75, "neutral": 0.25}.get(name, 0.0) for name in EMOTIONS},
        }],
    }  # fmt: skip
    assert second["faces"] == []
    assert third == {"source": "c.jpg", "width": None, "height": None, "faces": [], "error": "broken"}


def test_csv_has_a_row_a_face_and_one_for_none(make_face: Callable[..., Face]) -> None:
    faces = [make_face(0, 0, happy=0.9), make_face(100, 50, sad=0.6)]
    rows = as_csv(record("a.jpg", (640, 480), faces), record("b.jpg", (9, 9), []), error_record("c.jpg", "broken"))
    assert [(row["source"], row["face"], row["label"], row["error"]) for row in rows] == [
        ("a.jpg", "0", "happy", ""), ("a.jpg", "1", "sad", ""), ("b.jpg", "", "", ""), ("c.jpg", "", "", "broken"),
    ]  # fmt: skip
    assert list(rows[0])[-8:] == [*EMOTIONS, "error"]
    assert float(rows[1]["sad"]) == pytest.approx(0.6)


@given(st.floats(0, 1, width=32))
def test_no_digit_of_a_score_is_lost(share: float) -> None:
    from mien.values import Box, Detection, Prediction

    scores = np.array([share, 1 - np.float32(share)], np.float32)
    face = Face(Detection(Box(0, 0, 1, 1), 1.0), Prediction(("a", "b"), scores))
    (written,) = as_json(record("x", (1, 1), [face]))["results"]
    assert np.float32(written["faces"][0]["scores"]["a"]) == np.float32(share)


@given(st.text(max_size=40))
def test_any_name_and_message_survive(text: str) -> None:
    (row,) = as_json(error_record(text, text))["results"]
    if "\x00" not in text and not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        assert row["source"] == row["error"] == text
        (line,) = as_csv(error_record(text, text))
        assert line["source"] == text


def test_a_name_that_is_not_utf8_can_be_written() -> None:
    (row,) = as_json(error_record("caf\udce9.jpg", "x"))["results"]
    assert "caf" in row["source"]
    assert "caf" in as_csv(error_record("caf\udce9.jpg", "x"))[0]["source"]


def test_json_is_whole_after_an_error() -> None:
    stream = io.BytesIO()
    with pytest.raises(RuntimeError), JsonWriter(stream, HEADER) as writer:
        writer.write(error_record("a", "x"))
        raise RuntimeError
    result = json.loads(stream.getvalue())
    assert result["complete"] is False
    assert len(result["results"]) == 1


def test_a_file_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    with results_file(path) as stream:
        stream.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("end", [KeyboardInterrupt, ValueError])
def test_what_was_done_is_kept_whatever_ends_the_block(tmp_path: Path, end: type[BaseException]) -> None:
    with pytest.raises(end), results_file(tmp_path / "r.json") as stream:
        stream.write(b"what was done")
        raise end
    assert (tmp_path / "r.json").read_text() == "what was done"
