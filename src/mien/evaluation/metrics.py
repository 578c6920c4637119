"""Figures from labels and probabilities. All take N faces of K classes."""

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 15
"""Of the calibration error, as in its source."""


def confusion_matrix(labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """(K, K) counts: a row for each true class, a column for each predicted one."""
    return np.bincount(labels * num_classes + predicted, minlength=num_classes**2).reshape(num_classes, num_classes)


def precision_recall_f1(
    confusion: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Three (K,) arrays, 0 to 1, from a confusion matrix; 0 where a class was never predicted or never there."""
    right = np.diag(confusion).astype(np.float64)
    precision = right / np.maximum(confusion.sum(axis=0), 1)
    recall = right / np.maximum(confusion.sum(axis=1), 1)
    return precision, recall, 2 * precision * recall / np.maximum(precision + recall, 1e-12)


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """The mean of F1, 0 to 1, over the classes that are there: those with a row in the confusion matrix.

    A class without a face has no recall; counted as 0, it would make a perfect classifier look bad.
    """
    there = confusion.sum(axis=1) > 0
    return float(precision_recall_f1(confusion)[2][there].mean())


def negative_log_likelihood(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> float:
    """Mean, in nats; a probability of 0 counts as the smallest float32 above it."""
    chosen = scores[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).mean())


def calibration_bins(
    labels: NDArray[np.int64], scores: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """What a reliability diagram shows, over 15 bins of equal width (Guo et al. 2017, arXiv:1706.04599).

    Returns:
        Three (15,) arrays: the faces whose likeliest class has a probability in each bin, the mean of that
        probability, and the share of them that is right, both 0 to 1 and both 0 in an empty bin.
    """
    confidence = scores.max(axis=1).astype(np.float64)
    right = scores.argmax(axis=1) == labels
    # Bins are (low, high], as in the source.
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)
    counts = np.bincount(bins, minlength=NUM_BINS)
    sums = [np.bincount(bins, weights=values, minlength=NUM_BINS) for values in (confidence, right)]
    mean_confidence, accuracy = (values / np.maximum(counts, 1) for values in sums)
    return counts, mean_confidence, accuracy


def expected_calibration_error(labels: NDArray[np.int64], scores: NDArray[np.float32]) -> float:
    """How far confidence is from accuracy, 0 to 1: the mean gap of `calibration_bins`, weighted by their faces."""
    counts, confidence, accuracy = calibration_bins(labels, scores)
    return float(np.abs(accuracy - confidence) @ counts / len(labels))


PRIOR_FACES = 10.0
"""How many faces' worth of evidence speaks for leaving logits alike in `fit_temperature` and `fit_vector_scaling`."""


def fit_temperature(labels: NDArray[np.int64], logits: NDArray[np.float32]) -> float:
    """The number to divide logits by that makes their probabilities likeliest (Guo et al. 2017, arXiv:1706.04599).

    The likelihood is convex in the inverse temperature, so a bisection of its slope finds it. It is drawn, weakly,
    towards 1: a few faces that are all told rightly would otherwise make a network boundlessly sure.

    Args:
        labels: (N,).
        logits: (N, K).

    Returns:
        Between 0.05 and 20.
    """
    wide = logits.astype(np.float64)
    chosen = wide[np.arange(len(labels)), labels]

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
    labels: NDArray[np.int64], logits: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A factor and an offset for each class's logit that make the probabilities likeliest (Guo et al. 2017).

    A temperature has every class trusted alike, and a network that is sure of happy faces and unsure of fearful ones
    cannot be mended by it. Both are drawn, weakly, towards a temperature alone. That is also what a class gets of
    which there are fewer than `PRIOR_FACES` faces, or whose logit would be turned upside down.

    Args:
        labels: (N,).
        logits: (N, K).

    Returns:
        Two (K,) arrays: calibrated logits are `factors * logits + offsets`. The factors are above 0.
    """
    common = 1 / fit_temperature(labels, logits)
    free = np.bincount(labels, minlength=logits.shape[1]) >= PRIOR_FACES
    while True:
        factors, offsets = _likeliest_scaling(labels, logits, common, free)
        if (factors > 0).all():
            return factors, offsets
        free &= factors > 0


def _likeliest_scaling(
    labels: NDArray[np.int64], logits: NDArray[np.float32], common: float, free: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `fit_vector_scaling`; classes that are not `free` have the `common` factor, and no offset.

    The likelihood is convex in all of them, so Newton's method finds them.
    """
    num_classes = logits.shape[1]
    # One feature for each parameter: a class's factor multiplies its logit, its offset a one, and no other class's.
    features = np.concatenate([logits.astype(np.float64), np.ones(logits.shape)], axis=1)
    is_label = np.tile(np.eye(num_classes)[labels], 2)
    prior = np.concatenate([np.full(num_classes, common), np.zeros(num_classes)])
    moved = np.tile(free, 2)

    def log_scores(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = (features * parameters).reshape(-1, 2, num_classes).sum(axis=1)
        scaled -= scaled.max(axis=1, keepdims=True)
        return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))

    def loss(parameters: NDArray[np.float64]) -> float:
        likelihood = log_scores(parameters)[np.arange(len(labels)), labels].sum()
        return float(PRIOR_FACES / 2 * ((parameters - prior) ** 2).sum() - likelihood)

    found = prior
    for _ in range(50):
        scores = np.tile(np.exp(log_scores(found)), 2)
        gradient = ((scores - is_label) * features).sum(axis=0) + PRIOR_FACES * (found - prior)
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
