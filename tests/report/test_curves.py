import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mien.errors import InvalidInput, MissingExtra
from mien.report.curves import best_epoch, plot_curves


def rows(epochs: int, *, best: int = 1, plain: bool = False) -> list[dict[str, Any]]:
    """A run whose loss is lowest at one epoch, and whose accuracy is highest at the last."""
    return [
        {
            "epoch": epoch,
            "learning_rate": 0.1,
            "train_loss": 2 / epoch,
            "train_accuracy": 0.5,
            "val_loss": 0.5 if epoch == best else 1.5,
            "val_accuracy": 0.7 if epoch == epochs else 0.61 if epoch == best else 0.5,
            "seconds": 1.0,
            "kept": None,
        }
        | ({"plain_train_loss": 1 / epoch, "plain_train_accuracy": 0.9} if plain else {})
        for epoch in range(1, epochs + 1)
    ]


def as_text(runs: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> str:
    """An SVG with its letters as comments, as matplotlib writes it."""
    plot_curves(runs, path)
    return path.read_text(encoding="utf-8")


def test_the_best_epoch_is_that_of_the_lowest_loss_whose_model_is_kept(tmp_path: Path) -> None:
    drawn = as_text({"small": rows(9, best=4), "large": rows(5, best=5)}, tmp_path / "curves.svg")

    assert "<!-- small: best 61.00%, epoch 4 -->" in drawn
    assert "<!-- large: best 70.00%, epoch 5 -->" in drawn
    assert best_epoch(rows(9, best=4))["epoch"] == 4


def test_training_is_dashed_and_validation_solid(tmp_path: Path) -> None:
    drawn = as_text({"run": rows(9)}, tmp_path / "curves.svg")

    lines = re.findall(r'style="fill: none; (stroke-dasharray)?[^"]*stroke: #0072b2; [^"]*"', drawn)
    # One of each in each of two panels; and the legend shows the run's own line, which is solid, too.
    assert [bool(dashed) for dashed in lines].count(True) == 2
    assert [bool(dashed) for dashed in lines].count(False) >= 3


def test_the_curve_of_training_faces_as_they_are_is_preferred(tmp_path: Path) -> None:
    old, new = (as_text({"run": rows(9, plain=plain)}, tmp_path / "curves.svg") for plain in (False, True))

    # Only the curve of faces as they are comes near 90 %, so only its axis does.
    assert ("<!-- 90% -->" in old, "<!-- 90% -->" in new) == (False, True)


def test_a_run_that_lacks_that_curve_in_one_epoch_shows_the_other_throughout(tmp_path: Path) -> None:
    mixed = [*rows(9)[:4], *rows(9, plain=True)[4:]]

    assert as_text({"run": mixed}, tmp_path / "a.svg") == as_text({"run": rows(9)}, tmp_path / "b.svg")


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_one_epoch_and_many_runs_are_drawn_the_same_each_time(tmp_path: Path, suffix: str) -> None:
    files = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for file in files:
        plot_curves({f"run {number}": rows(1 + number % 3) for number in range(11)}, file, title="eleven")

    first, second = (file.read_bytes() for file in files)
    assert first == second


def test_a_run_without_an_epoch_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="runs/new has no finished epoch yet"):
        plot_curves({"runs/old": rows(3), "runs/new": []}, tmp_path / "curves.png")
    with pytest.raises(InvalidInput, match="at least one run; got none"):
        plot_curves({}, tmp_path / "curves.png")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_command_to_install_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # None is Python's own way to say that a module cannot be imported.
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(MissingExtra, match=r"Drawing plots .* pip install .*\[plot\]'"):
        plot_curves({"run": rows(2)}, tmp_path / "curves.png")
