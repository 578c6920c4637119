"""The page as it is committed, and what it knows of mien."""

import json
import subprocess
from pathlib import Path

import constants
import driving
import pytest

import mien.serve
from mien.recognition.quality import NAMES

STATIC = Path(mien.serve.__file__).parent / "static"


def test_the_page_knows_what_python_knows() -> None:
    assert json.loads(constants.FILE.read_text(encoding="utf-8")) == constants.known(), "run: make web"


def test_the_page_asks_for_its_own_files_only() -> None:
    texts = [path.read_text(encoding="utf-8") for path in STATIC.iterdir() if path.suffix != ".svg"]
    assert len(texts) == 3
    assert not any(start in text for text in texts for start in ("https://", "http://", "@import", "url("))


@pytest.mark.browser
def test_the_committed_page_is_a_fresh_build(node: None, tmp_path: Path) -> None:
    driving.build("page", tmp_path)
    fresh, committed = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in (tmp_path, STATIC))
    assert fresh == committed, "run: make web"


@pytest.mark.browser
def test_types_hold(node: None) -> None:
    done = subprocess.run(
        ["npm", "run", "--silent", "check"], cwd=driving.WEB, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_the_browser_finds_what_python_finds(node: None, tmp_path: Path) -> None:
    driving.build("test", tmp_path)
    driving.write_golden(tmp_path)
    cases = json.loads((tmp_path / "golden.json").read_text())
    faces = [face for case in cases for each in case["read"] for face in each["faces"]]
    assert {doubt for face in faces for doubt in face["uncertain"]} == {"unclear", "unlike the training"}
    assert {len(face["set"] or ()) for face in faces} >= {0, 1, 2}
    reasons = {reason for case in cases for cut in case["cuts"] for reason in cut["quality"]["reasons"]}
    assert reasons == {*NAMES.values(), "covered", "bright", "dark", "low contrast"}
    done = driving.run_parity(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "# fail 0" in done.stdout and "# pass 0" not in done.stdout
