"""What the documents say is what was measured, and what the code has."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mien.cli import VERBS

ROOT = Path(__file__).parents[1]
FOLDERS = ((ROOT, "*.md"), (ROOT / "docs", "**/*.md"), (ROOT / "src", "**/*.md"), (ROOT / "models", "**/*.md"))
DOCUMENTS = [path for folder, pattern in FOLDERS for path in sorted(folder.glob(pattern))]


def test_tables_hold_the_committed_figures() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "tables.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_within_the_project_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and not leads_somewhere(path, target)] == []


def leads_somewhere(page: Path, target: str) -> bool:
    """Whether there is such a file and, in a document, such a heading."""
    name, _, heading = target.partition("#")
    file = page.parent / name if name else page
    return file.exists() and (not heading or heading in headings(file))


def headings(page: Path) -> list[str]:
    """The names by which GitHub links to the headings of a document."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines]


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_names_every_verb(verb: str) -> None:
    assert f"mien {verb}" in (ROOT / "README.md").read_text(encoding="utf-8")


def marked(name: str) -> str:
    """The part of docs/design.md between two markers."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    return text.partition(f"<!-- {name} -->")[2].partition("<!-- end -->")[0]


def test_the_design_shows_the_layers_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert [line.strip() for line in marked("layers").splitlines() if line] == contracts[0]["layers"]


def test_the_design_describes_every_room() -> None:
    rooms = re.findall(r"^\| `(\w+)` \|", marked("rooms"), re.MULTILINE)
    assert sorted(rooms) == sorted(re.findall(r"\w+", marked("layers")))
