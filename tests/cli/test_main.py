"""mien without a verb."""

import subprocess
import sys
from collections.abc import Callable

import pytest

import mien
from mien.cli import VERBS

Run = Callable[..., tuple[int, str, str]]


def test_the_version_is_printed(run_mien: Run) -> None:
    assert run_mien("--version") == (0, f"mien {mien.__version__}\n", "")


def test_the_help_says_what_mien_does_and_how_to_ask_for_its_version(run_mien: Run) -> None:
    status, out, _ = run_mien("--help")
    assert status == 0
    assert "Find the faces in pictures" in out
    assert "--version" in out


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["analyze", "--help"], ["live", "--help"], []])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    """Fault 39: OpenCV and onnxruntime take half a second."""
    code = (
        "import atexit, sys\n"
        "loaded = lambda: print([name for name in ('cv2', 'onnxruntime', 'torch') if name in sys.modules])\n"
        "atexit.register(loaded)\n"
        f"sys.argv = ['mien', *{words}]\n"
        "from mien.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_a_file_of_its_own_and_explains_itself(run_mien: Run, verb: str) -> None:
    pytest.importorskip("torch")
    status, out, _ = run_mien(verb, "--help")
    assert status == 0
    assert VERBS[verb] in out, "both helps say the same"
    assert "completion" not in out


def test_an_unknown_verb_is_refused_with_what_is_near(run_mien: Run) -> None:
    status, _, err = run_mien("analyse", "x.jpg")
    assert status == 2
    assert "analyze" in err
