import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.errors import InvalidInput, ModelError
from mien.recognition.abstention import (
    CONFIDENCE,
    KEPT,
    MOST_FACES,
    STEP,
    UNLIKE,
    Abstention,
    Calibration,
    aurc,
    binomial_tail,
    lead,
    packed,
    risk_coverage,
    unpacked,
    upper_bound,
)
from mien.recognition.unlike import Unlike
from mien.values import Box, Detection, Face, Prediction, Quality

LABELS = ("happy", "sad", "fear")
ALWAYS, NEVER = (Unlike((1,), np.zeros(3), offset) for offset in (1.0, -1.0))


def shown(*scores: float) -> Prediction:
    return Prediction(LABELS, np.array(scores, np.float32))


def face(*scores: float, quality: Quality | None = None, uncertain: tuple[str, ...] = ()) -> Face:
    return Face(Detection(Box(0, 0, 9, 9), 1.0), shown(*scores), quality=quality, uncertain=uncertain)


def drawn(num: int, seed: int = 0, sharpness: float = 2.0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Calibrated logits of three classes, and labels drawn from their own probabilities."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, sharpness, (num, 3)).astype(np.float32)
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return logits, (random.random((num, 1)) < scores.cumsum(axis=1)).argmax(axis=1)


@pytest.mark.parametrize(("wrong", "number", "bound"), [
    (0, 10, 0.2056717653), (5, 100, 0.0907714696), (191, 1000, 0.2078799851), (10, 10, 1.0),
])  # fmt: skip
def test_the_bound_is_clopper_and_pearsons(wrong: int, number: int, bound: float) -> None:
    """Golden values of scipy.stats.beta.ppf(.9, wrong + 1, number - wrong)."""
    assert upper_bound(wrong, number, 0.9) == pytest.approx(bound, abs=1e-7)


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.01, 0.99))
def test_the_bound_is_scipys(wrong: int, more: int, confidence: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.beta.ppf(confidence, wrong + 1, more)
    assert upper_bound(wrong, wrong + more, confidence) == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0, 1))
def test_a_tail_is_a_probability_that_falls_with_the_share(wrong: int, more: int, share: float) -> None:
    tail = binomial_tail(wrong, wrong + more, share)
    assert 0 <= tail <= 1
    assert tail >= binomial_tail(wrong, wrong + more, min(1, share + 0.01)) - 1e-9


def test_the_area_under_the_curve_is_least_where_errors_come_last() -> None:
    wrong = np.array([False, False, True, True])
    leads = np.array([0.9, 0.8, 0.2, 0.1], np.float32)
    coverage, risk = risk_coverage(wrong, leads)
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [0, 0, 1 / 3, 1 / 2])
    assert aurc(wrong, leads) == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert aurc(wrong, -leads) > aurc(wrong, leads)


def test_a_weight_of_two_is_the_same_face_twice() -> None:
    logits, labels = drawn(200)
    twice = np.concatenate([logits, logits[labels == 0]]), np.concatenate([labels, labels[labels == 0]])
    weighted, doubled = Calibration(logits, labels, np.array([2.0, 1, 1])), Calibration(*twice)
    assert weighted.error == pytest.approx(doubled.error)
    assert weighted.aurc == pytest.approx(doubled.aurc, abs=0.01)
    assert weighted.least_lead() == pytest.approx(doubled.least_lead(), abs=0.02)
    assert weighted.least_share(0.9) == pytest.approx(doubled.least_share(0.9), abs=0.02)


@pytest.mark.parametrize("max_error", [0.1, 0.2])
def test_the_error_of_other_faces_is_below_what_was_accepted(max_error: float) -> None:
    """In nine of ten calibrations at least; of as many faces as can be kept at that error."""
    test = Calibration(*drawn(100_000, seed=999))
    above, shares = 0, []
    for seed in range(40):
        calibration = Calibration(*drawn(3000, seed=seed))
        kept = lead(test.scores, calibration.runner_up) >= calibration.least_lead(max_error)
        above += test.error_of(kept) > max_error
        shares.append(kept.mean())
    assert above <= 40 * (1 - CONFIDENCE) + 5
    order = np.argsort(-test.lead)
    possible = (np.cumsum(test.wrong[order]) / np.arange(1, len(order) + 1) <= max_error).nonzero()[0].max() / len(
        order
    )
    assert possible - 0.15 < np.mean(shares) < possible


def test_the_default_keeps_most_faces_those_without_a_right_label_too() -> None:
    logits, labels = drawn(1000)
    unclear = np.zeros((1000, 3), np.float32)
    without = Calibration(np.concatenate([logits, unclear]), np.concatenate([labels, np.full(1000, -1)]))
    assert (without.lead >= without.least_lead()).mean() >= KEPT
    assert without.least_lead() == lead(unclear[:1] + np.float32(1 / 3), without.runner_up)[0], "that of half the faces"
    assert without.error == pytest.approx(Calibration(logits, labels).error), "they are neither right nor wrong"
    assert without.least_lead(0.2) == pytest.approx(Calibration(logits, labels).least_lead(0.2))


def test_what_cannot_be_reached_is_said_and_everything_can_be_kept() -> None:
    calibration = Calibration(*drawn(50))
    with pytest.raises(InvalidInput, match=r"max_error is 0\.001, which is too low.*clearest tenth"):
        calibration.least_lead(0.001)
    assert calibration.least_lead(1.0) == -math.inf
    assert calibration.least_lead(0.9) == -math.inf


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_sets_hold_the_right_label_as_often_as_asked(seed: int, coverage: float) -> None:
    """On the calibration faces themselves at least; on others on average."""
    calibration = Calibration(*drawn(300, seed=seed))
    abstention = Abstention(0.0, least_share=calibration.least_share(coverage))
    sets = abstention.sets(calibration.scores)
    assert sets[np.arange(300), calibration.labels].mean() >= coverage
    assert sets.any(axis=1).all()
    for row, inside in zip(calibration.scores[:20], sets, strict=False):
        assert set(abstention.prediction_set(shown(*row)) or ()) == {LABELS[at] for at in inside.nonzero()[0]}


