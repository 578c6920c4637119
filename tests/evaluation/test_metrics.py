import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.evaluation.metrics import (
    PRIOR_FACES,
    confusion_matrix,
    expected_calibration_error,
    fit_temperature,
    fit_vector_scaling,
    macro_f1,
    negative_log_likelihood,
    precision_recall_f1,
    shares_of,
)
from mien.recognition import softmax

LABELS = np.array([0, 0, 1, 2])
PREDICTED = np.array([0, 1, 1, 0])


def test_rows_are_true_and_columns_predicted() -> None:
    assert confusion_matrix(LABELS, PREDICTED, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_precision_recall_and_f1_by_hand() -> None:
    precision, recall, f1 = precision_recall_f1(confusion_matrix(LABELS, PREDICTED, 3))
    np.testing.assert_allclose(precision, [1 / 2, 1 / 2, 0])
    np.testing.assert_allclose(recall, [1 / 2, 1, 0])
    np.testing.assert_allclose(f1, [1 / 2, 2 / 3, 0])


def test_macro_f1_is_over_the_classes_that_are_there() -> None:
    assert macro_f1(confusion_matrix(LABELS, PREDICTED, 3)) == pytest.approx((1 / 2 + 2 / 3) / 3)
    assert macro_f1(confusion_matrix(LABELS, LABELS, 7)) == 1
    # Faces taken for a class that is not there count against their own class.
    assert macro_f1(confusion_matrix(LABELS, np.array([0, 0, 1, 6]), 7)) == pytest.approx(2 / 3)


def test_likelihood_by_hand_and_of_a_certain_mistake() -> None:
    scores = np.array([[0.5, 0.5], [0.25, 0.75]], np.float32)
    assert negative_log_likelihood(np.array([0, 1]), scores) == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2)
    assert np.isfinite(negative_log_likelihood(np.array([0]), np.array([[0, 1]], np.float32)))


def test_calibration_error_by_hand() -> None:
    """Four faces at .8, three of them right: off by .05; one at 1.0, wrong: off by 1."""
    scores = np.array([[0.8, 0.2]] * 4 + [[1.0, 0.0]], np.float32)
    labels = np.array([0, 0, 0, 1, 1])
    assert expected_calibration_error(labels, scores) == pytest.approx((4 * 0.05 + 1) / 5, abs=1e-6)


def test_a_perfect_classifier_has_no_error() -> None:
    scores = np.eye(7, dtype=np.float32)
    assert expected_calibration_error(np.arange(7), scores) == 0
    assert negative_log_likelihood(np.arange(7), scores) == 0


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 8.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20_000, 7)).astype(np.float32)
    shares = softmax(logits / temperature).astype(np.float64)
    labels = np.array([rng.choice(7, p=row / row.sum()) for row in shares])
    assert fit_temperature(shares_of(labels, logits.shape[1]), logits) == pytest.approx(temperature, rel=0.06)


@given(st.integers(0, 2**32 - 1))
def test_no_other_temperature_is_likelier(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (200, 5)).astype(np.float32)
    labels = (logits + rng.normal(0, 2, logits.shape)).argmax(axis=1)

    def loss(temperature: float) -> float:
        pull = PRIOR_FACES / 2 * (1 / temperature - 1) ** 2
        return 200 * negative_log_likelihood(labels, softmax(logits / np.float32(temperature))) + pull

    best = fit_temperature(shares_of(labels, logits.shape[1]), logits)
    for factor in (0.8, 0.95, 1.05, 1.25):
        assert loss(best) <= loss(best * factor) + 1e-4


@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_scaled_logits_are_never_less_likely_than_with_a_temperature(seed: int, num_faces: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (num_faces, 5)).astype(np.float32)
    labels = (logits + rng.normal(0, 2, logits.shape)).argmax(axis=1)
    factors, offsets = fit_vector_scaling(shares_of(labels, logits.shape[1]), logits)
    scaled = softmax((logits * factors + offsets).astype(np.float32))
    warmed = softmax(logits / np.float32(fit_temperature(shares_of(labels, logits.shape[1]), logits)))
    assert negative_log_likelihood(labels, scaled) <= negative_log_likelihood(labels, warmed) + 1e-6


def test_few_faces_leave_little_but_a_temperature() -> None:
    """Two faces, of two of seven classes: the offsets of the others stay finite, and all stay small."""
    logits = np.random.default_rng(0).normal(0, 1, (2, 7)).astype(np.float32)
    labels = np.array([0, 3])
    factors, offsets = fit_vector_scaling(shares_of(labels, logits.shape[1]), logits)
    np.testing.assert_allclose(factors, 1 / fit_temperature(shares_of(labels, logits.shape[1]), logits))
    assert (offsets == 0).all()


@pytest.mark.parametrize("num_faces", [1, 6, 60])
def test_a_few_correctly_classified_faces_leave_no_model_overconfident(num_faces: int) -> None:
    labels = np.arange(num_faces) % 7
    logits = (4 * np.eye(7)[labels]).astype(np.float32)
    factors, offsets = fit_vector_scaling(shares_of(labels, logits.shape[1]), logits)
    assert ((factors >= 1) & (factors < 2)).all()
    assert np.abs(offsets).max() < 0.5


def test_a_class_without_faces_is_left_to_the_temperature() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (2000, 7)).astype(np.float32)
    labels = (logits[:, :6] + rng.normal(0, 2, (2000, 6))).argmax(axis=1)
    factors, offsets = fit_vector_scaling(shares_of(labels, logits.shape[1]), logits)
    assert factors[6] == pytest.approx(1 / fit_temperature(shares_of(labels, logits.shape[1]), logits))
    assert offsets[6] == 0
    assert (offsets[:6] != 0).all()


def test_no_logit_is_turned_upside_down() -> None:
    """Of the last class faces have the lower a logit, the more they are of it."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (2000, 3)).astype(np.float32)
    labels = (logits * [1, 1, -1] + rng.normal(0, 1, logits.shape)).argmax(axis=1)
    factors, offsets = fit_vector_scaling(shares_of(labels, logits.shape[1]), logits)
    assert (factors > 0).all()
    assert offsets[2] == 0
