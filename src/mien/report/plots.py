"""Plots of data sets and of trainings, in one style.

matplotlib is imported when something is drawn, and used without pyplot: no global state, no window, no display.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from mien.emotions import colours_of
from mien.errors import InvalidInput, MissingExtra
from mien.files import begins_with, replacing
from mien.images import DRAWN_COMMENT, drawn_by_mien
from mien.values import GreyFaces, Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#30343a"
FAINT: Final = "#d9dce0"
_DPI: Final = 200
# Without dates, so that the same data gives the same file.
_METADATA: Final[dict[str, dict[str, str | None]]] = {
    "png": {"Comment": DRAWN_COMMENT}, "pdf": {"CreationDate": None}, "svg": {"Date": None},
}  # fmt: skip
# Distinct for colour-blind people too (Okabe and Ito 2008), darkened to read on white.
_COLOURS: Final = ("#0072b2", "#d55e00", "#00916e", "#b0508a", "#c98a00", "#3a9bd6", "#5b5f97", "#7a4b2a")
# A segment shorter than this share of its bar has its label above it instead of inside.
_ROOM_FOR_LABEL: Final = 0.045

_SPLIT_TITLES: Final = {"train": "training", "val": "validation", "test": "test"}


def new_figure(width: float, height: float, title: str) -> "Figure":
    """An empty figure; width and height in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("Drawing plots", "plot", error) from error
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11, fontweight="bold", color=INK)
    return figure


def tidy(axes: "Axes") -> None:
    """Hide the lines around a panel that carry no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=8.5, color=FAINT)
    axes.yaxis.label.set_color(INK)
    axes.xaxis.label.set_color(INK)
    axes.set_axisbelow(True)


def save(figure: "Figure", path: Path) -> None:
    """Write a figure; the same data gives the same file."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in _METADATA:
        raise InvalidInput(f"{path}: plots are written as .png, .pdf or .svg; got {path.suffix or 'no suffix'}")
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "mien"}), replacing(path) as partial:
        figure.savefig(partial, format=kind, metadata=_METADATA[kind])


def is_plot(path: Path) -> bool:
    """Whether a file is such a plot, which another may replace: mien's in PNG, any of matplotlib's in PDF and SVG."""
    return drawn_by_mien(path) or (begins_with(path, b"%PDF", b"<?xml") and b"Matplotlib" in path.read_bytes())


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
        above = 3 - number / len(runs)  # where two runs share their first epochs, the first one's line is seen
        _draw(accuracy, rows, "accuracy", colour, label, above)
        _draw(loss, rows, "loss", colour, "", above)
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


def _draw(axes: "Axes", rows: Sequence[Mapping[str, Any]], what: str, colour: str, label: str, zorder: float) -> None:
    epochs = [row["epoch"] for row in rows]
    plain = f"plain_train_{what}"
    training = plain if all(plain in row for row in rows) else f"train_{what}"
    # A line through one point is invisible.
    marker = "o" if len(rows) == 1 else ""
    for key, style, width, shown in ((training, "--", 1.1, ""), (f"val_{what}", "-", 1.7, label)):
        values = [row[key] for row in rows]
        axes.plot(
            epochs, values, color=colour, linestyle=style, linewidth=width, marker=marker, markersize=4, label=shown,
            zorder=zorder,
        )  # fmt: skip


