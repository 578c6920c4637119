"""Figures of data sets."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from mien.emotions import colours_of
from mien.errors import InvalidInput
from mien.report.figure import INK, new_figure, save, tidy
from mien.values import GreyFaces, Image

# A segment shorter than this share of its bar has its label above it instead of inside.
_ROOM_FOR_LABEL: Final = 0.045

_SPLIT_TITLES: Final = {"train": "training", "val": "validation", "test": "test"}


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
