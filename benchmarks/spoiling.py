"""Faces of FER2013 as faces in pictures, spoilt in one way or two, each to a random degree; shared by two benchmarks.

A face is enlarged to 192 pixels with a mirrored border, as in `through_detector`, and the whole picture is spoilt.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray
from through_detector import BORDER, SIDE, TRUTH, picture_of

from mien.crop import crop_face
from mien.data import FaceSet
from mien.detection import align
from mien.detection.detector import Detector
from mien.evaluation import class_indices
from mien.recognition import Classifier
from mien.recognition.quality import measured, rated
from mien.values import MEASURES, Box, Crop, Detection, GreyFaces, Image, Measure, Quality

Random = np.random.Generator
Grey = NDArray[np.uint8]
"""A picture in grey: (H, W) uint8, of one size until something is cut off or shrunk."""

MIDDLE: Final = TRUTH.centre[0]
"""Both coordinates of the face's middle in its picture, in pixels."""

DOWN, ACROSS = (np.mgrid[: SIDE + 2 * BORDER, : SIDE + 2 * BORDER] - MIDDLE).astype(np.float32)
"""The coordinates of every pixel from the face's middle, in pixels."""

COPIES: Final = 3
"""How often each face is spoilt."""

SECOND_FAULT: Final = 0.3
"""Share of the spoilt faces that have two faults."""

AT_ONCE: Final = 64
"""Faces that go through the network together."""

SMALLEST, LARGEST = 8, 64
"""Sides of the smallest and the largest shrunk face, in pixels."""


@dataclass(frozen=True)
class Sample:
    """One face in one picture.

    Attributes:
        face: The face's number.
        image: The picture, spoilt or as it is.
        truth: Where the face is in it; it may leave the picture.
        faults: The names of what was done, and each one's degree, 0 to 1; none for a face as it is.
    """

    face: int
    image: Image
    truth: Box
    faults: Mapping[str, float]


def blurred(grey: Grey, degree: float, random: Random) -> Grey:
    """Out of focus or moved: by a Gaussian of up to 3.5 pixels of 48, or along a line of up to 14."""
    if random.random() < 0.5:
        return _grey(cv2.GaussianBlur(grey, (0, 0), 0.1 + 3.5 * degree * SIDE / 48))
    length = 1 + round(14 * degree * SIDE / 48)
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), random.uniform(0, 180), 1)
    line = np.asarray(cv2.warpAffine(line, turn, (length, length)), np.float32)
    return _grey(cv2.filter2D(grey, -1, line / max(float(line.sum()), 1e-6)))


def darkened(grey: Grey, degree: float, random: Random) -> Grey:
    """Less light: levels times 1 to .03."""
    return _levels(grey * np.float32(1 - 0.97 * degree))


def brightened(grey: Grey, degree: float, random: Random) -> Grey:
    """Towards white, as in haze or glare: up to 95 % of the way."""
    return _levels(255 - (255 - grey) * np.float32(1 - 0.95 * degree))


def underexposed(grey: Grey, degree: float, random: Random) -> Grey:
    """Shadows clipped to black: up to 200 levels are subtracted."""
    return _levels(grey - np.float32(200 * degree))


def overexposed(grey: Grey, degree: float, random: Random) -> Grey:
    """Lights clipped to white: levels times 1 to 6."""
    return _levels(grey * np.float32(1 + 5 * degree))


def flattened(grey: Grey, degree: float, random: Random) -> Grey:
    """Contrast lowered to 3 % of what it was, about the mean."""
    mean = np.float32(grey.mean())
    return _levels(mean + (grey - mean) * np.float32(1 - 0.97 * degree))


def shaded(grey: Grey, degree: float, random: Random) -> Grey:
    """Half of the face in a shadow that leaves 1 to .05 of the light, from any side, its edge hard or soft."""
    angle, softness = random.uniform(0, 2 * np.pi), random.uniform(0.01, 0.15)
    across = (ACROSS * np.float32(np.cos(angle)) + DOWN * np.float32(np.sin(angle))) / np.float32(SIDE * softness)
    return _levels(grey * (1 - np.float32(0.475 * degree) * (1 + np.tanh(across / 2))))


def rotated(grey: Grey, degree: float, random: Random) -> Grey:
    """In the picture's plane, by up to 60 degrees either way."""
    turn = cv2.getRotationMatrix2D((MIDDLE, MIDDLE), 60 * degree * random.choice((-1, 1)), 1)
    return _grey(cv2.warpAffine(grey, turn, grey.shape[::-1], borderMode=cv2.BORDER_REFLECT_101))


