"""Draw the results in benchmarks/results, as SVG files in docs/pictures.

python benchmarks/figures.py
"""

import argparse
import itertools
from typing import Any

import numpy as np
from matplotlib.patches import Patch
from tables import AIMS, MEMBERS, MIRRORED, OVERFITTING, PARTS, PEER, ROOT, by_time, changed_share, epochs_of, result

from mien.emotions import colours_of
from mien.report.plots import FAINT, INK, new_figure, plot_curves, save, tidy

PICTURES = ROOT / "docs" / "pictures"
OURS, THEIRS = "#2f6fde", "#8a9099"
GREY = "#5d6675"

SERIES = ("#2f6fde", "#e8843c", "#3aa66f", "#9e74d6", "#d6577a", "#c2a12f")


def overfitting() -> None:
    """The curves of one network under several recipes; the same as `mien train --compare RUN RUN`."""
    runs = {shown: epochs_of(name) for shown, name in OVERFITTING.items()}
    title = "One network, four trainings: training faces as they are (dashed) and PublicTest (solid)"
    plot_curves(runs, PICTURES / "overfitting.svg", title=title)


def trainings() -> None:
    """Accuracy over the epochs of every network's training, and its aim."""
    figure = new_figure(width=7.4, height=4.2, title="")
    axes = figure.subplots()
    for name, colour in zip([*(name for name in AIMS if name in PARTS), *MEMBERS], SERIES, strict=False):
        epochs, aim = epochs_of(name), 100 * AIMS[name][0] if name in AIMS else None
        axes.plot(
            [epoch["epoch"] for epoch in epochs],
            [100 * epoch["val_accuracy"] for epoch in epochs],
            color=colour, linewidth=1.4, label=f"{name} (aim: {aim:g})" if aim else name,
        )  # fmt: skip
        if aim:
            axes.axhline(aim, color=colour, linewidth=0.9, linestyle="--")
    aim = 100 * AIMS["ensemble"][0]
    axes.axhline(aim, color=INK, linewidth=0.9, linestyle="--", label=f"ensemble (aim: {aim:g})")
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


def labels() -> None:
    """What one person of a video shows: probabilities, and the labels of each frame alone, live, and of a file."""
    content = result("labels")["trace"]
    names, rows = content["labels"], [row.split() for row in content["rows"]]
    times = np.array([float(row[0]) for row in rows])
    scores = np.array([[float(cell) for cell in row[1:-3]] for row in rows]).reshape(len(rows), 2, len(names))
    ribbons = {"each frame alone": -3, "live": -2, "file": -1}
    colours = {name: f"#{red:02x}{green:02x}{blue:02x}" for name, (red, green, blue) in colours_of(names).items()}
    figure = new_figure(width=7.4, height=4.2, title="")
    axes, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    for name in [name for name in names if any(name in row[-3:] for row in rows)]:
        raw, smooth = 100 * scores[:, :, names.index(name)].T
        axes.plot(times, raw, color=colours[name], linewidth=0.7, alpha=0.45)
        axes.plot(times, smooth, color=colours[name], linewidth=2, label=name)
    for place, column in enumerate(ribbons.values()):
        # A bar a stretch of one label.
        starts = [index for index in range(len(rows)) if index == 0 or rows[index][column] != rows[index - 1][column]]
        for start, end in itertools.pairwise([*starts, len(rows) - 1]):
            bar = times[end] - times[start]
            below.barh(place, bar, left=times[start], height=0.7, color=colours[rows[start][column]])
    below.set_yticks(range(len(ribbons)), [*ribbons])
    below.invert_yaxis()
    below.set_xlabel("seconds", color=INK, fontsize=9)
    axes.set_ylabel("probability, % (thin: each frame alone)", fontsize=9)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    figure.legend(loc="outside upper center", ncols=5, frameon=False, fontsize=8.5, labelcolor=INK)
    for each in (axes, below):
        tidy(each)
    save(figure, PICTURES / "labels.svg")


