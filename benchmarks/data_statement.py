"""Count what docs/data-statement.md says of FER2013 and FER+: faces of each class, and how far people agree.

    python benchmarks/data_statement.py --data fer2013.csv --json benchmarks/results/data_statement.json

Ends in one JSON line.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from measuring import write_result

from mien.data import FaceSet, load
from mien.data.dataset import fingerprint
from mien.emotions import EMOTIONS, FER_PLUS_EXPRESSIONS, parse_vote

SPLITS = {"Training": "train", "PublicTest": "val"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    faces = load(options.data)
    parts = {name: faces.split(split) for name, split in SPLITS.items()}
    result = {
        "benchmark": "data_statement",
        "sha256": fingerprint(faces),
        "classes": {name: counts(part) for name, part in parts.items()},
        "votes": {"split": "Training", "num_faces": len(parts["Training"].labels), **agreement(parts["Training"])},
    }
    write_result(result, options.json)


def counts(faces: FaceSet) -> dict[str, int]:
    """The number of faces of each class."""
    return {name: int((faces.labels == index).sum()) for index, name in enumerate(faces.classes)}


def agreement(faces: FaceSet) -> dict[str, Any]:
    """By label: the share of faces whose label most people chose, and the share whose label nobody chose."""
    assert faces.votes is not None
    expressions = [parse_vote(name) for name in FER_PLUS_EXPRESSIONS]
    votes = faces.votes[:, : len(expressions)].astype(np.int64)
    labelled = np.arange(len(votes)), np.array([expressions.index(name) for name in EMOTIONS])[faces.labels]
    own = votes[labelled]
    others = votes.copy()
    others[labelled] = -1
    agrees, none = own > others.max(axis=1), own == 0
    by_label = {
        name: {"agrees": float(agrees[chosen].mean()), "no_vote": float(none[chosen].mean())}
        for name, chosen in {name: faces.labels == index for index, name in enumerate(EMOTIONS)}.items()
    }
    return {"all": {"agrees": float(agrees.mean()), "no_vote": float(none.mean())}, "labels": by_label}


if __name__ == "__main__":
    main()
