import re
from pathlib import Path

from mien.records import Header
from mien.records.rows import columns

OUTPUT = Path(__file__).parents[2] / "docs" / "output.md"


def test_the_columns_are_those_of_the_documents() -> None:
    text = OUTPUT.read_text(encoding="utf-8")
    listed = text[text.index("`source, frame") : text.index("`frame` is the frame's number")]
    before, between, after = re.fullmatch(r"`(.*?),`(.*raw_.*)`, (.*?)`", listed.strip(), re.DOTALL).groups()  # type: ignore[union-attr]
    assert "each label" in between
    documented = [*re.split(r",\s+", before), "happy", "raw_happy", *re.split(r",\s+", after)]
    assert documented == [*columns(Header(model="m", detector="d", labels=("happy",)))]
