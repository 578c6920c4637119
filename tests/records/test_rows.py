import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.emotions import EMOTIONS
from mien.errors import InvalidInput, MissingExtra
from mien.records import Header, as_table
from mien.records.rows import CsvSink, columns, rows, table_columns
from mien.values import MEASURES, Box, Crop, Detection, Face, Failure, FrameResult, Prediction, VideoInfo

OUTPUT = Path(__file__).parents[2] / "docs" / "output.md"


def test_the_columns_are_those_of_the_documents() -> None:
    text = OUTPUT.read_text(encoding="utf-8")
    listed = text[text.index("`source, frame") : text.index("`frame` is the frame's number")]
    before, between, after = re.fullmatch(r"`(.*?),`(.*raw_.*)`, (.*?)`", listed.strip(), re.DOTALL).groups()  # type: ignore[union-attr]
    assert "each label" in between
    documented = [*re.split(r",\s+", before), "happy", "raw_happy", *re.split(r",\s+", after)]
    assert documented == [*columns(Header(model="m", detector="d", labels=("happy",)))]


COLUMNS = [
    "source", "frame", "time", "width", "height", "face", "track_id", "left", "top", "right", "bottom",
    "crop_x", "crop_y", "crop_side", "roll", "yaw", "right_eye_x", "right_eye_y", "left_eye_x", "left_eye_y",
    "nose_x", "nose_y", "mouth_right_x", "mouth_right_y", "mouth_left_x", "mouth_left_y",
    "detector_score", "interpolated", "returned", "quality", "quality_reasons",
    *(f"quality_{name}" for name in MEASURES), "reading", "label", *EMOTIONS,
    *(f"raw_{name}" for name in EMOTIONS), "valence", "arousal", "uncertain", "prediction_set", "drawing",
    "explanation", "error",
]  # fmt: skip


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def filled(row: dict[str, str]) -> set[str]:
    return {name for name, value in row.items() if value}


def test_pictures_and_videos_share_one_table(written: Callable[..., bytes], results: list[Any]) -> None:
    rows = read(written(CsvSink, results))
    assert [(row["source"], row["frame"], row["face"], row["track_id"], row["label"]) for row in rows] == [
        ("a.jpg", "0", "0", "", "happy"),
        ("talk.mp4", "0", "", "", ""),
        ("talk.mp4", "1", "0", "1", "happy"),
        ("talk.mp4", "1", "1", "2", "sad"),
        ("talk.mp4", "2", "0", "2", "happy"),
        ("talk.mp4", "", "", "", ""),
        ("b.jpg", "", "", "", ""),
        ("c.jpg", "0", "", "", ""),
    ]
    assert list(rows[0]) == COLUMNS
    frame = {"source", "frame", "time", "width", "height"}
    assert filled(rows[1]) == frame
    assert filled(rows[5]) == {"source", "error"}
    assert filled(rows[7]) == {*frame, "drawing"}
    assert (rows[0]["time"], rows[0]["raw_happy"], rows[0]["interpolated"]) == ("0.0", "", "false")


