"""The folder of one training: its description, its metrics, the models kept, and its checkpoint."""

import dataclasses
import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray

import mien
from mien.data.dataset import FaceSet, fingerprint
from mien.errors import RecipeError
from mien.files import remove_abandoned, remove_abandoned_in, replacing
from mien.report.plots import best_epoch
from mien.training.recipe import Recipe


class Run:
    """A training's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about = folder / "run.json"  # see `describe_run`
        self.metrics = folder / "metrics.jsonl"  # a line an epoch
        self.checkpoint = folder / "checkpoint.pt"  # where `--resume` goes on
        self.validation = folder / "validation.npz"  # the logits of the model kept last on the validation split
        self.page = folder / "page.html"
        self.models = folder / "models"  # a file each time the validation loss fell

    def best_model(self) -> Path:
        """The model kept last, which is the one of the lowest validation loss.

        Raises:
            RecipeError: The folder holds no training, or one that has kept no model yet.
        """
        kept = self.kept_models()
        if not kept:
            self.description()  # which says so where the folder holds no training
            raise RecipeError(f"{self.folder} has kept no model yet; it needs at least one finished epoch")
        return kept[max(kept)]

    def kept_models(self) -> dict[int, Path]:
        """The files of the models kept, by their epochs."""
        found = {re.search(r"(?:^|\.)epoch-(\d+)\.", path.name): path for path in self.models.glob("*.pt")}
        return {int(match[1]): path for match, path in found.items() if match}

    def epochs(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`, one an epoch so far. A line that a kill cut in half is left out.

        Raises:
            RecipeError: A line is none of an epoch's.
        """
        if not self.metrics.exists():
            return []
        lines = []
        for number, text in enumerate(self.metrics.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if not isinstance(line, dict) or not isinstance(line.get("epoch"), int):
                raise RecipeError(f"{self.metrics} is damaged: line {number} is none of an epoch; remove it")
            lines.append(line)
        return lines

    def description(self) -> dict[str, Any]:
        """What `describe_run` wrote when the training began.

        Raises:
            RecipeError: The folder holds no training, or its description is damaged.
        """
        try:
            about = json.loads(self.about.read_text(encoding="utf-8"))
            about["recipe"]["architecture"], about["data"]["name"]
        except FileNotFoundError as error:
            raise RecipeError(f"{self.folder} holds no training (it has no {self.about.name})") from error
        except (ValueError, KeyError, RecursionError, TypeError) as error:
            raise RecipeError(f"{self.about} is damaged, or not mien's: {error}; choose another --out") from error
        return about  # type: ignore[no-any-return] # as checked

    def was_launched_by(self, launch: str | None) -> bool:
        """Whether the training in this folder was begun by this very launch; see `distributed.launch`."""
        return launch is not None and self.about.exists() and self.description().get("launch") == launch

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other trainings out of this folder, until this one ends or its process dies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock")
        try:
            with suppress(NotImplementedError):  # a file system without locks
                lock.acquire(blocking=False)
            remove_abandoned([self.about, self.metrics, self.validation, self.checkpoint, self.page])
            remove_abandoned_in(self.models)
            yield
        except Timeout as error:
            raise RecipeError(
                f"another process is training in {self.folder}; wait for it, or choose another --out"
            ) from error
        finally:
            lock.release()

    def begin(self, about: dict[str, Any], *, resume: bool) -> dict[str, Any]:
        """Write the description of a training, or check that the training in the folder is this very one.

        The result is `about`, or the first description of a training that goes on, with its resumptions.
        """
        if self.about.exists():
            anew = f"begin a new training with the weights of this one: --init {self.folder} --out ANOTHER"
            if not resume:
                raise RecipeError(
                    f"{self.folder} already holds a training: go on with it by --resume, or choose another --out"
                )
            before = self.description()
            # Killed before the first checkpoint, it has one epoch at most, and begins again.
            if not self.checkpoint.exists() and len(self.epochs()) > 1:
                raise RecipeError(
                    f"{self.folder} has no {self.checkpoint.name} to go on from, and beginning again would drop its "
                    f"models; {anew}"
                )
            began, named = ((each.get("initial") or {}).get("sha256") for each in (before, about))
            # From a checkpoint on, the weights that it began with are needed no more.
            same_start = began == named or (named is None and self.checkpoint.exists())
            if before.get("teachers", []) != about.get("teachers", []) or not same_start:
                raise RecipeError(
                    f"{self.folder} was begun with other teachers or other weights; resume it with the same, or choose "
                    "another --out"
                )
            for key, complete in (("recipe", _completed), ("data", dict)):
                old, new = complete(before[key]), complete(about[key])
                if old != new:
                    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
                    raise RecipeError(
                        f"{self.folder} was begun with another {key} (differs in: {', '.join(changed)}); "
                        f"resume it with the same, or {anew}"
                    )
            resumption = about["code"] | {"processes": about.get("processes", 1), "bf16": about.get("bf16")}
            about = before | {"resumed_with": [*before.get("resumed_with", []), resumption]}
        with replacing(self.about) as partial:
            partial.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        return about

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Write an epoch's line so that it survives whatever comes."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def save_validation(self, logits: NDArray[np.float32], epoch: int) -> None:
        """Write the logits, (N, K), of the validation split in its order, of the epoch whose model was kept last."""
        with replacing(self.validation) as partial, partial.open("wb") as file:
            np.savez(file, logits=logits, epoch=epoch)

    def forget_after(self, epoch: int) -> None:
        """Remove models and metrics of epochs that are about to be repeated, and a line that a kill cut in half."""
        for later, path in self.kept_models().items():
            if later > epoch:
                path.unlink()
                self.validation.unlink(missing_ok=True)  # it belongs to the model kept last
        if not self.metrics.exists():
            return
        kept = [json.dumps(line) for line in self.epochs() if line["epoch"] <= epoch]
        with replacing(self.metrics) as partial:
            partial.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _completed(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe with the defaults of settings that did not exist when it was written."""
    usual = dataclasses.asdict(Recipe(architecture="mini-xception"))
    return {**usual, **recipe, "augmentation": usual["augmentation"] | recipe.get("augmentation", {})}


def trained_file(path: Path) -> Path:
    """The kept model that a path names: a run's best one, or the file itself."""
    return Run(path).best_model() if path.is_dir() else path


def find_runs(folder: Path) -> list[Run]:
    """The trainings in a folder and below, in the order of their names."""
    return [Run(path.parent) for path in sorted(folder.rglob("run.json"))]


def summary(run: Run) -> dict[str, Any]:
    """A run's progress and its best epoch (None before the first), in plain values.

    Raises:
        RecipeError: The folder holds no training, or its records are damaged.
    """
    recipe, epochs = run.description()["recipe"], run.epochs()
    try:
        best = best_epoch(epochs) if epochs else None
        return {
            "run": str(run.folder),
            "architecture": recipe["architecture"],
            "epochs_done": len(epochs),
            "epochs": recipe["epochs"],
            "best_epoch": best and best["epoch"],
            "val_accuracy": best and best["val_accuracy"],
            "val_loss": best and best["val_loss"],
            "seconds_an_epoch": statistics.median(line["seconds"] for line in epochs) if epochs else None,
        }
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise RecipeError(f"{run.metrics} or {run.about.name} beside it is damaged: {error}") from error


def model_name(architecture: str, epoch: int, accuracy: float) -> str:
    """The file name of a kept model: `mini-xception.epoch-042.accuracy-0.6614.pt`."""
    return f"{architecture}.epoch-{epoch:03d}.accuracy-{accuracy:.4f}.pt"


def describe_run(recipe: Recipe, faces: FaceSet, device: torch.device) -> dict[str, Any]:
    """The description that a training can be repeated by: the recipe, the data, the code and the machine."""
    names, counts = np.unique(faces.splits, return_counts=True)
    return {
        "recipe": dataclasses.asdict(recipe),
        "data": {
            "name": faces.name,
            "faces": dict(zip(names.tolist(), counts.tolist(), strict=True)),
            "votes": faces.votes is not None,
            "sha256": fingerprint(faces),
            **({"held_out": faces.held_out} if faces.held_out else {}),
        },
        "code": {"mien": mien.__version__, "commit": commit(), "torch": str(torch.__version__)},
        "machine": {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
            "processor": f"{platform.machine()}, {os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}",
            "system": platform.system(),
            "python": platform.python_version(),
        },
    }


def commit() -> str | None:
    """The commit of this code, with "+" when the source differs from it; None outside a checkout."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        # `-C` finds any repository above, which need not be the one of this file.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--", "../..") else "")
    except (OSError, subprocess.SubprocessError):
        return None
