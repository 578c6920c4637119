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


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        (["analyze", "-", "--merge"], "1,", ""),
        (["analyze", "-", "--raw-size"], "", "x480"),
        (["analyze", "-", "--start"], "", ":00"),
        (["train", "none.toml", "--data", "none.csv", "--fold"], "1/", ""),
    ],
)
def test_numbers_of_thousands_of_digits_are_refused(run_mien: Run, words: list[str], start: str, end: str) -> None:
    """Python converts no more than 4,300 of them, and says so with a traceback."""
    status, _, err = run_mien(*words, start + "9" * 5000 + end)
    assert status == 2
    assert f"Invalid value for {words[-1]}" in " ".join(err.split()) or "expected a time" in err


HEAVY = ["cv2", "onnxruntime", "torch"]


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], [*HEAVY, "numpy", "ssl"]),
        (["--version"], [*HEAVY, "numpy", "ssl"]),
        ([], [*HEAVY, "numpy", "ssl"]),
        (["analyze", "--help"], HEAVY),
        (["live", "--help"], HEAVY),
        (["benchmark", "--help"], HEAVY),
    ],
)
def test_help_loads_nothing_heavy(words: list[str], heavy: list[str]) -> None:
    """Fault 39: OpenCV and onnxruntime take half a second, and seconds on a small board."""
    code = (
        "import atexit, sys\n"
        f"loaded = lambda: print([name for name in {heavy} if name in sys.modules])\n"
        "atexit.register(loaded)\n"
        f"sys.argv = ['mien', *{words}]\n"
        "from mien.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Traceback" not in done.stderr


def test_ctrl_c_while_importing_is_no_traceback() -> None:
    """Fault 63."""
    code = (
        "import os, signal, sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from mien.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert not done.stderr


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
