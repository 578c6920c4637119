"""Animated pictures as videos (fault 27: a GIF was read as its first picture, an animated WebP refused)."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from mien.errors import VideoError
from mien.images import is_animated
from mien.video import open_video


def animated(path: Path, numbered: Any, num: int, milliseconds: int) -> Path:
    first, *rest = (Pillow.fromarray(numbered(index)) for index in range(num))
    # Of several equal frames in a row Pillow keeps one.
    first.save(path, save_all=True, append_images=rest, duration=milliseconds, loop=0, quality=95)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
def test_every_frame_comes_at_its_time(tmp_path: Path, numbered: Any, number: Any, suffix: str) -> None:
    with open_video(animated(tmp_path / f"a{suffix}", numbered, 12, 40)) as video:
        assert (video.width, video.height, video.codec, video.has_audio) == (160, 96, suffix[1:], False)
        frames = list(video)
    assert [number(frame.image) for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == pytest.approx([index * 0.04 for index in range(12)])
    assert video.damage is None


def test_frames_without_a_duration_are_shown_as_browsers_show_them(tmp_path: Path, numbered: Any) -> None:
    frames = list(open_video(animated(tmp_path / "a.gif", numbered, 3, 0)))
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.2])


def test_a_picture_for_readers_without_animation_is_no_frame(tmp_path: Path, numbered: Any, number: Any) -> None:
    first, *rest = (Pillow.fromarray(numbered(index)) for index in range(4))
    path = tmp_path / "a.png"
    first.save(path, save_all=True, default_image=True, append_images=rest, duration=[200, 100, 100])
    frames = list(open_video(path))
    assert [(number(frame.image), frame.time) for frame in frames] == [(1, 0), (2, 0.2), (3, pytest.approx(0.3))]


def test_a_start_and_every_second_frame(tmp_path: Path, numbered: Any, number: Any) -> None:
    frames = list(open_video(animated(tmp_path / "a.webp", numbered, 10, 100), start=0.35, every=2))
    assert [(frame.index, number(frame.image)) for frame in frames] == [(4, 4), (6, 6), (8, 8)]


def test_one_that_is_cut_off_gives_what_it_holds(tmp_path: Path, numbered: Any, number: Any) -> None:
    path = animated(tmp_path / "a.gif", numbered, 10, 100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video = open_video(path)
    numbers = [number(frame.image) for frame in video]
    assert 3 <= len(numbers) < 8
    assert numbers == list(range(len(numbers)))


def test_one_frame_is_no_animation(tmp_path: Path, numbered: Any) -> None:
    assert not is_animated(animated(tmp_path / "still.gif", numbered, 1, 100))
    assert not is_animated(tmp_path / "missing.gif")


def test_an_animation_of_which_no_frame_can_be_read(tmp_path: Path, numbered: Any) -> None:
    path = animated(tmp_path / "a.png", numbered, 3, 100)
    path.write_bytes(path.read_bytes()[:120])
    with pytest.raises(VideoError, match=r"a\.png"):
        open_video(path)
