"""Which answers should not be relied on, and which labels an answer leaves open.

Both are looked up on calibration faces, which the model file holds: what the network says of faces that it was not
trained on, and what is right.
"""

import base64
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.emotions import UNCLEAR
from mien.errors import InvalidInput, ModelError
from mien.recognition.classifier import softmax
from mien.recognition.unlike import Unlike
from mien.values import Face, Prediction, Quality

UNLIKE: Final = "unlike the training"
"""The reason that a face has which the network finds unlike those that it was trained on."""

KEPT: Final = 0.92
"""Share of the calibration faces that are not unclear by default. With the two of a hundred that are unlike the
training, nine of ten are kept."""

LEAST_QUALITY: Final = 40
"""A face whose quality is lower is uncertain, for the reasons of its quality (benchmarks/abstention.py)."""

CONFIDENCE: Final = 0.9
"""Probability with which the error of the faces kept is at most the one that was asked for."""

COVERAGES: Final = np.arange(10, 101) / 100
"""Shares of the faces that may be kept, of which the greatest is taken whose error is low enough."""

RUNNERS_UP: Final = (0.25, 0.5, 1.0)
"""How much of the second score a lead may take from the first; `Calibration` chooses by the calibration faces."""

STEP, MOST_STEPS = 1 / 4, 32
"""Logits are kept as whole numbers of steps below the face's greatest one, at most so many."""

MOST_FACES: Final = 10_000
"""Calibration faces that a model file keeps."""

MOST_CLASSES: Final = 255
"""Labels up to which a model file keeps calibration faces: each is a byte, and 255 stands for none."""


