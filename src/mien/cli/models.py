"""mien models: the models that are shipped, and those that can be fetched."""

from typing import Annotated, Any

import typer

from mien.cli.console import show, table_with, tell
from mien.files import STANDARD_OUTPUT
from mien.installation import install_command
from mien.recognition import OnnxClassifier, missing_models, shipped_models

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
    columns = ("name", "size class", "parameters", "file", "face", "accuracy", "licence")
    table = table_with(*columns, left=("name", "size class", "licence"))
    for row in rows:
        size, side = f"{row['bytes'] / 1024:,.0f} KB", f"{row['input_size']} px"
        numbers = f"{row['parameters']:,}", size, side, f"{row['accuracy']:.1%}"
        table.add_row(row["name"], row["size_class"], *numbers, row["licence"])
    source = "accuracy: on the validation split of its data (FER2013's PublicTest), one pass per face"
    missing = {name: install_command(model.extra) for name, model in missing_models().items()}
    rows += [dict.fromkeys(rows[0]) | {"name": name, "install": command} for name, command in missing.items()]
    more = [f"{name} is not installed; to have it: {command}" for name, command in missing.items()]
    show(rows, STANDARD_OUTPUT if as_json else None, table, source, *more)


@app.command("fetch")
def fetch(name: Annotated[str, typer.Argument(help="yunet")]) -> None:
    """Fetch a detector's model that was not installed: yunet (233 KB, MIT, from OpenCV Zoo), into the cache."""
    from mien.detection import fetch_yunet, yunet_file
    from mien.errors import ModelError

    if name != "yunet":
        raise typer.BadParameter(f"nothing called {name!r} can be fetched; expected: yunet", param_hint="NAME")
    try:
        tell(f"yunet is there already: {yunet_file()}")
    except ModelError:
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
        **{figure: info.measured.get(figure) for figure in ("split", "num_faces", "accuracy")},
        "licence": info.licence,
        "commit": info.commit,
        "install": None,
    }
