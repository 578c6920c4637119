"""Accuracy lost through the detector: faces of PublicTest are put into pictures, detected and classified.

    python benchmarks/through_detector.py --data fer2013.csv --out-of-fold RUN RUN RUN RUN \
        --json benchmarks/results/through_detector.json
    python benchmarks/through_detector.py --data fer2013.csv --only-turns --num 200     # a quick part

Each face is enlarged to 192 pixels and gets a mirrored border of half its side. It counts as found when the
detector's own region overlaps it with an intersection over union of at least a half. `direct` is the accuracy of the
same network on the same found faces without the detector.

The weights of the shipped networks were selected on PublicTest's own crops, which flatters `direct`. So the same is
measured with networks that each left out a fold of the training split (`mien train --set folds=4 --set fold=0`), on
faces of their fold, which selected nothing; they are more, too. Without `--out-of-fold` that part of the file stays.

Then the pictures of some faces are turned about their middle, one half of the faces to the left and the other to the
right, and what leaves the picture is mirrored again. The true square of a turned face is the one with the same middle
and side that stands upright, as the box of `Detection.region` does. *Not aligned* is without the network that turns
crops upright; YuNet's own crops are turned only where it found the face in a turned copy. A face that is not found
counts as wrongly classified in `accuracy`; `accuracy_of_found` leaves those out; and two figures are of the faces found
both turned and upright: their accuracy as they were turned, and upright. Ends in one JSON line.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from measuring import earlier, hardware, write_result
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.data import FaceSet, load
from mien.data.folds import fold_of
from mien.defaults import DEFAULT_MODEL
from mien.detection import DETECTORS, align, load_detector
from mien.evaluation import class_indices
from mien.recognition import load_classifier
from mien.training.loop import predict
from mien.training.recipe import Recipe
from mien.training.teachers import Teacher, load_teachers
from mien.values import Box, Detection, GreyFaces, Image

SIDE, BORDER = 192, 96
TRUTH = Box(BORDER, BORDER, BORDER + SIDE, BORDER + SIDE)
LEAST_OVERLAP = 0.5
FACES_AT_ONCE = 256
TURNS = (0, 15, 30, 45)
NUM_TURNED = 1000
NUM_HELD_OUT = 8000
SEED = 0


def picture_of(face: GreyFaces, turn: float = 0.0) -> Image:
    """(S, S) uint8 → (384, 384, 3) uint8: the face in the middle, mirrored around, turned counter-clockwise."""
    large = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    framed = cv2.copyMakeBorder(large, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REFLECT_101)
    if turn:
        middle = (len(framed) - 1) / 2
        matrix = cv2.getRotationMatrix2D((middle, middle), turn, 1.0)
        size = framed.shape[1], framed.shape[0]
        framed = cv2.warpAffine(framed, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.repeat(framed[:, :, None], 3, axis=2)


def nearest(found: list[Detection]) -> list[Detection]:
    """The detection that covers the face best, if one does; as a list of one or none."""
    covering = [detection for detection in found if detection.region.box.overlap(TRUTH) >= LEAST_OVERLAP]
    return sorted(covering, key=lambda detection: -detection.region.box.overlap(TRUTH))[:1]


def answers(
    analyzer: Analyzer, faces: GreyFaces, labels: NDArray[np.int64], turns: NDArray[np.float64], aligned: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which faces are found, each turned by its degrees, and which of them are classified correctly."""
    found = np.zeros(len(faces), bool)
    correct = np.zeros(len(faces), bool)
    names = analyzer.classifier.labels
    for start in range(0, len(faces), FACES_AT_ONCE):
        places = range(start, min(start + FACES_AT_ONCE, len(faces)))
        pictures = [picture_of(faces[place], turns[place]) for place in places]
        detections = [nearest(analyzer.detector(picture)) for picture in pictures]
        if aligned:
            detections = [align(*each) for each in zip(pictures, detections, strict=True)]
        for place, answer in zip(places, analyzer.classify(pictures, detections), strict=True):
            found[place] = bool(answer)
            correct[place] = bool(answer) and names.index(answer[0].label) == labels[place]
    return found, correct


def measure(analyzer: Analyzer, faces: GreyFaces, labels: NDArray[np.int64], aligned: bool) -> dict[str, float]:
    """The share of faces found, and on those the accuracy with and without the detector."""
    found, correct = answers(analyzer, faces, labels, np.zeros(len(faces)), aligned)
    return lost(analyzer.classifier(faces).argmax(axis=1) == labels, found, correct)


def lost(direct: NDArray[np.bool_], found: NDArray[np.bool_], correct: NDArray[np.bool_]) -> dict[str, float]:
    """What is lost on the faces found, by which of them is right without the detector and with it."""
    difference = direct[found].astype(float) - correct[found]
    return {
        "found": float(found.mean()),
        "num_found": int(found.sum()),
        "direct": float(direct[found].mean()),
        "through_detector": float(correct[found].mean()),
        "lost_points": 100 * float(difference.mean()),
        "standard_error": 100 * float(difference.std() / max(1, len(difference)) ** 0.5),
        "direct_all": float(direct.mean()),
    }


