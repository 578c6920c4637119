"""What every verb prints and writes JSON with."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from mien.files import STANDARD_OUTPUT, begins_with, replacing

# emoji=False: a file called ":cat:.png" keeps its name.
out = Console(highlight=False, emoji=False)
"""Standard output: results."""

err = Console(stderr=True, highlight=False, emoji=False)
"""Standard error: progress, warnings and errors, so that standard output can be piped."""

_MOST_NAMED: Final = 10


def tell(message: str) -> None:
    """Print one line on standard output as it is; a path may look like markup."""
    out.print(message, markup=False, soft_wrap=True)


def note(message: str) -> None:
    """Print one line on standard error that is no error, about what is left out or done differently."""
    err.print(message, markup=False, soft_wrap=True)


def complain(message: str) -> None:
    """Print one error on standard error."""
    err.print("[bold red]error:[/]", end=" ")
    err.print(message, markup=False, soft_wrap=True)


def note_passed_over(paths: Sequence[str]) -> None:
    """Name what was passed over because it is neither a file nor a folder: the first ten, and how many more."""
    for path in paths[:_MOST_NAMED]:
        note(f"passed over: {path}, which is neither a file nor a folder")
    if len(paths) > _MOST_NAMED:
        note(f"passed over: {len(paths) - _MOST_NAMED:,} more")


def is_json(path: Path) -> bool:
    """Whether a file begins as those of `write_json` do."""
    return begins_with(path, b"{\n", b"[\n", b"{}", b"[]")


def write_json(figures: dict[str, Any] | list[Any], file: Path) -> None:
    """Write figures as JSON into a file or to standard output."""
    text = json.dumps(figures, indent=2)
    if file == STANDARD_OUTPUT:
        tell(text)
        return
    with replacing(file) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    note(f"wrote {file}")
