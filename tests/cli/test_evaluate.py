"""mien evaluate --groups, --light and --report."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
from rich.console import Console

from mien.cli.evaluate import _shuffled
from mien.cli.evaluation_tables import tables_of
from mien.recognition import shipped_models

Run: TypeAlias = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """80 faces of noise of 40 people, in folders, and a table of them."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    rows = ["file,subject,sex,age,rare"]
    for number in range(80):
        path = tmp_path / "faces" / "val" / ("happy" if number % 2 else "sad") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), random.integers(0, 256, (48, 48), np.uint8))
        rows.append(
            f"{number}.png,p{number // 2},{'fm'[number // 2 % 2]},{'young' if number < 40 else 'old'},r{number}"
        )
    (tmp_path / "groups.csv").write_text("\n".join(rows[:-1]))
    return tmp_path


def test_groups_in_the_table_the_json_and_the_page(run_mien: Run, folder: Path) -> None:
    words = ["evaluate", "mini-xception", "--data", folder / "faces", "--groups", folder / "groups.csv",
             "--json", folder / "scores.json", "--report", folder / "scores.html"]  # fmt: skip
    done = run_mien(*words)
    assert done.status == 0, done.err
    assert "sex × age: " in done.out
    assert "rare: nothing to compare: no group is large enough to be scored" in done.out
    assert "rare: not shown, fewer than 30 faces or 10 subjects: r0; r1;" in done.out
    assert "1 face without a row in groups.csv" in done.out
    groups = json.loads((folder / "scores.json").read_text())["groups"]
    assert [each["attributes"] for each in groups["by_attribute"]] == [["sex"], ["age"], ["rare"], ["sex", "age"]]
    assert groups["overall"]["num_subjects"] == 40
    assert groups["by_attribute"][1]["by_group"]["young"]["num_faces"] == 40
    assert groups["by_attribute"][3]["too_small"] == ["f, old", "f, young", "m, old", "m, young"]
    assert "<h2>sex × age</h2>" in (folder / "scores.html").read_text()
    assert run_mien(*words).status == 0  # replaces its own outputs
    assert json.loads(run_mien(*words[:6], "--json", "-").out)["light"] is None


def test_other_light(run_mien: Run, folder: Path) -> None:
    done = run_mien(
        "evaluate", "mini-xception", "--data", folder / "faces", "--light", "--json", folder / "scores.json"
    )
    assert done.status == 0, done.err
    assert "the same 80 faces by exposure" in done.out
    assert "the same 80 faces by contrast" in done.out
    light = json.loads((folder / "scores.json").read_text())["light"]
    assert [step["changed"] for step in light["exposure"] if step["amount"] == 0] == [0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,sex\nnone.png,f\n", "groups.csv:2: 'none.png' is not in faces"),
        ("name,sex\n1.png,f\n", "groups.csv:1: no column file or subject"),
        (None, "groups.csv is not there; expected a CSV"),
    ],
)
def test_a_wrong_table_ends_in_one_error(run_mien: Run, folder: Path, table: str | None, message: str) -> None:
    (folder / "groups.csv").unlink()
    if table:
        (folder / "groups.csv").write_text(table)
    done = run_mien("evaluate", "mini-xception", "--data", folder / "faces", "--groups", folder / "groups.csv")
    assert done.status == 1
    assert message in done.err
    assert "Traceback" not in done.err


def test_the_page_replaces_nothing_that_mien_did_not_write(run_mien: Run, folder: Path) -> None:
    (folder / "mine.html").write_text("<html>mine</html>")
    words = ["evaluate", "mini-xception", "--data", folder / "faces", "--groups", folder / "groups.csv"]
    done = run_mien(*words, "--report", folder / "mine.html")
    assert done.status == 1
    assert "was not written by mien" in done.err


@pytest.mark.parametrize("name", ["mine.pdf", "mine", "-", "groups.csv"])
def test_the_page_is_a_file_for_a_browser(run_mien: Run, folder: Path, name: str) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    words = ["evaluate", "mini-xception", "--data", folder / "faces", "--groups", folder / "groups.csv"]
    done = run_mien(*words, "--report", name if name == "-" else folder / name)
    assert done.status == 2
    assert "ends in .html, .htm" in " ".join(done.err.split())
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_reading_that_nothing_would_use_is_refused(run_mien: Run, folder: Path) -> None:
    result = run_mien("evaluate", "mini-xception", "--data", folder, "--split", "val", "--reading", "people")
    assert result.status == 2
    assert "--groups and --light" in " ".join(result.err.split())


def test_an_unknown_model_is_a_wrong_command(run_mien: Run, folder: Path) -> None:
    result = run_mien("evaluate", "rep-smal", "--data", folder / "faces", "--split", "val")
    assert result.status == 2
    assert "MODEL" in result.err and "rep-smal" in result.err


def test_a_prior_that_nothing_would_use_is_refused(run_mien: Run, folder: Path) -> None:
    result = run_mien("evaluate", "mini-xception", "--data", folder / "faces", "--split", "val", "--prior", "even")
    assert result.status in (1, 2)
    assert "a prior is of people's reading" in " ".join(result.err.split())


def test_the_table_of_groups_fits_into_eighty_columns(run_mien: Run, folder: Path) -> None:
    done = run_mien("evaluate", "mini-xception", "--data", folder / "faces", "--groups", folder / "groups.csv",
                    "--max-error", "10%", "--json", "-")  # fmt: skip
    result = json.loads(done.out)
    screen = io.StringIO()
    for table in tables_of(result):
        Console(file=screen, width=80).print(table)
    row = next(line.split() for line in screen.getvalue().splitlines() if line.split()[:1] == ["young"])
    uncertain = result["groups"]["by_attribute"][1]["by_group"]["young"]["uncertain"]["value"]
    assert row[1:3] == ["40", "20"]
    assert row[-1] == f"{100 * uncertain:.1f}"


def test_maps_of_another_form_than_onnx_are_not_compared_with_shuffled_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _shuffled(tmp_path / "model.xml", tmp_path) == {}
    assert "not compared with those of shuffled weights: that needs a model in ONNX" in capsys.readouterr().err
    assert len(_shuffled(shipped_models()["mini-xception"], tmp_path)) == 3
