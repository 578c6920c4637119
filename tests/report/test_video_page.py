import dataclasses
import json
import re

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.records.frames import Event, FrameRecord, VideoHeader
from mien.report.video_page import MOST_BINS, VideoPage

EVIL = "<script>alert(1)</script>.mp4"


def header(labels: tuple[str, ...] = EMOTIONS) -> VideoHeader:
    return VideoHeader(source=EVIL, width=640, height=360, rate=25.0, labels=labels, model="m", detector="haar")


def record(index: int, people: dict[int, str], rate: float = 25.0, labels: tuple[str, ...] = EMOTIONS) -> FrameRecord:
    faces = []
    for track, label in people.items():
        scores = {name: 0.7 if name == label else 0.3 / (len(labels) - 1) for name in labels}
        faces.append({
            "track_id": track, "box": {"left": 0.0, "top": 0.0, "right": 9.0, "bottom": 9.0}, "detector_score": 1.0,
            "interpolated": False, "quality": 1.0, "quality_reasons": [], "label": label, "scores": scores,
            "raw_scores": scores, "valence": 0.0, "arousal": 0.0,
        })  # fmt: skip
    return {"index": index, "time": index / rate, "faces": faces}  # type: ignore[typeddict-item] # as they are


EVENT: Event = {
    "track_id": 1, "label": "happy", "start": 0.0, "end": 2.0, "peak": 0.9, "peak_time": 1.0, "mean": 0.8,
}  # fmt: skip


def test_a_page_shows_each_person_and_nothing_from_elsewhere() -> None:
    page = VideoPage(header())
    for index in range(200):
        people = {1: "happy" if index < 100 else "sad"} | ({2: "neutral"} if 50 <= index < 150 else {})
        page.add(record(index, people | ({3: "fear"} if index == 60 else {})))
    page.add_thumbnail(1, np.zeros((96, 96, 3), np.uint8))
    html = page.render([EVENT])
    assert EVIL not in html
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert "Person 1" in html
    assert "Person 2" in html
    assert "Person 3" not in html
    assert "1 more, each for less than" in html
    assert "happy 50%, sad 50%" in html
    assert "1 events" in html
    data = json.loads(re.findall(r'<script type="application/json">(.*?)</script>', html)[0])
    assert data["labels"] == list(EMOTIONS)
    assert all(sum(row[1:]) == pytest.approx(100, abs=4) for row in data["bins"].values())


def test_who_is_out_of_view_leaves_a_gap() -> None:
    page = VideoPage(header())
    for index in range(300):
        page.add(record(index, {1: "happy"} if not 100 <= index < 200 else {}))
    html = page.render([])
    assert html.count("<polygon") == 2 * len(EMOTIONS)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, {"part": "all", "frames a second": "29.97"}),
        ({"start": 0.0, "rate": 25.0}, {"part": "all", "frames a second": "29.97"}),
        ({"start": 2.5}, {"part": "from 2.5 s on"}),
        ({"start": 0.0, "end": 4.0}, {"part": "from 0 s to 4 s"}),
        ({"baseline": 0.0}, {"baseline": "off"}),
        ({"baseline": 2.0}, {"baseline": "2 s"}),
        ({"baseline": 5.0}, {"baseline": "5 s; nobody was in view for so long, so nothing was taken out"}),
    ],
)
def test_settings_are_those_of_this_video(settings: dict[str, object], told: dict[str, str]) -> None:
    page = VideoPage(dataclasses.replace(header(), rate=29.97, settings=settings))
    for index in range(101):
        page.add(record(index, {1: "happy"}, rate=50.0))
    html = page.render([])
    rows = dict(re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td></tr>", html))
    assert told.items() <= rows.items()
    assert "rate" not in rows
    assert "table of frames" not in html


def test_nobody_is_said() -> None:
    page = VideoPage(header())
    page.add(record(0, {}))
    assert "No face was found" in page.render([])


def test_memory_stays_flat_in_a_long_video() -> None:
    page = VideoPage(header())
    for index in range(20_000):
        page.add(record(index, {1: "happy" if index < 15_000 else "sad"}, rate=2.0))
    person = page._people[1]
    assert len(person.scores) <= MOST_BINS
    assert "happy 75%, sad 25%" in page.render([])


def test_labels_of_ones_own_are_drawn_and_escaped() -> None:
    labels = ("wink", "<b>grin</b>")
    page = VideoPage(header(labels))
    for index in range(50):
        page.add(record(index, {1: "<b>grin</b>"}, labels=labels))
    html = page.render([])
    assert "<b>grin</b>" not in html
    assert "&lt;b&gt;grin" in html
