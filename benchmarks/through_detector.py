"""Accuracy lost through the detector: faces of PublicTest are put into pictures, detected and classified.

    python benchmarks/through_detector.py --data fer2013.csv --json benchmarks/results/through_detector.json

Each face is enlarged to 192 pixels and gets a mirrored border of half its side. It counts as found when a box covers
it with an overlap (intersection over union) of at least a half. `direct` is the accuracy of the same network on the
same found faces without the detector. Ends in one JSON line.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from measuring import hardware, write_result

from mien.analyzer import Analyzer
from mien.data import load
from mien.defaults import DEFAULT_MODEL
from mien.detection import YuNet, load_detector
from mien.detection.detector import Detector
from mien.evaluation import class_indices
from mien.recognition import load_classifier
from mien.values import Box, Detection, GreyFaces, Image

SIDE, BORDER = 192, 96
TRUTH = Box(BORDER, BORDER, BORDER + SIDE, BORDER + SIDE)
LEAST_OVERLAP = 0.5
FACES_AT_ONCE = 256


def picture_of(face: GreyFaces) -> Image:
    """(S, S) uint8 → (384, 384, 3) uint8: the face in the middle, mirrored around."""
    large = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    framed = cv2.copyMakeBorder(large, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REFLECT_101)
    return np.repeat(framed[:, :, None], 3, axis=2)


def nearest(found: list[Detection]) -> list[Detection]:
    """The detection that covers the face best, if one does; as a list of one or none."""
    covering = [detection for detection in found if detection.box.overlap(TRUTH) >= LEAST_OVERLAP]
    return sorted(covering, key=lambda detection: -detection.box.overlap(TRUTH))[:1]


def measure(analyzer: Analyzer, faces: GreyFaces, labels: np.ndarray) -> dict[str, float]:
    """The share of faces found, and on those the accuracy with and without the detector."""
    found = np.zeros(len(faces), bool)
    right = np.zeros(len(faces), bool)
    names = analyzer.classifier.labels
    for start in range(0, len(faces), FACES_AT_ONCE):
        places = range(start, min(start + FACES_AT_ONCE, len(faces)))
        pictures = [picture_of(faces[place]) for place in places]
        detections = [nearest(analyzer.detector(picture)) for picture in pictures]
        for place, answer in zip(places, analyzer.classify(pictures, detections), strict=True):
            found[place] = bool(answer)
            right[place] = bool(answer) and names.index(answer[0].label) == labels[place]
    direct = analyzer.classifier(faces).argmax(axis=1) == labels
    return {
        "found": float(found.mean()),
        "num_found": int(found.sum()),
        "direct": float(direct[found].mean()),
        "through_detector": float(right[found].mean()),
        "lost_points": 100 * float(direct[found].mean() - right[found].mean()),
        "direct_all": float(direct.mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--yunet", type=Path, help="YuNet's model file; only Haar is measured without it")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    classifier = load_classifier(options.model)
    faces = load(options.data, size=classifier.input_size).split("PublicTest")
    labels = class_indices(faces, classifier.labels)
    detectors: dict[str, Detector] = {"haar": load_detector("haar")}
    if options.yunet:
        detectors["yunet"] = YuNet(options.yunet)
    rows = {name: measure(Analyzer(classifier, each), faces.faces, labels) for name, each in detectors.items()}
    for name, row in rows.items():
        print(
            f"{name}: found {row['found']:.1%} of {len(faces)}; on those, accuracy {row['direct']:.4f} direct and "
            f"{row['through_detector']:.4f} through the detector"
        )
    result = {
        "benchmark": "through_detector", "model": options.model, "split": "PublicTest",
        "num_faces": len(faces), "rows": rows, **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


if __name__ == "__main__":
    main()
