"""The first picture of a new process: how long it takes, and how much memory."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mien.benchmark.machine import peak_megabytes
from mien.errors import InvalidInput

_COMMAND = "from mien.benchmark.first import main; main()"


def first_picture(
    model: str | Path, detector: str, picture: bytes, provider: str | None = None
) -> tuple[float, float | None]:
    """Seconds from the start of Python to the faces of its first picture, and the megabytes in use at most.

    Args:
        model: A shipped model's name, or a model file.
        detector: As `load_detector` takes it.
        picture: A picture's file.
        provider: As `Analyzer` takes it.

    Raises:
        InvalidInput: The process failed, for want of memory say.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, str(model), detector, provider or ""],
        input=picture, capture_output=True, check=False, env=environment,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
        raise InvalidInput(f"{model} with {detector} failed in a process of its own: {said[-1]}")
    return seconds, json.loads(done.stdout)


def main(words: Sequence[str] = ()) -> None:
    """The new process: its picture comes on standard input, and its memory goes to standard output, as JSON."""
    from mien.analyzer import Analyzer

    model, detector, provider = words or sys.argv[1:]
    Analyzer(model, detector, provider=provider or None)(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(peak_megabytes()))
