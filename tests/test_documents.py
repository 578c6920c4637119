"""What the documents say is what was measured."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")),
             *sorted((ROOT / "src").rglob("*.md"))]  # fmt: skip


def test_tables_hold_the_committed_figures() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "tables.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_within_the_project_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    missing = [target for target in targets if target and "://" not in target and not (path.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("verb", ["analyze", "models", "data", "train", "export", "evaluate"])
def test_the_readme_names_every_verb(verb: str) -> None:
    assert f"mien {verb}" in (ROOT / "README.md").read_text(encoding="utf-8")
