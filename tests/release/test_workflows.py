"""What runs on others' machines in the project's name."""

import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="workflows are read with PyYAML: pip install 'mien[dev]'")

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


def read(name: str) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8"))
    return content


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_are_workflows_for_tests_docs_and_releases() -> None:
    assert {path.stem for path in WORKFLOWS} >= {"tests", "docs", "release"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside_it(path: Path) -> None:
    used = [step["uses"] for step in steps(read(path.stem)) if "uses" in step]
    assert used
    assert [each for each in used if not PINNED.fullmatch(each)] == []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert len(lines) == len(used)
    assert [line for line in lines if not re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_one_version_of_an_action_has_one_commit() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for line in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8")):
            pins.setdefault(line.partition("@")[0], set()).add(line)
    assert {name: len(lines) for name, lines in pins.items() if len(lines) > 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_may_do_no_more_than_they_need(path: Path) -> None:
    workflow = read(path.stem)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert {key for key, right in job["permissions"].items() if right == "write"} <= {"id-token", "pages"}, name
        assert "environment" in job or "id-token" not in job["permissions"], name
        assert "timeout-minutes" in job, name
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_of_a_stranger_runs_with_rights_or_as_a_command(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    triggers = read(path.stem)[True]  # YAML 1.1 reads `on` as a truth
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers)
    assert "secrets." not in text
    assert [step["run"] for step in steps(read(path.stem)) if "${{" in step.get("run", "")] == []


def test_a_release_is_checked_before_it_is_published_and_all_packages_are() -> None:
    jobs = read("release")["jobs"]
    assert any("release/check.py" in step.get("run", "") for step in jobs["build"]["steps"])
    publishing = {
        name: step["with"]["packages-dir"]
        for name, job in jobs.items()
        for step in job["steps"]
        if step.get("uses", "").startswith("pypa/gh-action-pypi-publish@")
    }
    assert set(publishing.values()) == {"dist/mien", "dist/mien-ensemble", "dist/mien-gelu-cnn"}
    for name in publishing:
        assert set(jobs[name]["permissions"]) == {"id-token"}
        needed = jobs[name]["needs"]
        assert needed == "build" or all(jobs[each]["needs"] == "build" for each in needed)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_make_is_asked_for_exists(path: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    asked = [word for step in steps(read(path.stem)) for word in re.findall(r"make ([\w-]+)", step.get("run", ""))]
    assert set(asked) <= set(targets)
