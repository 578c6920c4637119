"""Size, time, accuracy and robustness of every shipped model, and of the network in fer and face_classification.

    python benchmarks/models.py --data fer2013.csv --peer mini_xception_102.tflite --json benchmarks/results/models.json

All run in this process, on one thread, on the same faces of PublicTest. `--keep` takes accuracies from the earlier
result where the model file (by its SHA-256), the data, the code and the versions are the same. Times are measured anew
for all, as they compare only within one run; or `--keep-times` takes all of them from the earlier result, where a
network of the same architecture got new weights, which changes no time. The peer is its TFLite conversion with weights
in eight bits, which is faster than the file that its packages ship; this script alone needs its runtime: pip install
ai-edge-litert. Ends in one JSON line; `benchmarks/figures.py` draws it, and `benchmarks/tables.py` writes its tables.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import robustness
from measuring import BATCHES, earlier, hardware, time_in_batches, timed_then, write_result
from numpy.typing import NDArray

import mien.evaluation
from mien.data import FaceSet, load
from mien.data.dataset import fingerprint, resized
from mien.emotions import EMOTIONS
from mien.evaluation import class_indices, evaluate, fit_vector_scaling
from mien.evaluation.metrics import calibration_error_by_chance, expected_calibration_error, shares_of
from mien.recognition import Classifier, OnnxClassifier, shipped_models
from mien.recognition.classifier import softmax
from mien.values import GreyFaces

NUM_DRAWS = 200
SPLIT = "PublicTest"
PEER = "published mini-Xception"


class PublishedMiniXception:
    """mini_xception_102 as its authors run it: 64 pixels, grey, scaled to -1 to 1 (github.com/oarriaga)."""

    labels = EMOTIONS
    input_size = 64
    num_parameters = 58_423  # with 1,472 averages of batch norm, as Keras counts

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(str(path), num_threads=1)
        self.prepare(1)

    def prepare(self, batch: int) -> None:
        """Resize the input to that many faces."""
        self.batch = batch
        self.given = self.interpreter.get_input_details()[0]["index"]
        self.answer = self.interpreter.get_output_details()[0]["index"]
        self.interpreter.resize_tensor_input(self.given, (batch, 64, 64, 1))
        self.interpreter.allocate_tensors()

    def __call__(self, faces: GreyFaces) -> NDArray[np.float32]:
        """(N, 64, 64) uint8 → (N, 7) probabilities."""
        if len(faces) != self.batch:
            self.prepare(len(faces))
        self.interpreter.set_tensor(self.given, (faces.astype(np.float32)[..., None] / 255 - 0.5) * 2)
        self.interpreter.invoke()
        return np.array(self.interpreter.get_tensor(self.answer))


def call(classifier: Classifier, batch: int) -> Callable[[], object]:
    """The call that is timed: from a batch of faces to their probabilities."""
    faces = np.random.default_rng(0).integers(0, 256, (batch, classifier.input_size, classifier.input_size), np.uint8)
    return lambda: classifier(faces)


def quality(classifier: Classifier, faces: FaceSet) -> dict[str, Any]:
    """The figures of a classifier on the split, with and without averaging each face with its mirror image."""
    plain, mirrored = (evaluate(classifier, faces, SPLIT, views=views) for views in (1, 2))
    return {
        "accuracy": plain["accuracy"],
        "standard_error": plain["standard_error"],
        "accuracy_without_duplicates": plain["without_duplicates"]["accuracy"],
        "accuracy_with_flip": mirrored["accuracy"],
        "accuracy_with_flip_without_duplicates": mirrored["without_duplicates"]["accuracy"],
        "macro_f1": plain["macro_f1"],
        "ece": plain["ece"],
        "ece_cross_fitted": cross_fitted_error(classifier, faces.split(SPLIT)),
        "ece_by_chance": calibration_error_by_chance(
            classifier(resized(faces.split(SPLIT), classifier.input_size).faces)
        ),
        "recall": {name: row["recall"] for name, row in plain["per_class"].items()},
        "fer_plus": plain["fer_plus"],
        "robustness": robustness.robustness(classifier, faces.split(SPLIT)),
    }


def cross_fitted_error(classifier: Classifier, split: FaceSet) -> float:
    """The calibration error after vector scaling that was fitted on other faces: each half on the other half."""
    chosen = resized(split, classifier.input_size)
    labels = class_indices(chosen, classifier.labels)
    if isinstance(classifier, OnnxClassifier):
        logits = classifier.logits(chosen.faces)
    else:
        logits = np.log(np.maximum(classifier(chosen.faces), np.finfo(np.float32).tiny))
    scores = np.empty_like(logits)
    odd = np.arange(len(labels)) % 2 == 1
    for half in (odd, ~odd):
        factors, offsets = fit_vector_scaling(shares_of(labels[~half], logits.shape[1]), logits[~half])
        scores[half] = softmax((logits[half] * factors + offsets).astype(np.float32))
    return expected_calibration_error(labels, scores)


def described(path: Path, num_parameters: int) -> dict[str, Any]:
    """Size and identity of a model's file."""
    return {
        "num_parameters": num_parameters,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def measured_with(faces: FaceSet) -> dict[str, str]:
    """Everything but the model file that decides the figures of `quality`."""
    files = [*sorted(Path(mien.evaluation.__file__).parent.glob("*.py")), Path(robustness.__file__)]
    code = b"".join(path.read_bytes() for path in files)
    versions = hardware()["versions"]
    return {
        "data": fingerprint(faces),
        "evaluation": hashlib.sha256(code).hexdigest(),
        **{name: versions[name] for name in ("numpy", "opencv", "onnxruntime")},
    }


def measured_before(path: Path | None, conditions: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The figures of `quality` in an earlier result by the SHA-256 of the model file; none under other conditions."""
    if path is None or not path.exists():
        return {}
    before = json.loads(path.read_text(encoding="utf-8"))
    if before.get("measured_with") != conditions:
        return {}
    about = {"size_class", "num_parameters", "bytes", "sha256", *(f"microseconds_batch_{batch}" for batch in BATCHES)}
    return {row["sha256"]: {key: row[key] for key in row if key not in about} for row in before["rows"].values()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True, help="mini_xception_102.tflite")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", action="store_true", help="keep accuracies that --json holds already")
    parser.add_argument("--keep-times", action="store_true", help="keep all times that --json holds")
    options = parser.parse_args()
    cv2.setNumThreads(1)

    faces = load(options.data)
    nets: dict[str, Classifier] = {PEER: PublishedMiniXception(options.peer)}
    rows = {PEER: {"size_class": "nano"} | described(options.peer, PublishedMiniXception.num_parameters)}
    for name, path in shipped_models().items():
        net = nets[name] = OnnxClassifier(path)
        rows[name] = {"size_class": net.info.size_class} | described(path, net.info.num_parameters)
    before = earlier(options.json)
    kept = before.get("rows", {}) if options.keep_times else None
    time_in_batches(rows, lambda batch: {name: call(net, batch) for name, net in nets.items()}, kept)
    conditions = measured_with(faces)
    known = measured_before(options.json, conditions) if options.keep else {}
    for name, classifier in nets.items():
        rows[name] |= known.get(rows[name]["sha256"]) or quality(classifier, faces)
        print(f"{name:28} {rows[name]['accuracy']:.4f}  {rows[name]['microseconds_batch_1']:7.0f} µs", flush=True)
    num = len(faces.split(SPLIT))
    result = {"benchmark": "models", "split": SPLIT, "num_faces": num, "rows": rows, "measured_with": conditions}
    result |= hardware() | ({"timed": timed_then(before)} if options.keep_times else {})
    write_result(result, options.json)


if __name__ == "__main__":
    main()
