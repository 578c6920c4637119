"""mien data: what a data set is made of, and what is wrong with it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from mien.cli.console import JsonFile, LeaveOut, err, is_json, note, show, table_with
from mien.data import AuditReport, FaceSet, audit, class_counts, load, sample_faces
from mien.data.fer_plus import VOTES_FILE
from mien.data.findings import KINDS, is_audit
from mien.errors import InvalidInput
from mien.files import check_outputs
from mien.images import DRAWN_COMMENT, drawn_by_mien, write_image

app = typer.Typer(
    add_completion=False, help="What a data set is made of, and what is wrong with it.", no_args_is_help=True
)

_SAMPLES = 12
_FIGURES = ("class_counts", "class_shares", "faces")
_MOST_NAMED = 10

_Path = Annotated[Path, typer.Argument(help="fer2013.csv, or a folder of emotion folders.")]
_OwnClasses = Annotated[bool, typer.Option("--own-classes", help="The folders are classes of any names, not emotions.")]


@app.command()
def stats(
    path: _Path,
    out_folder: Annotated[Path | None, typer.Option(
        "--out", help="Write plots of the classes and a sheet of faces into this folder.")] = None,
    leave_out: LeaveOut = None, own_classes: _OwnClasses = False, json_file: JsonFile = None,
) -> None:  # fmt: skip
    """Count the faces of each class in each split."""
    pictures = [out_folder / f"{name}.png" for name in _FIGURES] if out_folder else []
    outputs = {f"--out {picture.name}": picture for picture in pictures}
    may_replace = {"--json": is_json, **dict.fromkeys(outputs, drawn_by_mien)}
    if out_folder and path.is_dir() and out_folder.resolve().is_relative_to(path.resolve()):
        raise InvalidInput(
            f"--out: {out_folder} is in {path}, where its pictures would be read as faces; name another folder"
        )
    faces = _load(path, own_classes, {"--json": json_file, **outputs}, may_replace, leave_out)
    counts = class_counts(faces)
    splits = {split: {"num_faces": sum(numbers.values()), "classes": numbers} for split, numbers in counts.items()}
    figures = {"data": faces.name, "num_faces": len(faces), "splits": splits}
    show(figures, json_file, _counts_table(faces, counts))
    if pictures:
        _draw(faces, counts, pictures)


def _load(
    path: Path,
    own_classes: bool,
    outputs: dict[str, Path | None],
    may_replace: Mapping[str, Callable[[Path], bool]],
    leave_out: Path | None = None,
) -> FaceSet:
    """The data set, once it is certain that no output replaces what is read."""
    inputs = [path, path.parent / VOTES_FILE, *([leave_out] if leave_out else [])]
    check_outputs(outputs, inputs=inputs, may_replace=may_replace)
    faces = load(path, leave_out=leave_out, own_classes=own_classes)
    for special in faces.passed_over[:_MOST_NAMED]:
        note(f"passed over: {special}, which is neither a file nor a folder")
    if len(faces.passed_over) > _MOST_NAMED:
        note(f"passed over: {len(faces.passed_over) - _MOST_NAMED:,} more")
    return faces


def _counts_table(faces: FaceSet, counts: dict[str, dict[str, int]]) -> Table:
    columns = dict(counts)
    if len(counts) > 1:
        columns["all"] = {label: sum(numbers[label] for numbers in counts.values()) for label in faces.classes}
    totals = {column: sum(numbers.values()) for column, numbers in columns.items()}
    table = table_with("", *(name for column in columns for name in (column, "share")), left=[""], title=faces.name)
    for label in faces.classes:
        cells: list[str | Text] = []
        for column, numbers in columns.items():
            cells += [f"{numbers[label]:,}", Text(f"{numbers[label] / totals[column]:.1%}", "dim")]
        table.add_row(label, *cells)
    table.add_section()
    table.add_row("all", *(cell for total in totals.values() for cell in (f"{total:,}", "")))
    return table


def _draw(faces: FaceSet, counts: dict[str, dict[str, int]], pictures: list[Path]) -> None:
    from mien.report import plots

    counts_file, shares_file, faces_file = pictures
    plots.plot_class_counts(counts, counts_file, title=faces.name)
    plots.plot_class_shares(counts, shares_file, title=faces.name)
    write_image(faces_file, plots.face_sheet(sample_faces(faces, _SAMPLES)), comment=DRAWN_COMMENT)
    for file in pictures:
        note(f"wrote {file}")


@app.command("audit")
def audit_command(
    path: _Path,
    out_file: Annotated[Path | None, typer.Option(
        "--out", help="Write a row for each finding as CSV, for --leave-out of the other verbs.")] = None,
    own_classes: _OwnClasses = False, json_file: JsonFile = None,
) -> None:  # fmt: skip
    """Find copies, leaks between splits, labels that disagree, and pictures without a face."""
    may_replace = {"--out": is_audit, "--json": is_json}
    faces = _load(path, own_classes, {"--out": out_file, "--json": json_file}, may_replace)
    with err.status(f"comparing {len(faces):,} faces with one another"):
        report = audit(faces)
    kinds = {
        kind: {
            "num_faces": len(report.of_kind(kind)),
            "num_groups": report.num_groups(kind),
            "num_leaks": report.num_leaks(kind),
            "num_left_out": sum(finding.leave_out for finding in report.of_kind(kind)),
        }
        for kind in KINDS
    }
    left_out = len(report.left_out)
    figures = {"data": report.name, "num_faces": report.num_faces, "num_left_out": left_out, "findings": kinds}
    copies = report.num_leaks("duplicate", "conflict")
    show(
        figures,
        json_file,
        _kinds_table(report, kinds),
        *([f"Faces of other splits that are pixel for pixel in training: {copies:,}."] if copies else []),
        f"Faces that --leave-out leaves out: {left_out:,}; that it keeps: {report.num_faces - left_out:,}.",
    )
    if out_file is not None:
        report.write_csv(out_file)
        note(f"wrote {out_file}")


def _kinds_table(report: AuditReport, kinds: dict[str, dict[str, int]]) -> Table:
    columns = {"groups": "num_groups", "faces": "num_faces", "leaks": "num_leaks", "left out": "num_left_out"}
    title = f"{report.name}: {report.num_faces:,} faces"
    table = table_with("finding", "meaning", *columns, left=("finding", "meaning"), title=title)
    for kind, numbers in kinds.items():
        table.add_row(kind, KINDS[kind], *(f"{numbers[key]:,}" if numbers[key] else "·" for key in columns.values()))
    return table
