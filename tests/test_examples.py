"""The examples of the documents and docstrings run, and print what they show."""

import doctest
import importlib
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import mien
from mien.data import load
from mien.errors import MissingExtra
from mien.jobs.outputs import header_of
from mien.recognition import load_classifier
from mien.recognition.reference import reference_of
from mien.values import VideoInfo

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
"""Code that is run, and the output that is shown right below it; a block of "```python no-run: why" is left
alone."""

FILE = re.compile(r"# (\w+\.py)\n")
"""The first line of a block that is a file of its own, which later blocks import."""


class Example(NamedTuple):
    """One block of code in a document."""

    page: Path
    line: int
    code: str
    printed: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def examples(page: Path) -> list[Example]:
    text = page.read_text(encoding="utf-8")
    found = BLOCK.finditer(text)
    return [Example(page, text.count("\n", 0, each.start()) + 1, each[1], each[2] or "") for each in found]


EXAMPLES = [example for page in PAGES for example in examples(page)]

NEEDED = {"mien.training": "torch", "mien.records.parquet": "pyarrow", "mien.jobs.batch": "pyarrow"}
"""Optional packages without which a room's examples do not run."""

SOURCES = sorted(path for path in (ROOT / "src" / "mien").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
MODULES = [".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__") for path in SOURCES]


def run(example: Example, names: dict[str, object]) -> None:
    if file := FILE.match(example.code):
        Path(file[1]).write_text(example.code, encoding="utf-8")
    try:
        exec(compile(example.code, str(example), "exec"), names)
    except MissingExtra as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_examples_of_documents_run(
    example: Example, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each runs after the first of its page, and after those before it that are files of their own."""
    monkeypatch.syspath_prepend(place)
    names: dict[str, object] = {"__name__": "__main__"}
    first, *others = examples(example.page)
    for earlier in [first, *(other for other in others if FILE.match(other.code))]:
        if earlier.line < example.line:
            run(earlier, names)
    capsys.readouterr()
    run(example, names)
    printed = capsys.readouterr().out
    assert example.printed in ("", printed)


def test_the_pages_have_examples() -> None:
    assert {"README.md", "python.md"} <= {example.page.name for example in EXAMPLES}


@pytest.fixture(scope="module")
def given(media: Path) -> dict[str, object]:
    """The names that docstrings use and do not make: those of `mien`, and what an analysis gives."""
    analyzer = mien.Analyzer()
    image = mien.read_image(media / "party.jpg")
    faces = analyzer(image)
    height, width = image.shape[:2]
    result = mien.FrameResult(
        source="talk.mp4", width=width, height=height, faces=tuple(faces), video=VideoInfo(25.0), image=image
    )
    return {name: getattr(mien, name) for name in mien.__all__} | {
        "mien": mien, "np": np, "load": load, "load_classifier": load_classifier,
        "reference": reference_of(analyzer.classifier), "Path": Path, "analyzer": analyzer,
        "header": header_of(analyzer), "image": image, "face": faces[0], "faces": np.zeros((12, 48, 48), np.uint8),
        "result": result,
    }  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.usefixtures("place")
def test_examples_of_docstrings_run(name: str, given: dict[str, object]) -> None:
    for room, package in NEEDED.items():
        if name.startswith(room):
            pytest.importorskip(package)
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, attempted = doctest.testmod(module, extraglobs=given, optionflags=flags)
    assert failed == 0
    if not attempted:
        pytest.skip("its examples need a camera or a data set")