def plot_class_counts(counts: Mapping[str, Mapping[str, int]], path: str | Path, *, title: str = "") -> None:
    """Draw a panel for each split and a bar for each class, with the number of faces and its share above the bar.

    The path is that of a PNG, PDF or SVG; an older file is replaced.
    """
    _check_counts(counts)
    figure = new_figure(width=4.6 * len(counts) + 0.4, height=3.6, title=title)
    for axes, (split, numbers) in zip(figure.subplots(1, len(counts), squeeze=False)[0], counts.items(), strict=True):
        total = sum(numbers.values())
        bars = axes.bar(list(numbers), list(numbers.values()), width=0.74, color=_tints(numbers))
        labels = [f"{number:,}\n{number / max(total, 1):.1%}" for number in numbers.values()]
        axes.bar_label(bars, labels, padding=3, fontsize=7.5, color=INK, linespacing=1.25)
        axes.set_title(f"{_SPLIT_TITLES.get(split, split)}, {total:,} faces", fontsize=10, color=INK, loc="left")
        axes.set_ylim(0, max(*numbers.values(), 1) * 1.2)
        axes.set_ylabel("faces" if split == next(iter(counts)) else "")
        axes.yaxis.set_major_formatter(lambda number, _: f"{number:,.0f}")
        tidy(axes)
    save(figure, Path(path))


def plot_class_shares(counts: Mapping[str, Mapping[str, int]], path: str | Path, *, title: str = "") -> None:
    """Draw a bar for each split, divided by the shares of the classes, so that splits of any size can be compared."""
    _check_counts(counts)
    figure = new_figure(width=8.6, height=1.5 + 0.55 * len(counts), title=title)
    axes = figure.subplots()
    names = list(next(iter(counts.values())))
    totals = {split: max(sum(numbers.values()), 1) for split, numbers in counts.items()}
    rows = [f"{_SPLIT_TITLES.get(split, split)} ({sum(numbers.values()):,})" for split, numbers in counts.items()]
    starts = np.zeros(len(counts))
    for name, colour in zip(names, _tints(names), strict=True):
        shares = np.array([numbers[name] / totals[split] for split, numbers in counts.items()])
        bars = axes.barh(rows, shares, left=starts, height=0.72, color=colour, label=name, edgecolor="white")
        labels = [f"{share:.1%}" if share >= _ROOM_FOR_LABEL else "" for share in shares]
        axes.bar_label(bars, labels, label_type="center", fontsize=8, color=INK)
        for row, (start, share) in enumerate(zip(starts, shares, strict=True)):
            if 0 < share < _ROOM_FOR_LABEL:
                middle, above = start + share / 2, row - 0.38
                axes.text(middle, above, f"{share:.1%}", fontsize=8, color=INK, ha="center", va="bottom")
        starts += shares
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    figure.legend(
        loc="outside lower center", ncols=len(names), frameon=False, fontsize=8.5, handlelength=1, labelcolor=INK
    )
    tidy(axes)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    save(figure, Path(path))


def face_sheet(samples: Mapping[str, GreyFaces], *, side: int = 96) -> Image:
    """Sample faces in a row for each class, with the class's name and colour in front; rows may differ in length."""
    if not samples:
        raise InvalidInput("a sheet of faces needs at least one class; got none")
    gap = max(2, side // 24)
    font = ImageFont.load_default(size=max(10, side // 5))
    margin = max(int(font.getlength(name)) for name in samples) + 5 * gap
    columns = max(len(faces) for faces in samples.values())
    size = (margin + columns * (side + gap) + gap, len(samples) * (side + gap) + gap)
    page = Pillow.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    colours = colours_of(samples)
    for row, (name, faces) in enumerate(samples.items()):
        top = gap + row * (side + gap)
        draw.rectangle((gap, top, 2 * gap - 1, top + side - 1), fill=colours[name])
        draw.text((3.5 * gap, top + side / 2), name, fill=INK, font=font, anchor="lm")
        for column, face in enumerate(faces):
            picture = Pillow.fromarray(face).resize((side, side), Pillow.Resampling.BICUBIC)
            page.paste(picture, (margin + column * (side + gap), top))
    return np.array(page)


def _check_counts(counts: Mapping[str, Mapping[str, int]]) -> None:
    if not any(counts.values()):
        raise InvalidInput("a plot of classes needs at least one split with classes; got none")


def _tints(names: Collection[str]) -> list[tuple[float, ...]]:
    """The classes' colours as matplotlib takes them."""
    colours = colours_of(names)
    return [tuple(channel / 255 for channel in colours[name]) for name in names]
