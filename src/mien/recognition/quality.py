"""How much a face's picture can be trusted to show its expression."""

import math
from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from mien.crop import crop_face
from mien.values import MEASURES, Detection, Image, Measure, Quality, check_image

Grey = NDArray[np.uint8]

FACE_SIDE: Final = 48
"""Side in pixels of the crop that is measured: that of FER2013's faces, which is all the detail that the networks were
trained on."""

MIDDLE: Final = np.s_[8:40, 8:40]
"""The part of the crop whose light and sharpness are measured: from the brows to the mouth, without the background."""

FEATURES: Final = np.s_[10:42, 10:38]
"""The part of the crop where brows, eyes, nose and mouth are."""

CHEEKS: Final = np.s_[24:34, 10:20], np.s_[24:34, 28:38]
"""Both cheeks."""

BLACK, WHITE = 25, 247
"""Levels up to which a pixel counts as underexposed, and from which it counts as overexposed (ISO/IEC 29794-5)."""

CHEEK_BINS: Final = 16
"""Bins of a cheek's histogram. ISO/IEC 29794-5 has 256, which a cheek of 100 pixels does not fill."""

NO_DETAIL: Final = 0.15
"""A place of the face has no detail where its gradient is less than this share of the face's median gradient."""

LEAST_GRADIENT: Final = 10
"""Added to the median gradient, in the units of Sobel's operator, so that a face almost without contrast is not
compared with its own noise."""

LEAST_SCORE, LEAST_FACTOR = 0.5, 0.8
"""A measure that counts is named as a reason where its score is below the first, as a share of 100, or where it alone
takes the quality below the second."""


def _sigmoid(value: float, middle: float, width: float) -> float:
    return 1 / (1 + math.exp((middle - value) / width))


def _ramp(value: float, useless: float, good: float) -> float:
    return (value - useless) / (good - useless)


def _contrast(variance: float) -> float:
    return math.sin(math.pi * min(0.5, 60 * variance / (60 * variance + 1)))


def _angle(degrees: float) -> float:
    return max(0.0, math.cos(math.radians(degrees))) ** 2


SCORES: Final[Mapping[str, Callable[[float], float]]] = {
    "size": lambda side: _sigmoid(side, 12, 2),
    "sharpness": lambda ratio: _ramp(ratio, 0, 0.6),
    "brightness": lambda mean: _sigmoid(mean, 0.2, 0.05) * (1 - _sigmoid(mean, 0.8, 0.05)),
    "overexposure": lambda share: 0.01 / (share + 0.01),
    "underexposure": lambda share: 1.2 * (0.832 - _sigmoid(share, 0.92, 0.05)),
    "contrast": _contrast,
    "uniformity": lambda share: math.pow(share, 0.3),
    "turned": _angle,
    "tilted": _angle,
    "cut_off": lambda share: _ramp(share, 0.4, 1),
    "covered": lambda share: _ramp(share, 0.5, 0),
}
"""The score of every measure by its raw value, 0 to 1; what is less or more is cut there. docs/detection.md says where
each formula is from."""

WEIGHTS: Final[Mapping[str, float]] = {
    "size": 0.41, "sharpness": 0.33, "brightness": 0.0, "overexposure": 0.0, "underexposure": 0.0, "contrast": 0.0,
    "uniformity": 0.0, "turned": 0.07, "tilted": 0.0, "cut_off": 0.49, "covered": 0.81,
}  # fmt: skip
"""How much each measure counts in the one number, as an exponent, by how well it predicts errors on spoilt training
faces (benchmarks/fit_quality.py). What does not predict them is measured, and does not count; nor does "tilted", since
the network sees every face upright."""

NAMES: Final = {"size": "small", "sharpness": "blurred", "turned": "turned", "cut_off": "cut off"}
"""What is said of a face of which a measure that counts speaks badly; `_reason` names "covered" by its cause."""


def assess(image: Image, detection: Detection, face: Grey | None = None) -> Quality:
    """How reliably a face's expression can be read: several measures, and their weighted product.

    The weights were fitted to the accuracy of `rep-small` on spoilt faces (benchmarks/fit_quality.py). Strong noise is
    mistaken for sharpness.

        >>> from mien.values import Box
        >>> night = np.zeros((90, 90, 3), np.uint8)
        >>> quality = assess(night, Detection(Box(0, 0, 30, 30), score=1.0))
        >>> quality.score, quality.reasons
        (0.0, ('blurred', 'dark'))

    Args:
        image: (H, W, 3) uint8, RGB.
        detection: The face, in the image's pixels.
        face: What `crop_face` cut from there, (S, S) uint8, where it is at hand and large enough; else it is cut
            again.

    Raises:
        InvalidInput: `image` is not an image.
    """
    return rated(measured(image, detection, face))


