"""Write the tables of the documents from the figures in benchmarks/results.

    python benchmarks/tables.py           # rewrite every table between its markers
    python benchmarks/tables.py --check   # only report which are out of date; status 1 if any is

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; NAME is a function below.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from mien.data.findings import KINDS
from mien.recognition import shipped_models

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
OVERFITTING_RUNS = ("gelu-cnn-as-published", "gelu-cnn")
"""Runs of one network by two recipes, in `benchmarks/results/runs`."""

DISTILLED = "gelu-cnn-again"
"""The run that continued from the weights of the last of them, with a teacher."""

PEER = "published mini-Xception"
MIRRORED = "changed by mirroring"

MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def result(name: str) -> dict[str, Any]:
    """A committed result by its file's name."""
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    names = list(header)
    lines = [names, ["---"] + ["---:"] * (len(names) - 1), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def models() -> str:
    """Every shipped model, a row each, beside the peer."""
    content = result("models")
    rows = []
    for name, row in by_time(content["rows"]):
        votes = row["fer_plus"]
        rows.append(
            [
                ours(name),
                row["size_class"],
                f"{row['num_parameters']:,}",
                f"{row['bytes'] / 1024:,.0f}",
                f"{row['microseconds_batch_1']:,.0f}",
                f"{row['microseconds_batch_64']:,.0f}",
                f"{percent(row['accuracy'])} ± {percent(row['standard_error'])}",
                percent(row["accuracy_without_duplicates"]),
                percent(row["accuracy_with_flip"]),
                f"{percent(votes['accuracy'])} (n = {votes['num_faces']:,})" if votes else "",
                percent(row["macro_f1"]),
                percent(row["ece"]),
                percent(row["ece_cross_fitted"]),
                f"{percent(row['ece_by_chance']['mean'])} ± {percent(row['ece_by_chance']['std'])}",
            ]
        )
    header = ["", "class", "parameters", "file, KB", "µs a face", "in batches of 64", f"accuracy (n = "
              f"{content['num_faces']:,}), %", "without duplicates, %", "with the mirror image, %", "FER+ majority, %",
              "macro F1, %", "ECE, %", "cross-fitted, %", "by chance, %"]  # fmt: skip
    return markdown(header, rows)


def recalls() -> str:
    """Recall of each class by every shipped model."""
    rows = by_time(result("models")["rows"])
    return markdown(
        ["recall, %", *rows[0][1]["recall"]],
        [[ours(name), *map(percent, row["recall"].values())] for name, row in rows],
    )


def robustness(*models: str) -> str:
    """Accuracy under each distortion, of all models or of one beside the peer."""
    content = result("models")["rows"]
    nets = {name: row for name, row in by_time(content) if not models or name in (*models, PEER)}
    rows = []
    for key in content[PEER]["robustness"]:
        values = [row["robustness"][key] for row in nets.values()]
        best = min(values) if key == MIRRORED else max(values)
        label = {"plain": "as they are", MIRRORED: "label changed by mirroring (less is better)"}.get(key, key)
        rows.append([label, *(f"**{percent(value)}**" if value == best else percent(value) for value in values)])
    return markdown(["accuracy, %", *map(ours, nets)], rows)


def by_time(rows: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The peer first, then ours, the fastest first."""
    return sorted(rows.items(), key=lambda item: (item[0] != PEER, item[1]["microseconds_batch_1"]))


def ours(name: str) -> str:
    """A row's name, bold unless it is the peer's."""
    return name if name == PEER else f"**{name}**"


def overfitting() -> str:
    """Accuracy on training faces and on others, after as many epochs of each run and at its end."""
    texts = {name: RESULTS / "runs" / name / "metrics.jsonl" for name in (*OVERFITTING_RUNS, DISTILLED)}
    runs = {name: [json.loads(line) for line in path.open(encoding="utf-8")] for name, path in texts.items()}
    common = min(len(runs[name]) for name in OVERFITTING_RUNS)
    shown = [(name, str(number), runs[name][number - 1])
             for name in OVERFITTING_RUNS for number in sorted({common, len(runs[name])})]  # fmt: skip
    before, further = runs[OVERFITTING_RUNS[-1]], runs[DISTILLED]
    shown.append((f"{OVERFITTING_RUNS[-1]}, then distilled", f"{len(before)} + {len(further)}", further[-1]))
    rows = []
    for name, number, epoch in shown:
        train, val = epoch["plain_train_accuracy"], epoch["val_accuracy"]
        rows.append([name, number, percent(train), percent(val), f"{100 * (train - val):+.1f}"])
    return markdown(["", "epoch", "training faces, %", "PublicTest, %", "gap, points"], rows)


def networks() -> str:
    """Accuracy of several networks in short trainings."""
    return markdown(
        ["", "PublicTest, % (each seed)", "training faces, %"],
        [
            [name, each_seed(row["accuracies"]), percent(row["train_accuracy"])]
            for name, row in result("ablation")["networks"].items()
        ],
    )


def ingredients() -> str:
    """The change of accuracy without each ingredient of a recipe, against the recipe with the same seeds."""
    content = result("ablation")
    recipe = content["networks"]["rep-nano"]
    with_seed = dict(zip(recipe["seeds"], recipe["accuracies"], strict=True))
    rows = [["as in its recipe", each_seed(recipe["accuracies"]), "", percent(recipe["train_accuracy"])]]
    for name, row in content["ingredients"].items():
        change = row["accuracy"] - fmean(with_seed[seed] for seed in row["seeds"])
        rows.append([name, each_seed(row["accuracies"]), f"{100 * change:+.1f}", percent(row["train_accuracy"])])
    return markdown(["", "PublicTest, % (each seed)", "change, points", "training faces, %"], rows)


def each_seed(accuracies: list[float]) -> str:
    return f"**{percent(fmean(accuracies))}** ({', '.join(map(percent, accuracies))})"


def training_speed() -> str:
    """Images a second of each network, by threads and processes."""
    figures = result("training_speed")["images_a_second"]
    ways = list(next(iter(figures.values())))
    return markdown(["", *ways], [[net, *(f"{row[way]:,.0f}" for way in ways)] for net, row in figures.items()])


def winograd() -> str:
    """How many times as fast our 3x3 convolutions are."""
    ratios = result("training_speed")["winograd_times_as_fast"]
    return markdown(["", "times as fast"], [[name, f"{ratio:.1f}"] for name, ratio in ratios.items()])


def video_speed() -> str:
    """Frames a second of a video's analysis."""
    speed = result("video")["speed"]
    ways = list(next(iter(speed.values()))["frames_a_second"])
    rows = [[_video(name), *(f"{row['frames_a_second'][way]:.0f}" for way in ways)] for name, row in speed.items()]
    return markdown(["frames a second", *ways], rows)


def video_stages() -> str:
    """Milliseconds a frame of each stage."""
    speed = result("video")["speed"]
    stages = list(next(iter(speed.values()))["milliseconds_a_frame"])
    rows = [[stage, *(f"{row['milliseconds_a_frame'][stage]:.1f}" for row in speed.values())] for stage in stages]
    return markdown(["ms a frame", *map(_video, speed)], rows)


def _video(file: str) -> str:
    return {"one.mp4": "one face", "three.mp4": "three faces"}.get(file, file)


def video_memory() -> str:
    """Resident memory early and late."""
    return markdown(
        ["", "MB"], [[when, f"{value:.0f}"] for when, value in result("video")["resident_megabytes"].items()]
    )


def jobs() -> str:
    """Speed and memory by the number of processes."""
    rows = [
        [f"{what}, --jobs {number}", f"{row['a_second']:.1f} {content['unit']}", f"{row['times_as_fast']:.2f}",
         f"{row['megabytes']:.0f}"]
        for what, content in result("jobs")["rows"].items()
        for number, row in content["processes"].items()
    ]  # fmt: skip
    return markdown(["", "a second", "times as fast", "MB"], rows)


def hour() -> str:
    """An hour of video, uninterrupted and killed."""
    content = result("hour")
    same = "the same, byte for byte" if content["identical_rows"] else "NOT the same"
    return markdown(
        ["", "an hour"],
        [
            ["frames", f"{content['num_frames']:,}"],
            ["frames a second", f"{content['frames_a_second']:.0f}"],
            ["MB in the first fifth, and at the end",
             f"{content['megabytes_in_the_first_fifth']:.0f}, {content['megabytes_at_the_end']:.0f}"],
            [f"rows after {content['kills']} kills", same],
        ],
    )  # fmt: skip


def flicker() -> str:
    """Label changes of the shared videos, raw and after smoothing."""
    rows, total = [], [0.0, 0, 0]
    for name, row in result("video")["flicker"].items():
        if name in ("one.mp4", "three.mp4"):
            continue
        values = [row["seconds_in_view"], row["raw_changes"], row["leading_changes"]]
        total = [one + other for one, other in zip(total, values, strict=True)]
        rows.append([name, f"{values[0]:.1f}", f"{values[1]}", f"{values[2]}"])
    ratio = total[1] / max(1, total[2])
    rows.append(["together", f"{total[0]:.1f}", f"{total[1]}", f"{total[2]} ({ratio:.1f} times fewer)"])
    return markdown(["", "seconds in view", "changes, raw", "changes, smoothed"], rows)


def scores(model: str) -> str:
    """A shipped model on PublicTest, per class."""
    content = result(model)
    rows = [
        [name, f"{row['num_faces']:,}", percent(row["recall"]), percent(row["precision"]), percent(row["f1"])]
        for name, row in content["per_class"].items()
    ]
    rows.append(["all", f"{content['num_faces']:,}", f"**{percent(content['accuracy'])}** (accuracy)", "",
                 f"{percent(content['macro_f1'])} (macro)"])  # fmt: skip
    return markdown(["expression", "faces", "recall, %", "precision, %", "F1, %"], rows)


def calibration(model: str) -> str:
    """A shipped model's figures, without duplicates, and averaged with the mirror image."""
    rows = []
    for name, file in (("one pass", model), ("averaged with the mirror image", f"{model}-flip")):
        content = result(file)
        for which, part in (("", content), (", without training's duplicates", content["without_duplicates"])):
            rows.append(
                [f"{name}{which}", f"{part['num_faces']:,}", f"{percent(part['accuracy'])} ± "
                 f"{percent(part['standard_error'])}", percent(part["macro_f1"]), percent(part["ece"]),
                 f"{part['nll']:.3f}"]
            )  # fmt: skip
    return markdown(["", "faces", "accuracy, %", "macro F1, %", "ECE, %", "NLL"], rows)


def pipeline() -> str:
    """Milliseconds of each stage."""
    content = result("pipeline")["microseconds"]
    stages = list(next(iter(content.values())))
    rows = [
        [stage, *(f"{row[stage] / 1000:.2f} ({row[stage] / row['end to end']:.0%})" for row in content.values())]
        for stage in stages
    ]
    return markdown(["ms, one thread", *content], rows)


def detection_sizes() -> str:
    """Share of faces found, by the side of the face and the size of the picture; the faces are upright."""
    rows = {name: counts for name, counts in result("detection")["rows"].items() if name != "yunet, turned"}
    sizes = ("640×480", "1280×960", "4000×3000")
    sides = [row.partition(": ")[2] for row in next(iter(rows.values())) if row.startswith(sizes[-1])]
    lines = []
    for side in sides:
        cells = [counts.get(f"{size}: {side}") for counts in rows.values() for size in sizes]
        num = max(cell["faces"] for cell in cells if cell)
        label = f"filling (n = {num})" if side == "filling" else f"{side} px (n = {num})"
        lines.append([label, *(percent(cell["recall"]) if cell else "" for cell in cells)])
    return markdown(["found, %", *(f"{name}, {size}" for name in rows for size in sizes)], lines)


def detection_conditions() -> str:
    """Share of faces found, by turn, light and how far they are outside."""
    labels = {"turn": "turned by {}°", "light": "light: {}", "outside": "{} outside of the picture"}
    rows = result("detection")["rows"]
    lines = []
    for row in next(iter(rows.values())):
        group, _, name = row.partition(": ")
        if group in labels:
            cells = [counts[row] for counts in rows.values()]
            lines.append([labels[group].format(name), *(percent(cell["recall"]) for cell in cells)])
    return markdown([f"found of {result('detection')['num_faces']} faces, %", *rows], lines)


def detection_false() -> str:
    """False boxes in pictures without a face, and in all scenes with faces."""
    rows = result("detection")["rows"]
    first = next(iter(rows.values()))
    lines = []
    for row, count in first.items():
        group, _, name = row.partition(": ")
        if group == "no face":
            lines.append(
                [f"{name} ({count['pictures']} pictures)", *(_false(counts, [row]) for counts in rows.values())]
            )
    scenes = [row for row in first if row.partition(":")[0] not in ("no face", "counted")]
    pictures = sum(first[row]["pictures"] for row in scenes)
    lines.append([f"scenes with faces ({pictures} pictures)", *(_false(counts, scenes) for counts in rows.values())])
    return markdown(["false boxes a picture", *rows], lines)


def _false(counts: dict[str, Any], rows: list[str]) -> str:
    """False boxes a picture in those rows, and how many there are."""
    false, pictures = (sum(counts[row][key] for row in rows) for key in ("false", "pictures"))
    return f"{false / pictures:.2f} ({false})"


def detection_counted() -> str:
    """Faces found in the pictures whose faces were marked by eye, and false boxes."""
    rows = result("detection")["rows"]
    lines = [
        [row.partition(": ")[2], f"{count['faces']}",
         *(f"{counts[row]['found']}, {counts[row]['false']}" for counts in rows.values())]
        for row, count in next(iter(rows.values())).items()
        if row.startswith("counted: ")
    ]  # fmt: skip
    return markdown(["", "faces", *(f"{name}: found, false" for name in rows)], lines)


def detection_scores() -> str:
    """What YuNet finds by the least score that counts."""
    lines = []
    for least, groups in result("detection")["by_score"].items():
        scenes = [count for group, count in groups.items() if group not in ("no face", "counted")]
        found, faces, false, pictures = (sum(count[key] for count in scenes)
                                         for key in ("found", "faces", "false", "pictures"))  # fmt: skip
        counted, empty = groups["counted"], groups["no face"]
        lines.append(
            [least, f"{counted['found']}, {counted['false']}", percent(found / faces), f"{false / pictures:.2f}",
             *(percent(groups[group]["recall"]) for group in ("turn", "light", "outside")),
             f"{empty['false']} in {empty['pictures']}"]
        )  # fmt: skip
    groups = next(iter(result("detection")["by_score"].values()))
    header = ["least score", f"of {groups['counted']['faces']} marked by eye: found, false", "in all scenes: found, %",
              "false boxes a scene", "turned: found, %", "in other light", "partly outside",
              "false boxes without a face"]  # fmt: skip
    return markdown(header, lines)


def detection_times() -> str:
    """Milliseconds a picture."""
    times = result("detection")["milliseconds"]
    names = list(next(iter(times.values())))
    lines = [[size, *(f"{row[name]:,.0f}" for name in names)] for size, row in times.items()]
    return markdown(["ms a picture, one thread", *names], lines)


def detection_settings() -> str:
    """What Haar's options cost and bring."""
    settings = result("detection")["settings"]
    faces = next(iter(settings.values()))["faces"]
    lines = [
        [name, f"{row['milliseconds']:.0f}", percent(row["recall"]), f"{row['false_a_picture']:.2f}"]
        for name, row in settings.items()
    ]
    header = ["Haar in 640×480", "ms", f"found of {faces:,} faces of 12 to 480 px, %", "false boxes a picture"]
    return markdown(header, lines)


def detection_turns() -> str:
    """The whole pipeline on turned faces."""
    lines = [
        [f"{name}, {turn}°", percent(row["found"]), *(
            "" if row[key] is None else percent(row[key]) for key in ("accuracy", "accuracy_of_found")),
         f"{row['num_found_both']:,}", *(
            "" if row[key] is None else percent(row[key]) for key in ("accuracy_of_both", "upright_accuracy_of_both"))]
        for name, by_turn in result("through_detector")["turns"]["rows"].items()
        for turn, row in by_turn.items()
    ]  # fmt: skip
    num = result("through_detector")["turns"]["num_faces"]
    header = [f"{num:,} faces", "found, %", "accuracy of all, %", "of the found, %", "found turned and upright",
              "accuracy of those, turned, %", "upright, %"]  # fmt: skip
    return markdown(header, lines)


def yunet_crop() -> str:
    """How well each length predicts the side of Haar's square."""
    content = result("yunet_crop")
    rows = [[name, f"{row['factor']:.4f}", percent(row["spread"])] for name, row in content["side"].items()]
    return markdown(["side of Haar's square from", "factor", "median deviation, %"], rows)


def through_detector() -> str:
    """Accuracy on the faces found, with and without the detector."""
    rows = [
        [name, percent(row["found"]), percent(row["direct"]), percent(row["through_detector"]),
         f"{row['lost_points']:.2f}"]
        for name, row in result("through_detector")["rows"].items()
    ]  # fmt: skip
    return markdown(["", "found, %", "direct, %", "through the detector, %", "lost, points"], rows)


def pose() -> str:
    """What is measured of heads turned by known angles."""
    rows = [
        [
            f"{name} {turn}°",
            str(row["num"]),
            f"{row['measured']:.1f}",
            f"{row['median_error']:.1f}",
            f"{row['error_90']:.1f}",
        ]
        for name, turns in result("pose")["rows"].items()
        for turn, row in turns.items()
    ]
    return markdown(["turned by", "faces found", "measured (median)", "median error", "of 90 % within"], rows)


def quality() -> str:
    """Accuracy by tenths of each measure of a face's quality."""
    rows = [
        [
            "**quality**" if name == "quality" else f"`{name}`",
            "" if row["weight"] is None else f"{row['weight']:.2f}" if row["weight"] else "–",
            f"{row['separation']:.2f}",
            f"{row['separation_as_they_are']:.2f}",
            *(f"{100 * accuracy:.0f}" for accuracy in row["accuracies"]),
        ]
        for name, row in result("quality")["measures"].items()
    ]
    tenths = ["lowest tenth, %", *(str(place) for place in range(2, 10)), "highest"]
    return markdown(["accuracy by", "weight", "AUC", "as they are", *tenths], rows)


def quality_faults() -> str:
    """Accuracy and quality under each fault, in its lighter and its heavier half."""
    rows = []
    for name, halves in result("quality")["faults"].items():
        cells = [(percent(half["accuracy"]), f"{half['quality']:.0f}") for half in halves.values()]
        rows.append([name, *(cell for half in [*cells, ("", "")][:2] for cell in half)])
    return markdown(["", "lighter: accuracy, %", "quality", "heavier: accuracy, %", "quality"], rows)


def quality_covered() -> str:
    """How many faces are said to be covered: hits and false alarms."""
    rows = [
        [
            name,
            f"{part['num_pictures']:,}",
            percent(part["named_covered"]),
            percent(part["covered_below_80"]),
            percent(part["accuracy"]),
        ]
        for name, part in result("quality")["covered"].items()
    ]
    return markdown(["", "faces", "said to be covered, %", "`covered` below 80, %", "accuracy, %"], rows)


def audit() -> str:
    """What `mien data audit` finds in FER2013's Training and PublicTest."""
    rows = [
        [
            f"{kind}: {KINDS[kind]}",
            *(f"{row[key]:,}" for key in ("num_groups", "num_faces", "num_leaks", "num_left_out")),
        ]
        for kind, row in result("audit")["findings"].items()
    ]
    return markdown(["finding", "groups", "faces", "outside training, with a partner in it", "left out"], rows)


def read_csv() -> str:
    """Seconds to read FER2013 in each form."""
    content = result("read_csv")
    rows = [[name, f"{seconds:.1f}"] for name, seconds in content["seconds"].items()]
    return markdown(
        [f"{content['num_faces']:,} faces, {content['megabytes']:.0f} MB of CSV, one thread", "seconds"], rows
    )


TABLES: dict[str, Callable[[], str]] = {
    "models": models,
    "recalls": recalls,
    "robustness": robustness,
    "overfitting": overfitting,
    "pipeline": pipeline,
    "detection_sizes": detection_sizes,
    "detection_conditions": detection_conditions,
    "detection_false": detection_false,
    "detection_counted": detection_counted,
    "detection_scores": detection_scores,
    "detection_times": detection_times,
    "detection_settings": detection_settings,
    "detection_turns": detection_turns,
    "yunet_crop": yunet_crop,
    "pose": pose,
    "through_detector": through_detector,
    "quality": quality,
    "quality_faults": quality_faults,
    "quality_covered": quality_covered,
    "audit": audit,
    "read_csv": read_csv,
    "networks": networks,
    "ingredients": ingredients,
    "training_speed": training_speed,
    "winograd": winograd,
    "video_speed": video_speed,
    "video_stages": video_stages,
    "video_memory": video_memory,
    "jobs": jobs,
    "hour": hour,
    "flicker": flicker,
}

MODEL_CARD: dict[str, Callable[[str], str]] = {"scores": scores, "calibration": calibration, "robustness": robustness}
"""Tables of a model's card, named as in `scores_mini_xception`."""

for _model in shipped_models():
    for _name, _table in MODEL_CARD.items():
        TABLES[f"{_name}_{_model.replace('-', '_')}"] = partial(_table, _model)


def filled(text: str) -> str:
    """A document with every table rewritten from the results."""
    return MARKED.sub(lambda match: f"{match[1]}\n{TABLES[match[2]]()}\n{match[3]}", text)


def documents() -> list[Path]:
    """Documents that may hold a table."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "src").rglob("*.md"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stale = [
        path for path in documents() if filled(path.read_text(encoding="utf-8")) != path.read_text(encoding="utf-8")
    ]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'out of date' if options.check else 'rewritten'}")
        if not options.check:
            path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(1 if stale and options.check else 0)


if __name__ == "__main__":
    main()
