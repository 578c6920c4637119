"""What each ingredient of a training brings.

    python recipes/plan.py --data fer2013.csv --out runs --only ablation
    python benchmarks/ablation.py --runs runs --json benchmarks/results/ablation.json

Accuracy of the last epoch, so that no ingredient gains by being selected. Ends in one JSON line.
"""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

from measuring import hardware, write_result

from mien.training.run import Run

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "recipes"))

from plan import ABLATION_SEEDS, INGREDIENTS, ablation, is_done  # noqa: E402 - a script, not a package


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="where the plan put them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows, about = {}, {}
    for ingredient in INGREDIENTS:
        runs = [Run(options.runs / ablation(ingredient, seed).name) for seed in ABLATION_SEEDS]
        runs = [run for run in runs if is_done(run.folder)]
        if runs:
            rows[ingredient] = row(runs)
            about[ingredient] = {key: runs[0].description()[key] for key in ("recipe", "data", "code", "machine")}
    print(f"{'':45} accuracy")
    for ingredient, figures in rows.items():
        print(f"{ingredient:45} {figures['accuracy']:.4f} (seeds: {figures['seeds']})")
    result = {"benchmark": "ablation", "split": "PublicTest", "rows": rows, "trainings": about}
    write_result(result | hardware(), options.json)


def row(runs: list[Run]) -> dict[str, Any]:
    last = [run.epochs()[-1] for run in runs]
    accuracy = [float(epoch["val_accuracy"]) for epoch in last]
    return {
        "accuracy": statistics.mean(accuracy),
        "accuracies": accuracy,
        "nll": statistics.mean(float(epoch["val_loss"]) for epoch in last),
        "train_accuracy": statistics.mean(float(epoch["plain_train_accuracy"]) for epoch in last),
        "seeds": [run.description()["recipe"]["seed"] for run in runs],
        "seconds_an_epoch": statistics.median(epoch["seconds"] for run in runs for epoch in run.epochs()),
    }


if __name__ == "__main__":
    main()
