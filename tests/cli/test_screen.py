import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien.cli.screen import FEW, AnalysisScreen
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Source
from mien.values import Failure, FrameResult


@pytest.mark.parametrize(
    ("num_people", "more"),
    [(FEW, ""), (FEW + 1, "and 1 more person, in view"), (94, f"and {94 - FEW} more people, in view")],
)
def test_a_video_with_many_tracks_shows_the_longest_and_counts_the_rest(
    make_frame: Any, make_person: Callable[..., Any], capsys: pytest.CaptureFixture[str], num_people: int, more: str
) -> None:
    """Fault 29: it was a line for each of 94."""
    screen = AnalysisScreen([Source("talk.mp4", Path("talk.mp4"), Path("talk.mp4"))], VideoSettings(), silent=False)
    with screen:
        for index in range(2 * num_people):
            # One after the other, and the last longer than the others.
            tracks = {index // 2 + 1} | ({num_people} if index >= num_people else set())
            screen.see(make_frame(index, *(make_person(track, happy=0.9) for track in sorted(tracks))))
    lines = capsys.readouterr().out.splitlines()
    assert f"{num_people} people" in lines[0]
    assert len(lines) == 1 + FEW + bool(more)
    assert any(line.split()[0] == str(num_people) for line in lines[1:]), "whoever was in view longest is shown"
    assert more in lines[-1]


def test_the_length_of_a_part_is_that_of_its_frames(
    make_frame: Any, make_person: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """25 frames from the second second on were "25 frames, 2.0 s"."""
    source = Source("talk.mp4", Path("talk.mp4"), Path("talk.mp4"))
    with AnalysisScreen([source], VideoSettings(start=1.0, end=2.0), silent=False) as screen:
        for index in range(25, 50):
            screen.see(make_frame(index, make_person(1, happy=0.9)))
    first, second = capsys.readouterr().out.splitlines()
    assert "25 frames, 1.0 s, 1 person" in first
    assert "1.0 to 2.0 s" in second


@pytest.mark.parametrize(
    ("source", "error", "shown"),
    [
        ("e", "the folder holds no picture", "e: the folder holds no picture"),
        ("a.jpg", "a.jpg is not there", "a.jpg is not there"),
        ("a.jpg", "a.jpg: broken", "a.jpg: broken"),
    ],
)
def test_an_error_begins_with_what_it_is_about(
    source: str, error: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with AnalysisScreen([Source(source, None, Path(source))], VideoSettings(), silent=False) as screen:
        screen.see(Failure(source, error))
    assert capsys.readouterr().err == f"error: {shown}\n"


def test_an_unclear_face_says_why_and_shows_its_scores(make_face: Any, capsys: pytest.CaptureFixture[str]) -> None:
    face = replace(
        make_face(10, 20, happy=0.45, sad=0.4), uncertain=("unclear", "blurred"), prediction_set=("happy", "sad")
    )
    with AnalysisScreen([Source("a.jpg", Path("a.jpg"), Path("a.jpg"))], VideoSettings(), silent=False) as screen:
        screen.see(FrameResult(source="a.jpg", width=99, height=99, faces=(face,)))
    _, first, second = capsys.readouterr().out.splitlines()
    assert re.search(r"0  unclear +░+  at 10,20, 50 px; blurred; set: happy or sad$", first)
    assert "happy 45%" in second
