import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.data import FaceSet, load
from mien.emotions import EMOTIONS
from mien.errors import DataError, InvalidInput
from mien.values import GreyFaces

Make: TypeAlias = Callable[..., Any]
HEADER = "emotion,pixels,Usage"


def pixels(count: int = 2304, **changed: str) -> str:
    """Zeros, but for the places named like `at_3="x"`."""
    words = ["0"] * count
    for place, word in changed.items():
        words[int(place.removeprefix("at_"))] = word
    return " ".join(words)


def test_every_row_becomes_a_face(rows: Make, write_table: Make, noise: Make) -> None:
    faces = load(write_table(rows(40)))

    assert faces.name == "fer2013.csv"
    assert faces.classes == EMOTIONS
    assert faces.votes is None
    np.testing.assert_array_equal(faces.faces, noise(40))
    np.testing.assert_array_equal(faces.labels, np.arange(40) % 7)
    assert faces.splits.tolist() == ["train"] * 39 + ["val"]
    assert faces.sources[0] == "fer2013.csv:2"
    assert faces.sources[-1] == "fer2013.csv:41"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\r\n  \n"])
def test_line_ends_and_blank_lines_do_not_matter(
    rows: Make, write_table: Make, noise: Make, end: str, last: str
) -> None:
    path = write_table(rows(3), end=end)
    path.write_bytes(path.read_bytes() + last.encode())

    faces = load(path)

    np.testing.assert_array_equal(faces.faces, noise(3))


def test_blank_lines_count_as_lines(rows: Make, write_table: Make) -> None:
    path = write_table(rows(2))
    header, first, second = path.read_text().splitlines()
    path.write_text("\n".join([header, "", first, "", "", second]))

    assert load(path).sources == ["fer2013.csv:3", "fer2013.csv:6"]


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("emotion, Usage, pixels", (0, 2, 1)),
        ("Usage,pixels,emotion", (2, 1, 0)),
        (" EMOTION ,PIXELS,usage", (0, 1, 2)),
        ('"emotion","pixels","Usage"', (0, 1, 2)),
        ("\ufeffemotion,pixels,Usage", (0, 1, 2)),
        ("pixels,emotion,id,Usage", (1, 0, 0, 2)),
    ],
)
def test_columns_go_by_name(rows: Make, noise: Make, tmp_path: Path, header: str, order: tuple[int, ...]) -> None:
    path = tmp_path / "icml_face_data.csv"
    lines = [header, *(",".join(f'"{row[place]}"' for place in order) for row in rows(5))]
    path.write_text("\n".join(lines), encoding="utf-8")

    faces = load(path)

    np.testing.assert_array_equal(faces.faces, noise(5))
    assert faces.labels.tolist() == [0, 1, 2, 3, 4]
    assert faces.splits.tolist() == ["train"] * 4 + ["val"]


def test_any_white_space_between_pixels_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(f"{HEADER}\n0," + "  7\t007" * 1152 + " ,Training\n")

    assert (load(path).faces == 7).all()


def test_size_resizes(rows: Make, write_table: Make) -> None:
    path = write_table(rows(3))

    assert load(path, size=64).faces.shape == (3, 64, 64)
    assert load(path).faces.shape == (3, 48, 48)


