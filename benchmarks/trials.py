"""What labels, schedules and optimisers bring to rep-small in trainings of equal length.

    python recipes/plan.py --data fer2013.csv --out runs --only trial-
    export PYTHONPATH=benchmarks
    python benchmarks/trials.py --runs runs --data fer2013.csv --json benchmarks/results/trials.json

On PublicTest, by the averaged weights of the last epoch, so that nothing is selected: the accuracy and the loss of the
first head against FER2013's labels, and the accuracy of the votes' head, as it is, on the faces of which more than half
of ten people name the same expression. Ends in one JSON line.
"""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import hardware, write_result
from numpy.typing import NDArray

from mien.data import FaceSet, load
from mien.emotions import EMOTIONS, FER_PLUS_EXPRESSIONS, parse_vote
from mien.evaluation.readings import named_by_most, votes_for
from mien.training.augmentation import as_input
from mien.training.run import Run
from mien.training.trained import load_trained

sys.path.append(str(Path(__file__).parents[1] / "recipes"))

from plan import TRIAL_SEEDS, TRIALS, is_done, trial

FACES_AT_ONCE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="the folder that recipes/plan.py wrote into")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    split = load(options.data).split("PublicTest")
    if split.votes is None:
        parser.error(f"{options.data}: FER+'s votes, fer2013new.csv, are not beside it")
    named = named_by_most(votes_for(split.votes, EMOTIONS))
    rows = {}
    for change in TRIALS:
        runs = [Run(options.runs / trial(change, seed).name) for seed in TRIAL_SEEDS]
        if done := [run for run in runs if is_done(run.folder)]:
            rows[change] = row(done, split, named)
            print(f"{change:42} {rows[change]['accuracy']:.4f} {rows[change]['people']:.4f} (seeds: {len(done)})")
    write_result({"benchmark": "trials", "split": "PublicTest", "rows": rows} | hardware(), options.json)


def row(runs: list[Run], split: FaceSet, named: NDArray[np.int64]) -> dict[str, Any]:
    """The figures of one change, trained with one seed or several."""
    last = [run.epochs()[-1] for run in runs]
    accuracies = [float(epoch["val_accuracy"]) for epoch in last]
    by_people = [people_accuracy(run, split, named) for run in runs]
    about = runs[0].description()
    return {
        "num_faces": len(split),
        "accuracy": statistics.mean(accuracies),
        "accuracies": accuracies,
        "nll": statistics.mean(float(epoch["val_loss"]) for epoch in last),
        "people": statistics.mean(by_people),
        "people_accuracies": by_people,
        "num_people": int((named >= 0).sum()),
        "seeds": [run.description()["recipe"]["seed"] for run in runs],
        **{key: about[key] for key in ("recipe", "data", "code", "machine")},
    }


def people_accuracy(run: Run, split: FaceSet, named: NDArray[np.int64]) -> float:
    """How often the likeliest vote is what most people name; of the last epoch, which is the one kept last."""
    trainee, about = load_trained(run.best_model())
    assert about["epoch"]["epoch"] == run.epochs()[-1]["epoch"], f"{run.folder}: the last epoch was not kept"
    parts = np.array_split(split.faces, len(split) // FACES_AT_ONCE)
    with torch.no_grad():
        votes = torch.cat([trainee(as_input(part))[1] for part in parts]).numpy()
    order = [[parse_vote(name) for name in FER_PLUS_EXPRESSIONS].index(label) for label in EMOTIONS]
    return float((votes[:, order].argmax(axis=1) == named)[named >= 0].mean())


if __name__ == "__main__":
    main()