def explanations() -> None:
    """Deletion and insertion of every model's maps, beside random ones, another face's and the centre."""
    rows = result("explanations")["rows"]
    kinds = {"own": "its maps", "shuffled": "another face's", "centre": "the centre", "random": "random maps"}
    figure = new_figure(width=7.4, height=2.6, title="")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (measure, better) in zip(panels, (("deletion", "left"), ("insertion", "right")), strict=True):
        for (kind, name), colour in zip(kinds.items(), (OURS, SERIES[2], SERIES[1], THEIRS), strict=True):
            found = [row["readings"]["people"][measure][kind] for row in rows.values()]
            axes.errorbar(
                [each["mean"] for each in found], np.arange(len(found)),
                xerr=[each["standard_error"] for each in found], fmt="o", color=colour, markersize=6, elinewidth=1,
                label=name if measure == "deletion" else None,
            )  # fmt: skip
        axes.set_yticks(np.arange(len(rows)), [*rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(f"{measure}, area under the curve ({better} is better)", color=INK, fontsize=9)
        axes.grid(color=FAINT, linewidth=0.6)
        tidy(axes)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8.5, labelcolor=INK)
    save(figure, PICTURES / "explanations.svg")


def light() -> None:
    """Accuracy, confidence and changed answers of each model on the same faces in other light."""
    models = result("light")["models"]
    figure = new_figure(width=7.4, height=4.8, title="")
    panels = figure.subplots(2, 2, sharex="col", sharey="row", height_ratios=(3, 2))
    for column, (what, name, mark) in enumerate(
        (("exposure", "light, in stops", "{:g}"), ("contrast", "contrast", "×{:g}"))
    ):
        above, below = panels[0, column], panels[1, column]
        for (model, content), colour in zip(models.items(), SERIES, strict=False):
            steps = content[what]
            shares = {key: [100 * step[key] for step in steps] for key in ("accuracy", "confidence", "changed")}
            places = range(len(steps))
            above.plot(places, shares["accuracy"], "o-", color=colour, markersize=3.5, linewidth=1.6,
                       label="" if column else model)  # fmt: skip
            above.plot(places, shares["confidence"], "--", color=colour, linewidth=1.1)
            below.plot(places, shares["changed"], "o-", color=colour, markersize=3.5, linewidth=1.6)
        own = [step["amount"] for step in steps].index(0.0 if what == "exposure" else 1.0)
        for axes in (above, below):
            axes.axvline(own, color=THEIRS, linewidth=0.8, linestyle=":")
            axes.grid(axis="y", color=FAINT, linewidth=0.6)
            axes.set_ylim(0, None)
            tidy(axes)
        below.set_xticks(range(len(steps)), [mark.format(step["amount"]) for step in steps])
        below.set_xlabel(name, color=INK, fontsize=9)
    panels[0, 0].plot([], [], "--", color=INK, linewidth=1.1, label="mean confidence (above)")
    panels[0, 0].set_ylabel("accuracy and confidence, %", fontsize=9)
    panels[1, 0].set_ylabel("answers changed, %", fontsize=9)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8.5, labelcolor=INK)
    save(figure, PICTURES / "light.svg")


def drift() -> None:
    """In how many batches each kind of drift is said, where pictures or expressions have changed."""
    content = result("drift")
    rows = {name: row["sizes"] for name, row in content["changes"].items()}
    rows["as they are"] = content["false_alarms"]["as they are"]  # of more batches
    gap = len(rows)
    shifted = {changed_share(row): row["sizes"] for row in content["more"]}
    figure = new_figure(width=7.4, height=1.2 + 0.26 * (len(rows) + len(shifted)), title="")
    panels = figure.subplots(1, 2, sharey=True)
    names = [*rows, "", *shifted]
    for axes, kind, colour in zip(panels, ("image", "class"), SERIES, strict=False):
        for place, name in enumerate(names):
            sizes = (rows | shifted).get(name, {})
            for (size, part), alpha in zip(sizes.items(), (0.3, 0.6, 1.0), strict=False):
                height = 0.26
                at = place + height * ([*sizes].index(size) - 1)
                axes.barh(at, 100 * part[kind], height=0.85 * height, color=colour, alpha=alpha)
        axes.set_xlim(0, 100)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.axhline(gap, color=FAINT, linewidth=0.9)
        axes.set_xlabel(f"batches with {kind} drift, %", color=INK, fontsize=9)
        tidy(axes)
    panels[0].set_yticks(range(len(names)), names)
    handles = [Patch(color=GREY, alpha=alpha, label=f"{size} faces") for alpha, size in
               ((0.3, "30"), (0.6, "100"), (1.0, "1,000"))]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8.5, labelcolor=INK)
    save(figure, PICTURES / "drift.svg")


def risk_and_coverage() -> None:
    """The error of the clearest answers of every model, by how many of them there are, for both readings."""
    content = result("abstention")
    figure = new_figure(width=7.4, height=3.9, title="")
    panels = figure.subplots(1, 2)
    names = [name for name in content["models"] if name != PEER]
    colours = dict(zip(names, SERIES, strict=False)) | {PEER: THEIRS}
    for axes, reading, what in zip(panels, ("people", "fer2013"), ("what people name", "FER2013's label"), strict=True):
        for name, model in content["models"].items():
            if reading in model:
                each = model[reading]
                shares, risks = (100 * np.array(each[key]) for key in ("coverage", "risk"))
                dashes = "--" if name == PEER else "-"
                label = name if reading == "fer2013" else ""
                axes.plot(shares, risks, dashes, color=colours[name], linewidth=1.7, label=label)
        for error, row in content["models"][content["default"]][reading]["accepted"].items():
            x, y = 100 * row["kept_of_labelled"], 100 * row["error"]
            axes.plot(x, y, "o", color=colours[content["default"]], markersize=5)
            text = "default" if error == "default" else f"{100 * float(error):g} %"
            axes.annotate(text, (x, y), (6, -9), textcoords="offset points", fontsize=8, color=INK)
        axes.set_title(what, fontsize=9.5, color=INK)
        axes.set_xlabel("answers kept, the clearest first, %", color=INK, fontsize=9)
        axes.set_xlim(0, 112)
        axes.set_xticks(range(0, 101, 20))
        axes.set_ylim(0, None)
        axes.grid(color=FAINT, linewidth=0.6)
        tidy(axes)
    panels[0].set_ylabel("wrong of those, %", fontsize=9)
    figure.legend(loc="outside upper center", ncols=5, frameon=False, fontsize=8.5, labelcolor=INK)
    save(figure, PICTURES / "risk-coverage.svg")


