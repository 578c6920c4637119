"""Runs in a peer's own environment: classifies faces that lie in files, or says how long one takes.

    PYTHONPATH=benchmarks python -m peers.classify PEER [NETWORK]

PEER is a module `classify_PEER.py` beside this file with `load(network)`, which returns what `Network` describes. Each
line of input is a question in JSON, each answered by one line. The first line of output describes the network. Faces
are grey, one byte a pixel, 48 x 48 each; the answer is a file of float32, a row for each face. `classify.mjs` does the
same for packages of npm. Nothing of mien is imported here.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 48
BATCH = 128

Faces = NDArray[np.uint8]
Scores = NDArray[np.float32]


class Network(NamedTuple):
    """An expression network as its package runs it.

    Attributes:
        labels: The names of its K classes, in their order.
        ways: How a crop may be prepared: a function from (N, 48, 48) faces to what `run` takes, by name; the way of the
            package comes first.
        run: From prepared faces to (N, K) probabilities.
        weights: The files that hold the network.
        num_parameters: How many numbers were learned.
        runtime: What computes it, with its version.
    """

    labels: tuple[str, ...]
    ways: Mapping[str, Callable[[Faces], Any]]
    run: Callable[[Any], Scores]
    weights: tuple[Path, ...]
    num_parameters: int
    runtime: str


def described(network: Network) -> dict[str, Any]:
    return {
        "labels": network.labels,
        "ways": list(network.ways),
        "files": [path.name for path in network.weights],
        "bytes": sum(path.stat().st_size for path in network.weights),
        "num_parameters": network.num_parameters,
        "runtime": network.runtime,
    }


def classify(network: Network, way: str, faces: Path, scores: Path) -> dict[str, Any]:
    """Writes the scores of the faces in a file to another one."""
    pixels = np.fromfile(faces, np.uint8).reshape(-1, SIDE, SIDE)
    prepare = network.ways[way]
    parts = [network.run(prepare(pixels[at : at + BATCH])) for at in range(0, len(pixels), BATCH)]
    np.concatenate(parts).astype(np.float32).tofile(scores)
    return {"num_faces": len(pixels)}


def microseconds(network: Network, way: str, seconds: float) -> dict[str, Any]:
    """The processor's time for one face that is prepared, on its own."""
    prepared = network.ways[way](np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE), np.uint8))
    for _ in range(5):
        network.run(prepared)
    number, start = 0, time.process_time()
    while (taken := time.process_time() - start) < seconds or not number:
        network.run(prepared)
        number += 1
    return {"microseconds": taken / number * 1e6}


def main() -> None:
    name, *which = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    network = importlib.import_module(f"peers.classify_{name}").load(*which)
    print(json.dumps(described(network)), file=answers, flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        if "seconds" in question:
            answer = microseconds(network, question["way"], question["seconds"])
        else:
            answer = classify(network, question["way"], Path(question["faces"]), Path(question["scores"]))
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
