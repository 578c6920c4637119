"""mien benchmark: how fast, how large and how accurate models are on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.analyze import DETECTOR_NAMES
from mien.cli.asking import ProviderName, naming_model
from mien.cli.console import JsonFile, complain, err, is_json, seconds, share, show, table_with
from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL

if TYPE_CHECKING:
    from mien.benchmark import Benchmark, Row, Timing


def benchmark(
    models: Annotated[list[str] | None, typer.Option(
        "--model", help="A shipped model's name, or a file of `mien export`; again for another one beside it.",
        show_default=DEFAULT_MODEL)] = None,
    formats: Annotated[list[str] | None, typer.Option(
        "--format", metavar="FORMAT", help="Measure each model in this format of `mien export` too; again for another.",
        show_default="as they are")] = None,
    provider: ProviderName = None,
    detectors: Annotated[list[str] | None, typer.Option(
        "--detector", help=f"{DETECTOR_NAMES}; again for another one.",
        show_default=DEFAULT_DETECTOR)] = None,
    data: Annotated[Path | None, typer.Option(
        help="Measure the accuracy on this data: fer2013.csv, or a folder of emotion folders.")] = None,
    split: Annotated[str, typer.Option(help="Of the data: Training, PublicTest or PrivateTest; or train, val, test.")
                     ] = "PublicTest",
    picture: Annotated[Path | None, typer.Option(
        metavar="FILE", help="Measure with this picture, which shows a face.", show_default="a portrait, 640×480")
        ] = None,
    duration: Annotated[float, typer.Option(
        "--seconds", parser=seconds, metavar="TIME", help="How long to measure times, as 30 or 5:00.")] = 10.0,
    at_least: Annotated[float | None, typer.Option(
        parser=share, metavar="SHARE", help="End with status 1 if a model is less accurate, as 69%; needs --data.")
        ] = None,
    json_file: JsonFile = None,
) -> None:  # fmt: skip
    from mien.benchmark import benchmark as measure
    from mien.files import check_outputs

    if at_least is not None and data is None:
        raise typer.BadParameter("the accuracy is measured on --data; name it", param_hint="--at-least")
    models = models or [DEFAULT_MODEL]
    inputs = [*map(Path, models), *(path for path in (data, picture) if path)]
    check_outputs({"--json": json_file}, inputs=inputs, may_replace={"--json": is_json})
    with err.status("measuring") as status, naming_model("--model"):
        found = measure(
            models, detectors or [DEFAULT_DETECTOR], formats=formats or (), provider=provider, picture=picture,
            data=data, split=split, at_least=at_least, seconds=duration, watch=status.update,
        )  # fmt: skip
    show(found.to_dict(), json_file, *_lines(found))
    worse = [] if at_least is None else [row for row in found.rows if row.accuracy and row.accuracy.value < at_least]
    for name, value in {row.model: row.accuracy.value for row in worse if row.accuracy}.items():
        complain(f"{name} is right about {value:.2%} of the faces, fewer than --at-least {at_least:.2%}")
    if worse:
        raise typer.Exit(1)


def _lines(found: "Benchmark") -> list[Any]:
    """Machine, picture, a table for each model with each detector, what its columns mean, and the advice."""
    machine = found.machine
    memory = f", {machine.memory_megabytes / 1024:.1f} GB" if machine.memory_megabytes else ""
    cores = f"{machine.cores} core{'s' if machine.cores > 1 else ''}"
    width, height = found.size
    faces = ", ".join(f"{num} by {name}" for name, num in found.num_faces.items())
    return [
        f"{machine.name}, {machine.architecture}, {cores}{memory}, {machine.system}, onnxruntime "
        f"{machine.versions['onnxruntime']}{'' if found.provider == 'cpu' else f' with {found.provider}'}",
        f"{found.picture}, {width}×{height}, faces: {faces}; {found.rounds} rounds",
        *(line for row in found.rows for line in ("", _heading(row), _table(row))),
        "ms: p50 / p95. first picture: seconds from the start of a new process; memory: its most.",
        *_sources(found.rows),
        "",
        *found.advice,
    ]


def _heading(row: "Row") -> str:
    """What is measured once of a model with a detector."""
    memory = "" if row.peak_megabytes is None else f", memory {row.peak_megabytes:.0f} MB"
    accuracy = f", accuracy {row.accuracy.value:.1%}" if row.accuracy else ""
    agreement = f", agreement {row.agreement.value:.2%}" if row.agreement else ""
    return (
        f"{row.model} with {row.detector}: first picture {row.first_picture_seconds:.2f} s{memory}, file "
        f"{row.kilobytes:,.0f} KB{accuracy}{agreement}"
    )


def _table(row: "Row") -> Any:
    """The times of a model with a detector; so narrow that all columns fit into 80, in which a pipe is written."""
    timed = ("read", "detector", "network", "whole")
    table = table_with("threads", *(f"{name:>13}" for name in timed), left=())
    for threads, stages in row.stages.items():
        table.add_row(str(threads), *(_milliseconds(getattr(stages, name)) for name in timed))
    return table


def _milliseconds(timing: "Timing") -> str:
    return " / ".join(f"{value:.2f}" if value < 10 else f"{value:.0f}" for value in (timing.p50, timing.p95))


def _sources(rows: "Sequence[Row]") -> list[str]:
    """Where the accuracies and the agreements come from."""
    lines = []
    accuracies = [row.accuracy for row in rows if row.accuracy]
    if accuracies and accuracies[0].measured_here:
        first = accuracies[0]
        lines.append(f"accuracy: on {first.num_faces:,} faces of {first.data}, {first.split}, measured here.")
    elif accuracies:
        lines.append("accuracy: as each model file notes it, of the validation split of its data; --data measures it.")
    compared = dict.fromkeys(
        f"{each.num_faces:,} {each.data if each.data == 'made pictures' else f'faces of {each.data}'}"
        for row in rows
        if (each := row.agreement)
    )
    if compared:
        lines.append(f"agreement: labels in common with what a file was made from, on {' or '.join(compared)}.")
    return lines
