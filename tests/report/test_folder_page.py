import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.records import Header
from mien.report import folder_page
from mien.report.folder_page import FolderPage
from mien.report.stills import jpeg, portraits
from mien.report.video_page import PageSink
from mien.values import Failure, FrameResult

GREY = jpeg(np.full((96, 96, 3), 90, np.uint8))


@pytest.fixture
def picture(make_face: Any) -> Callable[..., FrameResult]:
    """`picture("a.jpg", {"happy": 0.9}, {"sad": 0.6})`: a picture with such faces."""

    def make(source: str, *faces: dict[str, float]) -> FrameResult:
        found = tuple(make_face(10, 20, **each) for each in faces)
        return FrameResult(source=source, width=640, height=480, faces=found, portraits=(GREY,) * len(found))

    return make


@pytest.fixture
def page(header: Header) -> Callable[..., str]:
    """`page(results)`: the HTML about all of them."""

    def render(results: Any, **fields: Any) -> str:
        stream = io.BytesIO()
        with FolderPage(stream, replace(header, **fields)) as sink:
            for each in results:
                sink.write(each)
        return stream.getvalue().decode()

    return render


def shown(html: str) -> list[tuple[int, str]]:
    """The faces of a contact sheet: the rank by score, and what is written beneath."""
    found = re.findall(r'<figure style="--rank:(\d+)".*?<b>(.*?)</b>', html)
    return [(int(rank), text) for rank, text in found]


def test_faces_are_sorted_by_expression_and_can_be_by_score(page: Callable[..., str], picture: Any) -> None:
    html = page([
        picture("in/a.jpg", {"happy": 0.9}, {"sad": 0.6}), picture("in/b.jpg", {"happy": 0.7}, {"angry": 0.95}),
        picture("in/c.jpg"),
    ])  # fmt: skip
    assert shown(html) == [(3, "angry 95%"), (1, "happy 70%"), (2, "happy 90%"), (0, "sad 60%")]
    assert "happy 50%, sad 25%, angry 25%" in html
    assert "#by-score:checked" in html
    assert "1 picture<" in html
    assert "c.jpg" in html
    assert html.count("<img") == 4


def test_unclear_faces_are_a_group_of_their_own_and_say_why(page: Callable[..., str], picture: Any) -> None:
    result = picture("in/a.jpg", {"happy": 0.9}, {"sad": 0.4}, {"sad": 0.5})
    reasons: list[tuple[str, ...]] = [(), ("unclear",), ("unclear", "small", "blurred")]
    faces = tuple(replace(face, uncertain=each) for face, each in zip(result.faces, reasons, strict=True))
    html = page([replace(result, faces=faces)])
    assert shown(html) == [(2, "happy 90%"), (0, "unclear: small, blurred"), (1, "unclear")]
    assert "unclear 67%, happy 33%" in html
    assert "sad" not in html.split("</style>")[1]


def test_a_sheet_is_bounded_and_says_what_was_left_out(
    page: Callable[..., str], picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_page, "MOST_FACES", 6)
    many = [picture(f"{number}.jpg", {"happy": 0.5 + number / 100}) for number in range(40)]
    html = page([*many, picture("x.jpg", {"sad": 0.9}), picture("y.jpg", {"sad": 0.8})])
    assert [text for _, text in shown(html)] == [
        "happy 50%",
        "happy 51%",
        "happy 52%",
        "happy 53%",
        "sad 80%",
        "sad 90%",
    ]
    assert "4 of 40, those with the lowest scores" in html
    assert "36 faces left out" in html


