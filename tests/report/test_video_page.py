import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.drawing import anonymize
from mien.emotions import EMOTIONS
from mien.records import Header
from mien.records.results import result_from_dict, result_to_dict
from mien.report.video_page import MOST_BINS, PageSink
from mien.values import Crop, Detection, Failure, FrameResult, Image, Quality, VideoInfo

EVIL = "<script>alert(1)</script>.mp4"


@pytest.fixture
def page(header: Header) -> Callable[..., str]:
    """`page(frames, settings={})`: the HTML about a video."""

    def render(results: Any, **fields: Any) -> str:
        stream = io.BytesIO()
        with PageSink(stream, replace(header, **fields)) as sink:
            for each in results:
                sink.write(each)
        return stream.getvalue().decode()

    return render


@pytest.fixture
def film(make_frame: Any, make_person: Any) -> Callable[..., list[FrameResult]]:
    """`film(lambda index: {1: "happy"}, 100)`: so many frames with the people that each shows."""

    def make(people: Callable[[int], dict[int, str]], num_frames: int, rate: float = 25.0) -> list[FrameResult]:
        return [
            make_frame(
                index, *(make_person(track, **{label: 0.75}) for track, label in people(index).items()),
                source=EVIL, time=index / rate,
            )
            for index in range(num_frames)
        ]  # fmt: skip

    return make


def portraits(html: str) -> list[Image]:
    """The portraits in a page, decoded."""
    import base64

    found = re.findall(r'src="data:image/jpeg;base64,(.*?)"', html)
    return [np.asarray(Pillow.open(io.BytesIO(base64.b64decode(each)))) for each in found]


def test_a_page_shows_each_person_and_nothing_from_elsewhere(page: Callable[..., str], film: Any) -> None:
    def people(index: int) -> dict[int, str]:
        second = {2: "neutral"} if 50 <= index < 150 else {}
        return {1: "happy" if index < 100 else "sad"} | second | ({3: "fear"} if index == 60 else {})

    html = page(film(people, 200))
    assert EVIL not in html
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert "Person 1" in html
    assert "Person 2" in html
    assert "Person 3" not in html
    assert "1 more, each for less than" in html
    assert "happy 50%, sad 50%" in html
    assert "2 events" in html
    assert "1 event<" in html
    assert "<tr><td>sad</td><td>4.00</td><td>7.96</td><td>75%</td><td>4.00</td><td>75%</td></tr>" in html
    data = json.loads(re.findall(r'<script type="application/json">(.*?)</script>', html)[0])
    assert data["labels"] == list(EMOTIONS)
    assert all(sum(row[1:]) == pytest.approx(100, abs=4) for row in data["bins"].values())


