import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.images import DRAWN_COMMENT, write_image
from mien.jobs.sources import Source, find_sources, output_places


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.jpg", "a.PNG", "sub/c.webp", "sub/deep/d.gif", "notes.txt", "sub/.hidden.jpg", ".git/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*words: str | Path) -> list[str]:
    return [source.name for source in find_sources(words).sources]


def test_a_folder_is_its_pictures_sorted_with_their_places_without_hidden_files(album: Path) -> None:
    sources = find_sources([album]).sources
    places = ["a.PNG", "b.jpg", "sub/c.webp", "sub/deep/d.gif"]
    assert [source.place.as_posix() for source in sources] == places
    assert [source.path for source in sources] == [album / place for place in places]


def test_what_a_mac_leaves_beside_pictures_is_no_picture(album: Path) -> None:
    (album / "._b.jpg").touch()
    assert "._b.jpg" not in names(".")


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [("*.jpg", ["b.jpg"]), ("sub/*", ["sub/c.webp"]), ("**/*.gif", ["sub/deep/d.gif"]),
     ("[ab].*", ["a.PNG", "b.jpg"])],
)  # fmt: skip
def test_patterns_are_followed_where_no_shell_did(album: Path, pattern: str, matches: list[str]) -> None:
    assert names(pattern) == matches


def test_a_file_whose_name_is_a_pattern_is_that_file(album: Path) -> None:
    (album / "[1].jpg").touch()
    (source,) = find_sources(["[1].jpg"]).sources
    assert source.path == Path("[1].jpg")
    assert source.error is None


def test_each_picture_comes_once_however_often_it_is_named(album: Path) -> None:
    assert len(names("b.jpg", "./b.jpg", album / "b.jpg", ".", "*.jpg")) == 4


def test_links_to_one_file_are_inputs_of_their_own(album: Path) -> None:
    (album / "link.jpg").symlink_to(album / "b.jpg")
    assert names("b.jpg", "link.jpg") == ["b.jpg", "link.jpg"]


def test_what_names_nothing_is_a_source_with_an_error(album: Path) -> None:
    (album / "empty").mkdir()
    sources = find_sources(["*.bmp", "empty", "missing.jpg", "b.jpg", ""]).sources
    assert [source.name for source in sources] == ["*.bmp", "empty", "missing.jpg", "b.jpg", "''"]
    assert "no file matches" in str(sources[0].error)
    assert "holds no picture" in str(sources[1].error)
    assert [source.error for source in sources[2:4]] == [None, None]  # reading them reports it
    assert "the name is empty" in str(sources[4].error)


def test_what_mien_drew_is_passed_over_wherever_it_lies(album: Path) -> None:
    grey = np.full((8, 8, 3), 90, np.uint8)
    for name in ("drawn.png", "sub/drawn.jpg"):
        write_image(album / name, grey, comment=DRAWN_COMMENT)
    found = find_sources([".", "drawn.png"])
    assert not [source.name for source in found.sources if "drawn" in source.name]
    (note,) = found.notes
    assert "passed over 2 files" in note


def test_pictures_that_mien_does_not_read_are_passed_over_aloud_in_a_folder_alone(album: Path) -> None:
    for name in ("IMG_1.HEIC", "sub/IMG_2.heic", "raw.cr2", ".hidden.heic"):
        (album / name).write_bytes(b"x")
    found = find_sources(["raw.cr2", "."])
    assert [source.name for source in found.sources if "IMG" in source.name] == []
    assert found.notes == ("passed over 2 files: mien does not read .heic; convert them to JPEG or PNG",)
    assert found.sources[0].name == "raw.cr2"  # reading it is an error that says what it is


