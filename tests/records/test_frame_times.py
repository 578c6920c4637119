from typing import Any

import pytest

from mien.records.frame_times import FrameTimes
from mien.values import VideoInfo


def ends(make_frame: Any, times: list[float], *, damaged: float | None = None, **fields: Any) -> list[float]:
    """The end of each frame, then the seconds that are missing."""
    frames = [
        make_frame(n, time=time, error="x" if time == damaged else None, **fields) for n, time in enumerate(times)
    ]
    known = FrameTimes(frames[0])
    return [*(known.add(frame) for frame in frames[1:]), known.end, known.missing]


def test_a_frame_ends_when_the_next_one_comes(make_frame: Any) -> None:
    assert ends(make_frame, [3, 3.1, 3.2, 3.5, 3.6]) == pytest.approx([3.1, 3.2, 3.5, 3.6, 3.7, 0])


def test_a_frame_before_damage_ends_after_the_usual_time(make_frame: Any) -> None:
    assert ends(make_frame, [0, 0.1, 0.2, 0.7, 0.8], damaged=0.7) == pytest.approx([0.1, 0.2, 0.3, 0.8, 0.9, 0.4])
    assert ends(make_frame, [0, 0.7], damaged=0.7) == pytest.approx([0.04, 0.74, 0.66])


def test_where_no_frame_comes_for_long_frames_are_missing(make_frame: Any) -> None:
    assert ends(make_frame, [0, 0.1, 0.2, 0.3, 1.2, 5.2]) == pytest.approx([0.1, 0.2, 0.3, 1.2, 2.2, 5.3, 3])
    assert ends(make_frame, [0, 5, 10, 15]) == pytest.approx([5, 10, 15, 20, 0])


def test_the_last_frame_ends_with_the_video(make_frame: Any) -> None:
    """At one frame a second, a video of 4.6 s was analysed to 5.0 s."""
    whole = VideoInfo(25.0, num_frames=115)
    assert ends(make_frame, [0, 1, 2, 3, 4], video=whole) == pytest.approx([1, 2, 3, 4, 4.6, 0])
    too_few = VideoInfo(25.0, num_frames=50)
    assert ends(make_frame, [0, 1, 2, 3, 4], video=too_few) == pytest.approx([1, 2, 3, 4, 4.04, 0])


def test_a_part_ends_where_reading_stops(make_frame: Any) -> None:
    times = FrameTimes(make_frame(25), stop=1.5)
    for index in (30, 35):
        times.add(make_frame(index))
    assert (times.start, times.end, times.length) == pytest.approx((1, 1.5, 0.5))
