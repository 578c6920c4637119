"""mien runs: the trainings in a folder."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from mien.cli.console import is_json, out, tell, write_json
from mien.files import STANDARD_OUTPUT, check_outputs


def runs(
    folder: Annotated[Path, typer.Argument(help="The folder to search, with all below it.")] = Path("runs"),
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="- for standard output.")] = None,
) -> None:
    """List trainings: how far each is, and its best epoch."""
    from mien.training.run import find_runs, summary

    check_outputs({"--json": json_file}, may_replace={"--json": is_json})
    rows = [summary(run) for run in find_runs(folder)]
    if json_file != STANDARD_OUTPUT:
        if rows:
            out.print(table_of(rows))
        else:
            tell(f"no training in {folder}; begin one with: mien train RECIPE --data PATH")
    if json_file:
        write_json(rows, json_file)


def table_of(rows: list[dict[str, Any]]) -> Table:
    """Runs for people, one in a row."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("run", "architecture", "epochs", "best", "accuracy, %", "loss", "s/epoch"):
        table.add_column(column, justify="left" if column in ("run", "architecture") else "right")
    for row in rows:
        best = ["–"] * 3
        if row["best_epoch"] is not None:
            best = [str(row["best_epoch"]), f"{100 * row['val_accuracy']:.1f}", f"{row['val_loss']:.4f}"]
        seconds = row["seconds_an_epoch"]
        table.add_row(
            str(row["run"]),
            str(row["architecture"]),
            f"{row['epochs_done']} of {row['epochs']}",
            *best,
            "–" if seconds is None else f"{seconds:.0f}",
        )
    return table
