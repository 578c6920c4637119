"""One training as one page: its curves, scores and confident mistakes so far, its recipe and its network."""

import base64
import io
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from html import escape
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from mien.data.dataset import FaceSet, resize_faces
from mien.evaluation import score
from mien.evaluation.metrics import calibration_bins, shares_of
from mien.report.charts import bar, classes, confusion, tick_labels, ticks
from mien.report.html import card, chart, document, key, named_values, table, tiles
from mien.values import Scores

SECONDS_A_RELOAD: Final = 30  # seconds after which the page of a running training reloads itself
LEAST_PATIENCE: Final = 300  # seconds without news after which a training may be taken for killed, besides its epochs
NUM_MISTAKES: Final = 24  # faces shown of those that are confidently misclassified
_WIDTH, _HEIGHT = 560, 300
_RIGHT, _TOP, _BOTTOM = 12, 12, 30

State: TypeAlias = Literal["running", "finished", "stopped"]
"""How far a training is; one that was interrupted or failed has stopped."""


class Measured(NamedTuple):
    """What the model kept last says of the validation split."""

    epoch: int  # of that model
    split: FaceSet
    scores: Scores


class Layer(NamedTuple):
    """One step from a face to the logits."""

    name: str  # the module's path in the network, `features.6.body.0`; empty for a step that is not a module
    kind: str  # the module with its settings, as torch writes it: `MaxPool2d(kernel_size=2, stride=2, padding=0)`
    shape: tuple[int, ...]  # of its output for one face: (C, H, W) or (C,)
    num_parameters: int = 0  # each counted where it is used first
    # Multiplications with a weight of a convolution or dense layer, for one face. All others count as none: norms are
    # folded into convolutions by export, activations and poolings have no weights.
    macs: int = 0


def render(
    *,
    title: str,
    state: State,
    recipe: Mapping[str, Any],
    about: Mapping[str, Any],
    epochs: Sequence[Mapping[str, Any]],
    measured: Measured | None,
    layers: Sequence[Layer],
    advice: str | None = None,
) -> str:
    """The page as HTML, from what the run's folder holds; `about` has the data, the code and the machine.

    `advice` says what to change, where nothing was learned.

    The page of a running training says when it was written, and in a browser, when it has had no news for so long that
    the training must have been killed.
    """
    running = state == "running"
    headlines, cards = _headlines(epochs, recipe["epochs"], running), _curves(epochs)
    if advice:
        cards.insert(0, card("Nothing learned", f"<p>{escape(advice[:1].upper() + advice[1:])}</p>"))
    if measured:
        split, scores = measured.split, measured.scores
        scorecard = score(split.labels, scores, split.classes)
        headlines = [
            ("validation accuracy", f"{scorecard.accuracy:.2%}",
             f"± {scorecard.standard_error:.2%}, epoch {measured.epoch}"),
            ("macro F1", f"{scorecard.macro_f1:.3f}", ""),
            ("NLL", f"{scorecard.nll:.3f}", "nats"),
            ("ECE", f"{scorecard.ece:.3f}", "before calibration"),
            *headlines,
        ]  # fmt: skip
        shares = shares_of(split.labels, scores.shape[1])
        cards += [
            card("Confusion", confusion(scorecard.labels, scorecard.confusion), "two-thirds"),
            card("Reliability", _reliability(*calibration_bins(shares, scores)), "third"),
            card("Classes", classes(scorecard.per_class), "third"),
            card("Confident mistakes", _mistakes(split, scores, recipe["image_size"]), "two-thirds"),
        ]
    kept = "".join(f"<li>{escape(line['kept'])}</li>" for line in reversed(epochs) if line.get("kept"))
    cards += [
        card("Recipe", named_values(_flat(recipe)), "third"),
        card("Data, code and machine", named_values(_flat(about)), "third"),
        card("Models kept", f'<ul class="small" style="padding-left:18px">{kept}</ul>', "third"),
        card("Network", _network(layers)),
    ]
    pill = f'<span class="pill">{state}</span>'
    if running:
        now = datetime.now().astimezone()
        patience = LEAST_PATIENCE + 3 * max((float(line["seconds"]) for line in epochs), default=LEAST_PATIENCE)
        pill = (
            f'<span class="pill running" data-written="{now.timestamp():.0f}" data-patience="{patience:.0f}">'
            f"running at {now:%H:%M} on {now:%Y-%m-%d}</span>"
        )
    header = f"<header><h1>{escape(title)}{pill}</h1>{tiles(headlines)}</header>"
    body = f'{header}<div class="grid">{"".join(cards)}</div>'
    script = "run_page.js" if running else ""
    return document(title, body, style="run_page.css", script=script, refresh=SECONDS_A_RELOAD if running else None)


