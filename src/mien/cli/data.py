"""mien data: what a data set is made of, and what is wrong with it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from mien.cli.console import err, is_json, note, note_passed_over, out, write_json
from mien.data import AuditReport, FaceSet, audit, class_counts, load, sample_faces
from mien.data.fer_plus import VOTES_FILE
from mien.data.findings import KINDS, is_audit
from mien.errors import InvalidInput
from mien.files import STANDARD_OUTPUT, check_outputs
from mien.images import DRAWN_COMMENT, drawn_by_mien, write_image

app = typer.Typer(
    add_completion=False, help="What a data set is made of, and what is wrong with it.", no_args_is_help=True
)

_SAMPLES = 12
_FIGURES = ("class_counts", "class_shares", "faces")

_Path = Annotated[Path, typer.Argument(help="fer2013.csv, or a folder of emotion folders.")]
_OwnClasses = Annotated[bool, typer.Option("--own-classes", help="The folders are classes of any names, not emotions.")]
_Json = Annotated[Path | None, typer.Option("--json", help="Write the figures there; - for standard output.")]


@app.command()
def stats(
    path: _Path,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Write plots of the classes and a sheet of faces into this folder.")
    ] = None,
    leave_out: Annotated[
        Path | None, typer.Option(help="A CSV of `mien data audit`: count without the faces it names.")
    ] = None,
    own_classes: _OwnClasses = False,
    json_file: _Json = None,
) -> None:
    """Count the faces of each class in each split."""
    figures = {f"--out {name}.png": out_folder / f"{name}.png" for name in _FIGURES} if out_folder else {}
    check_outputs(
        {"--json": json_file, **figures},
        inputs=_inputs(path, leave_out),
        may_replace={"--json": is_json, **dict.fromkeys(figures, drawn_by_mien)},
    )
    if out_folder and path.is_dir() and out_folder.resolve().is_relative_to(path.resolve()):
        raise InvalidInput(
            f"--out: {out_folder} is in {path}, where its pictures would be read as faces; name another folder"
        )
    faces = load(path, leave_out=leave_out, own_classes=own_classes)
    note_passed_over(faces.passed_over)
    counts = class_counts(faces)
    if json_file != STANDARD_OUTPUT:
        out.print(_counts_table(faces.name, counts))
    if figures:
        _write_figures(faces, counts, *figures.values())
    if json_file is not None:
        splits = {split: {"num_faces": sum(numbers.values()), "classes": numbers} for split, numbers in counts.items()}
        write_json({"data": faces.name, "num_faces": len(faces), "splits": splits}, json_file)


def _counts_table(name: str, counts: dict[str, dict[str, int]]) -> Table:
    table = Table(title=Text(name), title_style="bold", show_footer=True)
    columns = dict(counts)
    if len(counts) > 1:
        classes = next(iter(counts.values()))
        columns["all"] = {label: sum(numbers[label] for numbers in counts.values()) for label in classes}
    table.add_column("", footer="all")
    for column, numbers in columns.items():
        table.add_column(column, footer=f"{sum(numbers.values()):,}", justify="right")
        table.add_column("share", footer="", justify="right", style="dim")
    for label in next(iter(columns.values()), {}):
        cells = []
        for numbers in columns.values():
            cells += [f"{numbers[label]:,}", f"{numbers[label] / max(sum(numbers.values()), 1):.1%}"]
        table.add_row(label, *cells)
    return table


def _inputs(data: Path, leave_out: Path | None = None) -> list[Path]:
    """The files that `load` reads, but for those of a folder."""
    return [data, data.parent / VOTES_FILE, *([leave_out] if leave_out else [])]


def _write_figures(
    faces: FaceSet, counts: dict[str, dict[str, int]], counts_file: Path, shares_file: Path, faces_file: Path
) -> None:
    from mien.report import plots

    plots.plot_class_counts(counts, counts_file, title=faces.name)
    plots.plot_class_shares(counts, shares_file, title=faces.name)
    write_image(faces_file, plots.face_sheet(sample_faces(faces, _SAMPLES)), comment=DRAWN_COMMENT)
    for file in (counts_file, shares_file, faces_file):
        note(f"wrote {file}")


@app.command("audit")
def audit_command(
    path: _Path,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", help="Write a row for each finding as CSV, for --leave-out of the other verbs."),
    ] = None,
    own_classes: _OwnClasses = False,
    json_file: _Json = None,
) -> None:
    """Find copies, leaks between splits, labels that disagree, and pictures without a face."""
    check_outputs(
        {"--out": out_file, "--json": json_file},
        inputs=_inputs(path),
        may_replace={"--out": is_audit, "--json": is_json},
    )
    faces = load(path, own_classes=own_classes)
    note_passed_over(faces.passed_over)
    with err.status(f"comparing {len(faces):,} faces with one another"):
        report = audit(faces)
    if json_file != STANDARD_OUTPUT:
        _print_summary(report)
    if out_file is not None:
        report.write_csv(out_file)
        note(f"wrote {out_file}")
    if json_file is not None:
        write_json(_summary(report), json_file)


def _summary(report: AuditReport) -> dict[str, Any]:
    """The audit's figures, as JSON has them."""
    kinds = {
        kind: {
            "num_faces": len(report.of_kind(kind)),
            "num_groups": report.num_groups(kind),
            "num_leaks": report.num_leaks(kind),
            "num_left_out": sum(finding.leave_out for finding in report.of_kind(kind)),
        }
        for kind in KINDS
    }
    return {
        "data": report.name,
        "num_faces": report.num_faces,
        "num_left_out": len(report.left_out),
        "findings": kinds,
    }


def _print_summary(report: AuditReport) -> None:
    table = Table(title=Text(f"{report.name}: {report.num_faces:,} faces"), title_style="bold")
    for column in ("finding", "meaning", "groups", "faces", "leaks", "left out"):
        table.add_column(column, justify="left" if column in ("finding", "meaning") else "right")
    for kind, numbers in _summary(report)["findings"].items():
        names = ("num_groups", "num_faces", "num_leaks", "num_left_out")
        table.add_row(kind, KINDS[kind], *(f"{numbers[name]:,}" if numbers[name] else "·" for name in names))
    out.print(table)
    copies = report.num_leaks("duplicate", "conflict")
    if copies:
        out.print(f"Faces of other splits that are pixel for pixel in training: {copies:,}.")
    remaining = report.num_faces - len(report.left_out)
    out.print(f"Faces that --leave-out leaves out: {len(report.left_out):,}; that it keeps: {remaining:,}.")
