"""Keep the mean of several trainings' weights as a model that can be a member of an ensemble, a teacher or a start.

    python recipes/average.py runs/rep-wide runs/rep-wide-further --shares 0.3,0.7 --data fer2013.csv --out rep-wide.pt
    mien export rep-wide.pt runs/another --out ensemble.onnx --data fer2013.csv

Such a mean is good only between a network and its fine-tuned descendants; see `mien.training.ensemble.averaged`. Its
batch norms and its head for votes are fitted anew on training faces, and it is measured on the validation split.
`mien export --average` is for a mean that is to be a model file by itself. Ends in one JSON line.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from mien.data.folds import without_fold
from mien.errors import MienError
from mien.evaluation import class_indices, load_for
from mien.training import checkpoint
from mien.training.ensemble import averaged, fit_mean
from mien.training.loop import predict
from mien.training.run import trained_file
from mien.training.trained import check_belong_together, describe_together, fold_left_out, load_trained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="trainings (their best models), or kept models")
    parser.add_argument("--shares", type=numbers, required=True, help="each one's share, as in 0.3,0.7")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    try:
        kept = keep_mean(options.runs, options.shares, options.data, options.out)
    except MienError as error:
        parser.error(str(error))
    print(json.dumps({"average": str(options.out), "shares": options.shares} | kept))


def numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def keep_mean(runs: Sequence[Path], shares: Sequence[float], data: Path, out: Path) -> dict[str, Any]:
    """Write the mean of several trainings' weights; what it scores, as a line of `metrics.jsonl` says it."""
    members = [load_trained(trained_file(run)) for run in runs]
    abouts = [about for _, about in members]
    check_belong_together(abouts)
    mean = averaged([trainee for trainee, _ in members], shares)
    info = describe_together(mean, abouts, out.stem, shares=shares)
    faces, (folds, fold) = load_for(info, data), fold_left_out(info.recipe)
    fit_mean(mean, without_fold(faces.split("train"), folds, fold))
    split = faces.split("val")
    logits = predict(mean.network, split.faces, torch.device("cpu"))
    labels = torch.from_numpy(class_indices(split, tuple(abouts[-1]["classes"])))
    epoch: dict[str, Any] = abouts[-1]["epoch"] | {
        "val_accuracy": float((logits.argmax(1) == labels).float().mean()),
        "val_loss": float(F.cross_entropy(logits, labels)),
    }
    recipe = abouts[-1]["recipe"] | {"mean_of": [about["recipe"] for about in abouts], "shares": list(shares)}
    recipe |= {"folds": folds, "fold": fold}
    checkpoint.save(out, mean.state_dict(), abouts[-1] | {"epoch": epoch, "recipe": recipe})
    return epoch


if __name__ == "__main__":
    main()
