"""What the verbs print and write JSON with, and the options that they share."""

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.emotions import colours_of
from mien.files import STANDARD_OUTPUT, begins_with, replacing


class _Output(Console):
    """A console that falls silent when nobody reads it any more; what the command writes to files goes on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# emoji=False: a file called ":cat:.png" keeps its name.
out = _Output(highlight=False, emoji=False)  # standard output: results
err = Console(stderr=True, highlight=False, emoji=False)  # standard error: what is not to be piped, progress say

JsonFile: TypeAlias = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there; - for standard output.")
]
"""The option of verbs that `show` figures."""

LeaveOut: TypeAlias = Annotated[
    Path | None, typer.Option(help="A CSV of `mien data audit`: count without the faces that it names.")
]
"""The option of verbs that count or score faces."""

_TIME: Final = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)\s*s?", re.IGNORECASE | re.ASCII)


def seconds(text: str | float) -> float:
    """The seconds that an option's text means: with or without an s, or minutes and seconds, or hours too, with colons.

    It is typer's `parser` of every option that takes a time; typer parses default values too, which are numbers.
    """
    parts = _TIME.fullmatch(str(text).strip())
    if parts:
        hours, minutes, rest = parts.groups()
        least = 60 if minutes else math.inf
        if float(rest) < least and (not hours or int(minutes) < 60):
            return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest)
    raise typer.BadParameter(f"expected a time, as in 3, 1.5s or 1:30; got {text}")


def above_zero(value: float | None) -> float | None:
    """The value itself if it is above 0 or None; typer's `callback` of an option."""
    if value is not None and not 0 < value < math.inf:
        raise typer.BadParameter(f"expected a number above 0; got {value:g}")
    return value


def styles_of(labels: Iterable[str]) -> dict[str, str]:
    """The style of each of a model's labels in the terminal: the colours of the drawings."""
    return {label: "rgb({},{},{})".format(*colour) for label, colour in colours_of(labels).items()}


def tell(what: str | Table) -> None:
    """Print a table, or one line as it is, on standard output; names in either may look like markup."""
    out.print(what, markup=False, soft_wrap=isinstance(what, str))


def note(message: str) -> None:
    """Print one line on standard error that is no error, about what is left out or done differently."""
    err.print(message, markup=False, soft_wrap=True)


def complain(message: str) -> None:
    err.print("[bold red]error:[/]", end=" ")
    note(message)


def table_with(*columns: str, left: Sequence[str], title: str = "") -> Table:
    """An empty table; the columns in `left` hold words, which may wrap, and the others numbers."""
    table = Table(
        title=Text(title, "bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right", no_wrap=column not in left)
    return table


def is_json(path: Path) -> bool:
    """Whether a file begins as those that `show` writes do."""
    return begins_with(path, b"{\n", b"[\n", b"{}", b"[]")


def show(figures: dict[str, Any] | list[Any], json_file: Path | None, *shown: Table | str) -> None:
    """Print what is shown to people, and write the figures as JSON into a file; or print the figures alone for "-"."""
    text = json.dumps(figures, indent=2)
    if json_file == STANDARD_OUTPUT:
        tell(text)
        return
    for each in shown:
        tell(each)
    if json_file is not None:
        with replacing(json_file) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
        note(f"wrote {json_file}")
