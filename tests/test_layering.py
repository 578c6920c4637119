"""The plan of the house, held."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_imports_go_downward_only() -> None:
    """Only `__main__` stands outside: it is a door, not a room."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["mien", "mien.cli"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    heavy = ("cv2", "onnxruntime", "torch", "matplotlib", "onnx", "scipy", "pandas")
    code = f"import {module}, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_and_running_write_nothing(tmp_path: Path) -> None:
    """onnxruntime's telemetry keeps a database in the cache folder from its import on, unless it is off."""
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    code = (
        "import os, mien, numpy; "
        "mien.Analyzer()(numpy.zeros((99, 99, 3), 'uint8')); assert 'ORT_DISABLE_TELEMETRY' not in os.environ"
    )
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