def test_a_full_sheet_is_less_than_two_megabytes(page: Callable[..., str], picture: Any) -> None:
    generator = np.random.default_rng(0)
    noise = jpeg(generator.integers(60, 190, (96, 96, 3), dtype=np.uint8) // 4 * 2)
    pictures = [replace(picture(f"{number}.jpg", {"happy": 0.9}), portraits=(noise,)) for number in range(500)]
    html = page(pictures)
    assert html.count("<img") == folder_page.MOST_FACES
    assert len(noise) > 3400, "more than a face takes"
    assert len(html) < 2_000_000


def test_videos_have_a_row_with_a_link_and_failures_are_listed(
    header: Header, make_frame: Any, make_person: Any, picture: Any, tmp_path: Path
) -> None:
    videos = [str(tmp_path / "films" / name) for name in ("a b.mp4", "c.mp4")]
    pages = {videos[0]: tmp_path / "out" / "a b.html"}
    with FolderPage(tmp_path / "out" / "index.html", replace(header, pages=pages)) as sink:
        for source in videos:
            for index in range(50):
                faces = [make_person(1, happy=0.9)] + ([make_person(2, sad=0.9)] if index < 25 else [])
                sink.write(make_frame(index, *faces, source=source))
        sink.write(Failure(videos[1], f"{videos[1]}: <b>damaged</b>"))
        sink.write(Failure(str(tmp_path / "films" / "d.jpg"), "no picture"))
        error = f"its drawing could not be written: {tmp_path / 'drawn' / 'e.jpg'}: Permission denied"
        sink.write(replace(picture(str(tmp_path / "films" / "e.jpg"), {"happy": 0.9}), error=error))
    html = (tmp_path / "out" / "index.html").read_text()
    assert str(tmp_path) not in html
    assert "<h1>out</h1>" in html, "its folder's name"
    assert '<td><a href="a%20b.html">a b.mp4</a></td><td>2.0 s</td><td>50</td><td>2</td><td>2</td>' in html
    assert "happy 67%, sad 33%" in html
    assert "<td>broken off</td>" in html
    assert "c.mp4: &lt;b&gt;damaged&lt;/b&gt;" in html
    assert "<td>d.jpg</td><td>no picture</td>" in html
    assert "<td>e.jpg</td><td>its drawing could not be written: e.jpg: Permission denied</td>" in html
    assert "happy 90%" in html
    assert FolderPage.replaces(tmp_path / "out" / "index.html")


def test_a_part_of_a_video_is_as_long_as_its_frames(page: Callable[..., str], make_frame: Any) -> None:
    """The page of the video said 1.0 s, and the index 1.0 s less a frame."""
    html = page([make_frame(index, time=index / 5) for index in range(5, 8)])
    assert "<td>talk.mp4</td><td>0.6 s</td><td>3</td>" in html


def test_names_are_those_below_the_folder_that_all_share(page: Callable[..., str], picture: Any) -> None:
    html = page([picture(str(Path(f"x/{name}.jpg").absolute()), {"happy": 0.9}) for name in ("one/a", "two/a")])
    assert 'title="one/a.jpg"' in html
    assert 'title="two/a.jpg"' in html
    assert str(Path("x").absolute()) not in html
    assert "v\\udcff.jpg" in page([picture("v\udcff.jpg", {"happy": 0.9})])


def test_names_of_files_that_share_no_folder_tell_them_apart(page: Callable[..., str], picture: Any) -> None:
    """They were absolute paths without their first slash."""
    root = Path.cwd().anchor
    paths = ["one/x/a.jpg", "two/x/a.jpg", "two/y/b.jpg", "c.jpg"]
    html = page([*(picture(root + path, {"happy": 0.9}) for path in paths), Failure(root + "two/y/b.jpg", "no place")])
    assert re.findall(r'title="([^"]*\.jpg)"', html) == ["one/x/a.jpg", "two/x/a.jpg", "b.jpg", "c.jpg"]
    assert "<td>b.jpg</td><td>no place</td>" in html


def test_a_sheet_is_called_as_its_file(header: Header, picture: Any, tmp_path: Path) -> None:
    """It was called as the working directory."""
    with FolderPage(tmp_path / "wedding.html", header) as sink:
        sink.write(picture("a.jpg", {"happy": 0.9}))
    assert "<title>wedding: expressions</title>" in (tmp_path / "wedding.html").read_text()


def test_an_interrupted_job_has_a_page_that_says_so(header: Header, picture: Any, tmp_path: Path) -> None:
    for kind, shown in ((FolderPage, "happy 90%"), (PageSink, "No face was found")):
        with pytest.raises(KeyboardInterrupt), kind(tmp_path / f"{kind.__name__}.html", header) as sink:
            sink.write(picture("a.jpg", {"happy": 0.9}))
            raise KeyboardInterrupt
        html = (tmp_path / f"{kind.__name__}.html").read_text()
        assert shown in html
        assert "The job was interrupted" in html


def test_nothing_at_all_is_still_a_page(page: Callable[..., str]) -> None:
    assert "Made with" in page([])


def test_a_portrait_is_cut_from_the_image(picture: Any) -> None:
    result = replace(picture("a.jpg", {"happy": 0.9}), image=np.full((480, 640, 3), 200, np.uint8))
    (only,) = portraits(result)
    assert only.startswith(b"\xff\xd8")
    assert portraits(replace(result, image=None)) == ()


def test_a_card_compares_the_faces_with_the_reference(
    page: Callable[..., str], reference: Any, make_picture: Any
) -> None:
    dark = [make_picture(number, 0.05) for number in range(60)]
    html = page(dark, reference=reference)
    assert "Image drift: compared with the 1,000 faces" in html
    assert "Class drift: compared with the 1,000 faces" in html
    assert "60 pictures and people beside the 1,000 faces of fer2013" in html
    assert html.count("<figcaption><b>brightness</b> mean 0.05, reference 0.5<") == 1
    # Nothing but the lowest tenth, three times as high as in the reference or more.
    chart = html[html.index('aria-label="brightness') :]
    assert chart[: chart.index("</svg>")].count('height="84.0"') == 1
    assert "<b>happy</b>" in html
    assert "100% instead of 14%" in html


@pytest.mark.parametrize("num", [0, 29])
def test_too_few_faces_are_not_compared(page: Callable[..., str], reference: Any, make_picture: Any, num: int) -> None:
    assert "Compared with" not in page([make_picture(number) for number in range(num)], reference=reference)
    assert "Compared with" not in page([make_picture(number, 0.05) for number in range(60)])


def test_faces_like_the_reference_are_said_to_be(page: Callable[..., str], reference: Any, make_picture: Any) -> None:
    alike = [make_picture(number, number % 70 / 70, EMOTIONS[number % 7]) for number in range(70)]
    assert "No drift found." in page(alike, reference=reference)
