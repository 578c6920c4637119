"""A folder of numbered pictures."""

from pathlib import Path
from typing import Any

import pytest

from mien.errors import VideoError
from mien.images import write_image
from mien.video import open_video


def test_pictures_come_in_the_order_of_their_numbers(tmp_path: Path, numbered: Any, number: Any) -> None:
    for index in range(12):
        write_image(tmp_path / f"frame_{index}.png", numbered(index))
    (tmp_path / "notes 3.txt").write_text("not a picture")
    write_image(tmp_path / "cover.png", numbered(99))
    with open_video(tmp_path, rate=10) as video:
        assert (video.width, video.height, video.rate, video.num_frames) == (160, 96, 10, 12)
        assert (video.duration, video.has_audio, video.codec) == (1.2, False, "png")
        frames = list(video)
    assert video.damage is None
    assert [number(frame.image) for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == pytest.approx([index / 10 for index in range(12)])


def test_leading_zeros_and_two_numbers(tmp_path: Path, numbered: Any, number: Any) -> None:
    names = ["s1_009.png", "s1_10.png", "s2_001.png", "s10_001.png"]
    for index, name in enumerate(names):
        write_image(tmp_path / name, numbered(index))
    assert [number(frame.image) for frame in open_video(tmp_path)] == [0, 1, 2, 3]


def test_start_end_and_every(tmp_path: Path, numbered: Any, number: Any) -> None:
    for index in range(20):
        write_image(tmp_path / f"{index:03}.png", numbered(index))
    frames = list(open_video(tmp_path, rate=10, start=0.5, end=1.2, every=3))
    assert [number(frame.image) for frame in frames] == [6, 9]
    assert [frame.index for frame in frames] == [6, 9]


def test_an_unreadable_picture_is_named_by_the_next_and_the_others_keep_their_numbers(
    tmp_path: Path, numbered: Any
) -> None:
    for index in range(5):
        write_image(tmp_path / f"{index}.png", numbered(index))
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:100])
    video = open_video(tmp_path, rate=10)
    frames = list(video)
    assert [frame.index for frame in frames] == [0, 1, 3, 4]
    assert video.damage is None
    assert [frame.gap for frame in frames[:2] + frames[3:]] == [None] * 3
    assert frames[2].gap is not None
    assert "frame 2 between 0.10 and 0.30 s cannot be decoded" in frames[2].gap
    assert "2.png is a PNG that ends too early" in frames[2].gap


@pytest.mark.parametrize(
    ("broken", "options", "gaps", "damage"),
    [
        ([5], {"every": 5}, {10: "frame 5 between"}, None),
        ([2, 5], {"every": 10}, {}, None),  # nobody asked for them, and nobody read them
        ([15], {"every": 5}, {}, "frame 15 between 1.40 and 1.60 s"),
        ([15], {"every": 5, "end": 1.6}, {}, "frame 15 between 1.40 and 1.60 s"),
        ([3], {"start": 0.5}, {}, None),
    ],
)
def test_no_gap_is_lost_between_frames_that_are_left_out(
    tmp_path: Path, numbered: Any, broken: list[int], options: dict[str, Any], gaps: dict[int, str], damage: str | None
) -> None:
    for index in range(18):
        write_image(tmp_path / f"{index}.png", numbered(index))
    for index in broken:
        (tmp_path / f"{index}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    video = open_video(tmp_path, rate=10, **options)
    found = {frame.index: frame.gap for frame in video if frame.gap}
    assert found.keys() == gaps.keys()
    assert all(text in str(found[index]) for index, text in gaps.items())
    assert (video.damage is None) == (damage is None)
    assert damage is None or damage in str(video.damage)


def test_an_unreadable_last_picture_ends_the_video_early(tmp_path: Path, numbered: Any) -> None:
    for index in range(3):
        write_image(tmp_path / f"{index}.png", numbered(index))
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:100])
    video = open_video(tmp_path, rate=10)
    assert [frame.index for frame in video] == [0, 1]
    assert video.damage is not None
    assert "after frame 1 at 0.10 s" in video.damage


def test_an_unreadable_picture_that_is_not_wanted_is_not_read(tmp_path: Path, numbered: Any) -> None:
    for index in range(5):
        write_image(tmp_path / f"{index}.png", numbered(index))
    (tmp_path / "1.png").write_bytes(b"no picture")
    video = open_video(tmp_path, every=2)
    assert [frame.index for frame in video] == [0, 2, 4]
    assert video.damage is None


def test_the_first_picture_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"no picture")
    with pytest.raises(VideoError, match=r"begins with a picture that cannot be read: .*0\.png"):
        open_video(tmp_path)


@pytest.mark.parametrize("name", ["notes 3.txt", "cover.png", ".001.png"])
def test_no_numbered_picture(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(VideoError, match=r"without numbered pictures; expected .*frame_001\.png"):
        open_video(tmp_path)
