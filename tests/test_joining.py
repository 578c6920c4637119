"""The way in: what CONTRIBUTING.md adds works, commits are checked as by `make check`, and reports have an address."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[1]
CONTRIBUTING: Final = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FORMS: Final = [path for path in sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")) if path.stem != "config"]

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


class Addition(NamedTuple):
    """A thing that is added in CONTRIBUTING.md: its heading, its patch, and the commands below it."""

    heading: str
    patch: str
    commands: str


ADDITIONS: Final = [
    Addition(*found)
    for found in re.findall(
        r"^### An? (\w+)\n.*?^```diff\n(.*?)^```\n\n```sh\n(.*?)^```", CONTRIBUTING, re.DOTALL | re.MULTILINE
    )
]


def test_there_is_one_of_each() -> None:
    assert [each.heading for each in ADDITIONS] == ["detector", "architecture", "output", "recipe"]


def git_apply(patch: str, folder: Path, *options: str) -> None:
    done = subprocess.run(
        ["git", "apply", *options, "-"], input=patch, cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@needs_git
@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.heading)
def test_each_addition_fits_the_code_as_it_is(addition: Addition) -> None:
    git_apply(addition.patch, ROOT, "--check")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what may be changed, beside links to the rest."""
    folder = tmp_path / "clone"
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("docs", "recipes", "benchmarks", "examples", "web", "README.md", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def run(commands: str, folder: Path) -> str:
    """What commands print, run one after the other in a clone with its environment activated."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


@needs_git
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.heading)
def test_what_is_added_passes_the_tests_of_its_kind_and_can_be_used(addition: Addition, clone: Path) -> None:
    git_apply(addition.patch, clone)
    printed = run(addition.commands, clone)
    assert re.search(r"\b[1-9]\d* passed\b", printed)
    assert "skipped" not in printed


@needs_git
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_additions_together_pass_the_checks(clone: Path) -> None:
    for each in ADDITIONS:
        git_apply(each.patch, clone)
    changed = " ".join(re.findall(r"^\+\+\+ b/(\S+\.py)$", "".join(each.patch for each in ADDITIONS), re.MULTILINE))
    run(f"ruff check {changed}; ruff format --check {changed}; lint-imports --no-cache; mypy {changed}", clone)


def test_a_commit_is_checked_as_make_check_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.findall(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[0]
    made = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"^ +entry: (.*)$", hooks, re.MULTILINE) == made
    assert hooks.count("language: system") == hooks.count("pass_filenames: false") == len(made)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_of_issues_are_well_formed(path: Path) -> None:
    form: dict[str, Any] = pytest.importorskip("yaml").safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys() <= {"name", "description", "title", "labels", "body"}
    asked = [each for each in form["body"] if each["type"] != "markdown"]
    assert all(each["type"] in ("textarea", "input", "dropdown", "checkboxes") for each in asked)
    assert len({each["id"] for each in asked}) == len(asked)
    assert all(each["attributes"]["label"] for each in asked)


def test_the_address_for_reports_is_in_one_place() -> None:
    """It is filled in before the first release, in SECURITY.md alone; all else points there."""
    security = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert security.count("<!-- address -->") == 1
    for path in (ROOT / "CODE_OF_CONDUCT.md", ROOT / "CONTRIBUTING.md", *(ROOT / ".github").rglob("*.*")):
        text = path.read_text(encoding="utf-8")
        assert "<!-- address -->" not in text
        assert "mailto:" not in text
    assert "SECURITY.md" in CONTRIBUTING
    assert "SECURITY.md#how-to-report" in (ROOT / "CODE_OF_CONDUCT.md").read_text(encoding="utf-8")
