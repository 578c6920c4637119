"""What averaging several views of each face buys, and costs: shipped models on PublicTest.

    python benchmarks/views.py --data fer2013.csv --json benchmarks/results/views.json

Accuracies and losses are those of `mien evaluate MODEL --data fer2013.csv --views N`. Times are of one face at a time
on one thread, the numbers of views taking turns. Ends in one JSON line.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from measuring import earlier, hardware, median_microseconds, write_result

from mien.data import FaceSet, load
from mien.evaluation import evaluate
from mien.recognition import FileClassifier, Reader, load_classifier, shipped_models

SPLIT = "PublicTest"
NUMBERS = (1, 2, 4, 6)


def figures(network: FileClassifier, faces: FaceSet, views: int) -> dict[str, Any]:
    """Both readings with so many views."""
    scored = evaluate(network, faces, SPLIT, views=views)["readings"]
    return {
        reading: {name: scored[reading][name] for name in ("num_faces", "accuracy", "mean_recall", "nll", "ece")}
        | {"surest_half": scored[reading]["abstention"]["surest"]["50%"]}
        for reading in ("fer2013", "people")
    }


def microseconds(network: FileClassifier, rounds: int) -> dict[str, float]:
    """The time of one face by its number of views."""
    face = np.random.default_rng(0).integers(0, 256, (1, network.input_size, network.input_size), np.uint8)
    readers = {str(views): Reader(network, views=views) for views in NUMBERS}
    return median_microseconds({name: partial(reader, face) for name, reader in readers.items()}, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--models", nargs="+", default=list(shipped_models()), help="others keep their rows in --json")
    options = parser.parse_args()
    faces = load(options.data)
    models = earlier(options.json).get("models", {})
    for name in options.models:
        network = load_classifier(name)
        models[name] = {
            "views": {str(views): figures(network, faces, views) for views in NUMBERS},
            "microseconds": microseconds(network, options.rounds),
        }
        print(name, flush=True)
    result = {"benchmark": "views", "split": SPLIT, "num_faces": len(faces.split(SPLIT)), "models": models}
    write_result(result | hardware(), options.json)


if __name__ == "__main__":
    main()
