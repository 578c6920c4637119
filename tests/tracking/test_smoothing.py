"""Noise, steps and resting faces whose truth is known."""

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.emotions import CIRCUMPLEX, EMOTIONS, valence_arousal
from mien.errors import InvalidInput
from mien.tracking.smoothing import (
    FLOOR,
    Baseline,
    Ema,
    Hysteresis,
    Median,
    Smoother,
    Smoothing,
    make_smoother,
)
from mien.tracking.state import State, from_bytes, to_bytes

Vector = NDArray[np.float64]
Timed = Callable[[float, Vector], Vector]

RATES = (10, 25, 60)
SAD, HAPPY, NEUTRAL = (EMOTIONS.index(name) for name in ("sad", "happy", "neutral"))


def one_sided(leader: int, share: float = 0.8) -> Vector:
    """Log scores with `share` for one class and the rest spread over the others."""
    scores = np.full(len(EMOTIONS), (1 - share) / (len(EMOTIONS) - 1))
    scores[leader] = share
    logs: Vector = np.log(scores)
    return logs


def softmax(log_scores: Vector) -> Vector:
    powers = np.exp(log_scores - log_scores.max())
    probabilities: Vector = powers / powers.sum()
    return probabilities


def frame_times(fps: float, seconds: float) -> Iterator[float]:
    return (number / fps for number in range(round(seconds * fps)))


def step_lag(smoother: Smoother, fps: float, share: float = 0.8) -> float:
    """Seconds from the first frame that shows another class until it leads."""
    hysteresis = Hysteresis()
    for time in frame_times(fps, 3):
        truth = SAD if time < 1 else HAPPY
        leader = hysteresis(time, softmax(smoother(time, one_sided(truth, share))))
        if time >= 1 and leader == HAPPY:
            return time - 1
    return math.inf


