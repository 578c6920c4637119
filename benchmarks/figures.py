"""Draw the results in benchmarks/results: docs/pictures/{overfitting,trainings,accuracy-and-time,robustness}.svg.

python benchmarks/figures.py
"""

import argparse
import itertools

import numpy as np
from tables import MIRRORED, OVERFITTING_RUNS, PEER, RESULTS, ROOT, by_time, result

from mien.report.plots import FAINT, INK, new_figure, plot_curves, save, tidy
from mien.training.run import Run

PICTURES = ROOT / "docs" / "pictures"
OURS, THEIRS = "#2f6fde", "#8a9099"
AIMS = {"mini-xception": 68.5, "rep-nano": 68.5, "rep-small": 71.5, "gelu-cnn": 68.0}
"""Accuracy on PublicTest that each network's training aims for, in percent."""

PARTS = {
    "mini-xception": ("mini-xception", "mini-xception-again", "mini-xception-third"),
    "gelu-cnn": ("gelu-cnn", "gelu-cnn-again"),
    "rep-small": ("rep-small-first", "rep-small", "rep-small-taught"),
}
"""Trainings that each began with the weights of the one before; they are drawn as one."""

SERIES = ("#2f6fde", "#e8843c", "#3aa66f", "#9e74d6", "#d6577a", "#c2a12f")


def overfitting() -> None:
    """The curves of one network under two recipes; the same as `mien train --compare RUN RUN`."""
    runs = {name: Run(RESULTS / "runs" / name).epochs() for name in OVERFITTING_RUNS}
    title = "One network, two recipes: training faces as they are (dashed) and PublicTest (solid)"
    plot_curves(runs, PICTURES / "overfitting.svg", title=title)


def trainings() -> None:
    """Accuracy over the epochs of every network's training, and its aim."""
    figure = new_figure(width=7.4, height=4.2, title="")
    axes = figure.subplots()
    for (name, aim), colour in zip(AIMS.items(), SERIES, strict=False):
        epochs = [epoch for run in PARTS.get(name, (name,)) for epoch in Run(RESULTS / "runs" / run).epochs()]
        axes.plot(
            range(1, len(epochs) + 1),
            [100 * epoch["val_accuracy"] for epoch in epochs],
            color=colour, linewidth=1.4, label=f"{name} (aim: {aim})",
        )  # fmt: skip
        axes.axhline(aim, color=colour, linewidth=0.9, linestyle="--")
    axes.set_ylim(45, 74)
    axes.set_xlabel("epoch", color=INK, fontsize=9)
    axes.set_ylabel("accuracy on PublicTest, %", fontsize=9)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8.5, labelcolor=INK)
    tidy(axes)
    save(figure, PICTURES / "trainings.svg")


def accuracy_and_time() -> None:
    """Every model at its microseconds a face and its accuracy, with its standard error."""
    content = result("models")
    figure = new_figure(width=7.4, height=4.2, title="")
    axes = figure.subplots()
    for name, row in content["rows"].items():
        x, y, error = row["microseconds_batch_1"], 100 * row["accuracy"], 100 * row["standard_error"]
        colour = THEIRS if name == PEER else OURS
        axes.errorbar(x, y, yerr=error, fmt="o", color=colour, markersize=7, elinewidth=1, capsize=3)
        axes.annotate(
            f"{name}\n{row['num_parameters']:,} parameters",
            (x, y), (9, 0), textcoords="offset points", fontsize=8, color=INK, va="center",
        )  # fmt: skip
    times = [row["microseconds_batch_1"] for row in content["rows"].values()]
    axes.set_xscale("log")
    axes.set_xticks([step * 10**power for power in (2, 3, 4) for step in (1, 2, 5)])
    axes.set_xticks([], minor=True)
    axes.set_xlim(min(times) / 1.5, max(times) * 4)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("µs a face, one thread, batch 1 (left is faster)", color=INK, fontsize=9)
    axes.set_ylabel("accuracy on PublicTest, % (bars: standard error)", fontsize=9)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    tidy(axes)
    save(figure, PICTURES / "accuracy-and-time.svg")


def robustness() -> None:
    """Accuracy of every model under each distortion."""
    rows = by_time(result("models")["rows"])
    names = [key for key in rows[0][1]["robustness"] if key != MIRRORED]
    figure = new_figure(width=7.4, height=0.9 + 0.3 * len(names), title="")
    axes = figure.subplots()
    for (name, row), colour in zip(rows, itertools.chain([THEIRS], itertools.cycle(SERIES)), strict=False):
        values = [100 * row["robustness"][key] for key in names]
        axes.plot(values, np.arange(len(names)), "o", color=colour, label=name, markersize=6)
    axes.set_yticks(np.arange(len(names)), ["as they are" if key == "plain" else key for key in names])
    axes.invert_yaxis()
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_xlabel("accuracy on PublicTest, %", color=INK, fontsize=9)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8.5, labelcolor=INK)
    tidy(axes)
    save(figure, PICTURES / "robustness.svg")


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    overfitting()
    trainings()
    accuracy_and_time()
    robustness()


if __name__ == "__main__":
    main()
