from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.data import FaceSet, Groups, read_groups
from mien.emotions import EMOTIONS
from mien.errors import DataError


def named(*sources: str) -> FaceSet:
    count = len(sources)
    return FaceSet("faces", np.zeros((count, 8, 8), np.uint8), EMOTIONS, np.zeros(count, np.int64),
                   np.array(["val"] * count), sources)  # fmt: skip


FOLDER = named("happy/S1_1.png", "happy/S1_2.png", "sad/S2_1.png", "sad/S10_1.png", "sad/other.png")
TABLE = named("fer2013.csv:2", "fer2013.csv:3", "fer2013.csv:17")


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Groups]:
    """`read("file,sex\\na.png,f\\n", faces)`: the groups of a table with that text."""

    def from_text(text: str | bytes, faces: FaceSet = FOLDER) -> Groups:
        path = tmp_path / "groups.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_groups(path, faces)

    return from_text


def values(groups: Groups, number: int = 0) -> list[str | None]:
    attribute = groups.attributes[number]
    return [attribute.values[code] if code >= 0 else None for code in attribute.codes]


def alike(numbers: Sequence[int]) -> list[int]:
    """Subjects by the place where each comes first; -1 stays."""
    return [-1 if number < 0 else list(numbers).index(number) for number in numbers]


def test_a_row_for_each_file_with_subjects(read: Callable[..., Groups]) -> None:
    groups = read(
        "Subject,Age,FILE,sex\n"
        "ann,9,happy/S1_1.png,f\n"
        "ann,9,./happy/S1_2.png,f\n"
        ",10,sad\\S2_1.png,\n"
        ", 20 ,/home/me/faces/sad/S10_1.png,NA\n"
    )
    assert [each.name for each in groups.attributes] == ["Age", "sex"]
    assert groups.attributes[0].values == ("9", "10", "20")
    assert values(groups, 0) == ["9", "9", "10", "20", None]
    assert values(groups, 1) == ["f", "f", None, None, None]
    assert alike(groups.subjects.tolist()) == [0, 0, 2, 3, -1]


def test_files_by_their_names_alone_and_without_subjects(read: Callable[..., Groups]) -> None:
    groups = read("file,sex\nother.png,m\nS1_2.png,f\n")
    assert values(groups) == [None, "f", None, None, "m"]
    assert alike(groups.subjects.tolist()) == [-1, 1, -1, -1, 4]


def test_a_subject_that_is_not_known_joins_no_files(read: Callable[..., Groups]) -> None:
    groups = read("file,subject,sex\nother.png,NA,m\nS1_2.png,NA,f\n")
    assert alike(groups.subjects.tolist()) == [-1, 1, -1, -1, 4]


def test_lines_of_a_table(read: Callable[..., Groups]) -> None:
    assert values(read("file,sex\nfer2013.csv:17,f\nfer2013.csv:2,m\n", TABLE)) == ["m", None, "f"]


def test_a_row_for_each_subject_whose_files_begin_with_it(read: Callable[..., Groups]) -> None:
    groups = read("subject,sex\nS1,f\nS2,m\n")
    assert values(groups) == ["f", "f", "m", None, None]  # S10 is somebody else
    assert alike(groups.subjects.tolist()) == [0, 0, 2, -1, -1]


def test_a_row_for_each_subject_whose_folder_begins_with_it(read: Callable[..., Groups]) -> None:
    faces = named("train/happy/AF01AN.jpg", "train/happy/AF010.jpg", "train/AF02/1.jpg")
    assert values(read("subject,sex\nAF01,f\nAF02,m\n", faces)) == ["f", None, "m"]


def test_selected_faces_keep_their_groups(read: Callable[..., Groups]) -> None:
    groups = read("file,sex\nother.png,m\nS1_2.png,f\n").select(np.array([4, 1]))
    assert values(groups) == ["m", "f"]
    assert groups.subjects[0] != groups.subjects[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "groups.csv:1: no column has a name"),
        ("sex,age\nf,20\n", "groups.csv:1: no column file or subject; expected a CSV, separated by commas"),
        ("file;sex\nother.png;f\n", "no column file or subject; expected a CSV, separated by commas"),
        ("file\nother.png\n", "groups.csv:1: no column with an attribute"),
        ("file,sex\n", "holds a header and no rows"),
        (",file,sex\n0,other.png,f\n", r"column 1 has no name; name it or remove it \(pandas: to_csv\("),
        ("file,sex,Sex\nother.png,f,f\n", "the column 'Sex' appears twice"),
        ("file,sex\nnone.png,f\n", "groups.csv:2: 'none.png' is not in faces; expected one of its files, such as"),
        ("file,sex\n,f\n", "groups.csv:2: file is empty"),
        ("file,sex\nother.png,f\nsad/other.png,m\n", "groups.csv:3: sad/other.png is in line 2 too"),
        ("file,sex\nother.png\n", "groups.csv:2: expected 2 fields, as in the header; got 1"),
        ("subject,sex\nS3,f\n", "groups.csv:2: no file's or folder's name in faces begins with the subject 'S3'"),
        ("subject,sex\nS1,f\nS,m\n", "groups.csv:3: happy/S1_1.png is in line 2 too"),
        ("subject,sex\n,m\n", "groups.csv:2: subject is empty"),
        (f"file,sex\nother.png,{'x' * 101}\n", "groups.csv:2: sex is 'xxx.*expected UTF-8 text on one line"),
        (b"file,sex\nother.png,\xff\n", "groups.csv:2: sex is .*expected UTF-8 text"),
        ("file," + ",".join(map(str, range(21))) + "\nother.png" + ",1" * 21, "21 columns are attributes; expected 20"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(read: Callable[..., Groups], text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(text)


def test_a_name_of_several_files_asks_for_the_folder(read: Callable[..., Groups]) -> None:
    faces = named("happy/1.png", "sad/1.png")
    with pytest.raises(DataError, match=r"'1.png' is the name of 2 files \(happy/1.png, sad/1.png\); write its folder"):
        read("file,sex\n1.png,f\n", faces)
    assert values(read("file,sex\nsad/1.png,f\n", faces)) == [None, "f"]


def test_faces_of_a_table_have_no_names_to_begin_with_a_subject(read: Callable[..., Groups]) -> None:
    with pytest.raises(DataError, match=r"add a column file with their lines, such as fer2013.csv:2"):
        read("subject,sex\nS1,f\n", TABLE)


def test_many_bad_rows_are_counted(read: Callable[..., Groups]) -> None:
    rows = "".join(f"no{number}.png,f\n" for number in range(40))
    with pytest.raises(DataError, match=r"40 rows cannot be used(.|\n)*and 30 more"):
        read("file,sex\n" + rows)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv is not there; expected a CSV"):
        read_groups(tmp_path / "none.csv", FOLDER)


CELLS = st.sampled_from(
    ["file", "subject", "sex", "happy/S1_1.png", "S1", "", "NA", '"', "\n", ",", "9" * 200, "\x1b", "é"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=300), st.lists(CELLS, max_size=40).map(lambda cells: ",".join(cells).encode())))
def test_any_file_gives_groups_or_one_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    try:
        groups: Any = read_groups(path, FOLDER)
    except DataError:
        return
    assert len(groups.subjects) == len(FOLDER)
    assert all(len(each.codes) == len(FOLDER) for each in groups.attributes)
