"""mien without a verb."""

from collections.abc import Callable

import mien

Run = Callable[..., tuple[int, str, str]]


def test_the_version_is_told(run_mien: Run) -> None:
    assert run_mien("--version") == (0, f"mien {mien.__version__}\n", "")


def test_the_help_says_what_mien_does_and_how_to_ask_for_its_version(run_mien: Run) -> None:
    status, out, _ = run_mien("--help")
    assert status == 0
    assert "Find the faces in pictures" in out
    assert "--version" in out
