import numpy as np
import pytest

from mien.records.frame_times import FrameTimes
from mien.report.timeline import MOST_BINS, MOST_GAPS, Axis, Binning, clock, line, ribbon
from mien.values import FrameResult


def binned(times: list[float], damaged: float | None = None) -> Axis:
    frames = [
        FrameResult(source="a", width=1, height=1, time=time, error="x" if time == damaged else None) for time in times
    ]
    bins, known = Binning(), None
    for frame in frames:
        if known:
            bins.end_frame(known.add(frame))
        known = known or FrameTimes(frame)
        bins.add(frame.time)
    if known:
        bins.end_frame(known.end)
    return bins.axis()


@pytest.mark.parametrize("step", [0.02, 1 / 30, 0.2, 10.0])
@pytest.mark.parametrize("num", [2, 100, MOST_BINS, MOST_BINS + 1, 5 * MOST_BINS + 3])
def test_bins_follow_the_frames_without_holes(step: float, num: int) -> None:
    axis = binned([5 + index * step for index in range(num)])
    assert len(axis.starts) <= MOST_BINS
    assert axis.ends[:-1] == pytest.approx(axis.starts[1:])
    assert (axis.start, axis.end) == pytest.approx((5, 5 + num * step))
    assert axis.missing == ()
    assert axis.gaps([*range(len(axis.starts))]) == []


def test_one_frame_and_none_have_an_axis_too() -> None:
    assert (binned([7.0]).start, binned([7.0]).end) == (7.0, 7.04)
    assert binned([]).end > binned([]).start


def test_frames_that_last_differently_are_no_gap_up_to_a_second() -> None:
    times = [0, 0.1, 0.2, 1.1, 1.2, 5.2, 5.3]
    axis = binned(times)
    assert [*axis.missing] == [pytest.approx((2.2, 5.2))]
    assert axis.gaps([0, 1, 2, 5, 6]) == [pytest.approx((1.1, 2.2))]


def test_short_gaps_are_known_where_frames_are_damaged() -> None:
    axis = binned([0, 0.1, 0.2, 0.4, 0.5], damaged=0.4)
    assert [*axis.missing] == [pytest.approx((0.3, 0.4))]
    assert axis.stretches([0, 1, 2, 3, 4]) == [slice(0, 3), slice(3, 5)]


@pytest.mark.parametrize("num", [MOST_BINS, 5 * MOST_BINS + 3])
def test_bins_of_many_frames_end_where_frames_are_missing(num: int) -> None:
    times = [index / 25 for index in range(num)]
    axis = binned([*times[:1001], *times[1126:]], damaged=times[1126])
    assert len(axis.starts) <= MOST_BINS
    (place,) = np.flatnonzero(axis.starts[1:] - axis.ends[:-1] > 1e-6)
    assert (axis.ends[place], axis.starts[place + 1]) == pytest.approx((40.04, 45.04))
    assert [*axis.missing] == [pytest.approx((40.04, 45.04))]


def test_memory_is_bounded_where_frames_are_missing_everywhere() -> None:
    axis = binned([5 * (index // 10) + index % 10 / 25 for index in range(4 * MOST_BINS)])
    assert len(axis.starts) <= MOST_BINS
    assert len(axis.missing) == MOST_GAPS


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [(0, 0.5, "0.0 s", "0.5 s"), (9, 12, "9.0 s", "12.0 s"), (0, 61, "0 s", "1:00"), (0, 600, "0 s", "10:00"),
     (3600, 3602, "1:00:00.0", "1:00:02.0"), (0, 80_000, "0 s", "20:00:00")],
)  # fmt: skip
def test_ticks_are_few_round_times(start: float, end: float, first: str, last: str) -> None:
    texts = [*Axis(np.array([start]), np.array([end])).ticks().values()]
    assert (texts[0], texts[-1]) == (first, last)
    assert 2 <= len(texts) <= 7
    assert len(set(texts)) == len(texts)


def test_times_as_people_write_them() -> None:
    times = (0, 5.24, 59.96, 187, 3725.5)
    assert [clock(each, 1) for each in times] == ["0.0 s", "5.2 s", "1:00.0", "3:07.0", "1:02:05.5"]
    assert clock(59.6) == "1:00"


def test_a_line_has_gaps_where_there_is_no_value() -> None:
    axis = binned([0, 1, 2, 3, 4])
    values = np.array([0.5, np.nan, 0.25, 1.0])
    assert [each.split('"')[3] for each in line(axis, [0, 1, 2, 3], values, "red", 0, 1, "fear")] == [
        "M0,50 200,50",
        "M400,75 600,0 800,0",
    ]


def test_a_ribbon_has_a_bar_for_each_stretch_of_one_label() -> None:
    bars = [*ribbon(binned([0, 1, 2, 3, 4]), [0, 1, 3, 4], np.array([0, 0, 0, 1]), ["a", "<b>"], ["red", "blue"])]
    assert [bar.split("<title>")[1].split("</title>")[0] for bar in bars] == [
        "a, 0.0 s to 2.0 s",
        "a, 3.0 s to 4.0 s",
        "&lt;b&gt;, 4.0 s to 5.0 s",
    ]
