"""What words and lists name, and how it is cut into shards."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import InvalidInput
from mien.jobs.batch.inputs import Input, arranged, named_sources
from mien.jobs.sources import Source

NAMES = ["album/b.jpg", "album/ä, ö.jpg", "album/\udcff.png", "http://example.org/talk.mp4", "album/nowhere.jpg"]


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "album"
    (folder / "sub").mkdir(parents=True)
    for name in ("b.jpg", "a.PNG", "sub/c.jpg", "talk.mp4", "notes.txt"):
        (folder / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return folder


def names(*words: str, column: str | None = None) -> list[str]:
    return [source.name for source in named_sources(words, column)]


def test_folders_patterns_and_files_are_named_in_their_order(album: Path) -> None:
    assert names("album/sub", "album/*.jpg", "album") == [
        "album/sub/c.jpg", "album/b.jpg", "album/a.PNG", "album/b.jpg", "album/talk.mp4", "album/sub/c.jpg",
    ]  # fmt: skip


def test_links_to_folders_keep_their_rows_and_circles_end(album: Path) -> None:
    (album / "twin").symlink_to(album / "sub", target_is_directory=True)
    (album / "sub" / "up").symlink_to(album, target_is_directory=True)
    found = [name for name in names("album") if name.endswith("c.jpg")]
    assert found == ["album/sub/c.jpg", "album/twin/c.jpg"]


def test_a_text_is_a_list(album: Path) -> None:
    text = "\ufeff" + "\n\n".join(NAMES) + "\n"
    Path("list.txt").write_bytes(text.encode(errors="surrogateescape"))
    assert names("list.txt") == NAMES


@pytest.mark.parametrize("column", ["file", None])
def test_a_table_is_a_list(album: Path, column: str | None) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    listed = [name for name in NAMES if "\udcff" not in name]
    columns = {"file": listed} if column is None else {"id": ["x"] * len(listed), "file": listed}
    with Path("list.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])
    parquet.write_table(pyarrow.table(columns), "list.parquet")
    assert names("list.csv", column=column) == names("list.parquet", column=column) == listed


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        ("id,file\n1,a.jpg\n", None, "list.csv has 2 columns; name the one with the files by --column: id, file"),
        ("a.jpg\nb.jpg\n", None, "list.csv, row 1: expected a column's name; got that of a file, 'a.jpg'"),
        ("faces/a\nfaces/b\n", None, "row 1: expected a column's name"),
        ("id,file\n1,a.jpg\n", "path", "list.csv has no column 'path'; it has: id, file"),
        ("id,file\n1,a.jpg\n2\n", "file", "list.csv, row 2: expected a file's name; got ''"),
        ("", "file", "has no column 'file'; it has: none"),
    ],
)
def test_a_wrong_list_says_what_is_wrong(album: Path, content: str, column: str | None, message: str) -> None:
    Path("list.csv").write_text(content)
    with pytest.raises(InvalidInput, match=message):
        names("list.csv", column=column)


@pytest.mark.parametrize("name", ["nowhere.txt", "nowhere.csv", "nowhere.parquet", "album/damaged.parquet"])
def test_a_list_that_cannot_be_read_is_refused(album: Path, name: str) -> None:
    pytest.importorskip("pyarrow")
    (album / "damaged.parquet").write_bytes(b"PAR1, or so it says")
    with pytest.raises(InvalidInput, match=name):
        names(name)


def test_an_address_with_a_password_is_not_kept(album: Path) -> None:
    [source] = named_sources(["https://me:secret@example.org/talk.mp4"])
    assert "secret" not in repr(source)
    assert "password" in (source.error or "")


@given(
    st.text(min_size=1).filter(lambda name: "\0" not in name), st.booleans(), st.none() | st.text(min_size=1),
    st.none() | st.floats(0, 1e6), st.booleans(),
)  # fmt: skip
def test_an_input_survives_its_line(
    name: str, is_video: bool, error: str | None, start: float | None, is_unread: bool
) -> None:
    source = Source(name, Path("/folder", name), Path(), is_video, error, is_unread=is_unread)
    before = Input(7, source, start, None)
    assert Input.from_record(7, before.to_record(), "/folder") == before


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 7))
def test_every_input_is_in_one_shard(are_videos: list[bool], size: int) -> None:
    inputs = [
        Input(0, Source(str(place), Path(str(place)), Path(), is_video)) for place, is_video in enumerate(are_videos)
    ]
    shards = list(arranged(inputs, size))
    flat = [each for shard in shards for each in shard]
    assert [each.number for each in flat] == [*range(len(inputs))]
    assert sorted(int(each.source.name) for each in flat) == [*range(len(inputs))]
    assert all(len(shard) == 1 for shard in shards if shard[0].source.is_video)
    pictures = [len(shard) for shard in shards if not shard[0].source.is_video]
    assert all(length == size for length in pictures[:-1])
