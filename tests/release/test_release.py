"""What a release says about itself."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from datetime import date
from pathlib import Path

import pytest
from check import ABOUT, CONTENTS, interpreters, requirements
from sbom import bill_of_materials

import mien

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
METADATA = """Metadata-Version: 2.4
Name: made
Version: 1.2
Summary: Made for a test
License-Expression: MIT
Requires-Dist: numpy>=1.26
Requires-Dist: av>=17; extra == 'video'
Requires-Dist: numpy>=2; extra == 'video'
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "made-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("made-1.2.dist-info/METADATA", METADATA)
        archive.writestr("made/weights/net.onnx", b"weights")
        archive.writestr("made/__init__.py", b"")
    return path


def test_the_version_is_the_same_wherever_it_is_said() -> None:
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest
    assert PROJECT["version"] == mien.__version__ == citation["version"]
    if newest[1] != "Unreleased":
        assert newest[1] == f"{citation['version']} ({citation['date-released']})"
        assert date.fromisoformat(citation["date-released"])


def test_the_citation_has_what_its_format_asks_for() -> None:
    """Citation File Format 1.2.0."""
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"authors", "message", "title"} <= citation.keys()
    assert citation["license"] == PROJECT["license"]
    for each in [citation, *citation["references"]]:
        assert each["authors"]
        assert all("name" in author or "family-names" in author for author in each["authors"])
        assert each["title"]


def test_every_file_of_the_package_fits_one_pattern() -> None:
    package = ROOT / "src"
    files = [path for path in (package / "mien").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    patterns = [pattern for pattern in CONTENTS["mien"] if not pattern.startswith(ABOUT[0][:8])]
    names = [path.relative_to(package).as_posix() for path in files]
    assert [name for name in names if not any(re.fullmatch(pattern, name) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, name) for name in names)] == []


def test_a_bill_of_materials_says_what_is_needed_and_what_is_inside(wheel: Path) -> None:
    text = bill_of_materials(wheel, 0)
    assert text == bill_of_materials(wheel, 0)
    bill = json.loads(text)
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/made@1.2"
    assert bill["metadata"]["timestamp"] == "1970-01-01T00:00:00+00:00"
    rows = {row["name"]: row for row in bill["components"]}
    assert {name: row.get("scope") for name, row in rows.items()} == {
        "made/weights/net.onnx": None, "numpy": "required", "av": "optional",
    }  # fmt: skip
    assert rows["numpy"]["properties"] == [
        {"name": "mien:range", "value": ">=1.26"}, {"name": "mien:range:video", "value": ">=2"},
    ]  # fmt: skip
    assert len(rows["made/weights/net.onnx"]["hashes"][0]["content"]) == 64
    assert requirements(wheel) == ["numpy>=1.26"]


def test_this_python_is_found() -> None:
    version = ".".join(map(str, sys.version_info[:2]))
    assert [found for found, _ in interpreters([version])] in ([version], [])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_packages_are_the_same_from_two_copies_of_the_sources() -> None:
    """Needs what builds them, which pip fetches; without a network it is skipped."""
    words = [sys.executable, str(ROOT / "release" / "check.py"), "--only-build"]
    if subprocess.run(["git", "rev-parse"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("needs a clone")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if "No matching distribution" in done.stderr:
        pytest.skip("needs a package index")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["packages"].keys() == {"mien", "mien-ensemble", "mien-gelu-cnn"}
