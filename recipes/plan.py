"""Teachers, students and every network alone, as trainings that resume: what a GPU would train.

The shipped models come from two CPU cores and other trainings (docs/models.md, "What the trainings reached").

    python recipes/plan.py --data fer2013.csv --out runs                      # until all is done
    python recipes/plan.py --data fer2013.csv --out runs --minutes 9 --jobs 6 # a part of it; call it again for the next

Each training is `mien train RECIPE … --resume`, so a call that is cut off loses an epoch or some seconds. Trainings
that can run side by side do, `--jobs` at a time (a GPU has room for several networks this small). A training waits for
its teachers: four networks, each trained without a quarter of the faces, so that every face has a teacher that was not
trained on it. `--bundle FILE.tar` gathers the record and the best model in half
precision of every training that is done; unpacked into `--out` elsewhere, they still are. Ends in one JSON line.

The trainings named `short-…` and `ablation-…` compare networks, and say what each ingredient brings, in minutes each;
`benchmarks/ablation.py` makes tables of them. Those named `trial-…` compare labels, schedules and optimisers on
rep-small, in half an hour each; their table is `benchmarks/trials.py`'s.
"""

import argparse
import json
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mien.files import replacing
from mien.report.plots import best_epoch
from mien.training import checkpoint
from mien.training.run import Run

NUM_FOLDS = 4


@dataclass(frozen=True, slots=True)
class Job:
    """A training.

    Attributes:
        name: the name of its folder.
        recipe: the name of one of mien's recipes.
        settings: settings in place of the recipe's.
        teachers: the names of the jobs it learns from.
    """

    name: str
    recipe: str
    settings: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()


TEACHERS = tuple(
    Job(f"teacher-{number}", "rep-base", (f"folds={NUM_FOLDS}", f"fold={number}", "seed=100", "epochs=120"))
    for number in range(NUM_FOLDS)
)


def student(recipe: str, seed: int, *settings: str) -> Job:
    """A training with all teachers."""
    names = tuple(teacher.name for teacher in TEACHERS)
    return Job(f"{recipe}-taught-{seed}", recipe, (f"seed={seed}", "teacher_weight=0.7", *settings), names)


SHORT = ("image_size=32", "epochs=12")
"""Minutes on one core: long enough to rank networks and ingredients, too short for what only long trainings need."""

SHORT_SEEDS = range(2)

COMPARED = ("mini-xception", "rep-nano", "rep-small", "conv-attention")
"""Networks that are trained short, each by its own recipe."""

INGREDIENTS: dict[str, tuple[str, ...]] = {
    "without rotation, scale, shift and shear": tuple(
        f"augmentation.{key}" for key in ("rotation=0", "scale=1", "shift=0", "shear=0")
    ),
    "without mirror images": ("augmentation.flip=false",),
    "without gamma and contrast": ("augmentation.gamma=1", "augmentation.contrast=1"),
    "without blur, noise and JPEG": ("augmentation.blur=0", "augmentation.noise=0", "augmentation.jpeg=0"),
    "without FER+ votes": ("votes_weight=0",),
    "without averaged weights": ("ema_decay=0",),
    "without label smoothing": ("label_smoothing=0",),
    "without plain epochs": ("plain_epochs=0",),
    "with mixup": ("mixup=0.2",),
    "with CutMix": ("cutmix=1.0",),
    "with erasing": ("augmentation.erase=0.3",),
    "with sharpness-aware minimisation": ("sharpness=0.05",),
    "three times the epochs": ("epochs=36",),
}
"""What each short training of rep-nano changes."""


TRIED = ("epochs=14", "warmup_epochs=1", "plain_epochs=2", "plain_moves=0")
"""Long enough to see what each change does to a training that ends, its rate fallen to nothing."""

TRIAL_SEEDS = (1, 2)

TRIALS: dict[str, tuple[str, ...]] = {
    "as in its recipe": (),
    "three tenths of the labels by the votes": ("people_weight=0.3",),
    "votes of weight 1": ("votes_weight=1.0",),
    "votes of weight 2": ("votes_weight=2.0",),
    "one cycle": ("warmup_epochs=4", "learning_rate=0.2"),
    "AdamW": ("optimizer=adamw", "learning_rate=0.002", "weight_decay=0.05"),
}
"""What each trial of rep-small changes. All take equally long, as each has the same epochs of the same network."""


def short(network: str, seed: int) -> Job:
    """A short training of a network."""
    return Job(f"short-{network}-{seed}", network, (*SHORT, f"seed={seed}"))


def ablation(ingredient: str, seed: int) -> Job:
    """A short training with one ingredient changed."""
    name = "ablation-" + re.sub(r"\W+", "-", ingredient).lower()
    return Job(f"{name}-{seed}", "rep-nano", (*SHORT, f"seed={seed}", *INGREDIENTS[ingredient]))


def trial(change: str, seed: int) -> Job:
    """A training of rep-small with one thing changed."""
    name = "trial-" + re.sub(r"\W+", "-", change).lower()
    return Job(f"{name}-{seed}", "rep-small", (*TRIED, f"seed={seed}", *TRIALS[change]))


