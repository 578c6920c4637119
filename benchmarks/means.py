"""What ensembles of trained networks and shipped models would reach: means of their logits on PublicTest.

    export PYTHONPATH=benchmarks
    python benchmarks/means.py rep-small runs/rep-wide wider=runs/rep-wide-on/models/epoch-038.pt --data fer2013.csv \\
        --json benchmarks/results/means.json

A member is a shipped model's name, a training or a kept model; NAME=MEMBER gives it another name. Of every
combination: accuracy by FER2013's label, loss and calibration error, all calibrated on these faces by vector scaling,
as export would do it. A shipped model's logits enter a mean as its file gives them, calibrated already; an export's
ensemble is of those before. Ends in one JSON line.
"""

import argparse
import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import hardware, write_result
from numpy.typing import NDArray

from mien.data import FaceSet, load, resized
from mien.errors import MienError, ModelError
from mien.evaluation import fit_vector_scaling
from mien.evaluation.metrics import expected_calibration_error, negative_log_likelihood, shares_of
from mien.recognition import load_classifier, shipped_models, softmax
from mien.training.loop import predict
from mien.training.run import trained_file
from mien.training.trained import load_trained

SPLIT = "PublicTest"

Logits = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("members", nargs="+", metavar="[NAME=]MODEL|RUN")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    faces = load(options.data).split(SPLIT)
    logits: dict[str, Logits] = {}
    files = {}
    for member in options.members:
        name, _, source = member.rpartition("=")
        name = name or Path(source).name
        if name in logits:
            parser.error(f"two members are called {name}; name one, as in another-{name}={source}")
        try:
            logits[name], file = logits_of(source, faces)
        except MienError as error:
            parser.error(str(error))
        files[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    rows = [
        row(names, np.mean([logits[name] for name in names], axis=0), faces.labels)
        for size in range(1, len(logits) + 1)
        for names in itertools.combinations(logits, size)
    ]
    for each in sorted(rows, key=lambda each: each["nll"]):
        print(f"{each['accuracy']:.4f} {each['nll']:.4f} {' + '.join(each['members'])}")
    result = {"benchmark": "means", "split": SPLIT, "num_faces": len(faces), "members": files, "rows": rows}
    write_result(result | hardware(), options.json)


def logits_of(member: str, faces: FaceSet) -> tuple[Logits, Path]:
    """The logits, (N, K), of a shipped model or a trained network, and its file."""
    if member in shipped_models():
        return load_classifier(member).logits(faces.faces), shipped_models()[member]
    file = trained_file(Path(member))
    trainee, about = load_trained(file)
    if tuple(about["classes"]) != faces.classes:
        raise ModelError(f"{file} has the classes {', '.join(about['classes'])}; expected {', '.join(faces.classes)}")
    sized = resized(faces, about["recipe"]["image_size"])
    return predict(trainee.network, sized.faces, torch.device("cpu")).numpy(), file


def row(names: tuple[str, ...], logits: Logits, labels: NDArray[np.int64]) -> dict[str, Any]:
    factors, offsets = fit_vector_scaling(shares_of(labels, logits.shape[1]), logits)
    calibrated = (logits * factors + offsets).astype(np.float32)
    return {
        "members": list(names),
        "accuracy": float((calibrated.argmax(axis=1) == labels).mean()),
        "nll": negative_log_likelihood(labels, softmax(calibrated)),
        "ece": expected_calibration_error(labels, softmax(calibrated)),
    }


if __name__ == "__main__":
    main()
