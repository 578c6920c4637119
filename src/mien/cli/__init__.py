"""The command line: one verb a file."""

import io
import signal
import sys
import threading
from types import FrameType
from typing import Annotated

import typer

import mien
from mien.cli import analyze, data, evaluate, export, live, models, runs, train
from mien.cli.console import complain, reason, tell
from mien.errors import MienError

app = typer.Typer(
    name="mien",
    help="Find the faces in pictures and say what each one shows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("analyze")(analyze.analyze)
app.command("live")(live.live)
app.command("evaluate")(evaluate.evaluate)
app.command("train")(train.train)
app.command("runs")(runs.runs)
app.command("export")(export.export)
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        tell(f"mien {mien.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version, and end.")
    ] = False,
) -> None:
    """Take what may stand before a verb."""


def main() -> None:
    """Run the command line; whatever goes wrong ends in one line on standard error and a non-zero status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # bars and accents where only ASCII can be shown
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except (MienError, OSError) as error:
        complain(reason(error))
        sys.exit(1)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Being told to end is like Ctrl-C: what was done is kept."""
    raise KeyboardInterrupt
