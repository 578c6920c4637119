"""Scores of people's reading against the votes of FER+'s annotators, and of both readings side by side."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.emotions import FER_PLUS_EXPRESSIONS, parse_vote
from mien.evaluation.metrics import (
    calibration_error,
    calibration_error_by_chance,
    confusion_matrix,
    log_loss,
    precision_recall_f1,
)
from mien.recognition import Reader


def votes_for(votes: NDArray[np.uint8], labels: tuple[str, ...]) -> NDArray[np.float64]:
    """FER+'s (N, 10) votes as (N, K) numbers of votes for the labels, mien's names of expressions."""
    names = [parse_vote(name) for name in FER_PLUS_EXPRESSIONS]
    return votes[:, [names.index(label) for label in labels]].astype(np.float64)


def named_by_most(votes: NDArray[np.float64]) -> NDArray[np.int64]:
    """The label that more than half of ten people name, (N,) columns of (N, K) votes; -1 where none is."""
    return np.where(votes.max(axis=1) > 5, votes.argmax(axis=1), -1)


def score_people(votes: NDArray[np.uint8], scores: NDArray[np.float32], reader: Reader) -> dict[str, Any] | None:
    """The scores of a reader of people's reading on faces whose votes are known; None where no face has a majority.

    Accuracy and recall are of the faces of which more than half of ten people name the same of the labels. Log loss
    and calibration are of all faces with a vote for one of the labels, as a face that divides people is no less a face:
    the loss against the shares of the votes, and the confidence against the share of the label that was answered. For
    another prior than the natural one, each vote counts by the ratio of the two shares of its label.

    Args:
        votes: (N, 10), in the order of `FER_PLUS_VOTES`.
        scores: (N, K) probabilities of the reader's labels.
        reader: What gave them.
    """
    counts = votes_for(votes, reader.labels)
    named = named_by_most(counts)
    clear = named >= 0
    if not clear.any():
        return None
    answered = scores.argmax(axis=1)
    correct = answered[clear] == named[clear]
    accuracy = float(correct.mean())
    recalls = precision_recall_f1(confusion_matrix(named[clear], answered[clear], len(reader.labels)))[1].tolist()
    present = [recall for label, recall in enumerate(recalls) if (named == label).any()]
    rated = counts.any(axis=1)
    shares = counts[rated] / counts[rated].sum(axis=1, keepdims=True)
    ratio = _ratio(reader)
    return {
        "num_faces": int(clear.sum()),
        "accuracy": accuracy,
        "standard_error": float(np.sqrt(accuracy * (1 - accuracy) / len(correct))),
        "mean_recall": float(np.mean(present)),
        "num_rated": int(rated.sum()),
        "nll": log_loss(shares * ratio, scores[rated]),
        "ece": calibration_error(shares * ratio, scores[rated]),
        "ece_by_chance": calibration_error_by_chance(scores[rated], num_votes=10, ratio=ratio),
        "prior": reader.prior and dict(reader.prior),
        "recall": {
            label: recall if (named == at).any() else None
            for at, (label, recall) in enumerate(zip(reader.labels, recalls, strict=True))
        },
    }


def _ratio(reader: Reader) -> NDArray[np.float64]:
    """By how much the reader's prior makes each label more frequent than it is in the votes."""
    if not reader.prior or not reader.natural:
        return np.ones(len(reader.labels))
    return np.array([reader.prior[label] / reader.natural[label] for label in reader.labels])
