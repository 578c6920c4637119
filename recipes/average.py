"""Keep the mean of several trainings' weights as a model that can be a member of an ensemble, a teacher or a start.

    python recipes/average.py runs/rep-wide runs/rep-wide-further --shares 0.3,0.7 --data fer2013.csv --out rep-wide.pt
    mien export rep-wide.pt runs/another --out ensemble.onnx --data fer2013.csv

Such a mean is good only between a network and its fine-tuned descendants; see `mien.training.ensemble.averaged`. Its
batch norms are measured anew on training faces, and it is measured on the validation split. `mien export --average` is
for a mean that is to be a model file by itself. Ends in one JSON line.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from mien.data import load, resized
from mien.evaluation import class_indices
from mien.training import checkpoint
from mien.training.ensemble import averaged, refresh_norms
from mien.training.loop import predict
from mien.training.run import trained_file
from mien.training.trained import check_belong_together, load_trained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="trainings (their best models), or kept models")
    parser.add_argument("--shares", required=True, help="each one's share, as in 0.3,0.7")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    shares = [float(share) for share in options.shares.split(",")]
    if len(shares) != len(options.runs):
        parser.error(f"--shares names {len(shares)} for {len(options.runs)} trainings")
    members = [load_trained(trained_file(run)) for run in options.runs]
    abouts = [about for _, about in members]
    check_belong_together(abouts)
    mean = averaged([trainee for trainee, _ in members], shares)
    faces = resized(load(options.data), abouts[-1]["recipe"]["image_size"])
    refresh_norms(mean, faces.split("train").faces)
    split = faces.split("val")
    logits = predict(mean.network, split.faces, torch.device("cpu"))
    labels = torch.from_numpy(class_indices(split, tuple(abouts[-1]["classes"])))
    epoch = abouts[-1]["epoch"] | {
        "val_accuracy": float((logits.argmax(1) == labels).float().mean()),
        "val_loss": float(F.cross_entropy(logits, labels)),
    }
    recipe = abouts[-1]["recipe"] | {"mean_of": [about["recipe"] for about in abouts], "shares": shares}
    checkpoint.save(options.out, mean.state_dict(), abouts[-1] | {"epoch": epoch, "recipe": recipe})
    print(json.dumps({"average": str(options.out), "shares": shares} | epoch))


if __name__ == "__main__":
    main()
