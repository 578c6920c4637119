"""Noise, steps and resting faces whose truth is known."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import length_hint
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.emotions import CIRCUMPLEX, EMOTIONS, valence_arousal
from mien.errors import InvalidInput
from mien.recognition import Abstention
from mien.tracking.events import EventFinder
from mien.tracking.smoothing import EVIDENCE, LOOKAHEAD, Baseline, Smoother, Smoothing
from mien.values import Box, Detection, Face, Failure, FrameResult, Prediction, VideoInfo

Vector = NDArray[np.float64]

RATES = (10, 25, 30, 60)
FEAR, SAD, HAPPY, NEUTRAL = (EMOTIONS.index(name) for name in ("fear", "sad", "happy", "neutral"))


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


def frame_times(fps: float, seconds: float) -> list[float]:
    return [number / fps for number in range(round(seconds * fps))]


def video(
    times: Sequence[float], logs: Sequence[Vector], *, live: bool = False, track_id: int = 1, **fields: Any
) -> list[FrameResult]:
    """The results of a video of one person, as `Stream` gives them."""
    box = Box(0, 0, 5, 5)
    return [
        FrameResult(
            source="a.mp4", index=index, time=time, width=9, height=9, video=VideoInfo(live=live),
            faces=(Face(Detection(box, 1.0), Prediction(EMOTIONS, softmax(row).astype(np.float32)), track_id),),
            **fields,
        )
        for index, (time, row) in enumerate(zip(times, logs, strict=True))
    ]  # fmt: skip


def labels(results: Sequence[FrameResult]) -> list[str]:
    return [face.label for result in results for face in result.faces]


def num_changes(names: Sequence[str]) -> int:
    return sum(one != two for one, two in itertools.pairwise(names))


def noisy(fps: float, seconds: float = 20, noise: float = 1.0) -> tuple[list[float], list[Vector]]:
    """Sad, then happy from the middle on, then sad again, each with noise."""
    random = np.random.default_rng(7)
    times = frame_times(fps, seconds)
    third = seconds / 3
    truth = [HAPPY if third <= time < 2 * third else SAD for time in times]
    return times, [one_sided(each, 0.5) + random.normal(0, noise, len(EMOTIONS)) for each in truth]


@pytest.mark.parametrize("smoothing", ["ema", "median"])
@pytest.mark.parametrize("shares", [(0.8, 0.8), (0.9, 0.5), (0.5, 0.9)])
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("fps", RATES)
def test_a_change_in_a_file_is_dated_to_its_very_frame(
    fps: int, every: int, shares: tuple[float, float], smoothing: Smoothing
) -> None:
    """Fault 19: labels and events began .13 to .38 s late."""
    times = frame_times(fps, 6)[::every]
    logs = [one_sided(SAD, shares[0]) if time < 3 else one_sided(HAPPY, shares[1]) for time in times]
    results = list(Smoother(smoothing)(video(times, logs)))
    assert labels(results) == ["sad" if time < 3 else "happy" for time in times]
    finder = EventFinder()
    for result in results:
        finder.add(1, result.time, result.faces[0].label, 0.5)
    (event,) = finder.close()
    assert event.start == min(time for time in times if time >= 3)


@pytest.mark.parametrize("fps", RATES)
def test_a_change_is_not_blurred(fps: int) -> None:
    times = frame_times(fps, 2)
    logs = [one_sided(SAD if time < 1 else HAPPY) for time in times]
    for result in Smoother()(video(times, logs)):
        (face,) = result.faces
        assert face.raw is not None
        np.testing.assert_allclose(face.prediction.scores, face.raw.scores, atol=0.001)


@pytest.mark.parametrize("fps", RATES)
def test_live_labels_follow_within_a_fifth_of_a_second_and_a_frame(fps: int) -> None:
    times = frame_times(fps, 3)
    logs = [one_sided(SAD if time < 1 else HAPPY) for time in times]
    results = list(Smoother()(video(times, logs, live=True)))
    lag = next(result.time for result in results if result.faces[0].label == "happy") - 1
    assert 0.1 < lag <= 0.2 + 1e-9
    assert num_changes(labels(results)) == 1


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("smoothing", ["ema", "median", "off"])
@pytest.mark.parametrize("fps", RATES)
def test_no_label_is_below_its_rival(fps: int, smoothing: Smoothing, live: bool) -> None:
    """Fault 19: "happy 5 %" was drawn over fear 41 %."""
    for result in Smoother(smoothing)(video(*noisy(fps, noise=2), live=live)):
        (face,) = result.faces
        assert face.label == EMOTIONS[int(face.prediction.scores.argmax())]
        assert face.scores[face.label] == max(face.scores.values())


@pytest.mark.parametrize("smoothing", ["ema", "median"])
@pytest.mark.parametrize("fps", RATES)
def test_labels_do_not_flicker_in_noise(fps: int, smoothing: Smoothing) -> None:
    times, logs = noisy(fps)
    results = list(Smoother(smoothing)(video(times, logs)))
    assert num_changes(labels(list(Smoother("off")(video(times, logs))))) > 20
    changed = [after.time for before, after in itertools.pairwise(results) if before.faces[0] != after.faces[0]
               and before.faces[0].label != after.faces[0].label]  # fmt: skip
    assert changed == pytest.approx([20 / 3, 40 / 3], abs=0.2)
    live = labels(list(Smoother(smoothing)(video(times, logs, live=True))))
    assert num_changes(live) <= 4


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("fps", RATES[1:])
def test_a_single_odd_frame_changes_nothing(fps: int, live: bool) -> None:
    logs = [one_sided(HAPPY)] * fps + [one_sided(SAD, 0.99)] + [one_sided(HAPPY)] * fps
    found = labels(list(Smoother()(video(frame_times(fps, 5)[: len(logs)], logs, live=live))))
    assert set(found) == {"happy"}


@pytest.mark.parametrize("live", [False, True])
def test_two_challengers_that_alternate_do_not_keep_the_old_label(live: bool) -> None:
    """Fault 19: neither led for long enough, so a label stayed that nothing spoke for."""
    times = frame_times(25, 3)
    both = [np.log(np.where(np.arange(7) == each, 0.6, np.where(np.arange(7) == other, 0.3, 0.02)))
            for each, other in ((SAD, FEAR), (FEAR, SAD))]  # fmt: skip
    logs = [one_sided(HAPPY) if time < 1 else both[round(time * 25) % 2] for time in times]
    results = list(Smoother()(video(times, logs, live=live)))
    last = max(result.time for result in results if result.faces[0].label == "happy")
    assert last < 1.25 if live else last < 1
    assert num_changes(labels(results)) == 1


def test_a_small_lead_that_lasts_becomes_the_label() -> None:
    times = frame_times(25, 8)
    small = np.log(np.array([0.1, 0.1, 0.1, 0.3, 0.2, 0.1, 0.1]))
    assert EMOTIONS[3:5] == ("happy", "sad")
    found = labels(list(Smoother()(video(times, [one_sided(SAD) if time < 1 else small for time in times]))))
    assert found[-1] == "happy"
    assert num_changes(found) == 1
    assert 1 <= times[found.index("happy")] <= 1 + 2 * EVIDENCE / math.log(1.5) - LOOKAHEAD + 0.05


def test_results_of_a_file_wait_for_later_ones_and_live_ones_do_not() -> None:
    times = frame_times(25, 3)
    for live, wait in ((False, LOOKAHEAD + 0.04), (True, 0.0)):
        given: list[float] = []

        def source(results: list[FrameResult], given: list[float] = given) -> Iterator[FrameResult]:
            for result in results:
                given.append(result.time)
                yield result

        results = video(times, [one_sided(SAD)] * len(times), live=live)
        for result in Smoother()(source(results)):
            assert given[-1] - result.time <= wait + 1e-9
        assert given == times


def test_longer_smoothing_waits_longer_and_needs_more_evidence() -> None:
    times = frame_times(25, 4)
    logs = [one_sided(SAD if 2 <= time < 2.5 else HAPPY) for time in times]
    assert set(labels(list(Smoother()(video(times, logs))))) == {"happy", "sad"}
    assert set(labels(list(Smoother("ema", 0.6)(video(times, logs))))) == {"happy"}


@pytest.mark.parametrize("live", [False, True])
def test_a_face_that_was_out_of_sight_begins_anew(live: bool) -> None:
    times = [*frame_times(25, 1), *(3 + time for time in frame_times(25, 1))]
    logs = [one_sided(SAD)] * 25 + [one_sided(HAPPY)] * 25
    assert labels(list(Smoother()(video(times, logs, live=live)))) == ["sad"] * 25 + ["happy"] * 25


def test_people_who_left_are_forgotten() -> None:
    people: dict[int, Any] = {}
    for baseline, num_kept in ((0.0, 1), (1.0, 9)):
        smoother = Smoother(baseline=baseline)
        for track_id in range(1, 10):
            for result in video([5.0 * track_id], [one_sided(SAD)], track_id=track_id):
                smoother._add(result, people)
        assert len(people) == num_kept
        assert sum(person.trace is not None for person in people.values()) == 1
        people.clear()


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("seconds_apart", [1.0, 30.0])
def test_frames_far_apart_have_their_own_labels(seconds_apart: float, live: bool) -> None:
    logs = [one_sided(each, 0.4) for each in (SAD, HAPPY, SAD, NEUTRAL)]
    times = [seconds_apart * number for number in range(4)]
    assert labels(list(Smoother()(video(times, logs, live=live)))) == ["sad", "happy", "sad", "neutral"]


def test_an_isolated_frame_keeps_its_scores() -> None:
    (result,) = Smoother()(video([5.0], [one_sided(SAD, 0.4)]))
    assert result.faces[0].label == "sad"
    np.testing.assert_allclose(result.faces[0].prediction.scores, softmax(one_sided(SAD, 0.4)), atol=1e-6)


def test_everything_else_of_a_result_passes_through() -> None:
    image = np.zeros((9, 9, 3), np.uint8)
    (picture,) = [FrameResult(source="a.jpg", width=9, height=9, image=image)]
    face = Face(Detection(Box(0, 0, 5, 5), 1.0), Prediction(("a", "b"), np.array([0.5, 0.5], np.float32)))
    failure = Failure("a.mp4", "broken")
    frames = video(frame_times(25, 1), [one_sided(SAD)] * 25, image=image)
    given: list[FrameResult | Failure] = [picture, *frames[:9], failure, *frames[9:]]
    found = list(Smoother()(given))
    assert [type(each) for each in found] == [FrameResult] * 10 + [Failure] + [FrameResult] * 16
    assert all(each.image is image for each in found if isinstance(each, FrameResult))
    (untracked,) = Smoother()([FrameResult(source="a", width=9, height=9, faces=(face,))])
    assert untracked.faces == (face,)


def test_off_leaves_every_score_as_it_is() -> None:
    """The smallest ones too, which were raised."""
    given = video([0.0, 0.1], [np.where(np.arange(7) == SAD, 0.0, -30.0), one_sided(HAPPY)])
    found = list(Smoother("off")(iter(given)))
    assert [face.prediction for each in found for face in each.faces] == [each.faces[0].prediction for each in given]
    assert [face.raw for each in found for face in each.faces] == [each.faces[0].prediction for each in given]


def test_off_with_a_baseline_takes_out_the_resting_face() -> None:
    times = frame_times(25, 3)
    found = labels(list(Smoother("off", baseline=1.0)(video(times, [one_sided(SAD, 0.6)] * len(times)))))
    assert found == ["sad"] * 25 + ["neutral"] * 50


@pytest.mark.parametrize("with_images", [False, True])
def test_frames_that_wait_have_a_limit_in_bytes_with_and_without_images(
    monkeypatch: pytest.MonkeyPatch, with_images: bool
) -> None:
    monkeypatch.setattr("mien.tracking.smoothing.MOST_HELD", 10 * 3 * 9 * 9)
    image = np.zeros((9, 9, 3), np.uint8) if with_images else None
    given = iter(video(frame_times(25, 4), [one_sided(SAD)] * 100, image=image))
    waiting = [99 - result.index - length_hint(given) for result in Smoother(seconds=5.0)(given)]
    assert len(waiting) == 100
    assert max(waiting) == 10


def test_an_exception_comes_after_all_results_before_it() -> None:
    def breaks() -> Iterator[FrameResult]:
        yield from video(frame_times(25, 1), [one_sided(SAD)] * 25)
        raise InvalidInput("broken")

    results = Smoother()(breaks())
    assert [next(results).index for _ in range(25)] == list(range(25))
    with pytest.raises(InvalidInput, match="broken"):
        next(results)


@pytest.mark.parametrize("smoothing", ["ema", "median", "off"])
@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0, 1.5), st.lists(st.floats(0, 1), min_size=7, max_size=7)), max_size=40),
    st.booleans(),
)
def test_any_scores_at_any_times_are_smoothed(
    smoothing: Smoothing, frames: list[tuple[float, list[float]]], live: bool
) -> None:
    """Equal times and impossible scores among them; every frame comes out once, in its order."""
    times = list(itertools.accumulate(step for step, _ in frames))
    logs = [np.log(np.maximum(scores, 1e-30)) for _, scores in frames]
    found = list(Smoother(smoothing)(video(times, logs, live=live)))
    assert [result.index for result in found] == list(range(len(frames)))
    for result in found:
        assert abs(float(result.faces[0].prediction.scores.sum()) - 1) < 1e-3


def test_a_frame_without_a_chance_for_an_expression_does_not_rule_it_out() -> None:
    logs = [one_sided(HAPPY)] * 50
    logs[20] = np.where(np.arange(7) == SAD, 0.0, -1e3)
    found = list(Smoother()(video(frame_times(25, 2), logs)))
    assert found[20].faces[0].scores["happy"] > 0.4
    assert found[40].faces[0].scores["happy"] > 0.75


def test_the_median_ignores_what_lingers_in_a_mean() -> None:
    logs = [one_sided(HAPPY)] * 50
    logs[20] = one_sided(SAD)
    median, ema = (list(Smoother(each)(video(frame_times(25, 2), logs)))[20].faces[0] for each in ("median", "ema"))
    assert median.scores["happy"] == pytest.approx(0.8, abs=1e-3)
    assert ema.scores["happy"] < 0.79


@pytest.mark.parametrize("value", [-1.0, 0, math.nan, math.inf, 6, "1", True, [1.0]])
def test_wrong_seconds_are_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^smoothing_seconds is"):
        Smoother(seconds=value)


def test_seconds_of_no_smoothing_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^smoothing_seconds is of a smoothing that is on; got 1\.0"):
        Smoother("off", 1.0)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "1", True, [1.0]])
def test_wrong_baselines_are_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^baseline is"):
        Smoother(baseline=value)


@pytest.mark.parametrize("value", ["never", 3, None])
def test_unknown_smoothings_are_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"unknown smoothing .*ema, median, off"):
        Smoother(value)


@pytest.mark.parametrize("fps", RATES)
def test_a_baseline_takes_out_what_a_face_reads_as_at_rest(fps: int) -> None:
    random = np.random.default_rng(3)
    resting = one_sided(SAD, 0.6)
    smile = resting + 2 * (np.arange(len(EMOTIONS)) == HAPPY)
    baseline = Baseline(2.0)
    for time in frame_times(fps, 2):
        seen = resting + random.normal(0, 0.05) * (np.arange(len(EMOTIONS)) == SAD)
        assert baseline(time, seen) is seen
    assert softmax(baseline(2.0, resting)) == pytest.approx(np.full(len(EMOTIONS), 1 / len(EMOTIONS)), abs=5e-3)
    corrected = baseline(2.1, smile)
    assert corrected.argmax() == HAPPY
    assert corrected.mean() == pytest.approx(smile.mean())


def test_a_resting_face_can_read_as_neutral() -> None:
    baseline = Baseline(1.0, resting=NEUTRAL)
    for time in frame_times(25, 1):
        baseline(time, one_sided(SAD, 0.6))
    probabilities = softmax(baseline(1.0, one_sided(SAD, 0.6)))
    assert probabilities[NEUTRAL] == pytest.approx(0.8)
    assert probabilities[SAD] == pytest.approx(0.2 / 6)


@pytest.mark.parametrize("live", [False, True])
def test_a_baseline_goes_before_the_smoothing_and_outlasts_a_pause(live: bool) -> None:
    times = [*frame_times(25, 3), *(10 + time for time in frame_times(25, 2))]
    results = list(Smoother(baseline=1.0)(video(times, [one_sided(SAD, 0.6)] * len(times), live=live)))
    assert results[0].faces[0].label == "sad"
    assert {result.faces[0].label for result in results if result.time > 1.6} == {"neutral"}
    raw = results[-1].faces[0].raw
    assert raw is not None
    assert raw.label == "sad"


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


def test_unclear_is_judged_by_what_is_shown() -> None:
    """A single frame's doubt is smoothed away; what stays in doubt is unclear; other reasons are the frame's own."""
    sure, doubtful = one_sided(HAPPY), np.log(np.array([0.02, 0.02, 0.02, 0.45, 0.02, 0.02, 0.45]))
    times = frame_times(25, 4)
    logs = [doubtful if index == 20 or index >= 60 else sure for index in range(100)]
    frames = video(times, logs)
    abstention = Abstention(least_lead=0.3, least_share=0.2)
    frames = [
        replace(
            frame,
            faces=tuple(
                abstention.judge_again(replace(face, uncertain=("blurred",) if index == 30 else ()))
                for face in frame.faces
            ),
        )
        for index, frame in enumerate(frames)
    ]
    assert frames[20].faces[0].uncertain == ("unclear",)
    smoothed = [result.faces[0] for result in Smoother(abstention=abstention)(frames)]
    unclear = [index for index, face in enumerate(smoothed) if "unclear" in face.uncertain]
    assert unclear == [*range(unclear[0], 100)]
    assert abs(unclear[0] - 60) < 8
    assert smoothed[30].uncertain == ("blurred",)
    assert smoothed[20].prediction_set == ("happy",)
    assert smoothed[80].prediction_set == ("happy", "neutral")
    left_alone = [result.faces[0] for result in Smoother()(frames)]
    assert left_alone[20].uncertain == ("unclear",)
