"""How far a model file's answers are from those of the file that it was made from."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.evaluation.metrics import expected_calibration_error
from mien.recognition import FileClassifier, softmax
from mien.recognition.classifier import promised_sizes
from mien.recognition.model_file import EVIDENCE, LOGITS, VOTES, VOTES_EVIDENCE
from mien.shipping.outliers import shapes, texture
from mien.values import GreyFaces

MADE: Final = 512
"""Pictures that are made where no data are given."""


def parity(
    before: FileClassifier, after: FileClassifier, faces: GreyFaces, labels: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """What the answers of two files for the same faces have in common, as plain values for JSON.

    Args:
        before: The file that the other one was made from.
        after: The other one.
        faces: (N, S, S) uint8.
        labels: (N,) indices of the right labels; None where they are not known.

    Returns:
        `num_faces`; `agreement`, the share of faces that both give the same label, and `people_agreement`, the same by
        FER+'s votes, of files that have them; `largest_difference` and `mean_difference` of a logit, in logits;
        `evidence_difference`, the largest one between a logit and the mean of its map in the new file. Where labels are
        known, `accuracy` of the new file with `accuracy_interval`, the Wilson score interval of 95 %, and `ece`; the
        same of the older one as `accuracy_before` and `ece_before`; and how many faces only one of the two gets right,
        `gained` and `lost`.
    """
    names = [*promised_sizes(after.info)]
    old = dict(zip(names, before.run(faces, names), strict=True))
    new = dict(zip(names, after.run(faces, names), strict=True))
    difference = np.abs(new[LOGITS] - old[LOGITS])
    answers = {"before": old[LOGITS].argmax(axis=1), "after": new[LOGITS].argmax(axis=1)}
    heads = [(LOGITS, EVIDENCE), *([(VOTES, VOTES_EVIDENCE)] if VOTES_EVIDENCE in names else [])]
    report: dict[str, Any] = {
        "num_faces": len(faces),
        "agreement": float((answers["before"] == answers["after"]).mean()),
        "largest_difference": float(difference.max()),
        "mean_difference": float(difference.mean()),
        "evidence_difference": float(max(np.abs(new[maps].mean((2, 3)) - new[head]).max() for head, maps in heads)),
    }
    if VOTES in names:
        report["people_agreement"] = float((old[VOTES].argmax(axis=1) == new[VOTES].argmax(axis=1)).mean())
    if labels is not None:
        right = {name: each == labels for name, each in answers.items()}
        report |= {
            "accuracy": float(right["after"].mean()),
            "accuracy_interval": wilson_interval(int(right["after"].sum()), len(labels)),
            "accuracy_before": float(right["before"].mean()),
            "gained": int((right["after"] & ~right["before"]).sum()),
            "lost": int((right["before"] & ~right["after"]).sum()),
            "ece": expected_calibration_error(labels, softmax(new[LOGITS])),
            "ece_before": expected_calibration_error(labels, softmax(old[LOGITS])),
        }
    return report


def agreement_of(report: Mapping[str, Any]) -> float:
    """The smaller of what `parity` found to agree by the labels and by people's reading.

    >>> agreement_of({"agreement": 0.99, "people_agreement": 0.97})
    0.97
    """
    return float(min(report["agreement"], report.get("people_agreement", 1.0)))


def made_pictures(size: int) -> GreyFaces:
    """(512, size, size) uint8: shapes and textures, the same each time, to compare files on without data."""
    random, blank = np.random.default_rng(0), np.zeros((size, size), np.uint8)
    return np.stack([make(blank, random) for make in (shapes, texture) for _ in range(MADE // 2)])


def wilson_interval(num: int, total: int, z: float = 1.96) -> list[float]:
    """The interval of a share in which it is with a confidence of 95 % (Wilson 1927).

    >>> [round(each, 3) for each in wilson_interval(70, 100)]
    [0.604, 0.781]
    """
    share, spread = num / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return [middle - half, middle + half]
