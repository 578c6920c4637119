"""mien evaluate: the scores of a model on a data set."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

import mien
from mien.cli.console import out, write_json
from mien.evaluation import evaluate as evaluate_classifier
from mien.evaluation import load_for
from mien.files import STANDARD_OUTPUT
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
    whole = load_for(classifier.info, data, split=split)
    faces = load_for(classifier.info, data, split=split, leave_out=leave_out) if leave_out else whole
    result = {
        "model": classifier.info.name,
        **evaluate_classifier(classifier, faces, split, flip=flip, whole=whole),
        "left_out": leave_out and leave_out.name,
        "num_parameters": classifier.info.num_parameters,
        "trained_by": {"commit": classifier.info.commit, "recipe": classifier.info.recipe},
        "mien": mien.__version__,
    }
    if json_file != STANDARD_OUTPUT:
        out.print(_table(result))
    if json_file:
        write_json(result, json_file)


def _table(result: dict[str, Any]) -> Table:
    """The scores for people: of the split, without duplicates, and a row for each class."""
    flip = ", mirror averaged" if result["flip"] else ""
    title = Text(f"{result['model']} on {result['data']}, {result['split']}{flip}; in %, except faces and NLL")
    table = Table(
        title=title, title_style="bold", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for column in ("", "faces", "accuracy", "precision", "F1", "ECE", "NLL"):  # 80 columns are enough for it
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    parts = {"as published": result, "without duplicates": result["without_duplicates"]}
    for name, part in parts.items():
        if part:
            table.add_row(
                name,
                str(part["num_faces"]),
                f"[bold]{_percent(part['accuracy'])}[/] ± {_percent(part['standard_error'])}",
                "",
                _percent(part["macro_f1"]),
                _percent(part["ece"]),
                f"{part['nll']:.4f}",
            )
    fer_plus = result["fer_plus"]
    if fer_plus and fer_plus["num_faces"]:
        accuracy = f"[bold]{_percent(fer_plus['accuracy'])}[/] ± {_percent(fer_plus['standard_error'])}"
        table.add_row("FER+ majority", str(fer_plus["num_faces"]), accuracy, "", "", "", "")
    table.add_section()
    for name, row in result["per_class"].items():
        figures = ("recall", "precision", "f1")
        cells = [_percent(row[figure]) if row["num_faces"] else "–" for figure in figures]
        table.add_row(name, str(row["num_faces"]), *cells, "", "")
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"
