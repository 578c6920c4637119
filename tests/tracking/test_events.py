"""Faces whose spans are known from the start."""

import math
import pickle
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import InvalidInput
from mien.tracking.events import Event, EventFinder

RATES = (10, 25, 60)


def feed(finder: EventFinder, fps: int, spans: list[tuple[float, float, str]], track_id: int = 1) -> list[Event]:
    """One face with a score of .5 that shows labels from a second to another; outside of the spans it is not seen."""
    events = []
    for number in range(round(spans[-1][1] * fps)):
        time = number / fps
        for start, end, label in spans:
            if start - 1e-9 <= time < end - 1e-9:
                events += finder.add(track_id, time, label, 0.5)
        events += finder.tick(time)
    return events + finder.close()


@pytest.mark.parametrize("fps", RATES)
def test_a_change_of_label_ends_one_span_and_begins_the_next(fps: int) -> None:
    events = feed(EventFinder(), fps, [(0, 1, "happy"), (1, 2.4, "sad"), (2.4, 3.4, "happy")])
    assert [event.label for event in events] == ["happy", "sad", "happy"]
    assert [event.start for event in events] == pytest.approx([0, 1, 2.4])
    assert [event.end for event in events] == pytest.approx([1, 2.4, 3.4 - 1 / fps])
    assert [event.mean for event in events] == pytest.approx([0.5] * 3)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize(("away", "expected"), [(0.2, 1), (0.6, 2)])
def test_a_short_absence_is_bridged_and_a_long_one_is_not(fps: int, away: float, expected: int) -> None:
    events = feed(EventFinder(bridge=0.3), fps, [(0, 1, "happy"), (1 + away, 2.6, "happy")])
    assert len(events) == expected
    assert events[0].end == pytest.approx(2.6 - 1 / fps if expected == 1 else 1 - 1 / fps)
    assert events[-1].start == pytest.approx(0 if expected == 1 else 1 + away)


def test_another_label_after_a_long_absence_does_not_lengthen_the_span() -> None:
    (first, _) = feed(EventFinder(), 10, [(0, 1, "happy"), (3, 4, "sad")])
    assert first.end == pytest.approx(0.9)


def test_a_face_that_comes_back_without_a_tick_begins_anew() -> None:
    finder = EventFinder(minimum=0)
    finder.add(1, 0.0, "happy", 0.5)
    finder.add(1, 0.2, "happy", 0.5)
    assert [(event.start, event.end) for event in finder.add(1, 0.6, "happy", 0.5)] == [(0.0, 0.2)]
    assert [(event.start, event.end) for event in finder.close()] == [(0.6, 0.6)]


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize(("length", "kept"), [(0.1, False), (0.2, True), (0.3, True)])
def test_a_span_shorter_than_the_minimum_is_dropped(fps: int, length: float, kept: bool) -> None:
    spans = [(0, 1, "neutral"), (1, 1 + length, "surprise"), (1 + length, 3, "neutral")]
    labels = [event.label for event in feed(EventFinder(minimum=0.2), fps, spans)]
    assert labels == ["neutral", *["surprise"] * kept, "neutral"]


def test_peak_is_the_first_of_the_greatest_scores() -> None:
    finder = EventFinder()
    for number, score in enumerate([0.4, 0.9, 0.7, 0.9, 0.5]):
        finder.add(1, 0.1 * number, "happy", score)
    (event,) = finder.close()
    assert (event.peak, event.peak_time) == (0.9, 0.1)


def test_mean_weighs_frames_by_how_long_they_were_shown() -> None:
    finder = EventFinder(bridge=5)
    for time, score in [(0.0, 0.4), (1.0, 0.8), (4.0, 0.6)]:
        finder.add(1, time, "happy", score)
    (event,) = finder.add(1, 5.0, "sad", 1.0)
    assert event.mean == pytest.approx((0.4 * 1 + 0.8 * 3 + 0.6 * 1) / 5)
    assert event.duration == 5


def test_a_single_frame_has_its_own_score_for_mean() -> None:
    finder = EventFinder(minimum=0)
    finder.add(1, 2.0, "happy", 0.7)
    assert finder.close() == [Event(1, "happy", 2.0, 2.0, 0.7, 2.0, 0.7)]


def test_tick_ends_only_the_faces_that_left() -> None:
    finder = EventFinder(minimum=0)
    for number in range(20):
        finder.add(1, 0.1 * number, "happy", 0.5)
        if number < 10:
            finder.add(2, 0.1 * number, "sad", 0.5)
    assert [event.track_id for event in finder.tick(1.9)] == [2]
    assert finder.tick(1.9) == []
    assert [event.track_id for event in finder.close()] == [1]
    assert finder.close() == []


def test_what_is_open_comes_in_the_order_of_its_end() -> None:
    finder = EventFinder(minimum=0)
    for track_id, last in [(3, 0.2), (1, 0.3), (2, 0.1)]:
        finder.add(track_id, 0.0, "happy", 0.5)
        finder.add(track_id, last, "happy", 0.5)
    assert [event.track_id for event in finder.close()] == [2, 3, 1]


def test_memory_stays_flat() -> None:
    finder = EventFinder()
    sizes = []
    for number in range(5000):
        time = number / 25
        finder.add(number // 50, time, ("happy", "sad")[number // 10 % 2], 0.5)  # somebody else every 2 s
        finder.tick(time)
        sizes.append(len(pickle.dumps(finder)))
    assert max(sizes[2500:]) <= max(sizes[:200]) + 16


def test_goes_on_from_a_pickle() -> None:
    finder = EventFinder()
    for number in range(10):
        finder = pickle.loads(pickle.dumps(finder))
        finder.add(1, 0.1 * number, "happy", 0.1 * number)
    (event,) = finder.close()
    assert event.start == 0
    assert event.peak == pytest.approx(0.9)


@given(st.lists(st.tuples(st.floats(0.01, 1), st.sampled_from("abc"), st.floats(0, 1)), min_size=1, max_size=40))
def test_events_of_a_face_never_overlap_and_hold_their_peak(frames: list[tuple[float, str, float]]) -> None:
    finder, time, events = EventFinder(minimum=0), 0.0, []
    for wait, label, score in frames:
        time += wait
        events += finder.tick(time)
        events += finder.add(1, time, label, score)
    events += finder.close()
    assert all(before.end <= after.start for before, after in pairwise(events))
    for event in events:
        assert event.start <= event.peak_time <= event.end
        assert event.mean <= event.peak + 1e-9
    assert max(event.peak for event in events) == max(score for _, _, score in frames)


@pytest.mark.parametrize("build", [lambda: EventFinder(minimum=-1), lambda: EventFinder(bridge=math.nan)])
def test_bad_seconds_are_refused(build: Callable[[], EventFinder]) -> None:
    with pytest.raises(InvalidInput, match="0 or more"):
        build()


@pytest.mark.parametrize(
    ("time", "score", "message"),
    [
        (1.0, 0.5, "increase"),
        (math.nan, 0.5, "increase"),
        (2.0, 1.5, "probability"),
        (2.0, math.nan, "probability"),
    ],
)
def test_bad_frames_are_refused(time: float, score: float, message: str) -> None:
    finder = EventFinder()
    finder.add(1, 1.0, "happy", 0.5)
    with pytest.raises(InvalidInput, match=message):
        finder.add(1, time, "happy", score)