def _headlines(epochs: Sequence[Mapping[str, Any]], total: int, running: bool) -> list[tuple[str, str, str]]:
    pace = statistics.median([float(line["seconds"]) for line in epochs] or [0.0])
    left = f"{_duration(pace * (total - len(epochs)))} left" if running and pace else ""
    rows = [("epoch", str(len(epochs)), f"of {total}"), ("an epoch", _duration(pace), left)]
    if epochs and "plain_train_accuracy" in epochs[-1]:
        gap = epochs[-1]["plain_train_accuracy"] - epochs[-1]["val_accuracy"]
        rows.append(("overfitting", f"{100 * gap:+.1f}", "points, last epoch"))
    return rows


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _curves(epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    if not epochs:
        return [card("Curves", "<p>They begin when the first epoch has ended.</p>")]
    return [card(what.capitalize(), _line_chart(epochs, what), "half") for what in ("accuracy", "loss")]


def _line_chart(lines: Sequence[Mapping[str, Any]], what: str) -> str:
    every_series = {
        "validation": ("var(--val)", [line[f"val_{what}"] for line in lines]),
        "training faces as they are": ("var(--train)", [line.get(f"plain_train_{what}") for line in lines]),
        "as trained on": ("var(--soft)", [line[f"train_{what}"] for line in lines]),
    }
    series = {name: (colour, values) for name, (colour, values) in every_series.items() if None not in values}
    epochs: list[int] = [line["epoch"] for line in lines]
    kept = {line["epoch"] for line in lines if line.get("kept")}
    every = [value for _, values in series.values() for value in values]
    low, *_, high = marks = ticks(min(every), max(every))
    labels = tick_labels(marks, percent=what == "accuracy")
    left = 14 + 7 * max(map(len, labels))  # a digit is 7 wide
    last = max(*epochs, 2)

    x = partial(np.interp, xp=(1, last), fp=(left, _WIDTH - _RIGHT))
    y = partial(np.interp, xp=(low, high), fp=(_HEIGHT - _BOTTOM, _TOP))
    parts = []
    for tick, label in zip(marks, labels, strict=True):
        parts.append(f'<line class="axis" x1="{left}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{label}</text>')
    labelled = sorted({round(1 + (last - 1) * share / 4) for share in range(5)})
    parts += [f'<text x="{x(epoch):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{epoch}</text>' for epoch in labelled]
    for name, (colour, values) in series.items():
        points = " ".join(f"{x(epoch):.1f},{y(value):.1f}" for epoch, value in zip(epochs, values, strict=True))
        width = 1.2 if name == "as trained on" else 2.2
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" '
                     'stroke-linejoin="round"/>')  # fmt: skip
        for epoch, value in zip(epochs, values, strict=True):
            filled = colour if name == "validation" and epoch in kept else "transparent"
            parts.append(f'<circle cx="{x(epoch):.1f}" cy="{y(value):.1f}" r="3" fill="{filled}">'
                         f"<title>epoch {epoch}, {escape(name)}: {value:.4f}</title></circle>")  # fmt: skip
    legend = key((name, colour) for name, (colour, _) in series.items())
    return chart("".join(parts), _WIDTH, _HEIGHT, f"{what} by epoch") + legend


