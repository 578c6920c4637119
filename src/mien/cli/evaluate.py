"""mien evaluate: the scores of a model on a data set."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

import mien
from mien.cli.console import JsonFile, LeaveOut, is_json, show, table_with
from mien.evaluation import evaluate as evaluate_classifier
from mien.evaluation import load_for
from mien.files import check_outputs
from mien.recognition import load_classifier


def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, or a file that `mien export` wrote.")],
    data: Annotated[Path, typer.Option(help="fer2013.csv, or a folder of emotion folders.")],
    split: Annotated[
        str, typer.Option(help="Training, PublicTest or PrivateTest; or train, val, test.")
    ] = "PublicTest",
    flip: Annotated[bool, typer.Option("--flip", help="Average each face with its mirror image.")] = False,
    leave_out: LeaveOut = None,
    json_file: JsonFile = None,
) -> None:
    inputs = [Path(model), data, *([leave_out] if leave_out else [])]
    check_outputs({"--json": json_file}, inputs=inputs, may_replace={"--json": is_json})
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
    show(result, json_file, _table(result))


def _table(result: dict[str, Any]) -> Table:
    """The scores for people: of the split, without duplicates, and a row for each class."""
    flip = ", mirror averaged" if result["flip"] else ""
    title = f"{result['model']} on {result['data']}, {result['split']}{flip}; in %, except faces and NLL"
    # 80 columns are enough for it.
    table = table_with("", "faces", "accuracy", "precision", "F1", "ECE", "NLL", left=[""], title=title)
    parts = {"as published": result, "without duplicates": result["without_duplicates"]}
    for name, part in parts.items():
        if part:
            f1, ece = _percent(part["macro_f1"]), _percent(part["ece"])
            table.add_row(name, str(part["num_faces"]), _accuracy(part), "", f1, ece, f"{part['nll']:.4f}")
    fer_plus = result["fer_plus"]
    if fer_plus and fer_plus["num_faces"]:
        table.add_row("FER+ majority", str(fer_plus["num_faces"]), _accuracy(fer_plus))
    table.add_section()
    for name, row in result["per_class"].items():
        figures = (row["recall"], row["precision"], row["f1"])
        table.add_row(name, str(row["num_faces"]), *(_percent(each) if row["num_faces"] else "–" for each in figures))
    return table


def _accuracy(part: dict[str, Any]) -> Text:
    return Text.assemble((_percent(part["accuracy"]), "bold"), f" ± {_percent(part['standard_error'])}")


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"
