"""Keep the weights of trainings that have not ended, in one small archive, so that others can go on from them.

    python recipes/unfinished.py runs/gelu-cnn-as-published runs/teacher-0 --out unfinished.tar
    tar -xf unfinished.tar
    mien train gelu-cnn-as-published --data fer2013.csv --init gelu-cnn-as-published --out runs/on

The archive holds each run's record (`run.json`, `metrics.jsonl`) and its last checkpoint's averaged weights in half
precision, without the optimizer's state: a training goes on from it as a new run with `--init`, and not as an exact
resumption. Ends in one JSON line.
"""

import argparse
import json
import tarfile
import tempfile
from pathlib import Path

import torch

from mien.files import replacing
from mien.training import checkpoint
from mien.training.run import Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of trainings")
    parser.add_argument("--out", type=Path, default=Path("unfinished.tar"))
    options = parser.parse_args()
    epochs = {}
    with replacing(options.out) as partial, tarfile.open(partial, "w") as archive:
        for folder in options.runs:
            epochs[folder.name] = keep(Run(folder), folder.name, archive)
    print(json.dumps({"unfinished": epochs, "bytes": options.out.stat().st_size}))


def keep(run: Run, name: str, archive: tarfile.TarFile) -> int:
    """Add a run's record and its last weights; the number of epochs behind them.

    A run that was unpacked from an earlier archive is added as it is.
    """
    if not run.checkpoint.exists():
        archive.add(run.folder, name)
        return len(run.epochs())
    tensors, progress = checkpoint.load(run.checkpoint)
    epoch = int(progress["epoch"])
    halved = {key: value.half() if value.dtype == torch.float32 else value for key, value in tensors["average"].items()}
    line = next(line for line in run.epochs() if line["epoch"] == epoch)
    for path in (run.about, run.metrics):
        archive.add(path, f"{name}/{path.name}")
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / f"epoch-{epoch:03d}.pt"
        checkpoint.save(weights, halved, run.description() | {"epoch": line})
        archive.add(weights, f"{name}/models/{weights.name}")
    return epoch


if __name__ == "__main__":
    main()
