"""Accuracy of several networks in short trainings, and what each ingredient of a recipe contributes.

    python recipes/plan.py --data fer2013.csv --out runs --only short
    python recipes/plan.py --data fer2013.csv --out runs --only ablation
    python benchmarks/ablation.py --runs runs --json benchmarks/results/ablation.json

The accuracy is that of the last epoch: the best epoch would be selected on the faces it is measured on. Ends in one
JSON line.
"""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

from measuring import hardware, write_result

from mien.training.run import Run

sys.path.append(str(Path(__file__).parents[1] / "recipes"))

from plan import COMPARED, INGREDIENTS, SHORT_SEEDS, Job, ablation, is_done, short


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="the folder that recipes/plan.py wrote into")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    tables = {
        "networks": {name: [short(name, seed) for seed in SHORT_SEEDS] for name in COMPARED},
        "ingredients": {name: [ablation(name, seed) for seed in SHORT_SEEDS] for name in INGREDIENTS},
    }
    rows = {name: measured(table, options.runs) for name, table in tables.items()}
    for table in rows.values():
        for name, row in table.items():
            print(f"{name:45} {row['accuracy']:.4f} (seeds: {len(row['accuracies'])})")
    write_result({"benchmark": "ablation", "split": "PublicTest", **rows} | hardware(), options.json)


def measured(table: dict[str, list[Job]], folder: Path) -> dict[str, dict[str, Any]]:
    """A row for each entry that has a finished training."""
    done = {name: [folder / job.name for job in jobs if is_done(folder / job.name)] for name, jobs in table.items()}
    return {name: row([Run(path) for path in paths]) for name, paths in done.items() if paths}


def row(runs: list[Run]) -> dict[str, Any]:
    """The figures of one recipe, trained with several seeds."""
    last = [run.epochs()[-1] for run in runs]
    accuracies = [float(epoch["val_accuracy"]) for epoch in last]
    about = runs[0].description()
    return {
        "accuracy": statistics.mean(accuracies),
        "accuracies": accuracies,
        "nll": statistics.mean(float(epoch["val_loss"]) for epoch in last),
        "train_accuracy": statistics.mean(float(epoch["plain_train_accuracy"]) for epoch in last),
        "seconds_an_epoch": statistics.median(epoch["seconds"] for run in runs for epoch in run.epochs()),
        "seeds": [run.description()["recipe"]["seed"] for run in runs],
        **{key: about[key] for key in ("recipe", "data", "code", "machine")},
    }


if __name__ == "__main__":
    main()
