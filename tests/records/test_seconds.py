import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien.emotions import EMOTIONS
from mien.errors import InvalidInput
from mien.records import Header
from mien.records.seconds import SecondsSink
from mien.values import FrameResult, Quality


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_a_row_a_person_and_second(
    written: Callable[..., bytes], make_frame: Any, make_person: Any, make_face: Any
) -> None:
    sharp, unknown = Quality(50), None
    results = [
        *(make_frame(index, make_person(2, happy=1), make_person(1, sad=1)) for index in range(20)),
        *(make_frame(index, make_person(1, sad=0.5, quality=sharp)) for index in range(20, 25)),
        FrameResult(source="a.jpg", width=9, height=9, faces=(make_face(0, 0, happy=1),)),
        *(make_frame(index, make_person(1, fear=1, quality=unknown), source="b.mp4") for index in range(85, 90)),
        *(make_frame(index, source="b.mp4") for index in range(90, 200)),
        make_frame(200, make_person(1, fear=0.25), source="b.mp4"),
    ]
    rows = read(written(SecondsSink, results))
    assert list(rows[0]) == [
        "source",
        "second",
        "track_id",
        "frames",
        "label",
        *EMOTIONS,
        "valence",
        "arousal",
        "quality",
        "unclear",
    ]
    names = "source", "second", "track_id", "frames", "label", "sad", "neutral", "quality"
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("talk.mp4", "0", "1", "25", "sad", "0.9", "0.1", "70.4"),
        ("talk.mp4", "0", "2", "20", "happy", "0.0", "0.0", "75.5"),
        ("b.mp4", "3", "1", "5", "fear", "0.0", "0.0", ""),
        ("b.mp4", "8", "1", "1", "neutral", "0.0", "0.75", "75.5"),
    ]
    assert (rows[0]["valence"], rows[0]["arousal"]) == ("-0.72", "-0.36")


def test_the_label_has_the_highest_mean(written: Callable[..., bytes], make_frame: Any, make_person: Any) -> None:
    """Fault 19: it is never below its rival."""
    people = [make_person(1, sad=0.9, fear=0.1)] * 12 + [make_person(1, sad=0.4, fear=0.6)] * 13
    (row,) = read(written(SecondsSink, [make_frame(index, person) for index, person in enumerate(people)]))
    assert (row["label"], row["sad"], row["fear"]) == ("sad", "0.64", "0.36")


def test_labels_of_ones_own_have_no_valence(written: Callable[..., bytes], make_frame: Any, make_person: Any) -> None:
    labels = ("wink", "grin")
    frame = make_frame(0, make_person(1, labels=labels, wink=0.75))
    (row,) = read(written(SecondsSink, [frame], Header(model="m", detector="d", labels=labels)))
    assert (row["wink"], row["grin"], row["valence"], row["arousal"]) == ("0.75", "0.25", "", "")


@pytest.mark.parametrize("name", ["source", "second", "frames", "quality"])
def test_a_label_that_is_another_columns_name_is_refused(header: Header, name: str) -> None:
    with pytest.raises(InvalidInput, match=f"its label '{name}'"):
        SecondsSink(io.BytesIO(), replace(header, labels=("a", name)))


def test_only_an_earlier_table_is_replaced(tmp_path: Path, written: Callable[..., bytes], make_frame: Any) -> None:
    path = tmp_path / "seconds.csv"
    for content, may in [
        (written(SecondsSink, [make_frame(0)]), True),
        (b"", True),
        (b"source,frame,time\n", False),
    ]:
        path.write_bytes(content)
        assert SecondsSink.replaces(path) is may


def test_a_second_is_unclear_where_most_of_its_frames_are(
    written: Callable[..., bytes], make_frame: Any, make_person: Any
) -> None:
    clear, unclear = make_person(1, sad=0.9), make_person(1, sad=0.9, uncertain=("blurred",))
    people = [clear] * 20 + [unclear] * 5 + [clear] * 5 + [unclear] * 20
    rows = read(written(SecondsSink, [make_frame(index, person) for index, person in enumerate(people)]))
    assert [(row["label"], row["unclear"], row["sad"]) for row in rows] == [
        ("sad", "0.2", "0.9"),
        ("unclear", "0.8", "0.9"),
    ]
