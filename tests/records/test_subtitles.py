import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.records import Header
from mien.records.subtitles import SHORTEST, SubtitlesSink
from mien.values import Face, Failure, FrameResult, VideoInfo

Cue = tuple[float, float, str]


def parse(data: bytes) -> list[Cue]:
    """Cues as a player reads them: start and end in seconds, and the text."""
    cues = []
    for number, block in enumerate(data.decode().removesuffix("\n\n").split("\n\n") if data else [], start=1):
        count, times, text = block.split("\n", 2)
        assert int(count) == number
        start, end = (
            timedelta(hours=int(hour), minutes=int(minute), seconds=int(second), milliseconds=int(part)).total_seconds()
            for hour, minute, second, part in re.findall(r"(\d\d+):(\d\d):(\d\d),(\d{3})", times)
        )
        cues.append((start, end, text))
    return cues


def test_a_cue_whenever_what_is_shown_changes(written: Callable[..., bytes], make_frame: Any, make_person: Any) -> None:
    happy, sad = make_person(1, happy=0.72), make_person(2, sad=0.5)
    frames = [
        *(make_frame(index) for index in range(10)),
        *(make_frame(index, happy) for index in range(10, 30)),
        *(make_frame(index, sad, happy) for index in range(30, 50)),
        *(make_frame(index) for index in range(50, 60)),
        *(make_frame(index, sad) for index in range(60, 70)),
    ]
    assert parse(written(SubtitlesSink, frames)) == [
        (0.4, 1.2, "#1 happy 72 %"),
        (1.2, 2.0, "#1 happy 72 %\n#2 sad 50 %"),
        (2.4, 2.8, "#2 sad 50 %"),
    ]


def test_a_new_label_does_not_wait_because_of_percentages(
    written: Callable[..., bytes], make_frame: Any, make_person: Any
) -> None:
    shares = [0.70, 0.72, 0.74, 0.76, 0.78, 0.80, 0.82, 0.84, 0.86]
    happy = [make_frame(index, make_person(1, happy=share)) for index, share in enumerate(shares)]
    frames = [*happy, *(make_frame(index, make_person(1, sad=0.9)) for index in range(9, 20))]
    assert parse(written(SubtitlesSink, frames)) == [
        (0.0, 0.28, "#1 happy 70 %"),
        (0.28, 0.36, "#1 happy 84 %"),
        (0.36, 0.8, "#1 sad 90 %"),
    ]


def test_unclear_stands_for_a_label_nobody_should_trust(
    written: Callable[..., bytes], make_frame: Any, make_person: Any, tmp_path: Path
) -> None:
    unclear, happy = make_person(1, happy=0.4, uncertain=("unclear",)), make_person(1, happy=0.9)
    frames = [make_frame(index, unclear if index < 10 else happy) for index in range(20)]
    content = written(SubtitlesSink, frames)
    assert parse(content) == [(0.0, 0.4, "#1 unclear"), (0.4, 0.8, "#1 happy 90 %")]
    (tmp_path / "a.srt").write_bytes(content)
    assert SubtitlesSink.replaces(tmp_path / "a.srt")


def test_a_cue_ends_where_frames_are_damaged(written: Callable[..., bytes], make_frame: Any, make_person: Any) -> None:
    frames = [make_frame(index, make_person(1, happy=0.7)) for index in range(150)]
    frames[125] = replace(frames[125], error="frames 50 to 124 cannot be decoded")
    assert parse(written(SubtitlesSink, [*frames[:50], *frames[125:]])) == [
        (0.0, 2.0, "#1 happy 70 %"),
        (5.0, 6.0, "#1 happy 70 %"),
    ]


def test_the_file_is_subrip(written: Callable[..., bytes], make_frame: Any, make_person: Any) -> None:
    frame = make_frame(0, make_person(3, label="fröh\n\nlich", labels=("a", "fröh\n\nlich")), time=3723.4564)
    assert written(SubtitlesSink, [frame], Header(model="m", detector="d", labels=())) == (
        "1\n01:02:03,456 --> 01:02:03,496\n#3 fröh lich 100 %\n\n".encode()
    )


@given(st.lists(st.floats(0, 1), max_size=60), st.sampled_from([4, 12.5, 29.97, 240]))
def test_percentages_change_at_most_four_times_a_second_and_so_do_labels(
    written: Callable[..., bytes], make_frame: Any, make_person: Any, shares: list[float], rate: float
) -> None:
    frames = [
        make_frame(index, *([make_person(1, happy=share)] if share > 0.2 else []), time=index / rate)
        for index, share in enumerate(shares)
    ]
    cues = parse(written(SubtitlesSink, frames))
    assert all(text for _, _, text in cues)
    changes = []
    for (start, end, text), (following, _, next_text) in pairwise(cues):
        if end == following and text.split()[:2] == next_text.split()[:2]:
            assert start + SHORTEST <= end + 0.002
        else:
            changes += sorted({end, following})
    assert all(later - earlier >= SHORTEST - 0.002 for earlier, later in pairwise(changes))
    if shares and shares[0] > 0.2:
        assert cues[0][0] == 0


def test_a_video_without_faces_or_frames_is_an_empty_file(written: Callable[..., bytes], make_frame: Any) -> None:
    picture = FrameResult(source="a.jpg", width=1, height=1)
    assert written(SubtitlesSink, [picture, make_frame(0), Failure("talk.mp4", "broken"), Failure("b", "x")]) == b""


def test_a_person_without_a_number_and_a_camera_without_a_rate(
    written: Callable[..., bytes], make_frame: Any, make_face: Callable[..., Face]
) -> None:
    frame = make_frame(0, make_face(0, 0, happy=1), video=VideoInfo(started_at="2024-05-01T12:30:00+00:00"))
    assert parse(written(SubtitlesSink, [frame])) == [(0.0, 0.04, "happy 100 %")]


@pytest.mark.parametrize(
    ("content", "may"),
    [
        ("", True),
        ("1\n00:00:00,000 --> 00:00:01,000\n#1 happy 72 %\n\n", True),
        ("1\n00:00:00,000 --> 00:00:01,000\nGood evening.\n\n", False),
        ("Dear diary", False),
    ],
)
def test_only_earlier_subtitles_are_replaced(tmp_path: Path, content: str, may: bool) -> None:
    path = tmp_path / "talk.srt"
    path.write_text(content)
    assert SubtitlesSink.replaces(path) is may