def test_too_few_faces_for_a_coverage_give_all_labels() -> None:
    assert Calibration(*drawn(5)).least_share(0.99) == 0


def test_a_lead_may_count_the_second_score_or_not() -> None:
    scores = np.array([[0.5, 0.3, 0.2], [0.4, 0.0, 0.6]], np.float32)
    np.testing.assert_allclose(lead(scores, 1.0), [0.2, 0.2], atol=1e-6)
    np.testing.assert_allclose(lead(scores, 0.0), [0.5, 0.6], atol=1e-6)
    np.testing.assert_allclose(lead(np.ones((2, 1), np.float32)), [1, 1])


def test_each_reason_is_named() -> None:
    blurred, fine = Quality(30, ("blurred", "dark")), Quality(60, ("small",))
    outputs = np.zeros(1, np.float32)
    sure = Abstention(0.2, unlike=NEVER)
    assert sure.judge(face(0.6, 0.3, 0.1), outputs).uncertain == ()
    assert sure.judge(face(0.6, 0.3, 0.1, quality=fine), outputs).uncertain == ()
    assert sure.judge(face(0.4, 0.35, 0.25), outputs).uncertain == ("unclear",)
    assert sure.judge(face(0.6, 0.3, 0.1, quality=blurred), outputs).uncertain == ("blurred", "dark")
    everything = replace(sure, unlike=ALWAYS).judge(face(0.4, 0.35, 0.25, quality=blurred), outputs)
    assert everything.uncertain == ("unclear", "blurred", "dark", UNLIKE)
    assert everything.shown == "unclear"
    assert everything.label == "happy", "the scores and their label are still there"


def test_a_face_is_judged_again_by_other_scores_and_keeps_its_other_reasons() -> None:
    abstention = Abstention(0.2, least_share=0.3)
    again = abstention.judge_again(face(0.7, 0.2, 0.1, uncertain=("unclear", "blurred")))
    assert (again.uncertain, again.prediction_set) == (("blurred",), ("happy",))
    assert abstention.judge_again(face(0.35, 0.4, 0.25)).uncertain == ("unclear",)


@pytest.mark.parametrize(("scores", "least_share", "expected"), [
    ((0.7, 0.2, 0.1), 0.15, ("happy", "sad")),
    ((0.2, 0.7, 0.1), 0.8, ("sad",)),
    ((0.36, 0.38, 0.26), 0.8, ("sad", "happy")),
    ((0.36, 0.38, 0.26), 0.0, ("sad", "happy", "fear")),
])  # fmt: skip
def test_a_set_has_the_likeliest_label_and_of_an_unclear_face_the_second(
    scores: tuple[float, ...], least_share: float, expected: tuple[str, ...]
) -> None:
    assert Abstention(0.2, least_share=least_share).prediction_set(shown(*scores)) == expected
    assert Abstention(0.2).prediction_set(shown(*scores)) is None


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(2, 9))
def test_calibration_faces_survive_the_file(seed: int, num: int, num_labels: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (num, num_labels)).astype(np.float32)
    labels = random.integers(-1, num_labels, num)
    labels[0] = 0
    kept, right = unpacked(packed(logits, labels), num_labels, "a.onnx")
    np.testing.assert_array_equal(right, labels)
    below = logits.max(axis=1, keepdims=True) - logits
    np.testing.assert_allclose(kept, -np.minimum(below, 8), atol=STEP / 2 + 1e-6)


def test_a_file_keeps_so_many_faces_and_no_more() -> None:
    entry = packed(np.zeros((MOST_FACES + 5000, 2), np.float32), np.arange(MOST_FACES + 5000) % 2)
    assert entry["num_faces"] == MOST_FACES
    assert len(unpacked(entry, 2, "a.onnx")[1]) == MOST_FACES


@pytest.mark.parametrize("changes", [
    {"num_faces": 5}, {"num_faces": 3}, {"num_faces": "4"}, {"num_faces": 10**9}, {"logits": "!"}, {"logits": None},
    {"logits": packed(np.zeros((4000, 2), np.float32), np.zeros(4000, int))["logits"]}, {"labels": ""},
    {"labels": packed(np.zeros((4, 9), np.float32), np.full(4, 8))["labels"]},
    {"labels": packed(np.zeros((4, 9), np.float32), np.full(4, -1))["labels"]},
])  # fmt: skip
def test_whatever_else_a_file_holds_is_an_error_that_names_it(changes: dict[str, object]) -> None:
    entry = packed(np.zeros((4, 2), np.float32), np.array([0, 1, 1, 0])) | changes
    with pytest.raises(ModelError, match=r"a\.onnx: its calibration faces cannot be read"):
        unpacked(entry, 2, "a.onnx")


def test_a_face_whose_label_is_unknown_weighs_what_its_scores_say() -> None:
    ratios = np.array([2.0, 1.0, 0.5])
    natural = np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    logits = np.log(natural * ratios).astype(np.float32)
    calibration = Calibration(np.concatenate([logits, logits[:1]]), np.array([-1, -1, 2]), ratios)
    np.testing.assert_allclose(calibration.weights, [*(natural @ ratios), 0.5], rtol=1e-5)
