import re

import pytest

from mien.report.html import counted, document, shares_bar


def test_a_name_that_is_no_utf8_can_be_written() -> None:
    """Fault 52: pages of trainings on such folders ended in UnicodeEncodeError."""
    page = document("v\udcff", "<p>f\udcfe.png</p>", style="run_page.css")
    assert b"v\\udcff" in page.encode()
    assert b"f\\udcfe.png" in page.encode()


@pytest.mark.parametrize("style", ["video_page.css", "folder_page.css", "run_page.css", "evaluation_page.css"])
def test_links_can_be_read_on_dark_pages(style: str) -> None:
    """A browser's own blue is dark on dark."""
    assert re.search(r"^a \{ color: var\(--accent\); \}", document("talk", "", style=style), re.MULTILINE)


def test_counts_have_their_nouns() -> None:
    assert [counted(number, "event") for number in (0, 1, 1200)] == ["0 events", "1 event", "1,200 events"]
    assert counted(2, "person", "people") == "2 people"


def test_shares_come_from_the_largest_to_the_smallest_and_without_those_of_nothing() -> None:
    bar = shares_bar([("sad", 0.25, "blue"), ("happy", 0.75, "gold"), ("<fear>", 0.0, "red")])
    assert ">happy 75%, sad 25%<" in bar
    assert "fear" not in bar
