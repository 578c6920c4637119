"""What `import mien` offers."""

import inspect
import logging
import subprocess
import sys

import pytest

import mien

NAMES = [
    "Analyzer", "Box", "Camera", "Detection", "EMOTIONS", "Face", "Failure", "Frame", "FrameResult", "Measure",
    "MienError", "Prediction", "Quality", "VideoSettings", "analyze", "annotate", "anonymize", "as_table",
    "list_models", "open_output", "open_video", "read_image",
]  # fmt: skip


def test_what_is_public_is_said_here() -> None:
    assert mien.__all__ == dir(mien) == NAMES
    assert not hasattr(mien, "unheard_of")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "EMOTIONS"])
def test_every_public_name_has_an_example(name: str) -> None:
    """`test_examples.py` runs them."""
    assert ">>> " in (inspect.getdoc(getattr(mien, name)) or "")


def test_every_public_function_is_typed_and_takes_few_arguments_by_place() -> None:
    for name in NAMES:
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
