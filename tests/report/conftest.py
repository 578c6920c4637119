import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.report import html


@pytest.fixture(scope="session")
def run_script() -> Callable[..., str]:
    """`run_script(before, "video_page.js", after)`: what a page's script prints between two pieces of JavaScript."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node, which is not installed")

    def run(before: str, name: str, after: str) -> str:
        script = (Path(html.__file__).parent / name).read_text(encoding="utf-8")
        done = subprocess.run([node, "-"], input=before + script + after, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return run