def sets() -> None:
    """Coverage and size of the default model's sets of 90 % by label, for both readings."""
    content = result("abstention")
    model = content["models"][content["default"]]
    labels = list(model["people"]["sets"]["0.9"]["per_class"])
    colours = {name: f"#{red:02x}{green:02x}{blue:02x}" for name, (red, green, blue) in colours_of(labels).items()}
    figure = new_figure(width=7.4, height=3.6, title="")
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(labels))
    for offset, (reading, filled) in zip((-0.17, 0.17), {"people": True, "fer2013": False}.items(), strict=True):
        parts = model[reading]["sets"]["0.9"]["per_class"]
        for place, label in zip(places, labels, strict=True):
            face = colours[label] if filled else "none"
            style: dict[str, Any] = {"height": 0.3, "facecolor": face, "edgecolor": colours[label], "linewidth": 1.3}
            left.barh(place + offset, 100 * parts[label]["coverage"], **style)
            right.barh(place + offset, parts[label]["size"], **style)
    left.axvline(90, color=INK, linewidth=0.9, linestyle=":")
    left.set_yticks(places, labels)
    left.invert_yaxis()
    left.set_xlim(50, 100)
    left.set_xlabel("right label in the set, % (asked for: 90)", color=INK, fontsize=9)
    right.set_xlabel("labels in a set", color=INK, fontsize=9)
    for reading, face in (("people's reading", INK), ("fer2013", "none")):
        right.barh([0], [0], facecolor=face, edgecolor=INK, label=reading)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8.5, labelcolor=INK)
    for axes in (left, right):
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        tidy(axes)
    save(figure, PICTURES / "prediction-sets.svg")


def pruning() -> None:
    """Accuracy over time of networks with a share of their channels, in both forms, and of the small networks."""
    content = result("pruning")
    figure = new_figure(width=7.4, height=4.2, title="")
    axes = figure.subplots()
    curve = sorted(
        (row for row in content["runs"].values() if row["architecture"] == "rep-small" and not row["teacher_weight"]),
        key=lambda row: float(row["keep"]),
    )
    for form, label, colour, side in (
        ("fp32", "float32", SERIES[0], "left"),
        ("int8", "eight bits", SERIES[1], "right"),
    ):
        x, y = ([row[form][key] for row in curve] for key in ("microseconds", "accuracy"))
        axes.plot(x, [100 * value for value in y], "o-", color=colour, linewidth=1.4, label=f"rep-small, {label}")
        for name, row in content["runs"].items():
            place = row[form]["microseconds"], 100 * row[form]["accuracy"]
            shift = (7, -10) if side == "left" else (-7, 4)
            text = f"{100 * row['keep']:g} %"
            if row not in curve:
                axes.plot(*place, "D", color=colour, markersize=6)
                text, shift = name, (shift[0], -shift[1])
            axes.annotate(text, place, shift, textcoords="offset points", fontsize=8, color=INK, ha=side)
    for name, row in content["compared"].items():
        place = row["microseconds"], 100 * row["accuracy"]
        axes.plot(*place, "s", color=THEIRS, markersize=6)
        text = name if "epochs" in row else f"{name}, as shipped"
        axes.annotate(text, place, (0, 7), textcoords="offset points", fontsize=8, color=INK, ha="center")
    axes.margins(y=0.12)
    axes.set_xscale("log")
    axes.set_xticks([200, 300, 500, 700, 1000, 1500, 2000])
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("µs a face, one thread, batch 1 (left is faster)", color=INK, fontsize=9)
    axes.set_ylabel("accuracy on PublicTest, %", fontsize=9)
    axes.grid(color=FAINT, linewidth=0.6)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8.5, labelcolor=INK)
    tidy(axes)
    save(figure, PICTURES / "pruning.svg")


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    overfitting()
    trainings()
    accuracy_and_time()
    robustness()
    labels()
    explanations()
    light()
    drift()
    risk_and_coverage()
    sets()
    pruning()


if __name__ == "__main__":
    main()
