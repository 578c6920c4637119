"""Charts and tables of scores that several pages share, as HTML and SVG in the page's colours."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Final, NamedTuple

import numpy as np

from mien.data.reading import shortened
from mien.report.html import chart, key, table

_WIDTH: Final = 560
_NARROW: Final = 460  # of charts beside a table
_ROW: Final = 30
_LONGEST_NAME: Final = 26


def ticks(low: float, high: float) -> list[float]:
    """Round numbers that enclose a range."""
    span = max(high - low, 1e-6)
    step = 10.0 ** np.floor(np.log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 5)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return [float(number * step) for number in np.arange(first, max(last, first + 1) + 0.5)]


def tick_labels(ticks: Sequence[float], *, percent: bool) -> list[str]:
    """Equally spaced ticks as text, with as many digits as tell each from the next."""
    factor, unit = (100, " %") if percent else (1, "")
    if max(map(abs, ticks)) * factor >= 1e6:
        return [f"{tick * factor:.3g}{unit}" for tick in ticks]
    digits = max(0, -math.floor(math.log10((ticks[1] - ticks[0]) * factor) + 1e-9))
    return [f"{tick * factor:,.{digits}f}{unit}" for tick in ticks]


class Row(NamedTuple):
    """A row of `interval_chart`: a share of 0 to 1 with its interval, and perhaps a second share."""

    name: str
    note: str  # beside the name
    value: float
    low: float
    high: float
    second: float | None = None


def interval_chart(rows: Sequence[Row], overall: float, meaning: str) -> str:
    """Shares as dots with their intervals, second ones as hollow dots, and a dashed line at the overall share."""
    every = [overall, *(each for row in rows for each in row[2:] if each is not None)]
    low, *_, high = marks = ticks(max(0.0, min(every)), min(1.0, max(every)))
    names = [shortened(row.name, _LONGEST_NAME) for row in rows]
    left = 24 + 7 * max(map(len, names))  # a letter is about 7 wide
    right, bottom = _NARROW - 14 - 7 * max(len(row.note) for row in rows), 14 + _ROW * len(rows)
    x = partial(np.interp, xp=(low, high), fp=(left, right))
    parts = []
    for mark, label in zip(marks, tick_labels(marks, percent=True), strict=True):
        parts.append(f'<line class="axis" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="8" y2="{bottom}"/>')
        parts.append(f'<text x="{x(mark):.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>')
    parts.append(f'<line class="overall" x1="{x(overall):.1f}" x2="{x(overall):.1f}" y1="8" y2="{bottom}"/>')
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = 14 + _ROW * (number + 0.5)
        what = f"{row.name}: {row.value:.1%}, {row.low:.1%} to {row.high:.1%}"
        parts.append(
            f'<g><title>{escape(what)}</title><text class="name" x="0" y="{y + 4:.1f}">{escape(name)}</text>'
            f'<line class="interval" x1="{x(row.low):.1f}" x2="{x(row.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        if row.second is not None:
            parts.append(f'<circle class="hollow" cx="{x(row.second):.1f}" cy="{y:.1f}" r="6"/>')
        parts.append(
            f'<circle class="dot" cx="{x(row.value):.1f}" cy="{y:.1f}" r="4.5"/>'
            f'<text x="{_NARROW}" y="{y + 4:.1f}" text-anchor="end">{escape(row.note)}</text></g>'
        )
    return chart("".join(parts), _NARROW, bottom + 24, meaning)


def share_lines(positions: Sequence[str], series: Mapping[str, tuple[str, Sequence[float]]], meaning: str) -> str:
    """Lines of shares, 0 to 1, over named positions, with their legend; by name, each line's CSS colour and shares."""
    height, left, right, top, bottom = 280, 48, 14, 12, 34
    x = partial(np.interp, xp=(0, max(1, len(positions) - 1)), fp=(left, _WIDTH - right))
    y = partial(np.interp, xp=(0, 1), fp=(height - bottom, top))
    parts = [
        f'<line class="axis" x1="{left}" x2="{_WIDTH - right}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>'
        f'<text x="{left - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    for number, name in enumerate(positions):
        parts.append(f'<text x="{x(number):.1f}" y="{height - 12}" text-anchor="middle">{escape(name)}</text>')
    for name, (colour, shares) in series.items():
        points = " ".join(f"{x(number):.1f},{y(share):.1f}" for number, share in enumerate(shares))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.2"/>')
        parts += [
            f'<circle cx="{x(number):.1f}" cy="{y(share):.1f}" r="3.5" fill="{colour}">'
            f"<title>{escape(position)}: {escape(name)} {share:.1%}</title></circle>"
            for number, (position, share) in enumerate(zip(positions, shares, strict=True))
        ]
    return chart("".join(parts), _WIDTH, height, meaning) + key((name, colour) for name, (colour, _) in series.items())


def small_print(lines: Iterable[str]) -> str:
    """Lines of HTML beneath a chart or table."""
    return "".join(f'<p class="small soft">{line}</p>' for line in lines)


def confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A table of the K rows of K counts, each cell in the colour and strength of its share of the row."""
    head = "<tr><th></th>" + "".join(f'<th scope="col">{escape(label)}</th>' for label in labels) + "</tr>"
    lines = []
    for label, row in zip(labels, counts, strict=True):
        total = max(1, sum(row))
        cells = []
        for other, count in zip(labels, row, strict=True):
            share = count / total
            colour = "var(--good)" if other == label else "var(--bad)"
            paint = f"background:color-mix(in srgb, {colour} {round(85 * share)}%, var(--card))"
            cells.append(f'<td style="{paint}">{share:.0%}<small>{count}</small></td>')
        lines.append(f'<tr><th scope="row">{escape(label)}</th>{"".join(cells)}</tr>')
    note = '<p class="small soft">A row is the label in the data, a column the prediction of the network.</p>'
    return f'<div class="scroll"><table class="confusion"><thead>{head}</thead>{"".join(lines)}</table></div>{note}'


def classes(per_class: Mapping[str, Mapping[str, float]]) -> str:
    """A table of each class's faces, recall, precision and F1."""
    rows = [
        (escape(label), f"{row['num_faces']:,.0f}", f"{row['recall']:.0%} {bar(row['recall'])}",
         f"{row['precision']:.0%}", f"{row['f1']:.2f}")
        for label, row in per_class.items()
    ]  # fmt: skip
    return f'<div class="classes">{table(("", "faces", "recall", "precision", "F1"), rows)}</div>'


def bar(share: float) -> str:
    """A share of 0 to 1 as a small bar."""
    return f'<span class="bar"><i style="width:{100 * share:.0f}%"></i></span>'
