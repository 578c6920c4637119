"""The command line: one verb a file, each imported only when it is asked for."""

import importlib
import io
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

import mien
from mien.cli.console import complain, note, tell
from mien.errors import MienError, reason

VERBS: Final = {
    "analyze": "Find the faces in pictures and videos, and say what each one shows.",
    "batch": "Analyse very many pictures and videos into a folder of Parquet tables, each once; on a cluster too.",
    "live": "Show what a camera sees, with boxes and all probabilities, until q or Ctrl-C.",
    "serve": "Answer requests over HTTP: pictures, videos and a camera's frames; with a page for browsers.",
    "evaluate": "Score a model: accuracy, F1, calibration, per class, by group, in other light, with and without the "
    "faces that training has too.",
    "train": "Train a network; models are kept whenever the validation loss falls.",
    "runs": "List trainings: how far each is, and its best epoch.",
    "export": "Write the model file that callers need, in ONNX or for another runtime: faces in, logits, evidence and "
    "votes out, all else in its metadata.",
    "models": "List the shipped models with their sizes, inputs and accuracies.",
    "benchmark": "Measure this machine: milliseconds, memory and accuracy of models and detectors, and what follows.",
    "data": "What a data set is made of, and what is wrong with it.",
}
"""Each verb, which is a file of this room, and its line in the help. OpenCV and onnxruntime take half a second to
import, and `mien --help` needs neither."""


class LazyGroup(TyperGroup):
    """Imports a verb's file when the verb is used; until then `VERBS` speaks for it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands.update({name: TyperCommand(name, help=text) for name, text in VERBS.items()})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # some versions of Typer bring their own click
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _load(str(name)), rest


def _load(verb: str) -> Any:
    """The command of a verb: its file's `app`, or the function of the same name."""
    module = importlib.import_module(f"mien.cli.{verb}")
    verb_app = getattr(module, "app", None)
    if verb_app is None:
        verb_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings=_HELP)
        verb_app.command(verb, help=VERBS[verb])(getattr(module, verb))
    return typer.main.get_command(verb_app)


_HELP: Final = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="mien",
    cls=LazyGroup,
    help="Find the faces in pictures and videos, and say what each one shows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_HELP,
)


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


class _Notes(logging.Handler):
    """Shows mien's warnings as notes."""

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


def main() -> None:
    """Run the command line; whatever goes wrong ends in one line on standard error and a non-zero status."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever began this process, as in `mien … >&-`
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - open until the process ends
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # bars and accents where only ASCII can be shown
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):  # a terminal that is closed sends the second, which Windows has not
            if hasattr(signal, name):
                before[name] = signal.signal(getattr(signal, name), _interrupt)
    notes = _Notes(logging.WARNING)
    logging.getLogger("mien").addHandler(notes)
    try:
        app()
    except (MienError, OSError) as error:
        complain(reason(error))
        sys.exit(1)
    finally:
        logging.getLogger("mien").removeHandler(notes)
        for name, handler in before.items():  # an exception while Python shuts down would only be noise
            signal.signal(getattr(signal, name), handler)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Being told to end is like Ctrl-C: what was done is kept."""
    raise KeyboardInterrupt