def turned(grey: Grey, degree: float, random: Random) -> Grey:
    """To one side by up to 60 degrees, as if the face were painted on an upright cylinder of 1.2 times its width."""
    radius = 0.6 * SIDE
    yaw = np.radians(60 * degree) * random.choice((-1, 1))
    angle = np.arcsin(np.clip(ACROSS / radius, -1, 1)) + yaw
    source = radius * np.sin(np.clip(angle, -np.pi / 2, np.pi / 2))
    columns = np.where(np.abs(ACROSS) < radius, source, ACROSS) + MIDDLE
    return _grey(cv2.remap(grey, columns.astype(np.float32), DOWN + np.float32(MIDDLE), cv2.INTER_LINEAR))


def eyes_covered(grey: Grey, degree: float, random: Random) -> Grey:
    """A bar before the eyes, a twelfth to a third of the face high."""
    return _covered(grey, 0, -0.12, random.uniform(0.6, 1), 0.08 + 0.25 * degree, random)


def mouth_covered(grey: Grey, degree: float, random: Random) -> Grey:
    """Something before the mouth, a tenth to a half of the face high."""
    return _covered(grey, 0, 0.27, random.uniform(0.5, 0.9), 0.1 + 0.4 * degree, random)


def patch(grey: Grey, degree: float, random: Random) -> Grey:
    """Something before another place, a fifth to four fifths of the face wide and high."""
    side = 0.2 + 0.6 * degree
    x, y = random.uniform(-0.3, 0.3, 2)
    return _covered(grey, x, y, side, side, random)


def _covered(grey: Grey, x: float, y: float, width: float, height: float, random: Random) -> Grey:
    """A rectangle or an ellipse over a part of the face; its middle and its size are in sides of the face."""
    middle = MIDDLE + SIDE * (x + random.uniform(-0.05, 0.05)), MIDDLE + SIDE * (y + random.uniform(-0.03, 0.03))
    place = middle, (SIDE * width, SIDE * height), random.uniform(-15, 15)
    shape = np.zeros(grey.shape, np.float32)
    if random.random() < 0.5:
        cv2.ellipse(shape, place, 1, -1)
    else:
        cv2.fillConvexPoly(shape, np.rint(cv2.boxPoints(place)).astype(np.int32), 1)
    opacity = cv2.GaussianBlur(shape, (0, 0), random.uniform(0.5, 3))
    grain = random.standard_normal(grey.shape, np.float32) * np.float32(random.uniform(0, 6))
    return _levels(grey + (_cover(grey, random) + grain - grey) * opacity)


