"""What every verb prints with."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from mien.files import STANDARD_OUTPUT, replacing

# emoji=False: a file called ":cat:.png" keeps its name.
out = Console(highlight=False, emoji=False)
"""Standard output: what was asked for."""

err = Console(stderr=True, highlight=False, emoji=False)
"""Standard error: progress, warnings and errors, so that standard output can be piped."""


def tell(message: str) -> None:
    """One line on standard output, as it is: a path may look like markup."""
    out.print(message, markup=False, soft_wrap=True)


def note(message: str) -> None:
    """One line on standard error that is no error: what is left out, or goes another way than expected."""
    err.print(message, markup=False, soft_wrap=True)


def complain(message: str) -> None:
    """One error, on standard error."""
    err.print("[bold red]error:[/]", end=" ")
    err.print(message, markup=False, soft_wrap=True)


def write_json(figures: dict[str, Any] | list[Any], file: Path) -> None:
    """Figures for machines, into a file or onto standard output."""
    text = json.dumps(figures, indent=2)
    if file == STANDARD_OUTPUT:
        tell(text)
        return
    with replacing(file) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    note(f"wrote {file}")
