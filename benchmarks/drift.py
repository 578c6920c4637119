"""How often drift is reported where there is none, and where there is: batches of PublicTest's faces.

    python benchmarks/drift.py --data fer2013.csv --json benchmarks/results/drift.json

PublicTest is divided at random: one half makes the reference profile, and the batches are drawn from the other half,
each face in a picture of its own. `detector` is how far the measures of the same faces differ when they are
enlarged to 192 pixels with a mirrored border and come through the detector: the difference that is tolerated.

*False alarms* are of many divisions: faces as they are, and faces through the detector. *Changed pictures* are of one
division: the whole pictures are changed, and then go through the detector; `accuracy` is that of the faces found of
which most people named one expression. *Changed shares* are batches of faces as they are, in which a part shows one
expression; `error` is how far the shares in which the labels lead are from those of the votes (total variation, mean).
Each figure is the share of the batches with a warning of image drift or of class drift. Ends in one JSON line.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from measuring import hardware, write_result
from numpy.typing import NDArray
from spoiling import shaded
from through_detector import LEAST_OVERLAP, TRUTH, picture_of

from mien.analyzer import Analyzer
from mien.data import load
from mien.defaults import DEFAULT_MODEL
from mien.detection import align
from mien.drift import Comparison, Drift, Profile, Reference
from mien.drift.findings import FALSE_ALARMS, TOLERATED
from mien.drift.profile import COMPARED, CONFIDENCE
from mien.evaluation.profile import answers_of, distribution_of
from mien.evaluation.readings import votes_for
from mien.recognition.quality import appearance, rated
from mien.values import Box, Detection, Face, FrameResult, GreyFaces, Image, Prediction

Grey = NDArray[np.uint8]
Random = np.random.Generator

READING: Final = "people"
"""The reading whose answers are compared: the default one."""

SIZES: Final = (30, 100, 1000)
DIVISIONS: Final = 1000
"""How often PublicTest is divided for the false alarms; each division gives a batch of each size."""

BATCHES: Final = 100
"""Batches of each size with changed pictures, or changed shares."""

SEED: Final = 0

MAJORITY: Final = 0.5
"""A face shows an expression where more than this share of the votes name it."""


def _levels(grey: Grey, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Grey:
    return np.asarray(change(grey.astype(np.float64)).round().clip(0, 255), np.uint8)


def _shrunk(grey: Grey, times: int) -> Grey:
    side = len(grey) // times
    return np.asarray(cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(grey: Grey) -> Grey:
    return np.asarray(cv2.resize(grey, (384, 384), interpolation=cv2.INTER_LINEAR), np.uint8)


def _noisy(grey: Grey, share: float) -> Grey:
    small = _shrunk(grey, 4)
    random = np.random.default_rng(int(small.sum()))
    return _levels(small, lambda levels: levels + random.normal(0, 255 * share, levels.shape))


def _compressed(grey: Grey, quality: int) -> Grey:
    code = cv2.imencode(".jpg", _shrunk(grey, 4), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.uint8)


def _blurred(grey: Grey, pixels: float) -> Grey:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 4 * pixels), np.uint8)


CHANGES: Final[Mapping[str, Callable[[Grey], Grey]]] = {
    "as they are": lambda grey: grey,
    "light × .75": lambda grey: _levels(grey, lambda levels: 0.75 * levels),
    "light × .5": lambda grey: _levels(grey, lambda levels: 0.5 * levels),
    "light × .25": lambda grey: _levels(grey, lambda levels: 0.25 * levels),
    "half of the way to white": lambda grey: _levels(grey, lambda levels: 127.5 + levels / 2),
    "contrast × .5": lambda grey: _levels(grey, lambda levels: levels.mean() + 0.5 * (levels - levels.mean())),
    "half in shadow": lambda grey: shaded(grey, 0.8, np.random.default_rng(int(grey.sum()))),
    "blur of .5 pixels": lambda grey: _blurred(grey, 0.5),
    "blur of 1 pixel": lambda grey: _blurred(grey, 1),
    "blur of 2 pixels": lambda grey: _blurred(grey, 2),
    "noise of 5 %": lambda grey: _noisy(grey, 0.05),
    "noise of 10 %": lambda grey: _noisy(grey, 0.1),
    "JPEG of quality 30": lambda grey: _compressed(grey, 30),
    "JPEG of quality 10": lambda grey: _compressed(grey, 10),
    "half of the detail": lambda grey: _enlarged(_shrunk(grey, 8)),
    "a third of the detail": lambda grey: _enlarged(_shrunk(grey, 12)),
}
"""What is done to a picture of 384 pixels with a face of 192. Pixels are those of FER2013's faces, of which 48 are a
side; noise and JPEG come after the picture was shrunk until its face has 48. *Half of the detail* is a face of 24
pixels, enlarged."""

MORE_OF: Final = (("happy", 0.2), ("happy", 0.5), ("happy", 1.0), ("neutral", 0.2), ("neutral", 0.5), ("neutral", 1.0),
                  ("sad", 0.5), ("surprise", 0.2), ("surprise", 0.5), ("surprise", 1.0))  # fmt: skip
"""Expressions, and the part of a batch that all shows it; the rest is as PublicTest is."""


class Measured(NamedTuple):
    """Faces, each in a picture of its own, and what a profile is made of.

    Attributes:
        results: N of them.
        truth: (N, K), the shares of the labels that people gave each face.
        measures: (N,) raw values of each measure, by its name.
        scores: (N, K).
    """

    results: list[FrameResult]
    truth: NDArray[np.float64]
    measures: dict[str, NDArray[np.float64]]
    scores: NDArray[np.float32]


def measured(faces: Sequence[Face], truth: NDArray[np.float64]) -> Measured:
    """Faces as an analysis gives them."""
    return Measured(
        [
            FrameResult(source=f"{number}.png", width=384, height=384, faces=(face,))
            for number, face in enumerate(faces)
        ],
        truth,
        {name: np.array([each.quality.measures[name].raw for each in faces if each.quality]) for name in COMPARED},
        np.stack([face.prediction.scores for face in faces]),
    )


def as_they_are(analyzer: Analyzer, crops: GreyFaces, truth: NDArray[np.float64]) -> Measured:
    """FER2013's crops, as if a detector had cut the very same."""
    where, names = Detection(Box(0, 0, 48, 48), score=1.0), analyzer.classifier.labels
    scores = analyzer.classifier(crops)
    faces = [
        Face(where, Prediction(names, row), quality=rated(appearance(crop)))
        for crop, row in zip(crops, scores, strict=True)
    ]
    return measured(faces, truth)