def test_every_cell_of_a_face(written: Callable[..., bytes], make_frame: Any, make_person: Any) -> None:
    face = make_person(2, interpolated=True, happy=0.75, uncertain=("small", "dark"), prediction_set=("happy", "sad"))
    (row,) = read(written(CsvSink, [make_frame(7, face, time=1 / 30, drawing="talk-drawn.mp4")]))
    assert float(row["time"]) == 1 / 30
    expected = {
        "frame": "7", "width": "640", "height": "360", "face": "0", "track_id": "2", "left": "10.5", "top": "20.0",
        "right": "110.5", "bottom": "130.25", "detector_score": "0.875", "interpolated": "true", "quality": "75.5",
        "quality_reasons": "blurred;turned", "label": "happy", "happy": "0.75", "neutral": "0.25", "sad": "0.0",
        "raw_angry": "0.25", "raw_happy": "0.75", "valence": "0.675", "arousal": "0.3", "uncertain": "small;dark",
        "prediction_set": "happy;sad", "drawing": "talk-drawn.mp4", "error": "",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_the_fewest_digits_of_32_bits_are_written_but_times_keep_64(
    written: Callable[..., bytes], make_frame: Any, make_person: Any
) -> None:
    (row,) = read(written(CsvSink, [make_frame(9, make_person(happy=np.float32(0.1)), time=3599.9666666666667)]))
    assert (row["happy"], row["time"]) == ("0.1", "3599.9666666666667")


@given(share=st.floats(0, 1, width=32), place=st.floats(0, 1e6), text=st.text(), name=st.text())
def test_any_number_and_name_can_be_read_back(
    written: Callable[..., bytes], share: float, place: float, text: str, name: str
) -> None:
    labels = (f"a{name}", "b")
    scores = np.array([share, 1 - np.float32(share)], np.float32)
    face = Face(Detection(Box(place, 0, place + 1, 2), share), Prediction(labels, scores))
    header = Header(model="m", detector="d", labels=labels)
    result = FrameResult(source=f"s{text}", width=1, height=1, faces=(face,))
    first, second = read(written(CsvSink, [result, Failure("x", f"e{text}")], header))
    assert np.float32(first[labels[0]]) == np.float32(share)
    assert np.float32(first["left"]) == np.float32(place)
    assert (first["source"], second["error"]) == (f"s{text}", f"e{text}")
    assert first["label"] in labels


def test_a_name_that_is_not_utf8_can_be_written(written: Callable[..., bytes]) -> None:
    assert read(written(CsvSink, [Failure("caf\udce9.jpg", "x")]))[0]["source"] == "caf\\udce9.jpg"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_taken_for_a_formula(written: Callable[..., bytes], make_frame: Any, start: str) -> None:
    formula = f"{start}cmd|' /C calc'!A0"
    scores = np.array([0.75, 0.25], np.float32)
    face = Face(
        Detection(Box(0, 0, 5, 5), 0.5, crop=Crop(2, 2, 5, -3.5)), Prediction((formula, "b"), scores), 1,
        raw=Prediction((formula, "b"), scores), uncertain=(formula,), prediction_set=(formula, "b"),
    )  # fmt: skip
    header = Header(model="m", detector="d", labels=(formula, "b"))
    frame = make_frame(0, face, source=formula, drawing=formula)
    rows = read(written(CsvSink, [frame, Failure(formula, formula)], header))
    for cell in (*rows[0], *rows[0].values(), *rows[1].values()):
        assert cell == "-3.5" or not cell.startswith(start)
    names = "source", "label", "uncertain", "drawing"
    assert [rows[0][name] for name in names] == [f"'{formula}"] * 4
    assert rows[0][f"'{formula}"] == "0.75"


@pytest.mark.parametrize(
    ("labels", "name"),
    [*(((name, "b"), name) for name in COLUMNS if name not in EMOTIONS and not name.startswith("raw_")),
     (("happy", "raw_happy"), "raw_happy"), (("a", "a"), "a")],
)  # fmt: skip
def test_a_label_that_is_another_columns_name_is_refused_before_a_file_is_touched(
    tmp_path: Path, header: Header, labels: tuple[str, ...], name: str
) -> None:
    path = tmp_path / "earlier.csv"
    path.write_text("earlier")
    with pytest.raises(InvalidInput, match=f"mini-xception: its label '{name}'"):
        CsvSink(path, replace(header, labels=labels))
    assert path.read_text() == "earlier"


def test_what_cannot_be_written_leaves_no_half_row(
    written: Callable[..., bytes], header: Header, make_frame: Any
) -> None:
    stream = io.BytesIO()
    with pytest.raises(AttributeError), CsvSink(stream, header) as sink:
        sink.write(make_frame(0))
        sink.write(make_frame(1, None))
    assert [row["frame"] for row in read(stream.getvalue())] == ["0"]


@pytest.mark.parametrize(
    ("content", "may"),
    [
        ("", True),
        ("source,frame,time,width,height,face,track_id,left,drawing,error\n", True),
        ("source,width,height,face,left,top,right,bottom,detector_score,label,happy,error\n", True),
        ("source,frame,time,width,height,track_id,left,top,right,valence,arousal\n", True),
        ("source,price\n", False),
        ("emotion,pixels,Usage\n", False),
        ("source,second,track_id,frames,label\n", False),
        ("\xff\x00", False),
    ],
)
def test_only_an_earlier_table_is_replaced(tmp_path: Path, content: str, may: bool) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert CsvSink.replaces(path) is may


def test_what_is_written_may_be_replaced(tmp_path: Path, written: Callable[..., bytes], results: list[Any]) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(written(CsvSink, results))
    assert CsvSink.replaces(path)


def test_a_video_without_end_needs_no_more_memory(make_frame: Any, make_person: Any, header: Header) -> None:
    import tracemalloc

    class Nowhere(io.BytesIO):
        def write(self, data: Any) -> int:
            return len(data)

    frame = make_frame(0, make_person(1, happy=0.9), video=VideoInfo())
    with CsvSink(Nowhere(), header) as sink:
        sink.write(frame)
        tracemalloc.start()
        for _ in range(1000):
            sink.write(frame)
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert grown < 50_000


def test_the_columns_are_those_of_the_csv(results: list[Any], header: Header) -> None:
    table = table_columns(iter(results))
    assert (*table,) == columns(header)
    assert [*zip(*table.values(), strict=True)] == [row for each in results for row in rows(header, each)]


def test_without_a_face_the_labels_have_to_be_given() -> None:
    failures = [Failure("a.jpg", "broken")]
    assert "happy" not in table_columns(failures)
    assert table_columns(failures, labels=("happy", "sad"))["happy"] == [None]
    assert table_columns([], labels=("happy", "sad"))["raw_sad"] == []


def test_a_label_that_is_another_columns_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="its label 'time'"):
        table_columns([], labels=("time",))


def test_faces_alone_are_no_table(make_face: Any) -> None:
    with pytest.raises(InvalidInput, match=r"made of results, as Analyzer\.stream gives them .* got a Face"):
        as_table([make_face(0, 0, happy=0.9)])


@pytest.mark.skipif(not (find_spec("pandas") or find_spec("polars")), reason="needs pandas or polars")
def test_a_data_frame(results: list[Any]) -> None:
    table = as_table(results)
    assert list(table["source"]) == ["a.jpg", *["talk.mp4"] * 5, "b.jpg", "c.jpg"]
    assert list(table["happy"])[2] == 0.75


@pytest.mark.skipif(bool(find_spec("pandas") or find_spec("polars")), reason="needs neither pandas nor polars")
def test_without_either_the_extra_is_named(results: list[Any]) -> None:
    with pytest.raises(MissingExtra, match=r"A data frame needs .*table"):
        as_table(results)
