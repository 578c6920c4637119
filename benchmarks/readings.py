"""Whose answer: both readings of every shipped model by both yardsticks, and people's under each prior.

    PYTHONPATH=src:benchmarks python benchmarks/readings.py fer2013.csv benchmarks/results/readings.json

On PublicTest. FER+'s votes lie beside the table as fer2013new.csv. Besides `mien.evaluation.readings.score_people`'s
figures for each prior it notes the accuracy and the mean recall of the first head against people's majority, and of
people's reading against FER2013's labels.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from measuring import earlier, hardware

from mien.data import FaceSet, load
from mien.emotions import EMOTIONS
from mien.evaluation import class_indices
from mien.evaluation.metrics import confusion_matrix, precision_recall_f1
from mien.evaluation.readings import named_by_most, score_people, votes_for
from mien.recognition import FileClassifier, Reader, load_classifier, shipped_models
from mien.recognition.reader import PRIORS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", nargs="+", default=list(shipped_models()), help="others keep their rows in OUT")
    arguments = parser.parse_args()
    split = load(arguments.data).split("val")
    result = {
        "benchmark": "readings",
        **hardware(),
        "data": arguments.data.name,
        "split": "PublicTest",
        "models": earlier(arguments.out).get("models", {})
        | {name: readings(load_classifier(name), split) for name in arguments.models},
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


def readings(network: FileClassifier, split: FaceSet) -> dict[str, Any]:
    """The figures of one model's two readings."""
    assert split.votes is not None
    labels = class_indices(split, EMOTIONS)
    named = named_by_most(votes_for(split.votes, EMOTIONS))
    first = Reader(network, "fer2013")(split.faces).argmax(axis=1)
    by_prior, against_labels = {}, {}
    for prior in PRIORS:
        reader = Reader(network, "people", prior)
        scores = reader(split.faces)
        by_prior[prior] = score_people(split.votes, scores, reader)
        against_labels[prior] = agreement(labels, scores.argmax(axis=1))
    return {
        "people": by_prior,
        "people_against_fer2013": against_labels,
        "fer2013": agreement(labels, first),
        "fer2013_against_people": agreement(named, first),
    }


def agreement(labels: np.ndarray, answered: np.ndarray) -> dict[str, Any]:
    """Accuracy, and recall by label, on the faces that have a label."""
    known = labels >= 0
    labels, answered = labels[known], answered[known]
    recall = precision_recall_f1(confusion_matrix(labels, answered, len(EMOTIONS)))[1]
    return {
        "num_faces": len(labels),
        "accuracy": float((labels == answered).mean()),
        "mean_recall": float(recall.mean()),
        "recall": dict(zip(EMOTIONS, recall.tolist(), strict=True)),
    }


if __name__ == "__main__":
    main()