def in_pictures(
    analyzer: Analyzer, crops: GreyFaces, truth: NDArray[np.float64], change: Callable[[Grey], Grey]
) -> tuple[Measured, NDArray[np.int64]]:
    """The faces that are found in changed pictures, and their numbers among those given."""
    faces, numbers = [], []
    for number, crop in enumerate(crops):
        changed = np.repeat(change(picture_of(crop)[:, :, 0])[:, :, None], 3, axis=2)
        found = [analyzer.classify([changed], [align(changed, nearest_of(analyzer, changed))])[0]]
        faces += found[0]
        numbers += [number] * len(found[0])
    return measured(faces, truth[numbers]), np.array(numbers)


def nearest_of(analyzer: Analyzer, picture: Image) -> list[Detection]:
    """The detection that covers the face in the middle of a picture of any size, if one does."""
    scale = len(picture) / 384
    truth = TRUTH.scaled(scale, scale)
    overlaps = [(each.region.box.overlap(truth), each) for each in analyzer.detector(picture)]
    best = max(overlaps, key=lambda pair: pair[0], default=(0.0, None))
    return [best[1]] if best[1] and best[0] >= LEAST_OVERLAP else []


def profile(reference: Measured, chosen: NDArray[np.int64]) -> Profile:
    """The profile of some faces."""
    labels = reference.results[0].faces[0].prediction.labels
    measures = {name: distribution_of(each[chosen]) for name, each in reference.measures.items()}
    return Profile("PublicTest", len(chosen), measures, {READING: answers_of(labels, reference.scores[chosen])})


def drift_of(profile: Profile, batch: Sequence[FrameResult]) -> Drift:
    """What is said of a batch."""
    comparison = Comparison(Reference(DEFAULT_MODEL, profile, READING))
    for result in batch:
        comparison.add(result)
    return comparison.conclude()


def shares(drifts: Sequence[Drift]) -> dict[str, Any]:
    """Of how many batches image drift and class drift are said, as shares; and which measures are named."""
    named = [finding.name for drift in drifts for finding in drift.image]
    return {
        "batches": len(drifts),
        "image": sum(bool(drift.image) for drift in drifts) / len(drifts),
        "class": sum(bool(drift.classes) for drift in drifts) / len(drifts),
        "either": sum(bool(drift.texts) for drift in drifts) / len(drifts),
        "named": {name: count / len(drifts) for name, count in Counter(named).most_common()},
    }


