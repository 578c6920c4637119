from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data import AuditReport, FaceSet, audit, duplicates_of_training
from mien.emotions import EMOTIONS

Make: TypeAlias = Callable[..., Any]


def told(report: AuditReport, kind: str) -> dict[str, bool]:
    """Lines of the table and whether they are to be left out."""
    return {finding.source.split(":")[1]: finding.leave_out for finding in report.of_kind(kind)}


def test_different_faces_give_no_findings(clouds: Make, face_set: Make) -> None:
    report = audit(face_set(clouds(20)))

    assert report.name == "table.csv"
    assert report.num_faces == 20
    assert report.findings == ()


def test_no_faces_give_no_findings(clouds: Make, face_set: Make) -> None:
    empty = face_set(clouds(1)).select(np.zeros(1, np.bool_))

    assert audit(empty).findings == ()
    assert duplicates_of_training(empty).shape == (0,)


def test_of_copies_the_first_stays(clouds: Make, face_set: Make) -> None:
    report = audit(face_set(clouds(4)[[0, 1, 0, 2, 0, 1]]))

    assert told(report, "duplicate") == {"2": False, "4": True, "6": True, "3": False, "7": True}
    assert report.num_groups("duplicate") == 2
    assert report.num_leaks("duplicate") == 0
    assert {finding.score for finding in report.findings} == {1.0}


def test_of_copies_the_one_furthest_from_training_stays(clouds: Make, face_set: Make) -> None:
    splits = ["train", "val", "test", "train", "val"]
    report = audit(face_set(clouds(2)[[0, 0, 0, 1, 1]], splits=splits))

    assert told(report, "duplicate") == {"2": True, "3": True, "4": False, "5": True, "6": False}
    assert report.num_leaks("duplicate") == 3
    partners = {finding.source: (finding.partner, finding.partner_split) for finding in report.findings}
    assert partners["table.csv:3"] == ("table.csv:2", "train")
    assert partners["table.csv:4"] == ("table.csv:2", "train")


@pytest.mark.parametrize(
    ("labels", "left_out"),
    [
        ([0, 1], [True, True]),
        ([3, 3, 1], [False, True, True]),
        ([1, 3, 3], [True, False, True]),
        ([0, 0, 1, 1], [True] * 4),
        ([0, 0, 1, 2], [True] * 4),
    ],
)
def test_of_copies_that_disagree_one_of_the_majority_stays(
    clouds: Make, face_set: Make, labels: list[int], left_out: list[bool]
) -> None:
    report = audit(face_set(np.repeat(clouds(1), len(labels), axis=0), labels=labels))

    assert list(told(report, "conflict").values()) == left_out
    assert report.of_kind("duplicate") == ()
    assert all(finding.partner_label != finding.label for finding in report.findings)


def test_a_copy_changed_a_little_is_left_out_of_training_only(clouds: Make, face_set: Make) -> None:
    faces = clouds(12)
    faces[9], faces[10], faces[11] = faces[0] // 2 + 50, faces[1] // 2 + 50, faces[2, :, ::-1] // 2 + 50
    report = audit(face_set(faces, splits=["train"] * 9 + ["val", "train", "test"]))

    assert told(report, "near duplicate") == {"2": True, "11": False, "3": False, "12": False}
    assert told(report, "mirrored") == {"4": True, "13": False}
    assert report.num_groups("near duplicate") == 2
    assert report.num_leaks("near duplicate", "mirrored") == 2
    assert all(0.82 <= finding.score < 1 for finding in report.findings)


def test_near_copies_of_near_copies_are_one_group(clouds: Make, face_set: Make) -> None:
    faces = clouds(9)
    faces[5], faces[6], faces[8] = faces[0] // 2 + 50, faces[0] // 3 + 90, faces[4] // 2

    groups = {finding.source: finding.group for finding in audit(face_set(faces)).findings}

    assert groups == {"table.csv:2": 1, "table.csv:7": 1, "table.csv:8": 1, "table.csv:6": 2, "table.csv:10": 2}


