"""What `import mien` offers."""

import importlib.util
import inspect
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mien

HERE = Path(__file__).parent


def make_public() -> Any:
    """The script that writes public.txt."""
    spec = importlib.util.spec_from_file_location("make_public", HERE / "make_public.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("section", ["Python", "errors", "command line", "records", "model file", "service"])
def test_what_others_rely_on_is_as_it_was(section: str) -> None:
    """What differs on purpose: `python tests/make_public.py`, a line in CHANGELOG.md, and docs/stability.md."""
    if section == "service":
        pytest.importorskip("fastapi")
    script = make_public()
    golden = (HERE / "public.txt").read_text(encoding="utf-8").split("# ")
    assert [each.partition("\n")[0] for each in golden if each] == list(script.SECTIONS)
    [expected] = [f"# {each}".strip() for each in golden if each.startswith(f"{section}\n")]
    assert script.text(section).strip().splitlines() == expected.splitlines()


def test_what_is_public_is_listed() -> None:
    assert mien.__all__ == dir(mien)
    assert not hasattr(mien, "unheard_of")


@pytest.mark.parametrize("name", [name for name in mien.__all__ if name != "EMOTIONS"])
def test_every_public_name_has_an_example(name: str) -> None:
    """`test_examples.py` runs them."""
    assert ">>> " in (inspect.getdoc(getattr(mien, name)) or "")


def test_every_public_function_is_typed_and_takes_few_arguments_by_place() -> None:
    for name in mien.__all__:
        public = getattr(mien, name)
        if inspect.isfunction(public):
            parameters = inspect.signature(public).parameters.values()
            assert all(each.annotation is not inspect.Parameter.empty for each in parameters), name
            assert sum(each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for each in parameters) <= 4, name


def test_the_logger_is_silent_until_somebody_listens(caplog: pytest.LogCaptureFixture) -> None:
    """Fault 34."""
    code = "import mien, logging; logging.getLogger('mien.video').error('heard')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""
    with caplog.at_level(logging.INFO, "mien"):
        logging.getLogger("mien").info("heard")
    assert caplog.messages == ["heard"]