def largest_differences(here: Measured, reference: Measured) -> dict[str, float]:
    """How far two sets of the same faces differ in each measure, and in the leading score (Kolmogorov–Smirnov)."""
    pairs = {name: (values, reference.measures[name]) for name, values in here.measures.items()}
    pairs[CONFIDENCE] = here.scores.max(axis=1).astype(np.float64), reference.scores.max(axis=1).astype(np.float64)
    found = {}
    for name, (values, others) in pairs.items():
        levels = np.concatenate([values, others])
        below = [np.searchsorted(np.sort(each), levels, side="right") / len(each) for each in (values, others)]
        found[name] = float(np.abs(below[0] - below[1]).max())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--divisions", type=int, default=DIVISIONS)
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    analyzer = Analyzer(options.model, reading=READING)
    split = load(options.data, size=48).split("PublicTest")
    if split.votes is None:
        parser.error("people's reading is measured by FER+'s votes: fer2013new.csv, beside the data")
    votes = votes_for(split.votes, analyzer.classifier.labels)
    truth = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    plain = as_they_are(analyzer, split.faces, truth)
    random = np.random.default_rng(SEED)
    first, second = np.split(random.permutation(len(truth)), [len(truth) // 2])

    through, numbers = in_pictures(analyzer, split.faces, truth, CHANGES["as they are"])
    same = measured([plain.results[number].faces[0] for number in numbers], truth[numbers])
    detector = largest_differences(through, same)
    print({name: f"{value:.3f} (tolerated: {TOLERATED[name]})" for name, value in detector.items()})

    alarms = {
        "as they are": false_alarms(plain, plain, np.arange(len(truth)), random, options.divisions),
        "through the detector": false_alarms(plain, through, numbers, random, options.divisions),
    }
    print(alarms)

    reference = profile(plain, first)
    changes = {}
    for name, change in CHANGES.items():
        faces, found = in_pictures(analyzer, split.faces[second], truth[second], change)
        changes[name] = {
            "found": len(found) / len(second),
            "accuracy": accuracy(faces),
            "sizes": {str(size): shares(drawn(reference, faces, size, random, options.batches)) for size in SIZES},
        }
        print(name, changes[name])

    names = analyzer.classifier.labels
    others = measured([plain.results[number].faces[0] for number in second], truth[second])
    more = [
        {"label": label, "part": part,
         "sizes": {str(size): changed_shares(reference, others, names.index(label), part, size, random, options.batches)
                   for size in SIZES}}
        for label, part in MORE_OF
    ]  # fmt: skip
    print(*more, sep="\n")
    result = {
        "benchmark": "drift", "model": options.model, "reading": READING, "split": "PublicTest",
        "num_faces": len(truth), "num_reference": len(first), "seed": SEED, "stated": FALSE_ALARMS,
        "detector": {"num_faces": len(numbers), "differences": detector, "tolerated": dict(TOLERATED)},
        "false_alarms": alarms, "changes": changes, "more": more, **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


def accuracy(faces: Measured) -> float:
    """Of the faces of which most people named one expression, in how many the network's is the same."""
    agreed = faces.truth.max(axis=1) > MAJORITY
    return float((faces.scores.argmax(axis=1) == faces.truth.argmax(axis=1))[agreed].mean())


def false_alarms(
    plain: Measured, batch: Measured, numbers: NDArray[np.int64], random: Random, divisions: int
) -> dict[str, Any]:
    """Warnings of batches from another part of PublicTest than their reference; `numbers` are those of its faces."""
    drifts: dict[int, list[Drift]] = {size: [] for size in SIZES}
    for _ in range(divisions):
        order = random.permutation(len(plain.truth))
        reference = profile(plain, order[: len(order) // 2])
        others = np.flatnonzero(np.isin(numbers, order[len(order) // 2 :]))
        for size in SIZES:
            chosen = random.choice(others, size, replace=False)
            drifts[size].append(drift_of(reference, [batch.results[each] for each in chosen]))
    return {str(size): shares(found) for size, found in drifts.items()}


def drawn(reference: Profile, faces: Measured, size: int, random: Random, batches: int) -> list[Drift]:
    """What is said of batches of faces; where fewer were found than a batch has, faces occur more than once."""
    few = size > len(faces.results)
    chosen = [random.choice(len(faces.results), size, replace=few) for _ in range(batches)]
    return [drift_of(reference, [faces.results[each] for each in batch]) for batch in chosen]


def changed_shares(
    reference: Profile, faces: Measured, label: int, part: float, size: int, random: Random, batches: int
) -> dict[str, Any]:
    """Warnings of batches of which a part shows one label, and the error of the shares in which the labels lead."""
    showing = np.flatnonzero(faces.truth[:, label] > MAJORITY)
    drifts, errors = [], []
    for _ in range(batches):
        num = round(part * size)
        chosen = np.concatenate([random.choice(showing, num), random.choice(len(faces.truth), size - num)])
        drifts.append(drift_of(reference, [faces.results[each] for each in chosen]))
        counted = np.array([here for here, _ in drifts[-1].shares.values()])
        errors.append(np.abs(counted - faces.truth[chosen].mean(axis=0)).sum() / 2)
    return shares(drifts) | {"error": float(np.mean(errors))}


if __name__ == "__main__":
    main()
