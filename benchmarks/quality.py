"""Whether quality predicts errors: accuracy by tenths of each measure and of the one number, on spoilt faces.

    python benchmarks/quality.py --data fer2013.csv --json benchmarks/results/quality.json

PublicTest's faces are embedded in pictures, as they are and spoilt as `spoiling` does, found by YuNet, cropped,
measured and classified. The weights were fitted on training faces (fit_quality.py). Ends in one JSON line.
"""

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from measuring import hardware, median_microseconds, write_result
from numpy.typing import NDArray
from spoiling import COPIES, COVERED, NAMES, Judged, judged, samples

from mien.crop import crop_face
from mien.data import FaceSet, load
from mien.defaults import DEFAULT_MODEL
from mien.detection import YuNet
from mien.recognition import Classifier, load_classifier
from mien.recognition.quality import WEIGHTS, assess
from mien.values import MEASURES, Detection

SEED = 0
PARTS = 10


def tenths(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> list[float]:
    """The accuracy of each tenth of the faces, from the lowest scores to the highest.

    Faces of one score count with the accuracy of all of them, since which of them falls into a tenth would be chance.
    """
    _, group = np.unique(scores, return_inverse=True)
    shared = (np.bincount(group, weights=right) / np.bincount(group))[group]
    return [float(part.mean()) for part in np.array_split(shared[np.argsort(scores, kind="stable")], PARTS)]


def separation(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The probability that a correctly classified face has the higher score of two (AUC); .5 says nothing of errors."""
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[group]
    num_right = int(right.sum())
    return float((ranks[right].sum() - num_right * (num_right + 1) / 2) / (num_right * (len(right) - num_right)))


def measure(name: str, rows: Judged) -> dict[str, Any]:
    """How well a measure, or the one number, predicts errors."""
    scores = rows.scores if name == "quality" else 100 * rows.shares[:, MEASURES.index(name)]
    known = np.isfinite(scores)
    untouched = known & np.isnan(rows.faults).all(axis=1)
    parts = np.array_split(np.sort(scores[known]), PARTS)
    return {
        "weight": None if name == "quality" else WEIGHTS[name],
        "num_pictures": int(known.sum()),
        "separation": separation(scores[known], rows.right[known]),
        "separation_as_they_are": separation(scores[untouched], rows.right[untouched]),
        "mean_scores": [float(part.mean()) for part in parts],
        "accuracies": tenths(scores[known], rows.right[known]),
    }


def part(rows: Judged, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """Some of the pictures: how many, accuracy, quality, and how many are said to be covered, or may be."""
    named = np.array(["covered" in quality.reasons for quality in rows.qualities])
    return {
        "num_pictures": int(chosen.sum()),
        "detected": float(rows.detected[chosen].mean()),
        "accuracy": float(rows.right[chosen].mean()),
        "quality": float(rows.scores[chosen].mean()),
        "named_covered": float(named[chosen].mean()),
        "covered_below_80": float((rows.shares[chosen, MEASURES.index("covered")] < 0.8).mean()),
    }


def faults(rows: Judged) -> dict[str, Any]:
    """Faces as they are, and with each fault alone, in its lighter and its heavier half."""
    num_faults = np.isfinite(rows.faults).sum(axis=1)
    alone = num_faults == 1
    found: dict[str, Any] = {"as they are": {"all": part(rows, num_faults == 0)}}
    for place, name in enumerate(NAMES):
        degrees = np.where(alone, rows.faults[:, place], np.nan)
        found[name] = {"lighter": part(rows, degrees < 0.5), "heavier": part(rows, degrees >= 0.5)}
    return found


def covered(rows: Judged, faces: FaceSet) -> dict[str, Any]:
    """How many are said to be covered, of faces as they are by their expression, and of faces covered on purpose."""
    untouched = np.isnan(rows.faults).all(axis=1)
    classes = faces.labels[rows.faces]
    found = {
        f"as they are: {name}": part(rows, untouched & (classes == code)) for code, name in enumerate(faces.classes)
    }
    alone = np.isfinite(rows.faults).sum(axis=1) == 1
    for name in COVERED:
        found[name] = part(rows, alone & np.isfinite(rows.faults[:, NAMES.index(name)]))
    return found


def cost(faces: FaceSet, classifier: Classifier) -> dict[str, float]:
    """Microseconds that quality takes for one face of 192 pixels, beside those of the network."""
    sample = next(samples(faces.faces[:1], SEED))
    points = np.array([[158, 165], [226, 165], [192, 205], [165, 240], [219, 240]], np.float32)
    detection = Detection(sample.truth, 1.0, points)
    crop = crop_face(sample.image, detection.region, classifier.input_size)
    return median_microseconds(
        {
            "quality, crop at hand": lambda: assess(sample.image, detection, crop),
            "quality, crop cut again": lambda: assess(sample.image, detection),
            "network": lambda: classifier(crop[None]),
        },
        rounds=25,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    made = hardware()  # before the long part, so that the commit is the one that runs
    classifier = load_classifier(DEFAULT_MODEL)
    faces = load(options.data, size=classifier.input_size).split("PublicTest")
    rows = judged(faces, classifier, YuNet(), SEED)
    measures = {name: measure(name, rows) for name in ("quality", *MEASURES)}
    for name, row in measures.items():
        print(f"{name:14} AUC {row['separation']:.3f}  " + " ".join(f"{each:.2f}" for each in row["accuracies"]))
    result = {
        "benchmark": "quality", "model": DEFAULT_MODEL, "split": "PublicTest", "seed": SEED, "num_faces": len(faces),
        "num_pictures": len(faces) * (1 + COPIES), "microseconds": cost(faces, classifier),
        "measures": measures, "faults": faults(rows), "covered": covered(rows, faces), **made,
    }  # fmt: skip
    write_result(result, options.json)


if __name__ == "__main__":
    main()
