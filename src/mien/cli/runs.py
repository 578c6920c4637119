"""mien runs: the trainings in a folder."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mien.cli.console import JsonFile, is_json, show, table_with
from mien.files import check_outputs


def runs(
    folder: Annotated[Path, typer.Argument(help="The folder to search, with all below it.")] = Path("runs"),
    json_file: JsonFile = None,
) -> None:
    from mien.training.run import find_runs, summary

    check_outputs({"--json": json_file}, may_replace={"--json": is_json})
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}", param_hint="FOLDER")
    rows = [summary(run) for run in find_runs(folder)]
    nothing = f"no training in {folder}; begin one with: mien train RECIPE --data PATH"
    show(rows, json_file, table_of(rows) if rows else nothing)


def table_of(rows: list[dict[str, Any]]) -> Table:
    left = ("run", "architecture")
    table = table_with(*left, "epochs", "best", "accuracy, %", "loss", "s/epoch", left=left)
    for row in rows:
        best = ["–"] * 3
        if row["best_epoch"] is not None:
            best = [str(row["best_epoch"]), f"{100 * row['val_accuracy']:.1f}", f"{row['val_loss']:.4f}"]
        seconds = "–" if row["seconds_an_epoch"] is None else f"{row['seconds_an_epoch']:.0f}"
        epochs = f"{row['epochs_done']} of {row['epochs']}"
        table.add_row(str(row["run"]), str(row["architecture"]), epochs, *best, seconds)
    return table
