"""The curves of trainings as a figure: one run, or several over each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.errors import InvalidInput
from mien.report.figure import FAINT, INK, new_figure, save, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Distinct for colour-blind people too (Okabe and Ito 2008), darkened to read on white.
_COLOURS: Final = ("#0072b2", "#d55e00", "#00916e", "#b0508a", "#c98a00", "#3a9bd6", "#5b5f97", "#7a4b2a")


def best_epoch(epochs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The line of `metrics.jsonl` with the lowest validation loss: the epoch whose model was kept last."""
    return min(epochs, key=lambda line: float(line["val_loss"]))


def plot_curves(runs: Mapping[str, Sequence[Mapping[str, Any]]], path: str | Path, *, title: str = "") -> None:
    """Accuracy and loss side by side over the epochs: a colour a run, training dashed, validation solid.

    The curve of training is measured on faces as they are (`plain_train_accuracy`, `plain_train_loss`), so that it
    compares with that of validation. A run in which an epoch lacks it shows the accuracy and the loss it trained with:
    on augmented faces, under dropout, and the sum of all its losses. `runs` holds the lines of each run's
    `metrics.jsonl` by its name, and the path is that of a PNG, PDF or SVG; an older file is replaced.
    """
    if not runs:
        raise InvalidInput("curves need at least one run; got none")
    for name, rows in runs.items():
        if not rows:
            raise InvalidInput(f"{name} has no finished epoch yet, so there is no curve to draw")
    figure = new_figure(width=9.6, height=3.6 + 0.22 * (len(runs) + 1), title=title)
    accuracy, loss = figure.subplots(1, 2)
    for number, (name, rows) in enumerate(runs.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        best = best_epoch(rows)
        label = f"{name}: best {best['val_accuracy']:.2%}, epoch {best['epoch']}"
        _draw(accuracy, rows, "accuracy", colour, label)
        _draw(loss, rows, "loss", colour, "")
        accuracy.plot([best["epoch"]], [best["val_accuracy"]], marker="o", markersize=5, color=colour)
    for axes, what in ((accuracy, "accuracy"), (loss, "loss")):
        axes.set_title(what, fontsize=10, color=INK, loc="left")
        axes.set_xlabel("epoch", fontsize=9)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
        tidy(axes)
    accuracy.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    handles, labels = accuracy.get_legend_handles_labels()
    styles = [accuracy.plot([], [], color=INK, linestyle=style, linewidth=1.2)[0] for style in ("-", "--")]
    figure.legend(
        [*handles, *styles],
        [*labels, "validation", "training"],
        loc="outside lower center",
        ncols=1 if len(runs) > 1 else 3,
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
    )
    save(figure, Path(path))


def _draw(axes: "Axes", rows: Sequence[Mapping[str, Any]], what: str, colour: str, label: str) -> None:
    epochs = [row["epoch"] for row in rows]
    plain = f"plain_train_{what}"
    training = plain if all(plain in row for row in rows) else f"train_{what}"
    # A line through one point is invisible.
    marker = "o" if len(rows) == 1 else ""
    for key, style, width, shown in ((training, "--", 1.1, ""), (f"val_{what}", "-", 1.7, label)):
        values = [row[key] for row in rows]
        axes.plot(
            epochs, values, color=colour, linestyle=style, linewidth=width, marker=marker, markersize=4, label=shown
        )
