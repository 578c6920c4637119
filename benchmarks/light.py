"""What light does to the answers of every shipped model: the same faces of PublicTest, darker, brighter and flatter.

    python benchmarks/light.py --data fer2013.csv --json benchmarks/results/light.json

It is what `mien evaluate MODEL --data fer2013.csv --light` measures. Ends in one JSON line.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from measuring import earlier, hardware, write_result

from mien.data import FaceSet, load, resized
from mien.evaluation import LightReport, class_indices, score_light
from mien.evaluation.answers import Run
from mien.recognition import OnnxClassifier, shipped_models

SPLIT = "PublicTest"


def report(classifier: OnnxClassifier, faces: FaceSet) -> LightReport:
    """A model's answers to the same faces in other light."""
    chosen = resized(faces, classifier.input_size)
    labels = class_indices(chosen, classifier.labels)
    return score_light(labels, chosen.faces, lambda lit: Run(classifier, lit).answers(classifier))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--models", nargs="+", default=list(shipped_models()), help="others keep their rows in --json")
    options = parser.parse_args()
    faces = load(options.data).split(SPLIT)
    rows = earlier(options.json).get("models", {})
    for name in options.models:
        rows[name] = asdict(report(OnnxClassifier(shipped_models()[name]), faces))
        print(name, flush=True)
    result = {"benchmark": "light", "split": SPLIT, "num_faces": len(faces), "models": rows}
    write_result(result | hardware(), options.json)


if __name__ == "__main__":
    main()
