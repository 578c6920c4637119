import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from mien.data import AuditReport, FaceSet, Finding, audit, load
from mien.data.findings import listed_to_leave_out
from mien.errors import DataError

Make: TypeAlias = Callable[..., Any]


@pytest.fixture
def faces(clouds: Make, face_set: Make) -> FaceSet:
    """Six faces: lines 2 and 5 are the same, 7 is flat."""
    pixels = clouds(6)
    pixels[3], pixels[5] = pixels[0], 9
    made: FaceSet = face_set(pixels, labels=[0, 1, 2, 0, 4, 5], splits=["train"] * 3 + ["val"] * 3)
    return made


@pytest.fixture
def table(faces: FaceSet, tmp_path: Path) -> Path:
    path = tmp_path / "audit.csv"
    audit(faces).write_csv(path)
    return path


def test_a_row_a_finding_is_written(table: Path) -> None:
    with table.open(newline="") as file:
        rows = list(csv.reader(file))

    assert rows == [
        [
            "source",
            "split",
            "label",
            "kind",
            "group",
            "partner",
            "partner_split",
            "partner_label",
            "score",
            "leave_out",
        ],
        ["table.csv:2", "train", "angry", "duplicate", "1", "table.csv:5", "val", "angry", "1.0000", "yes"],
        ["table.csv:5", "val", "angry", "duplicate", "1", "table.csv:2", "train", "angry", "1.0000", "no"],
        ["table.csv:7", "val", "surprise", "flat", "", "", "", "", "1.0000", "yes"],
    ]


def test_what_was_written_is_obeyed(faces: FaceSet, table: Path) -> None:
    assert listed_to_leave_out(table, faces).tolist() == [True, False, False, False, False, True]


def test_load_leaves_out(rows: Make, write_table: Make, tmp_path: Path) -> None:
    good = rows(6)
    path = write_table([*good, good[0]])
    everything = load(path)
    audit(everything).write_csv(tmp_path / "audit.csv")

    remaining = load(path, leave_out=tmp_path / "audit.csv")

    assert [source for source in everything.sources if source not in set(remaining.sources)] == ["fer2013.csv:8"]
    np.testing.assert_array_equal(remaining.faces, everything.faces[:6])
    assert audit(remaining).findings == ()


def test_a_person_may_change_it(faces: FaceSet, table: Path) -> None:
    """As a spreadsheet would write it: other columns gone, in another order, capitals, a byte order mark."""
    table.write_text(
        "\ufeffleave_out,note,label,source,split\r\n"
        "No,,angry,table.csv:2,train\r\n"
        "\r\n"
        "TRUE,blurred,disgust,table.csv:3,train\r\n"
        "0,,disgust,table.csv:3,train\r\n",
        encoding="utf-8",
        newline="",
    )

    assert listed_to_leave_out(table, faces).tolist() == [False, True, False, False, False, False]


def test_names_of_any_bytes_survive(tmp_path: Path, clouds: Make, face_set: Make) -> None:
    names = ['a,"b".png', "line\nend.png", "\udcff.png", "é.png"]
    made = face_set(clouds(4))
    faces = FaceSet("set", made.faces, made.classes, made.labels, made.splits, names)
    findings = tuple(Finding(name, "train", "angry", "flat", None, "", "", "", 1.0, True) for name in names)
    AuditReport("set", 4, findings).write_csv(tmp_path / "audit.csv")

    assert listed_to_leave_out(tmp_path / "audit.csv", faces).all()


def test_no_name_or_class_is_taken_for_a_formula(tmp_path: Path, clouds: Make, face_set: Make) -> None:
    """Fault 55: a spreadsheet ran them, though the table is meant to be changed by hand."""
    names = ["=cmd.png", "+1.png", "-1.png", "@a.png"]
    made = face_set(clouds(4), labels=[0] * 4)
    faces = FaceSet("set", made.faces, ("=happy", *made.classes[1:]), made.labels, made.splits, names)
    findings = tuple(Finding(name, "train", "=happy", "flat", None, "", "", "", 1.0, True) for name in names)
    table = tmp_path / "audit.csv"
    AuditReport("set", 4, findings).write_csv(table)

    with table.open(newline="") as file:
        written = [*csv.DictReader(file)]
    assert [(row["source"], row["label"]) for row in written] == [(f"'{name}", "'=happy") for name in names]
    assert listed_to_leave_out(table, faces).all()
    table.write_text(table.read_text().replace("'", ""))  # as earlier versions wrote it
    assert listed_to_leave_out(table, faces).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "table.csv:7",
            "table.csv:8",
            r"audit\.csv:4: 'table\.csv:8' is not in table\.csv; expected the audit of this",
        ),
        ("val,surprise", "val,happy", r"audit\.csv:4: 'table\.csv:7' is 'surprise' in 'val' .* here 'happy' in 'val'"),
        ("val,surprise", "test,surprise", "here 'surprise' in 'test'"),
        ("1.0000,yes", "1.0000,perhaps", r"leave_out is 'perhaps'; expected yes or no"),
        ("leave_out", "drop", r"audit\.csv:1: no column leave_out; expected what `mien data audit` writes"),
        ("source,split,label", "source;split;label", "no column source, split, label"),
        ("table.csv:7,val,surprise", "table.csv:7", r"audit\.csv:4: expected 10 fields, as in the header; got 8"),
        ("1.0000,yes", "1,0000,yes", r"audit\.csv: 2 rows cannot be used:\n.*:2: expected 10 fields, .* got 11"),
    ],
)
def test_another_data_sets_audit_is_refused(faces: FaceSet, table: Path, old: str, new: str, message: str) -> None:
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new))

    with pytest.raises(DataError, match=message):
        listed_to_leave_out(table, faces)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\0\0", b"\xff\xfe\0", b'source,split,label,leave_out\n"' + b"x" * 200_000]
)
def test_what_is_no_audit_is_refused(faces: FaceSet, table: Path, content: bytes) -> None:
    table.write_bytes(content)

    with pytest.raises(DataError, match=r"audit\.csv:\d+: "):
        listed_to_leave_out(table, faces)


def test_a_missing_audit_is_named(rows: Make, write_table: Make, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: cannot be read: No such file"):
        load(write_table(rows(1)), leave_out=tmp_path / "nowhere.csv")


def test_figures_count_groups_and_leaks(faces: FaceSet) -> None:
    report = audit(faces)

    assert report.num_groups("duplicate") == 1
    assert report.num_groups("flat") == 0
    assert report.num_leaks("duplicate", "flat") == 1
    assert report.left_out == {"table.csv:2", "table.csv:7"}