@pytest.mark.parametrize("fps", RATES)
def test_ema_follows_a_step_in_the_same_time_at_any_rate(fps: int) -> None:
    ema = Ema(0.15)
    ema(0, np.zeros(2))
    for number in range(1, 3 * fps // 10 + 1):
        smoothed = ema(number / fps, np.array([-1.0, 0.0]))
        assert smoothed == pytest.approx([math.expm1(-number / fps / 0.15), 0], abs=1e-12)


def test_ema_of_uneven_times_equals_that_of_even_ones() -> None:
    even, uneven = Ema(), Ema()
    for smoother in (even, uneven):
        smoother(0, np.zeros(2))
    step = np.array([-2.0, -1.0])
    for time in (0.1, 0.2, 0.3):
        expected = even(time, step)
    for time in (0.01, 0.22, 0.3):
        got = uneven(time, step)
    assert got == pytest.approx(expected)


@pytest.mark.parametrize("fps", RATES)
def test_median_follows_a_step_after_half_its_window(fps: int) -> None:
    median = Median(0.4)
    for time in frame_times(fps, 2):
        smoothed = median(time, np.array([0.0 if time < 1 else -1.0]))
        if time < 1.2 - 1.5 / fps:
            assert smoothed[0] == 0
        elif time > 1.2 + 0.5 / fps:
            assert smoothed[0] == -1


def test_median_forgets_a_wrong_frame_and_ema_does_not() -> None:
    median, ema = Median(), Ema()
    for time in frame_times(25, 1):
        scores = one_sided(SAD if round(time * 25) == 20 else HAPPY)
        without, carried = median(time, scores), ema(time, scores)
        assert without == pytest.approx(one_sided(HAPPY))
    assert carried[SAD] > one_sided(HAPPY)[SAD] + 0.05


def test_memory_of_a_median_is_that_of_its_window() -> None:
    median = Median(0.4)
    sizes = []
    for time in frame_times(25, 40):
        median(time, np.zeros(7))
        sizes.append(sum(array.nbytes for array in median.state().values()))
    assert max(sizes[20:]) < 1.02 * min(sizes[20:])


def test_off_returns_the_scores_unchanged() -> None:
    scores = np.array([-np.inf, 0.0])
    assert Smoother()(3.0, scores) is scores


def test_a_probability_of_zero_does_not_stay_forever() -> None:
    ema = Ema()
    assert ema(0, np.array([-np.inf, 0.0])) == pytest.approx([FLOOR, 0])
    assert ema(10, np.array([0.0, -np.inf])) == pytest.approx([0, FLOOR], abs=1e-6)


def test_the_returned_array_may_be_changed() -> None:
    ema = Ema()
    ema(0, np.zeros(2))[:] = 5
    assert ema(0, np.full(2, -1.0)).tolist() == [0, 0]


@pytest.mark.parametrize(("name", "kind"), [("off", Smoother), ("ema", Ema), ("median", Median)])
def test_smoothers_by_name(name: Smoothing, kind: type) -> None:
    assert isinstance(make_smoother(name), kind)
    assert isinstance(make_smoother(name, 0.3), kind)


def test_seconds_reach_the_smoother() -> None:
    ema, median = make_smoother("ema", 0.3), make_smoother("median", 0.7)
    assert isinstance(ema, Ema) and ema.seconds == 0.3
    assert isinstance(median, Median) and median.seconds == 0.7


@pytest.mark.parametrize(
    "build",
    [
        lambda: make_smoother("kalman"),  # type: ignore[arg-type]
        lambda: make_smoother("ema", 0),
        lambda: Ema(math.nan),
        lambda: Median(-1),
        lambda: Hysteresis(margin=1.1),
        lambda: Hysteresis(hold=math.inf),
        lambda: Baseline(0),
        lambda: Baseline(1, resting=-1),
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput, match=r"got|expected"):
        build()


@pytest.mark.parametrize("make", [Ema, Median, Hysteresis, lambda: Baseline(5)])
@pytest.mark.parametrize(
    ("time", "scores", "message"),
    [
        (0.9, np.zeros(3), "never go back"),
        (math.nan, np.zeros(3), "never go back"),
        (2.0, np.zeros(4), r"shape \(3,\)"),
        (2.0, np.zeros((1, 3)), "shape"),
        (2.0, np.array([0, math.nan, 0]), "finite"),
    ],
)
def test_bad_frames_are_refused(make: Callable[[], Timed], time: float, scores: Vector, message: str) -> None:
    called = make()
    called(1.0, np.zeros(3))
    with pytest.raises(InvalidInput, match=message):
        called(time, scores)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("make", [Ema, Median])
def test_a_clear_step_shows_within_a_fifth_of_a_second(make: Callable[[], Smoother], fps: int) -> None:
    assert 0 < step_lag(make(), fps) <= 0.2 + 1e-9


@pytest.mark.parametrize("fps", RATES)
def test_a_faint_step_shows_after_the_hold(fps: int) -> None:
    assert 0.25 < step_lag(Ema(), fps, share=0.4) <= 0.4 + 1e-9


def test_lag_hardly_depends_on_the_rate() -> None:
    lags = [step_lag(Ema(), fps) for fps in (25, 60, 240)]
    assert max(lags) - min(lags) <= 1 / 25


@pytest.mark.parametrize("fps", [25, 60])
@pytest.mark.parametrize("make", [Ema, Median])
def test_flicker_falls_fivefold_and_the_step_is_kept(make: Callable[[], Smoother], fps: int) -> None:
    random = np.random.default_rng(5)
    smoother, hysteresis = make(), Hysteresis()
    raw, smoothed = [], []
    for time in frame_times(fps, 40):
        scores = one_sided(SAD if time < 20 else HAPPY, 0.45) + random.normal(0, 0.9, len(EMOTIONS))
        scores = np.log(softmax(scores))
        raw.append(int(scores.argmax()))
        smoothed.append(hysteresis(time, softmax(smoother(time, scores))))
    changes, kept = np.count_nonzero(np.diff(raw)), np.count_nonzero(np.diff(smoothed))
    assert changes > 40
    assert 1 <= kept <= changes / 5
    assert np.mean(np.array(smoothed[: 20 * fps]) == SAD) > 0.97
    assert np.mean(np.array(smoothed[20 * fps + fps // 2 :]) == HAPPY) > 0.97


@pytest.mark.parametrize("fps", RATES)
def test_a_lead_by_the_margin_has_to_hold(fps: int) -> None:
    hysteresis = Hysteresis(margin=0.1, hold=0.2)
    for time in frame_times(fps, 2):
        leader = hysteresis(time, [0.6, 0.4] if time < 1 else [0.4, 0.6])
        assert leader == (time >= 1.2 - 1e-6)


def test_a_lead_that_breaks_off_starts_anew() -> None:
    hysteresis = Hysteresis(margin=0.1, hold=0.2)
    leads = [0.0, 0.2, 0.2, 0.05, 0.2, 0.2, 0.2]
    leaders = [hysteresis(0.1 * n, [0.5 - lead / 2, 0.5 + lead / 2]) for n, lead in enumerate(leads)]
    assert leaders == [0, 0, 0, 0, 0, 0, 1]


def test_a_lead_short_of_the_margin_never_takes_over() -> None:
    hysteresis = Hysteresis(margin=0.1, hold=0.0)
    hysteresis(0, [0.6, 0.4])
    assert {hysteresis(time, [0.46, 0.54]) for time in range(1, 50)} == {0}


def test_a_great_lead_takes_over_at_once() -> None:
    hysteresis = Hysteresis(margin=0.1, hold=5)
    assert [hysteresis(t, s) for t, s in [(0, [0.9, 0.1]), (0.01, [0.31, 0.69]), (0.02, [0.29, 0.71])]] == [0, 0, 1]


def test_two_challengers_that_take_turns_do_not_delay_each_other() -> None:
    hysteresis = Hysteresis(margin=0.1, hold=0.2)
    hysteresis(0, [0.5, 0.3, 0.2])
    turns = [[0.2, 0.42, 0.38], [0.2, 0.38, 0.42], [0.2, 0.42, 0.38]]
    assert [hysteresis(0.1 * n, scores) for n, scores in enumerate(turns, 1)] == [0, 0, 1]


def test_of_equal_classes_the_first_keeps_the_lead() -> None:
    hysteresis = Hysteresis(margin=0, hold=0)
    assert {hysteresis(time, [0.5, 0.5]) for time in range(5)} == {0}


@pytest.mark.parametrize("fps", RATES)
def test_baseline_takes_out_the_resting_face(fps: int) -> None:
    baseline = Baseline(2.0)
    resting = one_sided(SAD, 0.6)
    smile = resting + 2 * (np.arange(len(EMOTIONS)) == HAPPY)
    for time in frame_times(fps, 2):
        jitter = 0.3 * (-1) ** round(time * fps)
        seen = resting + jitter * (np.arange(len(EMOTIONS)) == SAD)
        assert baseline(time, seen) is seen
        assert not baseline.learned
    assert softmax(baseline(2.0, resting)) == pytest.approx(np.full(len(EMOTIONS), 1 / len(EMOTIONS)), abs=1e-3)
    assert baseline.learned
    corrected = baseline(2.1, smile)
    assert corrected.argmax() == HAPPY
    assert corrected[HAPPY] - corrected[SAD] == pytest.approx(2, abs=1e-9)
    assert corrected.mean() == pytest.approx(smile.mean())


def test_a_resting_face_can_read_as_neutral() -> None:
    baseline = Baseline(1.0, resting=NEUTRAL)
    for time in frame_times(25, 1):
        baseline(time, one_sided(SAD, 0.6))
    probabilities = softmax(baseline(1.0, one_sided(SAD, 0.6)))
    assert probabilities[NEUTRAL] == pytest.approx(0.8)
    assert probabilities[SAD] == pytest.approx(0.2 / 6)


def test_the_resting_class_must_be_one_of_the_classes() -> None:
    with pytest.raises(InvalidInput, match="one of 3 classes"):
        Baseline(1.0, resting=3)(0.0, np.zeros(3))


class Restorable(Protocol):
    def __call__(self, time: float, scores: Vector, /) -> Vector | int: ...
    def state(self) -> State: ...
    def restore(self, state: State) -> None: ...


@pytest.mark.parametrize(
    "make", [Ema, Median, Smoother, Hysteresis, lambda: Baseline(0.5), lambda: Baseline(0.5, NEUTRAL)]
)
def test_a_restored_object_continues_as_the_undisturbed_one(make: Callable[[], Restorable]) -> None:
    random = np.random.default_rng(1)
    undisturbed, restored = make(), make()
    for time in frame_times(25, 2):
        scores = softmax(random.normal(0, 1, 7))
        state = restored.state()
        restored = make()
        restored.restore(from_bytes(to_bytes(state)))
        assert np.array_equal(undisturbed(time, scores), restored(time, scores))


@pytest.mark.parametrize(
    ("build", "wrong"),
    [
        (Median, {"frames": np.zeros((1, 1))}),
        (Median, {"frames": np.zeros((2, 5))}),
        (Ema, {"mean": np.zeros(4)}),
        (Hysteresis, {"ahead_since": np.full(2, np.inf)}),
    ],
)
def test_states_that_contradict_themselves_are_refused(build: Callable[[], Restorable], wrong: State) -> None:
    called = build()
    called(0.0, np.array([0.2, 0.3, 0.5]))
    restored = build()
    restored.restore(called.state() | wrong)
    with pytest.raises(InvalidInput, match="scores have the shape"):
        restored(0.1, np.array([0.2, 0.3, 0.5]))


def test_every_expression_has_a_place_in_the_circumplex() -> None:
    assert set(CIRCUMPLEX) == set(EMOTIONS)
    assert np.abs(list(CIRCUMPLEX.values())).max() <= 1


def test_valence_and_arousal_are_an_expectation() -> None:
    assert valence_arousal(("neutral", "happy"), [0.0, 1.0]) == pytest.approx(CIRCUMPLEX["happy"])
    assert valence_arousal(("happy", "sad"), [0.5, 0.5]) == pytest.approx(
        [(a + b) / 2 for a, b in zip(CIRCUMPLEX["happy"], CIRCUMPLEX["sad"], strict=True)]
    )
    by_name = {name: valence_arousal(EMOTIONS, np.exp(one_sided(n, 1 - 1e-9))) for n, name in enumerate(EMOTIONS)}
    valence = {name: place[0] for name, place in by_name.items() if place}
    arousal = {name: place[1] for name, place in by_name.items() if place}
    assert max(valence, key=valence.__getitem__) == "happy"
    assert max(arousal, key=arousal.__getitem__) == "surprise"
    assert min(arousal, key=arousal.__getitem__) == "sad"


def test_labels_of_ones_own_have_no_place() -> None:
    assert valence_arousal(("happy", "bored"), [0.5, 0.5]) is None
    with pytest.raises(InvalidInput, match="2 labels"):
        valence_arousal(("happy", "sad"), [1.0])
