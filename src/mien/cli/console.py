"""What the verbs print and write JSON with, and the options that they share."""

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from mien.emotions import UNCLEAR, UNCLEAR_COLOUR, colours_of
from mien.files import STANDARD_OUTPUT, begins_with, replacing

if TYPE_CHECKING:
    from mien.values import Face

# Control characters other than the line feed and the tab, C1's too, become the escapes of Python's strings.
_VISIBLE: Final = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}


class _Screen(Console):
    """A console on which no text moves the cursor or changes the colours: names of files, labels and answers of servers
    may hold terminal escapes. Only styles do that."""

    def render(self, renderable: Any, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=segment.text.translate(_VISIBLE))


class _Output(_Screen):
    """A console that falls silent when nobody reads it any more; what the command writes to files goes on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# emoji=False: a file called ":cat:.png" keeps its name.
out = _Output(highlight=False, emoji=False)  # standard output: results
err = _Screen(stderr=True, highlight=False, emoji=False)  # standard error: what is not to be piped, progress say

JsonFile: TypeAlias = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there; - for standard output.")
]
"""The option of verbs that `show` figures."""

LeaveOut: TypeAlias = Annotated[
    Path | None, typer.Option(help="A CSV of `mien data audit`: count without the faces that it names.")
]
"""The option of verbs that count or score faces."""

_TIME: Final = re.compile(r"(?:(?:(\d{1,9}):)?(\d{1,9}):)?(\d+(?:\.\d*)?|\.\d+)\s*s?", re.IGNORECASE | re.ASCII)


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
    raise typer.BadParameter(f"expected a time, as in 3, 1.5s or 1:30; got {str(text)[:80]}")


def share(text: str | float) -> float:
    """What `parse_share` says of an option's text, as a `parser` of typer's."""
    from mien.errors import InvalidInput
    from mien.values import parse_share

    try:
        return parse_share(text)
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from error


def above_zero(value: float | None) -> float | None:
    """The value itself if it is above 0 or None; typer's `callback` of an option."""
    if value is not None and not 0 < value < math.inf:
        raise typer.BadParameter(f"expected a number above 0; got {value:g}")
    return value


def styles_of(labels: Iterable[str]) -> dict[str, str]:
    """The style of each of a model's labels, and of "unclear", in the terminal: the colours of the drawings."""
    colours = {UNCLEAR: UNCLEAR_COLOUR, **colours_of(labels)}
    return {label: "rgb({},{},{})".format(*colour) for label, colour in colours.items()}


def shared_bar(face: "Face", width: int) -> Text:
    """A bar of so many cells, shared out among a face's labels by their probabilities, the likeliest first."""
    bar, filled, so_far = Text(), 0, 0.0
    styles = styles_of(face.prediction.labels)
    for label, score in sorted(face.scores.items(), key=lambda item: -item[1]):
        so_far += score
        cells = round(width * so_far) - filled
        # The leading one also stands out where there are no colours.
        bar.append(("█" if label == face.shown else "░") * cells, styles[label])
        filled += cells
    return bar


def tell(what: str | Table) -> None:
    """Print a table, or one line as it is, on standard output; names in either may look like markup."""
    out.print(what, markup=False, soft_wrap=isinstance(what, str))


def note(message: str) -> None:
    """Print one line on standard error that is no error, about what is left out or done differently."""
    err.print(message, markup=False, soft_wrap=True)


def warn(message: str) -> None:
    """Print one line on standard error about what will probably disappoint."""
    err.print("[yellow]warning:[/]", end=" ")
    note(message)


def named(source: str, error: str) -> str:
    """An error that begins with what it is about."""
    return error if error.startswith((f"{source}:", f"{source},", f"{source} ")) else f"{source}: {error}"


def complain(message: str) -> None:
    err.print("[bold red]error:[/]", end=" ")
    note(message)


def table_with(*columns: str, left: Sequence[str], title: str = "") -> Table:
    """An empty table; the columns in `left` hold words, which may wrap, and the others numbers."""
    table = Table(
        title=Text(title, "bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for column in columns:
        if column in left:
            # Where there is little room, figures take it from words: without a bound rows would have no names.
            table.add_column(column, justify="left", min_width=8)
        else:
            table.add_column(column, justify="right", no_wrap=True)
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
