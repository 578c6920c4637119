"""The benchmarks start, and the one that compares rows finds what differs."""

import subprocess
import sys
from pathlib import Path

import pytest
from same_rows import comparison

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = [path for path in sorted(BENCHMARKS.glob("*.py")) if "argparse" in path.read_text(encoding="utf-8")]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_benchmark_starts(script: Path) -> None:
    done = subprocess.run([sys.executable, str(script), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_same_rows_differ_in_no_cell() -> None:
    rows = [{"frame": "0", "left": "1.5", "old": "x"}, {"frame": "1", "left": "2.5", "old": "y"}]
    found = comparison(rows, [{**row, "new": "z"} for row in rows])
    assert (found["cells_that_differ"], found["columns_compared"]) == (0, ["frame", "left", "old"])
    assert found["columns_only_after"] == ["new"]


def test_a_changed_cell_and_a_missing_row_are_counted() -> None:
    rows = [{"frame": "0", "left": "1.5"}, {"frame": "1", "left": "2.5"}]
    found = comparison(rows, [{"frame": "0", "left": "1.50", "new": ""}])
    assert found["columns_that_differ"] == {"frame": 1, "left": 2}
    assert (found["rows_before"], found["rows_after"], found["cells_that_differ"]) == (2, 1, 3)