def test_links_in_a_circle_end(album: Path) -> None:
    (album / "sub" / "up").symlink_to(album, target_is_directory=True)
    (album / "broken.jpg").symlink_to(album / "nowhere.jpg")
    (album / "itself.jpg").symlink_to(album / "itself.jpg")
    places = [source.place.as_posix() for source in find_sources(["."]).sources]
    assert places == ["a.PNG", "b.jpg", "broken.jpg", "itself.jpg", "sub/c.webp", "sub/deep/d.gif"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_sockets_are_passed_over_in_a_folder_and_refused_by_name(album: Path) -> None:
    os.mkfifo(album / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")
        found = find_sources(["."])
        assert not {"pipe.jpg", "socket.jpg"} & {source.name for source in found.sources}
        assert len(found.notes) == 2
        pipe, listening = find_sources(["pipe.jpg", "socket.jpg"]).sources
    assert "a named pipe" in str(pipe.error)
    assert "a socket" in str(listening.error)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_reported(album: Path) -> None:
    (album / "sub").chmod(0)
    try:
        errors = [source.error for source in find_sources(["."]).sources if source.error]
    finally:
        (album / "sub").chmod(0o700)
    assert errors == ["the folder cannot be read: Permission denied"]


def test_standard_input_is_a_dash() -> None:
    (source,) = find_sources(["-"]).sources
    assert source.path is None
    assert source.error is None


def test_pictures_and_videos_of_a_folder_belong_to_one_job(album: Path) -> None:
    (album / "sub" / "talk.mp4").touch()
    kinds = {source.place.as_posix(): source.is_video for source in find_sources(["."]).sources}
    assert kinds == {"a.PNG": False, "b.jpg": False, "sub/c.webp": False, "sub/talk.mp4": True, "sub/deep/d.gif": False}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.org/a.jpg?size=9", "pictures are not fetched"),
        ("gopher://example.org/a", "gopher:// is not known"),
    ],
)
def test_urls_that_are_no_videos_are_refused_with_what_to_do(url: str, message: str) -> None:
    (source,) = find_sources([url]).sources
    assert message in str(source.error)


def test_a_password_is_in_the_address_alone() -> None:
    (source,) = find_sources(["rtsp://me:se@cr/et@camera/stream"]).sources
    assert source.name == "rtsp://me@camera/stream"
    assert source.address == "rtsp://me:se@cr/et@camera/stream"


def test_places_keep_the_folders_that_tell_sources_apart(album: Path) -> None:
    for folder in ("one", "two"):
        (album / folder / "in").mkdir(parents=True)
        (album / folder / "in" / "face.jpg").touch()
    both = find_sources(["one", "two"]).sources
    assert [source.place.as_posix() for source in both] == ["one/in/face.jpg", "two/in/face.jpg"]
    single = find_sources(["one"]).sources
    assert [source.place.as_posix() for source in single] == ["in/face.jpg"]
    by_name = find_sources(["one/in/face.jpg", "b.jpg"]).sources
    assert [source.place.as_posix() for source in by_name] == ["face.jpg", "b.jpg"]
    by_name = find_sources(["one/in/face.jpg", "two/in/face.jpg"]).sources
    assert [source.place.as_posix() for source in by_name] == ["one/in/face.jpg", "two/in/face.jpg"]


@pytest.mark.parametrize(
    ("given", "places"),
    [
        (["x.jpg", "y.gif"], ["x.jpg", "y.png"]),
        (["x.jpg", "x.png", "x.webp"], ["x.jpg", "x.png", "x.webp.png"]),
        (["x.jpg", "x.JPG"], ["x.jpg", "x-2.JPG"]),
        (["x.gif", "x.avif"], ["x.gif.png", "x.avif.png"]),
        (["standard-input"], ["standard-input.png"]),
    ],
)
def test_every_source_has_an_output_of_its_own(given: list[str], places: list[str]) -> None:
    sources = [Source(name, Path(name), Path(name)) for name in given]
    assert [place.name for place in output_places(sources, (".png", ".jpg"))] == places


def test_an_animated_picture_is_a_video_and_a_still_one_is_not(tmp_path: Path) -> None:
    """Fault 27."""
    first, second = (Pillow.new("RGB", (8, 8), (value, 0, 0)) for value in (0, 200))
    first.save(tmp_path / "moving.gif", save_all=True, append_images=[second])
    first.save(tmp_path / "still.gif")
    assert [source.is_video for source in find_sources([tmp_path]).sources] == [True, False]
    assert [source.is_video for source in find_sources([tmp_path / "moving.gif"]).sources] == [True]