def _cover(grey: Grey, random: Random) -> NDArray[np.float32]:
    """What lies over a face, without its grain: one grey, black, white, shaded, striped, mottled or from elsewhere."""
    mean, deviation = float(grey.mean()), float(grey.std())
    kind = random.choice(("grey", "black", "white", "shaded", "striped", "mottled", "elsewhere"))
    if kind == "elsewhere":
        return np.roll(grey, (SIDE // 2, SIDE // 3), axis=(0, 1))[::-1].astype(np.float32)
    if kind == "striped":
        angle, length = random.uniform(0, np.pi), random.uniform(6, 30)
        along = ACROSS * np.float32(np.cos(angle)) + DOWN * np.float32(np.sin(angle))
        return np.asarray(mean + deviation * np.sin(along * (2 * np.pi / length)), np.float32)
    if kind in ("shaded", "mottled"):  # blots of a third of the face, as on a hand; or smaller ones
        cells = 6 if kind == "shaded" else random.integers(10, 60)
        blots = cv2.resize(random.standard_normal((cells, cells), np.float32), grey.shape[::-1])
        return np.asarray(mean + deviation * (0.5 if kind == "shaded" else 1) * blots, np.float32)
    low, high = {"black": (0, 30), "white": (225, 255)}.get(kind, (0, 255))
    return np.full(grey.shape, random.uniform(low, high), np.float32)


FAULTS: Final[Mapping[str, Callable[[Grey, float, Random], Grey]]] = {
    "eyes covered": eyes_covered,
    "mouth covered": mouth_covered,
    "patch": patch,
    "turned": turned,
    "rotated": rotated,
    "shaded": shaded,
    "darkened": darkened,
    "brightened": brightened,
    "underexposed": underexposed,
    "overexposed": overexposed,
    "flattened": flattened,
    "blurred": blurred,
}
"""What spoils a face, in the order in which two are done: what happens before the camera, then in it."""

COVERED: Final = ("eyes covered", "mouth covered", "patch")
"""The faults that hide a part of the face."""

NAMES: Final = (*FAULTS, "cut off", "shrunk")
"""The names of all faults; the last two change the picture's size and so the place of the face, and come last."""


def _cut(image: Grey, truth: Box, degree: float, random: Random) -> tuple[Grey, Box]:
    """Up to .6 of the face's side beyond a side of the picture."""
    gone = round(0.6 * degree * SIDE)
    side = random.integers(4)
    if side == 0:
        return image[:, BORDER + gone :], _moved(truth, BORDER + gone, 0)
    if side == 1:
        return image[BORDER + gone :], _moved(truth, 0, BORDER + gone)
    if side == 2:
        return image[:, : BORDER + SIDE - gone], truth
    return image[: BORDER + SIDE - gone], truth


def _shrunk(image: Grey, truth: Box, degree: float) -> tuple[Grey, Box]:
    """From `LARGEST` to `SMALLEST` pixels a side of the face."""
    factor = (LARGEST - (LARGEST - SMALLEST) * degree) / SIDE
    size = round(image.shape[1] * factor), round(image.shape[0] * factor)
    return _grey(cv2.resize(image, size, interpolation=cv2.INTER_AREA)), truth.scaled(factor, factor)


def spoilt(face: GreyFaces, number: int, random: Random) -> Sample:
    """A face with one fault or two."""
    chosen = random.choice(len(NAMES), 1 + int(random.random() < SECOND_FAULT), replace=False)
    faults = {NAMES[place]: float(random.random()) for place in sorted(chosen)}
    image, truth = picture_of(face)[..., 0], TRUTH
    for name, degree in faults.items():
        if name == "cut off":
            image, truth = _cut(image, truth, degree, random)
        elif name == "shrunk":
            image, truth = _shrunk(image, truth, degree)
        else:
            image = FAULTS[name](image, degree, random)
    return Sample(number, np.repeat(image[..., None], 3, axis=2), truth, faults)


def samples(faces: GreyFaces, seed: int) -> Iterator[Sample]:
    """Each face as it is, and spoilt `COPIES` times; the same in every run."""
    for number, face in enumerate(faces):
        random = np.random.default_rng((seed, number))
        yield Sample(number, picture_of(face), TRUTH, {})
        for _ in range(COPIES):
            yield spoilt(face, number, random)


def found(detector: Detector, sample: Sample) -> Detection:
    """The detection that covers the face best; where none does, the square that is known, without landmarks."""
    height, width = sample.image.shape[:2]
    inside = sample.truth.clipped(width, height)
    known = Detection(inside, 0.0, crop=Crop(*sample.truth.centre, sample.truth.width))
    covering = [each for each in detector(sample.image) if each.box.overlap(inside) >= 0.4]
    best = max(covering, key=lambda each: each.box.overlap(inside), default=known)
    return align(sample.image, [best])[0]


def _moved(box: Box, x: float, y: float) -> Box:
    return Box(box.left - x, box.top - y, box.right - x, box.bottom - y)


def _levels(values: NDArray[np.float32]) -> Grey:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _grey(values: MatLike) -> Grey:
    return np.asarray(values, np.uint8)


@dataclass(frozen=True)
class Judged:
    """What was found of N samples.

    Attributes:
        faces: (N,) the face's number.
        faults: (N, F) the degree of each of `NAMES`; NaN where there is none.
        detected: (N,) whether the detector found it.
        qualities: The quality of each.
        right: (N,) whether the classifier was right.
    """

    faces: NDArray[np.int64]
    faults: NDArray[np.float64]
    detected: NDArray[np.bool_]
    qualities: tuple[Quality, ...]
    right: NDArray[np.bool_]

    @property
    def scores(self) -> NDArray[np.float64]:
        """(N,) the one number, 0 to 100."""
        return np.array([quality.score for quality in self.qualities])

    @property
    def shares(self) -> NDArray[np.float64]:
        """(N, M) the score of each of `MEASURES`, 0 to 1; NaN where it needs landmarks."""
        unknown = Measure(np.nan, np.nan)
        known = [each.measures for each in self.qualities]
        return np.array([[measures.get(name, unknown).score / 100 for name in MEASURES] for measures in known])


def judged(faces: FaceSet, classifier: Classifier, detector: Detector, seed: int) -> Judged:
    """Spoil, detect, crop, measure and classify every face."""
    labels = class_indices(faces, classifier.labels)
    rows, crops = [], []
    for sample in samples(faces.faces, seed):
        detection = found(detector, sample)
        crop = crop_face(sample.image, detection.region, classifier.input_size)
        faults = [sample.faults.get(name, np.nan) for name in NAMES]
        rows.append((sample.face, faults, detection.landmarks is not None, measured(sample.image, detection, crop)))
        crops.append(crop)
    starts = range(0, len(crops), AT_ONCE)
    answers = [classifier(np.stack(crops[start : start + AT_ONCE])).argmax(axis=1) for start in starts]
    numbers, degrees, detected, raws = zip(*rows, strict=True)
    right = np.concatenate(answers) == labels[list(numbers)]
    return Judged(np.array(numbers), np.array(degrees), np.array(detected), tuple(map(rated, raws)), right)