@dataclass(frozen=True, slots=True)
class Abstention:
    """What makes an answer uncertain, and which labels are in its prediction set.

        >>> abstention = Abstention(least_lead=0.2, least_share=0.3)
        >>> shown = Prediction(("happy", "sad", "fear"), np.array([0.45, 0.4, 0.15], np.float32))
        >>> abstention.is_unclear(shown), abstention.prediction_set(shown)
        (True, ('happy', 'sad'))

    Attributes:
        least_lead: An answer is unclear where its lead is less: the first score less `runner_up` times the second.
        runner_up: From 0, so that the lead is the first score itself, to 1.
        least_share: A label is in the set if its score is at least this; None where no sets are wanted. The label with
            the highest score is always in it, and of an unclear answer the second one, too.
        least_quality: A face is uncertain where its quality is less, from 0 to 100.
        unlike: The score of how unlike the training faces a face is; None where there is none.
    """

    least_lead: float
    runner_up: float = 1.0
    least_share: float | None = None
    least_quality: float = LEAST_QUALITY
    unlike: Unlike | None = None

    def judge(self, face: Face, outputs: NDArray[np.float32]) -> Face:
        """The face with the reasons of its uncertainty, and its set, by (M,) outputs of the network."""
        reasons = self._reasons(face.quality)
        if self.unlike is not None and self.unlike(outputs[None])[0] > 0:
            reasons += (UNLIKE,)
        return self.judge_again(replace(face, uncertain=reasons))

    def judge_again(self, face: Face) -> Face:
        """A face whose scores have changed: whether it is unclear, and its set; its other reasons stay."""
        others = tuple(reason for reason in face.uncertain if reason != UNCLEAR)
        unclear = (UNCLEAR,) if self.is_unclear(face.prediction) else ()
        return replace(face, uncertain=unclear + others, prediction_set=self.prediction_set(face.prediction))

    def is_unclear(self, prediction: Prediction) -> bool:
        """Whether no label leads enough."""
        return bool(self._are_unclear(prediction.scores[None])[0])

    def are_uncertain(self, scores: NDArray[np.float32], outputs: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Of many faces at once, whether each has a reason but its quality: by (N, K) scores and (N, M) outputs."""
        unclear = self._are_unclear(scores)
        return unclear if self.unlike is None else unclear | (self.unlike(outputs) > 0)

    def prediction_set(self, prediction: Prediction) -> tuple[str, ...] | None:
        """The labels among which the right one is, the likeliest first; None where no sets are wanted."""
        if self.least_share is None:
            return None
        inside = self.sets(prediction.scores[None])[0]
        order = np.argsort(-prediction.scores, kind="stable").tolist()
        return tuple(prediction.labels[place] for place in order if inside[place])

    def sets(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(N, K) scores → which labels are in each face's prediction set."""
        ranks = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
        least = np.where(self._are_unclear(scores), 2, 1)[:, None]
        return (scores >= (math.inf if self.least_share is None else self.least_share)) | (ranks < least)

    def _are_unclear(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        return np.asarray(lead(scores, self.runner_up) < self.least_lead)

    def _reasons(self, quality: Quality | None) -> tuple[str, ...]:
        return quality.reasons if quality is not None and quality.score < self.least_quality else ()


class Calibration:
    """What the network says of N calibration faces, and what is right: thresholds for any error and any coverage.

        >>> logits = np.array([[3, 0], [2, 0], [0, 2], [0, 0.2]], np.float32)
        >>> calibration = Calibration(logits, np.array([0, 0, 1, 0]))
        >>> calibration.error, calibration.error_of(calibration.lead >= 0.5), calibration.aurc
        (0.25, 0.0, 0.0625)

    Errors and coverages are weighted where expressions are assumed to be more or less frequent than among the
    calibration faces (label shift: Saerens et al. 2002, Neural Computation 14:21).

    Args:
        logits: (N, K), by the reading and its prior.
        labels: (N,) the right label of each face, as an index; -1 where nobody knows it. Such faces count where a share
            of the faces is to be kept, and nowhere else.
        ratios: (K,) how much more frequent each label is assumed to be than it is among the faces; None: as frequent.
            A face counts as its label does, or where that is not known as it does by the face's scores.

    Attributes:
        scores: (N, K) float32, their softmax.
        wrong: (N,) whether the label with the highest score is not the right one; false where that is not known.
        weights: (N,) how much each face counts.
        runner_up: How much of the second score the lead takes from the first: that of `RUNNERS_UP` by whose order the
            errors come last, as the area under the risk–coverage curve says.
        lead: (N,) by which faces are kept or not.
        aurc: The area under the risk–coverage curve of that lead, 0 to 1.
        error: The share of wrong answers when all faces are kept.
    """

    def __init__(
        self, logits: NDArray[np.float32], labels: NDArray[np.int64], ratios: NDArray[np.float64] | None = None
    ) -> None:
        self.scores, self.labels = softmax(np.asarray(logits, np.float32)), labels
        ratios = np.ones(self.scores.shape[1]) if ratios is None else ratios
        self.weights = np.where(labels >= 0, ratios[labels], 1 / (self.scores @ (1 / ratios)))
        self._known = labels >= 0
        self.wrong = self._known & (self.scores.argmax(axis=1) != labels)
        areas = {each: self._area(lead(self.scores, each)) for each in RUNNERS_UP}
        self.runner_up = min(areas, key=lambda each: areas[each])
        self.aurc = areas[self.runner_up]
        self.lead = lead(self.scores, self.runner_up)
        self.error = self.error_of(self._known)

    def error_of(self, kept: NDArray[np.bool_]) -> float:
        """The share of wrong answers among those of the faces that are kept, (N,)."""
        counted = kept & self._known
        return float(np.average(self.wrong[counted], weights=self.weights[counted]))

    def least_lead(self, max_error: float | None = None) -> float:
        """The lead from which on answers are kept: `KEPT` of them, or as many as `max_error` allows.

        Of more and more faces, the Clopper–Pearson upper bound of their error is compared with `max_error`, until it is
        higher (fixed-sequence testing: Angelopoulos et al. 2021, arXiv:2110.01052; see also Geifman and El-Yaniv 2017,
        arXiv:1705.08500). The bound holds for the whole sequence with the probability `CONFIDENCE`. Where faces have
        weights, it is approximate: that of Kish's effective number of faces, which supposes that wrong answers weigh
        as much as right ones.

        Raises:
            InvalidInput: Not even the bound of the clearest tenth of the faces is as low.
        """
        if max_error is None:
            return self._lead_that_keeps(KEPT, np.ones(len(self.labels), bool))
        if max_error >= 1:
            return -math.inf
        least = None
        for coverage in COVERAGES:
            threshold = self._lead_that_keeps(coverage, self._known)
            wrong, number = self._counts(self._known & (self.lead >= threshold))
            if binomial_tail(wrong, number, max_error) > 1 - CONFIDENCE:
                break
            least = threshold
        else:
            return -math.inf
        if least is None:
            raise InvalidInput(
                f"max_error is {max_error:.3g}, which is too low: on the calibration faces even the clearest tenth of "
                f"the answers may have an error of {upper_bound(wrong, number):.2g}"
            )
        return least

    def least_share(self, coverage: float) -> float:
        """The score from which on a label is in the prediction set, so that the share of sets with the right label is
        at least `coverage`.

        The least ambiguous sets with a bounded error (LAC: Sadinle, Lei and Wasserman 2019, arXiv:1609.00451): 1 less
        the conformal quantile of 1 less the right labels' scores, with weights as Tibshirani et al. 2019
        (arXiv:1904.06019), of which a new face is given the mean. It holds on average over faces such as the
        calibration faces, not for each label.
        """
        labels, weights = self.labels[self._known], self.weights[self._known]
        missing = 1 - self.scores[self._known, labels].astype(np.float64)
        order = np.argsort(missing)
        reached = np.cumsum(weights[order]) / weights.sum() * len(order) / (len(order) + 1)
        place = int(np.searchsorted(reached, coverage - 1e-12))
        return 0.0 if place == len(order) else float(1 - missing[order[place]])

    def _area(self, leads: NDArray[np.float32]) -> float:
        known = self._known
        return aurc(self.wrong[known], leads[known], self.weights[known])

    def _lead_that_keeps(self, coverage: float, among: NDArray[np.bool_]) -> float:
        order = np.argsort(-self.lead[among], kind="stable")
        kept = np.cumsum(self.weights[among][order])
        return float(self.lead[among][order[np.searchsorted(kept, coverage * kept[-1] * (1 - 1e-12))]])

    def _counts(self, kept: NDArray[np.bool_]) -> tuple[int, int]:
        """Wrong answers of how many, rounded to the safe side where faces have weights."""
        weights = self.weights[kept]
        number = float(weights.sum() ** 2 / (weights**2).sum())
        return math.ceil(self.error_of(kept) * number - 1e-9), math.floor(number + 1e-9)


def lead(scores: NDArray[np.float32], runner_up: float = 1.0) -> NDArray[np.float32]:
    """(N, K) scores → (N,) the highest of each row less `runner_up` times the second; K is at least 1.

    >>> lead(np.array([[0.7, 0.2, 0.1]], np.float32)).round(2).tolist()
    [0.5]
    """
    if scores.shape[1] == 1:
        return np.asarray(scores[:, 0])
    two = np.partition(scores, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - np.float32(runner_up) * two[:, 0])


def risk_coverage(
    wrong: NDArray[np.bool_], leads: NDArray[np.float32], weights: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share of the faces kept and the share of wrong answers among them, (N,) each, as ever more are kept."""
    order = np.argsort(-leads, kind="stable")
    kept = np.cumsum(np.ones(len(order)) if weights is None else weights[order])
    errors = np.cumsum(wrong[order] * (1.0 if weights is None else weights[order]))
    return kept / kept[-1], errors / kept


def aurc(wrong: NDArray[np.bool_], leads: NDArray[np.float32], weights: NDArray[np.float64] | None = None) -> float:
    """The area under the risk–coverage curve, 0 to 1: less is better (Geifman, Uziel and El-Yaniv 2019,
    arXiv:1805.08206)."""
    coverage, risk = risk_coverage(wrong, leads, weights)
    return float(risk @ np.diff(coverage, prepend=0.0))


def binomial_tail(successes: int, number: int, share: float) -> float:
    """The probability of at most so many successes in `number` trials, each with the probability `share`."""
    if successes >= number or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    counts = np.arange(successes + 1)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, number + 1)))])
    logs = factorials[number] - factorials[counts] - factorials[number - counts]
    logs += counts * math.log(share) + (number - counts) * math.log1p(-share)
    return min(1.0, float(np.exp(logs).sum()))


def upper_bound(successes: int, number: int, confidence: float = CONFIDENCE) -> float:
    """The one-sided Clopper–Pearson upper bound of a share: the least that is ruled out with that confidence.

    >>> round(upper_bound(5, 100, 0.95), 4)
    0.1023
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if binomial_tail(successes, number, middle) > 1 - confidence else (low, middle)
    return high


def packed(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    """Calibration faces as the metadata of a model file holds them: (N, K) logits in coarse steps, and (N,) labels, -1
    where the right one is not known.

    Of more than `MOST_FACES` faces, so many are kept, evenly spaced.
    """
    if len(labels) > MOST_FACES:
        chosen = np.linspace(0, len(labels) - 1, MOST_FACES).astype(int)
        logits, labels = logits[chosen], labels[chosen]
    below = logits.max(axis=1, keepdims=True) - logits
    steps = np.minimum(np.rint(below / STEP), MOST_STEPS).astype(np.uint8)
    return {
        "num_faces": len(labels),
        "logits": _text(steps),
        "labels": _text(np.where(labels < 0, MOST_CLASSES, labels).astype(np.uint8)),
    }


def unpacked(entry: Mapping[str, Any], num_labels: int, source: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What `packed` made; a `ModelError`, which names the file, for anything else."""
    try:
        number = entry["num_faces"]
        if not (isinstance(number, int) and 0 < number <= MOST_FACES and num_labels <= MOST_CLASSES):
            raise ValueError(f"{number} faces of {num_labels} labels")
        steps = _bytes(entry["logits"], number * num_labels).reshape(number, num_labels)
        labels = _bytes(entry["labels"], number).astype(np.int64)
        labels[labels == MOST_CLASSES] = -1
        if labels.max() < 0 or labels.max() >= num_labels:
            raise ValueError(f"a label {labels.max()} of {num_labels}")
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ModelError(f"{source}: its calibration faces cannot be read: {error}. Export it again") from error
    return (steps * np.float32(-STEP)).astype(np.float32), labels


def _text(values: NDArray[np.uint8]) -> str:
    return base64.b85encode(zlib.compress(values.tobytes(), 9)).decode("ascii")


def _bytes(text: str, number: int) -> NDArray[np.uint8]:
    """So many bytes; a ValueError for fewer and for more, of which none is unpacked."""
    found = zlib.decompressobj().decompress(base64.b85decode(text), number + 1)
    if len(found) != number:
        raise ValueError(f"expected {number} bytes")
    return np.frombuffer(found, np.uint8)