def test_a_near_copy_of_copies_is_compared_with_the_one_that_stays(clouds: Make, face_set: Make) -> None:
    faces = clouds(6)
    faces[3], faces[5] = faces[0], faces[0] // 2 + 50
    report = audit(face_set(faces, splits=["train"] * 3 + ["val"] * 2 + ["train"]))

    assert told(report, "duplicate") == {"2": True, "5": False}
    assert told(report, "near duplicate") == {"5": False, "7": True}


def test_flat_faces_are_found_and_not_called_similar(clouds: Make, face_set: Make) -> None:
    faces = clouds(6)
    faces[2], faces[4] = 0, 131
    report = audit(face_set(faces))

    assert told(report, "flat") == {"4": True, "6": True}
    assert {finding.kind for finding in report.findings} == {"flat"}


def test_votes_tell_what_is_not_a_face(clouds: Make, face_set: Make) -> None:
    votes = np.zeros((4, 10), np.uint8)
    votes[0, 9] = 10
    votes[1, [0, 9]] = 5, 5
    votes[2, [0, 9]] = 4, 6
    report = audit(face_set(clouds(4), votes=votes))

    assert told(report, "not a face") == {"2": True, "4": True}
    assert [finding.score for finding in report.findings] == [1.0, 0.6]


def test_a_sign_is_suspected_and_kept(clouds: Make, face_set: Make) -> None:
    faces = clouds(5)
    faces[3] = 255
    faces[3, 10:38, 20:28] = 20
    report = audit(face_set(faces))

    assert told(report, "graphic") == {"5": False}
    assert report.findings[0].score == 1


def test_findings_come_by_kind_group_and_place(clouds: Make, face_set: Make) -> None:
    faces = clouds(12)[[0, 1, 2, 3, 2, 1, 4, 5, 0, 6, 7, 8]]
    faces[6], faces[9], faces[11] = 7, faces[7] // 2, faces[10, :, ::-1] // 2
    labels = [0] * 8 + [1] + [0] * 3

    findings = [(each.kind, each.group, each.source[10:]) for each in audit(face_set(faces, labels=labels)).findings]

    assert findings == [
        ("duplicate", 1, "3"), ("duplicate", 1, "7"), ("duplicate", 2, "4"), ("duplicate", 2, "6"),
        ("conflict", 1, "2"), ("conflict", 1, "10"),
        ("near duplicate", 1, "9"), ("near duplicate", 1, "11"),
        ("mirrored", 1, "12"), ("mirrored", 1, "13"),
        ("flat", None, "8"),
    ]  # fmt: skip


@given(data=st.data())
def test_what_stays_holds_no_copies(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 30))
    places = st.lists(st.integers(0, 9), min_size=count, max_size=count)
    pictures = np.random.default_rng(0).integers(0, 256, (10, 8, 8)).astype(np.uint8)
    pictures[9] = 50
    faces = FaceSet(
        name="set",
        faces=pictures[np.array(data.draw(places), np.int64)],
        classes=EMOTIONS,
        labels=np.array(data.draw(st.lists(st.integers(0, 6), min_size=count, max_size=count)), np.int64),
        splits=np.array([("train", "val", "test")[place % 3] for place in data.draw(places)], np.str_),
        sources=[f"{place}.png" for place in range(count)],
    )
    left_out = audit(faces).left_out
    kept = faces.select(np.array([source not in left_out for source in faces.sources], np.bool_))

    assert len({face.tobytes() for face in kept.faces}) == len(kept)
    assert not duplicates_of_training(kept).any()
    assert not any((face == face[0, 0]).all() for face in kept.faces)


def test_copies_of_training_are_marked_outside_of_it(clouds: Make, face_set: Make) -> None:
    places = [0, 1, 0, 2, 1, 3, 3, 0]
    splits = ["train", "train", "train", "val", "val", "val", "test", "test"]
    labels = [0, 1, 2, 3, 4, 5, 6, 0]

    marked = duplicates_of_training(face_set(clouds(4)[places], labels=labels, splits=splits))

    assert marked.dtype == np.bool_
    assert marked.tolist() == [False, False, False, False, True, False, False, True]