@dataclass(frozen=True)
class HeldOut:
    """A network that was trained without a fold of the faces, as mien's analyzer takes one."""

    teacher: Teacher
    labels: tuple[str, ...]
    input_size: int

    def __call__(self, faces: GreyFaces) -> NDArray[np.float32]:
        logits = predict(self.teacher.network, faces, torch.device("cpu"))
        return np.asarray(torch.softmax(logits, dim=1).numpy(), np.float32)


@torch.no_grad()
def measure_out_of_fold(runs: list[Path], training: FaceSet, size: int, num: int) -> dict[str, Any]:
    """The same, by networks that were not trained on the faces, some of each one's fold."""
    recipe = Recipe(architecture="rep-small", image_size=size, teacher_weight=1.0)
    teachers = load_teachers(runs, recipe, training.classes, torch.device("cpu"))
    rows = {}
    for name, aligned in (("yunet", True), ("yunet, not aligned", False)):
        parts = []
        for teacher in teachers:
            (fold,) = np.nonzero(fold_of(training.faces, teacher.folds) == teacher.fold)
            chosen = np.random.default_rng(SEED).choice(fold, min(num // len(teachers), len(fold)), replace=False)
            faces, labels = training.faces[chosen], training.labels[chosen]
            analyzer = Analyzer(HeldOut(teacher, training.classes, size), load_detector("yunet"))
            direct = analyzer.classifier(faces).argmax(axis=1) == labels
            parts.append((direct, *answers(analyzer, faces, labels, np.zeros(len(faces)), aligned)))
        rows[name] = lost(*(np.concatenate(each) for each in zip(*parts, strict=True)))
        print(f"{name}, out of fold: lost {rows[name]['lost_points']:.2f} ± {rows[name]['standard_error']:.2f} points")
    return {"split": "Training", "num_faces": num, "seed": SEED, "rows": rows, **hardware()}


def measure_turns(
    analyzer: Analyzer, faces: GreyFaces, labels: NDArray[np.int64], aligned: bool
) -> dict[str, dict[str, float | None]]:
    """By degrees: the share of faces found, and the accuracy of all, of the found, and beside upright."""
    sides = np.where(np.arange(len(faces)) % 2, 1.0, -1.0)
    by_turn = {turn: answers(analyzer, faces, labels, turn * sides, aligned) for turn in TURNS}
    found_upright, correct_upright = by_turn[0]
    rows: dict[str, dict[str, float | None]] = {}
    for turn, (found, correct) in by_turn.items():
        both = found & found_upright
        rows[str(turn)] = {
            "found": float(found.mean()),
            "accuracy": float(correct.mean()),
            "accuracy_of_found": share(correct[found]),
            "num_found_both": int(both.sum()),
            "accuracy_of_both": share(correct[both]),
            "upright_accuracy_of_both": share(correct_upright[both]),
        }
    return rows


def share(correct: NDArray[np.bool_]) -> float | None:
    """The share that is true; None of none."""
    return float(correct.mean()) if len(correct) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--num", type=int, default=NUM_TURNED, help="faces that are turned")
    parser.add_argument("--only-turns", action="store_true")
    parser.add_argument("--out-of-fold", nargs="+", type=Path, default=[], metavar="RUN", help="one of each fold")
    parser.add_argument("--num-held-out", type=int, default=NUM_HELD_OUT, help="faces for them, in all")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.only_turns and options.json:
        parser.error("a result has both parts: --json without --only-turns")
    cv2.setNumThreads(1)

    classifier = load_classifier(options.model)
    whole = load(options.data, size=classifier.input_size)
    data = whole.split("PublicTest")
    faces, labels = data.faces, class_indices(data, classifier.labels)
    held_out: dict[str, Any] = {}
    if options.out_of_fold:
        # First: of a run that cannot be opened its caller learns at once.
        training, size = whole.split("Training"), classifier.input_size
        held_out["out_of_fold"] = measure_out_of_fold(options.out_of_fold, training, size, options.num_held_out)
    analyzers = {name: (Analyzer(classifier, load_detector(name)), True) for name in DETECTORS}
    analyzers["yunet, not aligned"] = analyzers["yunet"][0], False
    rows = {
        name: measure(analyzer, faces, labels, aligned)
        for name, (analyzer, aligned) in analyzers.items()
        if not options.only_turns
    }
    for name, row in rows.items():
        print(
            f"{name}: found {row['found']:.1%} of {len(faces)}; on those, accuracy {row['direct']:.4f} direct and "
            f"{row['through_detector']:.4f} through the detector"
        )
    turned = np.random.default_rng(SEED).choice(len(faces), min(options.num, len(faces)), replace=False)
    by_turn = {
        name: measure_turns(analyzer, faces[turned], labels[turned], aligned)
        for name, (analyzer, aligned) in analyzers.items()
    }
    for name, by_degrees in by_turn.items():
        for turn, part in by_degrees.items():
            figures = "  ".join(f"{key} {value if value is None else round(value, 3)}" for key, value in part.items())
            print(f"{name}, {turn:>2}°: {figures}")
    result = {
        "benchmark": "through_detector", "model": options.model, "split": "PublicTest",
        "num_faces": len(faces), "rows": rows,
        "turns": {"num_faces": len(turned), "seed": SEED, "rows": by_turn}, **hardware(),
    }  # fmt: skip
    if not held_out:
        held_out = {key: value for key, value in earlier(options.json).items() if key == "out_of_fold"}
    write_result(result | held_out, options.json)


if __name__ == "__main__":
    main()
