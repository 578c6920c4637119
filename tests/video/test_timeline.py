from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.video.decoder import Picture
from mien.video.timeline import Thinning, timed

seconds = st.floats(-10, 1e6, allow_nan=False)


def placed_times(given_times: Iterable[float | None]) -> list[float]:
    return [time for time, _ in timed((Picture(each, None) for each in given_times), 0.04)]


@given(st.lists(st.none() | seconds, max_size=50))
def test_times_strictly_increase_whatever_comes(given_times: list[float | None]) -> None:
    placed = placed_times(given_times)
    assert all(before < after for before, after in pairwise(placed))


@given(st.sets(seconds, max_size=50))
def test_increasing_times_stay_as_they_are(times: set[float]) -> None:
    assert placed_times(sorted(times)) == sorted(times)


@pytest.mark.parametrize(
    ("given_times", "placed"),
    [
        pytest.param([None, None, 0.08], [0.0, 0.04, 0.08], id="missing"),
        pytest.param([0.0, 0.04, 0.04, 0.12], [0.0, 0.04, 0.041, 0.12], id="doubled"),
        pytest.param([0.0, 0.08, 0.04, 0.12], [0.0, 0.08, 0.081, 0.12], id="out of order"),
        pytest.param([5.0, 5.04, 0.0, 0.04], [5.0, 5.04, 5.08, 5.12], id="begins again"),
        pytest.param([0.0, 9.0, 9.04], [0.0, 9.0, 9.04], id="a gap is true"),
    ],
)
def test_mending(given_times: list[float | None], placed: list[float]) -> None:
    assert placed_times(given_times) == pytest.approx(placed)


@pytest.mark.parametrize(
    ("times", "every", "fps", "kept"),
    [
        pytest.param([i / 30 for i in range(9)], 1, None, list(range(9)), id="all"),
        pytest.param([i / 30 for i in range(9)], 4, None, [0, 4, 8], id="every fourth"),
        pytest.param([i / 30 for i in range(9)], 1, 10.0, [0, 3, 6], id="divides"),
        pytest.param([i / 25 for i in range(11)], 1, 10.0, [0, 3, 5, 8, 10], id="does not divide"),
        pytest.param([i / 25 for i in range(5)], 1, 50.0, list(range(5)), id="more than there are"),
        pytest.param([0, 0.033, 0.067, 0.1, 0.133, 0.167, 0.2], 1, 30.0, list(range(7)), id="rounded to 1/1000"),
        pytest.param([0, 0.01, 0.02, 0.5, 0.51, 2.0, 2.01], 1, 2.0, [0, 3, 5], id="bursts"),
        pytest.param([7 + i / 30 for i in range(7)], 2, 10.0, [0, 4, 6], id="both, from the first frame on"),
    ],
)
def test_thinning(times: list[float], every: int, fps: float | None, kept: list[int]) -> None:
    thinning = Thinning(every, fps)
    assert [index for index, time in enumerate(times) if thinning.keeps(index, time)] == kept


@given(st.lists(st.floats(0.001, 0.5), min_size=1, max_size=200), st.floats(0.5, 60))
def test_no_second_has_more_frames_than_asked_for(gaps: list[float], fps: float) -> None:
    thinning = Thinning(1, fps)
    time, kept = 0.0, []
    for index, gap in enumerate(gaps):
        if thinning.keeps(index, time):
            kept.append(time)
        time += gap
    assert len(kept) <= kept[-1] * fps + 1.1
