import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from mien.jobs.sources import Source, find_sources, left_out_videos


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.jpg", "a.PNG", "sub/c.webp", "sub/deep/d.gif", "notes.txt", "sub/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_its_pictures_sorted_with_their_places(album: Path) -> None:
    sources = find_sources([str(album)])
    places = ["a.PNG", "b.jpg", "sub/c.webp", "sub/deep/d.gif"]
    assert [source.place.as_posix() for source in sources] == places
    assert [source.path for source in sources] == [album / place for place in places]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("*.jpg", ["b.jpg"]), ("sub/*", ["sub/c.webp"]), ("**/*.gif", ["sub/deep/d.gif"]),
     ("[ab].*", ["a.PNG", "b.jpg"])],
)  # fmt: skip
def test_patterns_are_followed_where_no_shell_did(album: Path, pattern: str, names: list[str]) -> None:
    assert [source.name for source in find_sources([pattern])] == names


def test_a_file_whose_name_is_a_pattern_is_that_file(album: Path) -> None:
    (album / "[1].jpg").touch()
    (source,) = find_sources(["[1].jpg"])
    assert source.path == Path("[1].jpg")
    assert source.fault is None


def test_each_picture_comes_once_however_often_it_is_named(album: Path) -> None:
    assert len(find_sources(["b.jpg", "./b.jpg", str(album / "b.jpg"), ".", "*.jpg"])) == 4


def test_what_names_nothing_is_a_source_with_a_fault(album: Path) -> None:
    (album / "empty").mkdir()
    sources = find_sources(["*.bmp", "empty", "missing.jpg", "b.jpg"])
    assert [source.name for source in sources] == ["*.bmp", "empty", "missing.jpg", "b.jpg"]
    assert "no file matches" in str(sources[0].fault)
    assert "holds no picture" in str(sources[1].fault)
    assert [source.fault for source in sources[2:]] == [None, None]  # reading will tell


def test_a_folder_of_drawings_is_passed_over_within_another_and_only_there(album: Path) -> None:
    assert [source.name for source in find_sources([".", "sub"], but_not=Path("sub/deep"))] == [
        "a.PNG",
        "b.jpg",
        "sub/c.webp",
    ]
    assert len(find_sources(["sub/deep"], but_not=Path("sub/deep"))) == 1


def test_links_in_a_circle_end(album: Path) -> None:
    (album / "sub" / "up").symlink_to(album, target_is_directory=True)
    (album / "broken.jpg").symlink_to(album / "nowhere.jpg")
    names = [source.place.as_posix() for source in find_sources(["."])]
    assert names == ["a.PNG", "b.jpg", "broken.jpg", "sub/c.webp", "sub/deep/d.gif"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_told(album: Path) -> None:
    (album / "sub").chmod(0)
    try:
        faults = [source.fault for source in find_sources(["."]) if source.fault]
    finally:
        (album / "sub").chmod(0o700)
    assert faults == ["the folder cannot be read: Permission denied"]


def test_standard_input_is_a_dash() -> None:
    (source,) = find_sources(["-"])
    assert source.path is None
    assert source.fault is None


def test_videos_beside_pictures_are_left_out_and_their_command_finds_them(album: Path) -> None:
    for name in ("sub/talk.mp4", "sub/deep/walk.MOV", "b.jpg.d/run.mp4"):
        (album / name).parent.mkdir(exist_ok=True)
        (album / name).touch()
    left_out: dict[Path, Sequence[Source]] = {}
    assert not any(source.video for source in find_sources(["."], leave_out=left_out.__setitem__))
    (item,) = left_out.items()
    command = left_out_videos(*item)
    assert "3 videos left out" in command
    patterns = shlex.split(command.partition("mien analyze ")[2])
    assert {source.path for source in find_sources(patterns)} == {source.path for source in item[1]}


def test_a_folder_of_videos_alone_leaves_nothing_out(album: Path) -> None:
    (album / "videos").mkdir()
    (album / "videos" / "talk.mp4").touch()
    left_out: dict[Path, Sequence[Source]] = {}
    assert [source.name for source in find_sources(["videos"], leave_out=left_out.__setitem__)] == ["videos/talk.mp4"]
    assert not left_out