@pytest.mark.parametrize("size", [0, -1, 1025])
def test_a_size_out_of_range_is_refused(rows: Make, write_table: Make, size: int) -> None:
    with pytest.raises(InvalidInput, match=f"1 to 1024 pixels; got {size}"):
        load(write_table(rows(1)), size=size)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"0,{pixels(2303)},Training", "expected 2,304 pixels; got 2,303"),
        (f"0,{pixels(2305)},Training", "expected 2,304 pixels; got 2,305"),
        ("0,,Training", "expected 2,304 pixels; got 0"),
        (f"0,{pixels(at_6='256')},Training", r"pixel 7 is '256'; expected a whole number from 0 to 255"),
        (f"0,{pixels(at_0='-1')},Training", "pixel 1 is '-1'"),
        (f"0,{pixels(at_9='1.5')},Training", "pixel 10 is '1.5'"),
        (f"0,{pixels(at_9='1e2')},Training", "pixel 10 is '1e2'"),
        (f"0,{pixels(at_9='٣')},Training", "pixel 10 is"),
        (f"0,{pixels(at_9='9' * 5000)},Training", "pixel 10 is '9999"),
        (f"7,{pixels()},Training", "unknown emotion '7'"),
        (f",{pixels()},Training", "unknown emotion ''"),
        (f"0,{pixels()},Test2", "unknown split 'Test2'"),
        (f"0,{pixels()},{'x' * 5000}", "unknown split 'xxx"),
        (f"0,{pixels()}", "expected 3 fields separated by commas, as in the header; got 2"),
        (f"0,{pixels()},Training,1", "got 4"),
        (f"0,{pixels()}\0,Training", "holds a NUL byte"),
        (f"0\0,{pixels()},Training", "holds a NUL byte"),
        ("\0" * 100, "holds a NUL byte"),
        (f"0,{pixels(40_000)},Training", "is longer than 65,536 bytes"),
    ],
)
def test_a_bad_row_is_named(rows: Make, write_table: Make, row: str, message: str) -> None:
    path = write_table(rows(20))
    path.write_text(path.read_text() + row + "\n" + ",".join(rows(1)[0]) + "\n", encoding="utf-8")

    with pytest.raises(DataError, match=r"^fer2013\.csv:22: ") as caught:
        load(path)

    assert caught.match(message)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("place", [0, 1, 2])
def test_bytes_that_are_no_utf_8_are_named(tmp_path: Path, place: int) -> None:
    fields = [b"0", pixels().encode(), b"Training"]
    fields[place] += b"\xff"
    path = tmp_path / "fer2013.csv"
    path.write_bytes(HEADER.encode() + b"\n" + b",".join(fields))

    with pytest.raises(DataError, match=r"fer2013\.csv:2: is not UTF-8 text: byte \d+ is 0xff"):
        load(path)


def test_two_wrong_lengths_that_add_up_are_both_found(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(f"{HEADER}\n0,{pixels(2303)},Training\n0,{pixels(2305)},Training\n")

    with pytest.raises(DataError, match=r"2 rows cannot be used:\n.*:2: .* got 2,303\n.*:3: .* got 2,305"):
        load(path)


def test_of_many_bad_rows_ten_are_named_and_all_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join([HEADER, *[f"9,{pixels()},Training"] * 1234]))

    with pytest.raises(DataError) as caught:
        load(path)

    lines = str(caught.value).splitlines()
    assert lines[0] == "fer2013.csv: 1,234 rows cannot be used:"
    assert [line.split(":")[1] for line in lines[1:11]] == [str(number) for number in range(2, 12)]
    assert lines[11:] == ["  … and 1,224 more"]


