"""The benchmarks start, and the one that compares rows finds what differs."""

import os
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anew import COUNTED, ONLY, SHOWN, TIMED, measures, name_of
from edge import REQUIRED
from measuring import hardware, time_in_batches, timed_then
from peers.compare import match
from peers.pictures import Truth
from same_rows import comparison

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = [
    path
    for path in sorted([*BENCHMARKS.glob("*.py"), *(BENCHMARKS / "peers").glob("*.py")])
    if "argparse" in path.read_text(encoding="utf-8")
]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_benchmark_starts(script: Path) -> None:
    words = [sys.executable, str(script), "--help"]
    # The one of the browser drives it as the tests do, by a module that lies with the page.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (BENCHMARKS.parent / "web", BENCHMARKS)))}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
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


def test_new_weights_keep_the_times_of_an_earlier_result() -> None:
    rows: dict[str, dict[str, Any]] = {"small": {}}
    earlier = {"small": {"microseconds_batch_1": 2.0, "microseconds_batch_64": 1.0}}
    time_in_batches(rows, lambda _: pytest.fail("nothing is to be timed"), earlier)
    assert rows == earlier
    with pytest.raises(SystemExit, match="no times of large: leave out --keep-times"):
        time_in_batches({"large": {}}, lambda _: {}, earlier)
    time_in_batches(rows, lambda batch: {"small": partial(sum, range(batch))}, None)
    assert 0 < rows["small"]["microseconds_batch_1"] != 2.0


def test_a_result_that_keeps_times_says_where_they_were_measured() -> None:
    first = {"date": "a", "machine": "b", "versions": "c", "commit": "d", "rows": {}}
    timed = timed_then(first)
    assert timed == {"date": "a", "machine": "b", "versions": "c", "commit": "d"}
    assert timed_then(hardware() | {"timed": timed}) == timed


def test_the_wheels_of_boards_are_those_of_every_dependency() -> None:
    project = tomllib.loads((BENCHMARKS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(each.split(">=")[0] for each in REQUIRED) == sorted(
        each.split(">=")[0] for each in project["dependencies"]
    )


def test_a_box_of_a_peer_finds_one_face_at_most() -> None:
    truth = Truth("two", [(100, 100, 80), (300, 100, 80)], ["happy", "sad"])
    near, nearer = (110, 100, 190, 180, "fear"), (102, 100, 182, 180, "happy")
    assert match(truth, [near, nearer]) == {0: "happy"}, "the other one is a box without a face"
    assert match(truth, [near, (300, 100, 380, 180, "sad")]) == {0: "fear", 1: "sad"}
    beside, small, large = (130, 100, 210, 180, "sad"), (125, 125, 160, 160, "sad"), (40, 40, 240, 240, "sad")
    assert match(truth, [beside, small, large]) == {}
    assert match(Truth("none", [], []), [near]) == {}


def test_what_measures_no_changed_model_is_left_out() -> None:
    commands = [*COUNTED, *TIMED, *SHOWN]
    scripts = {Path(words.split()[0]).stem for words in commands}
    assert scripts >= ONLY.keys()
    left = [words for words in commands if measures(words, ["ensemble"])]
    assert not scripts & ONLY.keys() & {Path(words.split()[0]).stem for words in left}
    evaluated = [words.split()[3] for words in left if "mien evaluate" in words]
    assert evaluated == ["ensemble"] * 2
    whole = [words for words in commands if measures(words, ["rep-small"])]
    assert {Path(words.split()[0]).stem for words in whole} >= ONLY.keys()


def test_commands_are_named_without_their_options() -> None:
    names = [name_of(words) for words in (*COUNTED, *TIMED, *SHOWN)]
    assert [name for name in names if "views" in name] == ["views"]
    assert names.count("evaluate rep-small") == 2
    assert not any("/" in name or "{" in name for name in names)