def test_who_is_out_of_view_leaves_a_gap(page: Callable[..., str], film: Any) -> None:
    html = page(film(lambda index: {} if 100 <= index < 200 else {1: "happy"}, 300))
    assert html.count("<polygon") == 2 * len(EMOTIONS)


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, {"part": "all", "frames a second": "29.97", "min_face": "40"}),
        ({"start": 0.0, "rate": 25.0}, {"part": "all", "frames a second": "29.97"}),
        ({"start": 2.5}, {"part": "from 2.5 s on"}),
        ({"start": 0.0, "end": 4.0}, {"part": "from 0 s to 4 s"}),
        ({"baseline": 0.0}, {"baseline": "off"}),
        ({"baseline": 2.0}, {"baseline": "2 s"}),
        ({"baseline": 5.0}, {"baseline": "5 s; nobody was in view for so long, so nothing was taken out"}),
    ],
)
def test_settings_are_those_of_this_video(
    page: Callable[..., str], film: Any, settings: dict[str, object], shown: dict[str, str]
) -> None:
    frames = [replace(each, video=VideoInfo(29.97)) for each in film(lambda index: {1: "happy"}, 101, rate=50.0)]
    rows = dict(re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td></tr>", page(frames, settings=settings)))
    assert shown.items() <= rows.items()
    assert "rate" not in rows


def test_a_video_without_faces_says_so(page: Callable[..., str], film: Any) -> None:
    assert "No face was found" in page(film(lambda index: {}, 3))


def test_why_a_video_broke_off_is_shown(page: Callable[..., str], film: Any) -> None:
    for num_frames in 50, 0:
        html = page([*film(lambda index: {1: "happy"}, num_frames), Failure(EVIL, "<b>damaged</b>")])
        assert "&lt;b&gt;damaged" in html
        assert "alert(1)" in html
    assert "Broken off" not in page(film(lambda index: {1: "happy"}, 50))


def test_memory_stays_flat_in_a_long_video(header: Header, film: Any) -> None:
    stream = io.BytesIO()
    with PageSink(stream, header) as sink:
        for frame in film(lambda index: {1: "happy" if index < 15_000 else "sad"}, 20_000, rate=2.0):
            sink.write(frame)
        assert len(sink._people[1].bins) <= MOST_BINS
    assert b"happy 75%, sad 25%" in stream.getvalue()


def test_labels_of_ones_own_are_drawn_and_escaped(page: Callable[..., str], make_frame: Any, make_person: Any) -> None:
    labels = ("wink", "<b>grin</b>")
    frames = [make_frame(index, make_person(1, labels=labels)) for index in range(50)]
    html = page(frames, labels=labels)
    assert "<b>grin</b>" not in html
    assert "&lt;b&gt;grin" in html


def test_a_name_that_is_no_utf8_can_be_written(page: Callable[..., str], make_frame: Any) -> None:
    assert "v\\udcff.mp4" in page([make_frame(0, source="v\udcff.mp4")])


@pytest.fixture
def portrayed(make_frame: Any, make_person: Any) -> list[FrameResult]:
    """A person in frames that are grey, ever lighter; the third can be read best."""
    qualities = 50, 52, 80, 60
    return [
        make_frame(
            index,
            make_person(1, quality=Quality(quality), happy=1),
            make_person(2, quality=Quality(quality), interpolated=True),
            image=np.full((360, 640, 3), 40 * index + 40, np.uint8),
            time=index / 2,
        )
        for index, quality in enumerate(qualities)
    ]


def test_a_portrait_is_of_the_frame_that_can_be_read_best(page: Callable[..., str], portrayed: Any) -> None:
    (first,) = portraits(page(portrayed[:2]))
    (best,) = portraits(page(portrayed))
    assert (first.shape, first.mean(), best.mean()) == (
        (96, 96, 3),
        pytest.approx(40, abs=2),
        pytest.approx(120, abs=2),
    )


def test_portraits_are_hidden_where_the_results_images_are(page: Callable[..., str], portrayed: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    hidden = anonymize(noise, portrayed[0].faces, how="pixelate")
    contrasts = []
    for image in noise, hidden:
        (portrait,) = portraits(page([replace(each, image=image) for each in portrayed]))
        contrasts.append(np.abs(np.diff(portrait.astype(int), axis=1)).mean())
    assert contrasts[1] < 0.2 * contrasts[0]


def test_a_page_can_be_made_again_from_recorded_results(page: Callable[..., str], portrayed: Any) -> None:
    """How an interrupted job goes on: the image is decoded again."""
    image = np.tile(np.arange(640, dtype=np.uint16)[None, :, None] // 3, (360, 1, 3)).astype(np.uint8)
    first, *_ = portrayed
    wide = Detection(first.faces[0].box, 0.5, crop=Crop(140, 140, 320))
    frames = [replace(first, image=image, faces=(replace(first.faces[0], detection=wide),)), *portrayed[1:]]
    again = [replace(result_from_dict(result_to_dict(each)), image=each.image) for each in frames]
    assert page(again[:1]) == page(frames[:1])
    assert page(again) == page(frames)


def test_only_an_earlier_page_is_replaced(tmp_path: Path, page: Callable[..., str], film: Any) -> None:
    path = tmp_path / "talk.html"
    for content, may in [
        (page(film(lambda index: {}, 1)), True),
        ("", True),
        ("<!doctype html><title>My film: expressions</title>", False),
        ('<!doctype html><meta name="generator" content="mien"><title>Training</title>', False),
    ]:
        path.write_text(content)
        assert PageSink.replaces(path) is may
