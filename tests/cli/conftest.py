"""The command line, called as a shell calls it."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from mien.cli import main


class Done(NamedTuple):
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def run_mien(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """`run_mien("analyze", path)`: in this process, with everything that `main` does around a verb."""

    def run(*words: object) -> Done:
        monkeypatch.setattr("sys.argv", ["mien", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        return Done(status, *capsys.readouterr())

    return run
