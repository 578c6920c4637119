"""Making the reference profile that a model file keeps of the faces that it was measured on."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.drift.profile import COMPARED, Answers, Distribution, Profile
from mien.recognition import FileClassifier
from mien.recognition.quality import FACE_SIDE, appearance, rated
from mien.recognition.reader import OWN, Reader, readings_of
from mien.values import GreyFaces

LEVELS: Final = np.linspace(0.05, 0.95, 19)
"""The shares of the reference faces by whose quantiles other faces are compared."""

DIGITS: Final = 6
"""Significant digits of the levels, and decimals of the shares."""


def profile_of(network: FileClassifier, faces: GreyFaces, data: str) -> Profile:
    """The reference profile of the faces that a model is measured on: numbers only, no picture.

        >>> profile_of(load_classifier("mini-xception"), faces, "twelve black faces").num_faces
        12

    Args:
        network: The model file. Each of its readings is asked under its default prior.
        faces: (N, S, S) uint8, grey, of the model's input size; at least one. Where they are smaller than the 48 pixels
            at which an analysis measures faces, the profile has the answers alone.
        data: What the faces are called.
    """
    # As the faces of an analysis have them: rounded.
    rows = [rated(appearance(face)).measures for face in faces] if faces.shape[1] >= FACE_SIDE else []
    measures = {name: distribution_of(np.array([row[name].raw for row in rows])) for name in COMPARED if rows}
    readers = {reading: Reader(network, reading) for reading in readings_of(network.info)}
    answers = {
        reading: answers_of(reader.labels, reader(faces))
        for reading, reader in (readers or {OWN: Reader(network)}).items()
    }
    return Profile(data=data, num_faces=len(faces), measures=measures, answers=answers)


def answers_of(labels: tuple[str, ...], scores: NDArray[np.float32]) -> Answers:
    """What a profile keeps of (N, K) scores of K labels."""
    leading, confidence = scores.argmax(axis=1), scores.max(axis=1).astype(np.float64)
    levels = _levels(confidence)
    of_each = [confidence[leading == label] for label in range(len(labels))]
    return Answers(
        labels=labels,
        counts=tuple(len(each) for each in of_each),
        confidence=tuple(_distribution(each if len(each) else confidence, levels) for each in of_each),
    )


def distribution_of(values: NDArray[np.float64]) -> Distribution:
    """What a profile keeps of a measure's (N,) values."""
    return _distribution(values, _levels(values))


def _levels(values: NDArray[np.float64]) -> tuple[float, ...]:
    """The different quantiles of values, from the first to the last; of values that are the same, one."""
    quantiles = np.quantile(values, LEVELS, method="inverted_cdf")
    return tuple(sorted({float(f"{each:.{DIGITS}g}") for each in quantiles.tolist()}))


def _distribution(values: NDArray[np.float64], levels: tuple[float, ...]) -> Distribution:
    ordered = np.sort(values)
    shares = np.searchsorted(ordered, levels, side="right") / len(ordered)
    return Distribution(levels, tuple(shares.round(DIGITS).tolist()), float(f"{ordered.mean():.{DIGITS}g}"))