def test_bad_rows_are_named_in_their_order_whatever_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    bad_pixels, bad_emotion = f"0,{pixels(5)},Training", f"9,{pixels()},Training"
    path.write_text("\n".join([HEADER, *[bad_pixels, bad_emotion] * 20]))

    with pytest.raises(DataError) as caught:
        load(path)

    lines = str(caught.value).splitlines()[1:11]
    assert [line.split(":")[1] for line in lines] == [str(number) for number in range(2, 12)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; expected a CSV with the columns emotion, pixels and Usage"),
        (HEADER.encode(), "holds a header and no rows"),
        (HEADER.encode() + b"\n\n\r\n", "holds a header and no rows"),
        (b"emotion,pixels\n0,1", "no column Usage; .*icml_face_data.csv"),
        (b"pixels\n1", "no column emotion, Usage"),
        (b"emotion;pixels;Usage\n", "no column emotion, pixels, Usage; .* separated by commas"),
        (b"emotion,pixels,pixels,Usage\n", "the column pixels appears twice"),
        (HEADER.encode("utf-16"), "fer2013.csv:1: is UTF-16; save it as UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "fer2013.csv:1: is not UTF-8 text"),
        (b"\0" * 100_000, "fer2013.csv:1: holds a NUL byte"),
        (b"x" * 100_000, "fer2013.csv:1: no column"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)

    with pytest.raises(DataError, match=message) as caught:
        load(path)

    assert len(str(caught.value)) < 400


def test_the_file_of_votes_is_told_from_the_table(tmp_path: Path) -> None:
    path = tmp_path / "fer2013new.csv"
    path.write_text("Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n")

    with pytest.raises(DataError, match=r"These are FER\+'s votes: pass the fer2013.csv"):
        load(path)


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: does not exist; expected fer2013\.csv or a folder"):
        load(tmp_path / "nowhere.csv")


def test_a_pipe_is_no_data_set(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(DataError, match=r"pipe\.csv: is neither a file nor a folder"):
        load(tmp_path / "pipe.csv")


@pytest.fixture
def read_bytes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], FaceSet | DataError]:
    path = tmp_path_factory.mktemp("wild") / "fer2013.csv"

    def read(content: bytes) -> FaceSet | DataError:
        path.write_bytes(content)
        try:
            return load(path)
        except DataError as error:
            return error

    return read


WILD = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)


@WILD
@given(content=st.binary(max_size=4000))
def test_any_bytes_give_faces_or_a_data_error(read_bytes: Make, content: bytes) -> None:
    assert isinstance(read_bytes(content), FaceSet | DataError)


@WILD
@given(body=st.binary(max_size=4000), header=st.sampled_from([HEADER, "pixels, emotion, Usage", HEADER + ",x"]))
def test_any_bytes_below_a_header_give_faces_or_a_data_error(read_bytes: Make, body: bytes, header: str) -> None:
    assert isinstance(read_bytes(header.encode() + b"\n" + body), FaceSet | DataError)


@WILD
@given(data=st.data())
def test_a_damaged_table_gives_faces_or_a_data_error(read_bytes: Make, rows: Make, data: st.DataObject) -> None:
    lines = [HEADER, *(",".join(row) for row in rows(3))]
    content = bytearray("\n".join(lines).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        patch = data.draw(st.sampled_from([b"", b" ", b"\n", b",", b"\0", b"9", b"-", b'"', b"\xff", b"\xc3\xa9"]))
        content[place : place + data.draw(st.integers(0, 3))] = patch
    result = read_bytes(bytes(content))

    assert isinstance(result, FaceSet | DataError)
    if isinstance(result, FaceSet):
        assert 1 <= len(result) <= 3


@WILD
@given(seed=st.integers(0, 2**32), zeros=st.booleans(), between=st.sampled_from([" ", "  ", "\t", "\x0b"]))
def test_pixels_are_read_as_python_reads_them(read_bytes: Make, seed: int, zeros: bool, between: str) -> None:
    values = np.random.default_rng(seed).permutation(np.repeat(np.arange(256), 9))
    text = between.join(f"{value:03d}" if zeros else str(value) for value in values)
    faces = read_bytes(f"{HEADER}\n3,{text},Training\n".encode())

    np.testing.assert_array_equal(faces.faces.ravel(), values)


def test_memory_stays_bounded_by_the_faces(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    with path.open("wb") as file:
        file.write(HEADER.encode() + b"\n0,")
        file.write(b"7" * 30_000_000)

    tracemalloc.start()
    with pytest.raises(DataError, match=r"fer2013\.csv:2: is longer than"):
        load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 3_000_000


def test_it_can_be_changed_by_its_owner(rows: Make, write_table: Make) -> None:
    path = write_table(rows(2))
    for _ in ("from the file", "from the cache"):
        faces: GreyFaces = load(path).faces
        faces[0] = 0
        assert not faces[0].any()
