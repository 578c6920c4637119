"""mien evaluate: what a model scores on a data set."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

import mien
from mien.cli.console import out
from mien.data import load
from mien.evaluation import evaluate as evaluate_classifier
from mien.files import replacing
from mien.recognition import load_classifier


def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, or a file that `mien export` wrote.")],
    data: Annotated[Path, typer.Option(help="fer2013.csv, or a folder of emotion folders.")],
    split: Annotated[
        str, typer.Option(help="Training, PublicTest or PrivateTest; or train, val, test.")
    ] = "PublicTest",
    flip: Annotated[bool, typer.Option("--flip", help="Average each face with its mirror image.")] = False,
    leave_out: Annotated[
        Path | None, typer.Option(help="A CSV of `mien data audit`: score without the faces it names.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write everything there; - for standard output.")
    ] = None,
) -> None:
    """Score a model: accuracy, F1, calibration, per class, with and without the faces that training has too."""
    classifier = load_classifier(model)
    faces = load(data, size=classifier.input_size, leave_out=leave_out)
    result = {
        "model": classifier.info.name,
        **evaluate_classifier(classifier, faces, split, flip=flip),
        "left_out": leave_out and leave_out.name,
        "num_parameters": classifier.info.num_parameters,
        "trained_by": {"commit": classifier.info.commit, "recipe": classifier.info.recipe},
        "mien": mien.__version__,
    }
    text = json.dumps(result, indent=2)
    if json_file == Path("-"):
        out.print(text, markup=False, soft_wrap=True)
        return
    out.print(_table(result))
    if json_file:
        with replacing(json_file) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
        out.print(f"wrote {json_file}", markup=False, soft_wrap=True)


def _table(result: dict[str, Any]) -> Table:
    """The figures for people: the whole, without duplicates, and a row a class."""
    flip = ", mirror averaged" if result["flip"] else ""
    table = Table(title=f"{result['model']} on {result['data']}, {result['split']}{flip}", title_style="bold")
    for column in ("", "faces", "accuracy", "precision", "F1", "ECE", "NLL"):
        table.add_column(column, justify="left" if not column else "right")
    parts = {"as published": result, "without training's duplicates": result["without_duplicates"]}
    for name, part in parts.items():
        if part:
            table.add_row(
                name,
                str(part["num_faces"]),
                f"[bold]{part['accuracy']:.4f}[/] ± {part['standard_error']:.4f}",
                "",
                f"{part['macro_f1']:.4f}",
                f"{part['ece']:.4f}",
                f"{part['nll']:.4f}",
            )
    table.add_section()
    for name, row in result["per_class"].items():
        table.add_row(
            name,
            str(row["num_faces"]),
            f"{row['recall']:.4f}",
            f"{row['precision']:.4f}",
            f"{row['f1']:.4f}",
            "",
            "",
        )
    return table