def rated(raws: Mapping[str, float]) -> Quality:
    """The quality of a face by the raw values of its measures; see `assess`."""
    shares = {name: min(1.0, max(0.0, SCORES[name](raws[name]))) for name in MEASURES if name in raws}
    factors = {name: share ** WEIGHTS[name] for name, share in shares.items()}
    counted = [name for name in shares if WEIGHTS[name] > 0]
    against = [name for name in counted if shares[name] < LEAST_SCORE or factors[name] < LEAST_FACTOR]
    reasons = dict.fromkeys(_reason(name, raws) for name in against)
    # Rounded to what records give back exactly.
    measures: dict[str, Measure] = {
        name: Measure(round(100 * share, 1), float(f"{raws[name]:.5g}")) for name, share in shares.items()
    }
    return Quality(round(100 * math.prod(factors.values()), 1), tuple(reasons), measures)


def measured(image: Image, detection: Detection, face: Grey | None = None) -> dict[str, float]:
    """The raw value of every measure that can be taken of a face, by its name; see `assess`."""
    height, width = check_image(image).shape[:2]
    region = detection.region.box
    raws = {
        "size": region.width,
        "cut_off": region.clipped(width, height).area / region.area,
    }
    if raws["cut_off"] > 0:
        if face is None or face.shape[0] < FACE_SIDE:
            face = crop_face(image, detection.region, FACE_SIDE)
        raws |= appearance(face)
    pose = detection.pose
    return raws | {"tilted": abs(pose.roll)} | ({} if math.isnan(pose.yaw) else {"turned": abs(pose.yaw)})


def sharpness(grey: Grey) -> float:
    """The variance of the Laplacian relative to that of the grey; 0 for a uniform picture."""
    deviation = _moments(grey)[1]
    return (_moments(cv2.Laplacian(grey, cv2.CV_32F))[1] / deviation) ** 2 if deviation > 0 else 0.0


def appearance(face: Grey) -> dict[str, float]:
    """The raw values of the measures that only need a face's crop, by their names.

    Args:
        face: (S, S) uint8, grey, as `crop_face` cuts it; S is at least `FACE_SIDE`.
    """
    if face.shape != (FACE_SIDE, FACE_SIDE):
        face = np.asarray(cv2.resize(face, (FACE_SIDE, FACE_SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    middle = np.ascontiguousarray(face[MIDDLE])
    mean, deviation = _moments(middle)
    return {
        "sharpness": sharpness(middle),
        "brightness": mean / 255,
        "overexposure": int(np.count_nonzero(middle >= WHITE)) / middle.size,
        "underexposure": int(np.count_nonzero(middle <= BLACK)) / middle.size,
        "contrast": (deviation / 255) ** 2,
        "uniformity": _alike(face[CHEEKS[0]], face[CHEEKS[1]]),
        "covered": _without_detail(face),
    }


def _moments(grey: MatLike) -> tuple[float, float]:
    """Mean and standard deviation; numpy's take ten times as long for so few pixels."""
    mean, deviation = cv2.meanStdDev(grey)
    return float(mean[0, 0]), float(deviation[0, 0])


def _alike(cheek: Grey, other: Grey) -> float:
    """What the histograms of two areas of one size share, 0 to 1."""
    counts = [np.bincount(each.ravel() // (256 // CHEEK_BINS), minlength=CHEEK_BINS) for each in (cheek, other)]
    return float(np.minimum(*counts).sum() / cheek.size)


def _without_detail(face: Grey) -> float:
    """The share of a face's features that has hardly any detail while the rest has, as under a hand or a mask."""
    across, down = (cv2.Sobel(face, cv2.CV_32F, *order)[FEATURES] for order in ((1, 0), (0, 1)))
    gradient = np.abs(across) + np.abs(down)
    median = float(np.partition(gradient, gradient.size // 2, axis=None)[gradient.size // 2])
    return int(np.count_nonzero(gradient < NO_DETAIL * (median + LEAST_GRADIENT))) / gradient.size


def _reason(name: str, raws: Mapping[str, float]) -> str:
    """What is said of a face of which that measure speaks badly."""
    if name != "covered":
        return NAMES[name]
    # Where light or contrast have taken the detail away, nothing need be in front of the face.
    half = raws[name] / 2
    if raws["overexposure"] >= half or raws["brightness"] > 0.8:
        return "bright"
    if raws["underexposure"] >= half or raws["brightness"] < 0.2:
        return "dark"
    return "low contrast" if _contrast(raws["contrast"]) < LEAST_SCORE else "covered"
