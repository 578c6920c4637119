"""recipes/plan.py, which trains all that is shipped."""

import csv
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plan import JOBS, NUM_FOLDS, ablation, is_done, ready

from mien.training.recipe import overridden, read_recipe
from mien.training.trained import load_trained

RECIPES = Path(__file__).parents[2] / "recipes"


def test_every_training_of_the_plan_is_one() -> None:
    recipes = [overridden(read_recipe(job.recipe), list(job.settings)) for job in JOBS]
    assert len({job.name for job in JOBS}) == len(JOBS)
    for job, recipe in zip(JOBS, recipes, strict=True):
        assert bool(job.teachers) == (recipe.teacher_weight > 0)
    folds = {job.name: (recipe.folds, recipe.fold) for job, recipe in zip(JOBS, recipes, strict=True)}
    for job in JOBS:
        if job.teachers:  # so that every face has one that never saw it
            assert sorted(folds[teacher] for teacher in job.teachers) == [(NUM_FOLDS, k) for k in range(NUM_FOLDS)]


def record(run: Path, losses: list[float], *, epochs: int = 2, patience: int = 0, seed: int = 0, end: str = "") -> None:
    """A training's record: the validation loss after each epoch."""
    run.mkdir()
    recipe = {"architecture": "rep-base", "epochs": epochs, "patience": patience, "seed": seed}
    about = {"recipe": recipe, "data": {"name": "fer2013.csv"}, "code": {}, "machine": {}}
    (run / "run.json").write_text(json.dumps(about))
    lines = [
        {"epoch": epoch, "val_loss": loss, "val_accuracy": 1 - loss, "plain_train_accuracy": 0.7, "seconds": 9}
        for epoch, loss in enumerate(losses, start=1)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + end)


def test_a_student_waits_for_its_teachers(tmp_path: Path) -> None:
    teachers = [tmp_path / f"teacher-{number}" for number in range(NUM_FOLDS)]
    assert not any(job.teachers for job in ready(JOBS, tmp_path))
    for teacher in teachers[:-1]:
        record(teacher, [0.9, 0.8])
    record(teachers[-1], [0.9], end='{"epo')
    assert [is_done(teacher) for teacher in teachers] == [True, True, True, False]
    assert not any(job.teachers for job in ready(JOBS, tmp_path))
    with (teachers[-1] / "metrics.jsonl").open("a") as file:
        file.write('ch": 2, "val_loss": 0.8}\n')
    assert {job.name for job in ready(JOBS, tmp_path)} == {job.name for job in JOBS} - {
        teacher.name for teacher in teachers
    }


def test_a_training_that_ended_early_is_done(tmp_path: Path) -> None:
    for name, losses in (("waiting", [0.9, 0.8, 0.9]), ("over", [0.9, 0.8, 0.9, 0.9])):
        record(tmp_path / name, losses, epochs=50, patience=2)
    assert not is_done(tmp_path / "waiting")
    assert is_done(tmp_path / "over")


def test_short_trainings_become_tables(tmp_path: Path) -> None:
    for seed, accuracy in ((0, 0.5), (1, 0.6)):
        record(tmp_path / ablation("with mixup", seed).name, [1 - accuracy], epochs=1, seed=seed)
    script = RECIPES.parent / "benchmarks" / "ablation.py"
    done = subprocess.run(
        [sys.executable, str(script), "--runs", str(tmp_path)], capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert list(result["ingredients"]) == ["with mixup"]  # the others are not done
    assert result["ingredients"]["with mixup"]["accuracy"] == pytest.approx(0.55)
    assert result["ingredients"]["with mixup"]["seeds"] == [0, 1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_small_plan_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    data = tmp_path / "fer2013.csv"
    rng = np.random.default_rng(0)
    with data.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["emotion", "pixels", "Usage"])
        for number in range(120):
            pixels = rng.integers(0, 80, 48 * 48) + 20 * (number % 7)
            rows.writerow([number % 7, " ".join(map(str, pixels)), "Training" if number < 100 else "PublicTest"])

    def call(*words: str) -> dict[str, Any]:
        small = ["--set", "architecture=rep-nano", "--set", "epochs=2", "--set", "batch_size=16", "--set", "mixup=0"]
        command = [sys.executable, str(RECIPES / "plan.py"), "--data", str(data), "--out", str(tmp_path / "runs")]
        done = subprocess.run(
            [*command, *small, *words],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result

    assert not call("--only", "teacher", "--minutes", "0.02")["done"]
    assert call("--only", "teacher", "--jobs", "2")["done"]
    taught = call("--only", "rep-nano-taught-0", "--bundle", str(tmp_path / "all.tar"))
    assert taught["plan"]["rep-nano-taught-0"]["epochs"] == 2
    with tarfile.open(tmp_path / "all.tar") as archive:
        # The argument of that name is missing in the first releases of Python 3.11.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path / "again")
    (model,) = (tmp_path / "again").rglob("*.pt")
    _, about = load_trained(model)
    assert len(about["teachers"]) == NUM_FOLDS
