"""Metrics of labels and probabilities, for N faces of K classes."""

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 15
"""Bins of the calibration error, as in its source."""

NUM_DRAWS = 20
"""Sets of labels drawn for `calibration_error_by_chance`."""

PRIOR_FACES = 10.0
"""The weight of the prior in `fit_temperature` and `fit_vector_scaling`, in faces."""


def confusion_matrix(labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """(K, K) counts: a row for each true class, a column for each predicted one."""
    return np.bincount(labels * num_classes + predicted, minlength=num_classes**2).reshape(num_classes, num_classes)


def precision_recall_f1(
    confusion: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Three (K,) arrays, 0 to 1, from a confusion matrix; 0 for a class that is never predicted, or has no face."""
    correct = np.diag(confusion).astype(np.float64)
    precision = correct / np.maximum(confusion.sum(axis=0), 1)
    recall = correct / np.maximum(confusion.sum(axis=1), 1)
    return precision, recall, 2 * precision * recall / np.maximum(precision + recall, 1e-12)


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """The mean of F1, 0 to 1, over the classes that have faces.

    A class without a face has no recall; counted as 0, it would lower the score of a perfect classifier.
    """
    present = confusion.sum(axis=1) > 0
    return float(precision_recall_f1(confusion)[2][present].mean())


def negative_log_likelihood(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> float:
    """The mean over all faces, in nats; a probability of 0 counts as the smallest normal float32."""
    return log_loss(shares_of(labels, scores.shape[1]), scores)


def log_loss(shares: NDArray[np.float64], scores: NDArray[np.float32]) -> float:
    """As `negative_log_likelihood`, where labels are divided: (N, K) shares; a face counts by their sum."""
    logarithms = np.log(np.maximum(scores.astype(np.float64), np.finfo(np.float32).tiny))
    return float(-(shares * logarithms).sum() / shares.sum())


def calibration_bins(
    shares: NDArray[np.float64], scores: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The weight, mean confidence and accuracy of the faces in each of 15 bins of confidence, the highest probability.

    They are the values of a reliability diagram (Guo et al. 2017, arXiv:1706.04599), 0 in an empty bin. A face counts
    by the sum of its (N, K) shares, and is correct to the share of the label that has the highest probability.
    """
    confidence = scores.max(axis=1).astype(np.float64)
    weights = shares.sum(axis=1)
    correct = shares[np.arange(len(scores)), scores.argmax(axis=1)]
    # Bins are (low, high], as in the source.
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)
    values = np.stack([weights, confidence * weights, correct])
    counts, confidences, corrects = (np.bincount(bins, weights=each, minlength=NUM_BINS) for each in values)
    filled = np.where(counts > 0, counts, 1)
    return np.asarray(counts, np.float64), confidences / filled, corrects / filled


def calibration_error(shares: NDArray[np.float64], scores: NDArray[np.float32]) -> float:
    """The mean difference of confidence and accuracy over `calibration_bins`, weighted by their faces, 0 to 1."""
    weights, confidence, accuracy = calibration_bins(shares, scores)
    return float(np.abs(accuracy - confidence) @ weights / weights.sum())


def expected_calibration_error(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> float:
    """As `calibration_error`, for (N,) labels."""
    return calibration_error(shares_of(labels, scores.shape[1]), scores)


def calibration_error_by_chance(
    scores: NDArray[np.float32], *, num_votes: int = 1, ratio: NDArray[np.float64] | float = 1.0
) -> dict[str, float]:
    """Mean and standard deviation of the calibration error of a perfectly calibrated classifier on as many faces.

    Args:
        scores: (N, K) probabilities, from which the labels are drawn.
        num_votes: how many people label a face.
        ratio: (K,) by which the probabilities of each label were multiplied for another prior.
    """
    rng = np.random.default_rng(0)
    natural = scores.astype(np.float64) / ratio
    natural /= natural.sum(axis=1, keepdims=True)
    draws = (rng.multinomial(num_votes, natural) / num_votes * ratio for _ in range(NUM_DRAWS))
    errors = [calibration_error(shares, scores) for shares in draws]
    return {"mean": float(np.mean(errors)), "std": float(np.std(errors))}


def shares_of(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.float64]:
    """(N,) labels as (N, K) shares, all of a face's in its label."""
    return np.eye(num_classes)[labels]


def fit_temperature(shares: NDArray[np.float64], logits: NDArray[np.float32]) -> float:
    """The temperature, a divisor of the logits, with the highest likelihood (Guo et al. 2017, arXiv:1706.04599).

    The negative log-likelihood is convex in the inverse temperature, so a bisection of its slope finds the minimum. A
    weak prior draws it towards 1: a few faces, all correctly classified, would otherwise make a network boundlessly
    overconfident. It is between 0.05 and 20. `shares` are those of the K classes in what is said of each of N faces.
    """
    wide = logits.astype(np.float64)
    chosen = (shares * wide).sum(axis=1)

    def slope(inverse: float) -> float:
        scaled = wide * inverse
        weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        expected = (weights * wide).sum(axis=1) / weights.sum(axis=1)
        return float((expected - chosen).sum() + PRIOR_FACES * (inverse - 1))

    low, high = 0.05, 20.0
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return float(1 / (low * high) ** 0.5)


def fit_vector_scaling(
    shares: NDArray[np.float64], logits: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A factor and an offset for each class's logit with the highest likelihood (vector scaling, Guo et al. 2017).

    One temperature for all classes cannot calibrate a network that is overconfident in some of them only. A weak prior
    draws the result towards a temperature; classes with fewer than `PRIOR_FACES` faces, or whose factor would be
    negative, get just the temperature. Calibrated logits are `factors * logits + offsets`, for (N, K) logits
    and (K,) factors, all above 0, and offsets. `shares`, (N, K), are those of each class in what is said of a face: in
    the votes of several people, or all in one label; see `shares_of`.
    """
    common = 1 / fit_temperature(shares, logits)
    free = shares.sum(axis=0) >= PRIOR_FACES
    while True:
        factors, offsets = _likeliest_scaling(shares, logits, common, free)
        if (factors > 0).all():
            return factors, offsets
        free &= factors > 0


def _likeliest_scaling(
    shares: NDArray[np.float64], logits: NDArray[np.float32], common: float, free: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `fit_vector_scaling`; classes that are not `free` get the `common` factor and no offset.

    The negative log-likelihood is convex, so Newton's method finds its minimum.
    """
    num_classes = logits.shape[1]
    # A feature for each parameter: the logit for a class's factor, and 1 for its offset.
    features = np.concatenate([logits.astype(np.float64), np.ones(logits.shape)], axis=1)
    wanted = np.tile(shares, 2)
    prior = np.concatenate([np.full(num_classes, common), np.zeros(num_classes)])
    moved = np.tile(free, 2)

    def log_scores(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = (features * parameters).reshape(-1, 2, num_classes).sum(axis=1)
        scaled -= scaled.max(axis=1, keepdims=True)
        return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))

    def loss(parameters: NDArray[np.float64]) -> float:
        likelihood = (shares * log_scores(parameters)).sum()
        return float(PRIOR_FACES / 2 * ((parameters - prior) ** 2).sum() - likelihood)

    found = prior
    for _ in range(50):
        scores = np.tile(np.exp(log_scores(found)), 2)
        gradient = ((scores - wanted) * features).sum(axis=0) + PRIOR_FACES * (found - prior)
        expected = scores * features
        same_class = np.tile(np.eye(num_classes), (2, 2))
        curvature = same_class * (expected.T @ features) - expected.T @ expected + PRIOR_FACES * np.eye(len(found))
        step = np.zeros_like(found)
        step[moved] = np.linalg.solve(curvature[np.ix_(moved, moved)], gradient[moved])
        while loss(found - step) > loss(found) and np.abs(step).max() > 1e-8:
            step /= 2
        found = found - step
        if np.abs(step).max() <= 1e-8:
            break
    return found[:num_classes], found[num_classes:]
