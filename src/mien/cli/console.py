"""What every verb prints with."""

from rich.console import Console

# emoji=False: a file called ":cat:.png" keeps its name.
out = Console(highlight=False, emoji=False)
"""Standard output: what was asked for."""

err = Console(stderr=True, highlight=False, emoji=False)
"""Standard error: progress, warnings and errors, so that standard output can be piped."""


def complain(message: str) -> None:
    """One error, on standard error."""
    err.print("[bold red]error:[/]", end=" ")
    err.print(message, markup=False, soft_wrap=True)