JOBS: tuple[Job, ...] = (
    *TEACHERS,
    # Every network without teachers.
    Job("rep-base-0", "rep-base"),
    Job("rep-small-0", "rep-small"),
    Job("rep-wide-0", "rep-wide"),
    Job("conv-attention-0", "conv-attention"),
    Job("rep-nano-0", "rep-nano"),
    Job("gelu-cnn-0", "gelu-cnn", ("epochs=150",)),
    Job("gelu-cnn-as-published-0", "gelu-cnn-as-published"),
    Job("gelu-cnn-without-norm-0", "gelu-cnn-as-published", ("architecture=gelu-cnn-without-norm",)),
    # And with teachers.
    *(student("rep-small", seed, "epochs=200") for seed in range(3)),
    *(student("mini-xception", seed, "epochs=250") for seed in range(3)),
    *(student("rep-nano", seed, "epochs=250") for seed in range(3)),
    *(student("rep-base", seed) for seed in range(3)),
    student("conv-attention", 0, "epochs=200"),
    student("gelu-cnn", 0, "epochs=150"),
    *(short(network, seed) for seed in SHORT_SEEDS for network in COMPARED),
    *(ablation(ingredient, seed) for seed in SHORT_SEEDS for ingredient in INGREDIENTS),
    *(trial(change, seed) for seed in TRIAL_SEEDS for change in TRIALS),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv, with fer2013new.csv beside it")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long; call again to go on")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--threads", type=int, default=1, help="of the processor, for each training")
    parser.add_argument("--only", default="", help="trainings whose names hold this, and nothing else")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="for all of them; to try it out"
    )
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE.tar", help="gather records and best models there at the end"
    )
    options = parser.parse_args()

    jobs = [job for job in JOBS if options.only in job.name]
    deadline = time.monotonic() + 60 * options.minutes
    failed = run(jobs, options, deadline)
    progress = {job.name: progress_of(options.out / job.name) for job in jobs}
    if options.bundle:
        bundle(jobs, options.out, options.bundle)
    print(json.dumps({"plan": progress, "failed": failed, "done": all_done(jobs, options.out)}))
    sys.exit(1 if failed else 0)


def run(jobs: Sequence[Job], options: argparse.Namespace, deadline: float) -> list[str]:
    """Train until all is done or the time is up; the names of trainings that failed."""
    running: dict[Job, subprocess.Popen[bytes]] = {}
    failed: list[str] = []
    options.out.mkdir(parents=True, exist_ok=True)
    ended: set[Job] = set()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no training outlives this process
    try:
        while time.monotonic() < deadline:
            for job in [job for job, process in running.items() if process.poll() is not None]:
                ended.add(job)
                if running.pop(job).returncode:
                    failed.append(job.name)
                    print(f"{job.name} failed; see {options.out / job.name}.log", flush=True)
                else:
                    print(f"{job.name}: {progress_of(options.out / job.name)}", flush=True)
            for job in ready(jobs, options.out):
                if len(running) < options.jobs and job not in running and job not in ended:
                    running[job] = start(job, options)
            if not running:
                break
            time.sleep(0.2)
        failed += [job.name for job, process in running.items() if process.poll()]
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
    return failed


def ready(jobs: Sequence[Job], out: Path) -> Iterator[Job]:
    """Those that are not done and whose teachers are."""
    for job in jobs:
        if not is_done(out / job.name) and all(is_done(out / teacher) for teacher in job.teachers):
            yield job


def start(job: Job, options: argparse.Namespace) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-m", "mien", "train", job.recipe, "--data", str(options.data)]
    words += ["--out", str(options.out / job.name), "--resume", "--threads", str(options.threads)]
    for setting in (*job.settings, *options.set):
        words += ["--set", setting]
    for teacher in job.teachers:
        words += ["--teacher", str(options.out / teacher)]
    with (options.out / f"{job.name}.log").open("ab") as log:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def is_done(run: Path) -> bool:
    """Whether a training has come to its end, early or not; a model is kept before its epoch's line is written."""
    epochs = Run(run).epochs()
    if not epochs:
        return False
    recipe = Run(run).description()["recipe"]
    waited = int(epochs[-1]["epoch"]) - int(best_epoch(epochs)["epoch"])
    return int(epochs[-1]["epoch"]) >= int(recipe["epochs"]) or 0 < recipe["patience"] <= waited


def all_done(jobs: Sequence[Job], out: Path) -> bool:
    return all(is_done(out / job.name) for job in jobs)


def progress_of(run: Path) -> dict[str, float] | None:
    """Epochs done, and the accuracy on the validation split at its lowest loss."""
    epochs = Run(run).epochs()
    if not epochs:
        return None
    best = best_epoch(epochs)
    return {"epochs": len(epochs), "best_epoch": best["epoch"], "val_accuracy": round(best["val_accuracy"], 4)}


def bundle(jobs: Sequence[Job], out: Path, file: Path) -> None:
    """The records of every training and its best model in half precision, in one archive."""
    with (
        replacing(file) as partial,
        tarfile.open(partial, "w") as archive,
        tempfile.TemporaryDirectory() as folder,
    ):
        for job in jobs:
            if not is_done(out / job.name):
                continue  # without its checkpoint it would begin again
            run = Run(out / job.name)
            for path in (run.about, run.metrics, run.validation):
                if path.exists():
                    archive.add(path, f"{job.name}/{path.name}")
            best = run.best_model()
            weights, about = checkpoint.load(best)
            halved = {name: value.half() if value.dtype == torch.float32 else value for name, value in weights.items()}
            checkpoint.save(Path(folder) / best.name, halved, about)
            archive.add(Path(folder) / best.name, f"{job.name}/models/{best.name}")


if __name__ == "__main__":
    main()
