"""mien models: the models that are shipped, and those that can be fetched."""

from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from mien.cli.console import out, tell, write_json
from mien.files import STANDARD_OUTPUT
from mien.recognition import OnnxClassifier, shipped_models

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the shipped models with their sizes, inputs and accuracies."""
    if context.invoked_subcommand:
        return
    rows = [_row(name, OnnxClassifier(path), path.stat().st_size) for name, path in shipped_models().items()]
    if as_json:
        write_json(rows, STANDARD_OUTPUT)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("name", "size class", *_RIGHT, "licence"):
        table.add_column(column, justify="right" if column in _RIGHT else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            str(row["name"]),
            str(row["size_class"]),
            f"{row['parameters']:,}",
            f"{row['bytes'] / 1024:,.0f} KB",
            f"{row['input_size']} px",
            f"{row['accuracy']:.1%}",
            str(row["licence"]),
        )
    out.print(table)
    tell("accuracy: on the validation split of its data (FER2013's PublicTest), one pass per face")


_RIGHT = ("parameters", "file", "face", "accuracy")


@app.command("fetch")
def fetch(name: Annotated[str, typer.Argument(help="yunet")]) -> None:
    """Fetch a detector's model into the cache, once: yunet (233 KB, Apache-2.0, from OpenCV Zoo)."""
    from mien.detection import fetch_yunet

    if name != "yunet":
        raise typer.BadParameter(f"nothing called {name!r} can be fetched; expected: yunet", param_hint="NAME")
    tell(f"yunet: {fetch_yunet()}")


def _row(name: str, classifier: OnnxClassifier, num_bytes: int) -> dict[str, Any]:
    info = classifier.info
    return {
        "name": name,
        "size_class": info.size_class,
        "architecture": info.architecture,
        "parameters": info.num_parameters,
        "bytes": num_bytes,
        "input_size": info.input_size,
        "labels": list(info.labels),
        "split": info.measured.get("split"),
        "num_faces": info.measured.get("num_faces"),
        "accuracy": info.measured.get("accuracy"),
        "licence": info.licence,
        "commit": info.commit,
    }
