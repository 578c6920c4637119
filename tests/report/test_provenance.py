from pathlib import Path

import pytest

from mien.records.sink import Header
from mien.report.provenance import made_with, without_paths


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("its drawing could not be written: /out/a.jpg: Permission denied",
         "its drawing could not be written: a.jpg: Permission denied"),
        ("/home/Anna Schmidt/my out/a.jpg: No space", "a.jpg: No space"),
        ("[Errno 13] Permission denied: '/out/it is/a.jpg'", "[Errno 13] Permission denied: 'a.jpg'"),
        ("/home/Anna's/12:30/a.jpg: No space", "a.jpg: No space"),
        ("cannot copy /a/b.png to /c/d e.png", "cannot copy b.png to d e.png"),
        ("PosixPath('/a/b.onnx')", "PosixPath('b.onnx')"),
        ("file:///home/anna/a.mp4: broken", "a.mp4: broken"),
        ("path:/home/anna/a.mp4 //nas/share/b.mp4", "path:a.mp4 b.mp4"),
        (r"C:\Users\Anna S\a.jpg: denied", "a.jpg: denied"),
        (r"\\nas\share\a.jpg: denied", "a.jpg: denied"),
        ("https://example.org/a/b.mp4: 404", "https://example.org/a/b.mp4: 404"),
        ("1/2 of frames and/or sound, 3 / 4", "1/2 of frames and/or sound, 3 / 4"),
    ],
)  # fmt: skip
def test_no_absolute_path_is_left_in_a_message(text: str, shown: str) -> None:
    assert without_paths(text, "other.jpg") == shown
    assert without_paths(text, "-") == shown


def test_the_source_goes_by_its_name() -> None:
    here = Path("films").absolute()
    assert without_paths("films/a b.mp4: damaged", "films/a b.mp4") == "a b.mp4: damaged"
    assert without_paths(f"cannot open {here}/x: y/a.mp4", f"{here}/x: y/a.mp4") == "cannot open a.mp4"


def test_standard_input_is_named_where_a_message_begins_with_it() -> None:
    """Each hyphen was replaced by "standard input"."""
    assert without_paths("-: a non-video - end-of-file", "-") == "standard input: a non-video - end-of-file"
    assert without_paths("- is no picture", "-") == "standard input is no picture"


def test_all_shares_are_written_alike() -> None:
    """The prior's were 12%, the others 5 %."""
    header = Header(model="m", detector="d", labels=("happy",), prior={"happy": 0.12}, max_error=0.05, sets=0.9)
    made = made_with(header)
    names = ("assumed shares", "wrong answers accepted", "sets with the right label")
    assert [made[name] for name in names] == ["happy 12%", "5%", "90%"]