def _reliability(counts: NDArray[np.float64], confidence: NDArray[np.float64], accuracy: NDArray[np.float64]) -> str:
    side, most = 420, max(1, *counts)
    num = len(counts)

    x = partial(np.interp, xp=(0, 1), fp=(44, side - 24))
    y = partial(np.interp, xp=(0, 1), fp=(side - 48, 12))
    parts = [
        f'<text x="{x(share):.0f}" y="{side - 24}" text-anchor="middle">{share:.0%}</text>'
        f'<text x="38" y="{y(share) + 4:.0f}" text-anchor="end">{share:.0%}</text>'
        for share in (0, 0.5, 1)
    ]
    parts.append(f'<line class="axis" x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" stroke-dasharray="4 4"/>')
    for number, (count, sure, right) in enumerate(zip(counts, confidence, accuracy, strict=True)):
        if not count:
            continue
        left, width = x(number / num), (side - 68) / num
        title = f"<title>{count:.0f} faces: confidence {sure:.1%}, accuracy {right:.1%}</title>"
        parts.append(f'<rect x="{left + 1:.1f}" width="{width - 2:.1f}" y="{y(right):.1f}" '
                     f'height="{y(0) - y(right):.1f}" fill="var(--accent)" '
                     f'opacity="{0.35 + 0.65 * (count / most) ** 0.5:.2f}">{title}</rect>'
                     f'<circle cx="{x(sure):.1f}" cy="{y(right):.1f}" r="2.5" fill="var(--train)"/>')  # fmt: skip
    note = (
        '<p class="small soft">The accuracy by the confidence. Stronger bars hold more faces; on the dashed line, '
        "accuracy and confidence are equal.</p>"
    )
    return chart("".join(parts), side, side, "reliability diagram") + note


def _mistakes(split: FaceSet, scores: Scores, image_size: int) -> str:
    """The most confident mistakes, as the network sees them."""
    predicted, confidence = scores.argmax(1), scores.max(1)
    wrong = np.flatnonzero(predicted != split.labels)
    surest = wrong[np.argsort(-confidence[wrong])][:NUM_MISTAKES]
    figures = []
    for number, face in zip(surest, resize_faces(split.faces[surest], image_size), strict=True):
        content = io.BytesIO()
        Pillow.fromarray(face).save(content, "PNG")
        image = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
        label, guess = escape(split.classes[split.labels[number]]), escape(split.classes[predicted[number]])
        figures.append(
            f'<figure><img alt="{label}, classified as {guess}" title="{escape(split.sources[number])}" src="{image}">'
            f"<figcaption><b>{guess} {confidence[number]:.0%}</b><br>labelled {label}</figcaption></figure>"
        )
    return f'<div class="faces">{"".join(figures)}</div>'


def _network(layers: Sequence[Layer]) -> str:
    most = max((layer.macs for layer in layers), default=0) or 1
    rows = [
        (escape(layer.name), escape(layer.kind), "×".join(map(str, layer.shape)), f"{layer.num_parameters:,}",
         f"{layer.macs:,} {bar(layer.macs / most)}")
        for layer in layers
    ]  # fmt: skip
    parameters, macs = sum(layer.num_parameters for layer in layers), sum(layer.macs for layer in layers)
    head = "layer", "module", "output", "parameters", "multiplications"
    total = f"<p>{parameters:,} parameters, {macs:,} multiplications a face</p>"
    return f'{total}<div class="layers">{table(head, rows)}</div>'


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    """Nested settings as one list with dotted names: `augmentation.scale`."""
    rows: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        elif value not in (None, [], ""):
            rows.append((prefix + name, f"{value:g}" if isinstance(value, float) else value))
    return rows
