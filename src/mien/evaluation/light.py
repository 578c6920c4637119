"""What light does to the answers: the same faces darker, brighter, and with less or more contrast.

It needs no labels of people, and replaces none: a face in less light is not a darker skin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput
from mien.evaluation.answers import Answers
from mien.values import GreyFaces

STOPS: Final = (-6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Exposures that are measured; a stop doubles the light."""

CONTRASTS: Final = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Contrasts that are measured."""


def exposed(faces: GreyFaces, stops: float) -> GreyFaces:
    """Faces as a camera shows them in 2 to the power of `stops` times the light: (N, S, S) uint8, of the same shape.

    Pixels become light by sRGB's curve (IEC 61966-2-1), and what is brighter than white is cut off.

        >>> exposed(np.full((1, 1, 1), 128, np.uint8), -1).item(), exposed(np.full((1, 1, 1), 200, np.uint8), 2).item()
        (92, 255)
    """
    encoded = np.arange(256) / 255
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    changed = np.minimum(light * 2.0**stops, 1)
    again = np.where(changed <= 0.0031308, 12.92 * changed, 1.055 * changed ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * again).astype(np.uint8)[faces])


def contrasted(faces: GreyFaces, factor: float) -> GreyFaces:
    """Faces whose pixels are `factor` times as far from each face's mean, cut off at black and white.

    >>> contrasted(np.array([[[100, 140]]], np.uint8), 0.5).tolist()
    [[[110, 130]]]
    """
    mean = faces.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    return np.asarray(np.clip(np.rint(mean + np.float32(factor) * (faces - mean)), 0, 255), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class LightStep:
    """The answers to all faces in one light; all shares are 0 to 1.

    Attributes:
        amount: Stops, or the factor of the contrast.
        accuracy: The share of correctly classified faces.
        standard_error: The standard error of the accuracy, from the number of faces alone.
        confidence: The mean of the highest probability.
        changed: The share of faces whose answer is another one than in their own light.
        uncertain: The share of faces that are left undecided; None where that was not asked for.
    """

    amount: float
    accuracy: float
    standard_error: float
    confidence: float
    changed: float
    uncertain: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LightReport:
    """The answers to the same N faces in other light.

    Attributes:
        num_faces: N.
        exposure: A step for each of `STOPS`; at 0 the faces are as they are.
        contrast: A step for each of `CONTRASTS`; at 1 the faces are as they are.
    """

    num_faces: int
    exposure: tuple[LightStep, ...]
    contrast: tuple[LightStep, ...]


def score_light(labels: NDArray[np.int64], faces: GreyFaces, answer: Callable[[GreyFaces], Answers]) -> LightReport:
    """The answers to the same faces in other light: `STOPS` of exposure, and `CONTRASTS`.

        >>> bright = lambda faces: faces.mean((1, 2)) / 255
        >>> dark_is_sad = lambda faces: Answers(np.stack([1 - bright(faces), bright(faces)], axis=1))
        >>> report = score_light(np.array([0, 1]), np.array([[[50]], [[200]]], np.uint8), dark_is_sad)
        >>> [(step.amount, step.changed) for step in report.exposure[4:7]]
        [(-2.0, 0.5), (-1.0, 0.0), (0.0, 0.0)]

    Args:
        labels: (N,) the right class of each face.
        faces: (N, S, S) uint8, grey, at least one; light is changed at this size.
        answer: From (N, S, S) faces to what is said of them.

    Raises:
        InvalidInput: There are no faces, or not as many as labels.
    """
    if not len(faces) or len(labels) != len(faces):
        raise InvalidInput(f"expected a label for each of one face or more; got {labels.shape} and {faces.shape}")
    plain = answer(faces).scores.argmax(axis=1)

    def step(amount: float, lit: GreyFaces) -> LightStep:
        scores, uncertain = answer(lit)
        predicted = scores.argmax(axis=1)
        accuracy = float((predicted == labels).mean())
        return LightStep(
            amount=amount,
            accuracy=accuracy,
            standard_error=float(np.sqrt(accuracy * (1 - accuracy) / len(labels))),
            confidence=float(scores.max(axis=1).mean()),
            changed=float((predicted != plain).mean()),
            uncertain=None if uncertain is None else float(uncertain.mean()),
        )

    return LightReport(
        num_faces=len(faces),
        exposure=tuple(step(stops, exposed(faces, stops)) for stops in STOPS),
        contrast=tuple(step(factor, contrasted(faces, factor)) for factor in CONTRASTS),
    )
