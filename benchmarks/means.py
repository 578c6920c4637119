"""What ensembles of trained networks and shipped models would reach: means of their logits on PublicTest.

    export PYTHONPATH=benchmarks
    python benchmarks/means.py rep-small runs/rep-wide runs/conv-attention --data fer2013.csv \\
        --json benchmarks/results/means.json

A member is a shipped model's name, a training or a kept model. Of every combination: accuracy by FER2013's label, and
the loss at the temperature at which it is lowest, as export would calibrate it. Ends in one JSON line.
"""

import argparse
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import hardware, write_result
from numpy.typing import NDArray

from mien.data import FaceSet, load
from mien.evaluation.metrics import fit_temperature, negative_log_likelihood, shares_of
from mien.recognition import load_classifier, shipped_models, softmax
from mien.training.loop import predict
from mien.training.run import trained_file
from mien.training.trained import load_trained

SPLIT = "PublicTest"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("members", nargs="+", metavar="MODEL|RUN")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    faces = load(options.data).split(SPLIT)
    logits = {Path(member).name: logits_of(member, faces) for member in options.members}
    rows = [
        row(names, np.mean([logits[name] for name in names], axis=0), faces.labels)
        for size in range(1, len(logits) + 1)
        for names in itertools.combinations(logits, size)
    ]
    for each in sorted(rows, key=lambda each: each["nll"]):
        print(f"{each['accuracy']:.4f} {each['nll']:.4f} {' + '.join(each['members'])}")
    write_result(
        {"benchmark": "means", "split": SPLIT, "num_faces": len(faces), "rows": rows} | hardware(), options.json
    )


def logits_of(member: str, faces: FaceSet) -> NDArray[np.float32]:
    """The logits, (N, K), of a shipped model or a trained network."""
    if member in shipped_models():
        return load_classifier(member).logits(faces.faces)
    trainee, _ = load_trained(trained_file(Path(member)))
    return predict(trainee.network, faces.faces, torch.device("cpu")).numpy()


def row(names: tuple[str, ...], logits: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    temperature = fit_temperature(shares_of(labels, logits.shape[1]), logits)
    return {
        "members": list(names),
        "accuracy": float((logits.argmax(axis=1) == labels).mean()),
        "nll": negative_log_likelihood(labels, softmax(logits / np.float32(temperature))),
    }


if __name__ == "__main__":
    main()
