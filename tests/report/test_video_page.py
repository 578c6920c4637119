import hashlib
import io
import json
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import mien
from mien.drawing import anonymize
from mien.emotions import EMOTIONS
from mien.records import Header
from mien.records.results import result_from_dict, result_to_dict
from mien.report import video_page
from mien.report.timeline import MOST_BINS
from mien.report.video_page import MOST_EVENTS, PageSink
from mien.tracking.events import Event
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
        return re.sub(r"(analysed on</td><td>)[^<]*", r"\1today", stream.getvalue().decode())

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
    found = re.findall(r'alt="person \d+" src="data:image/jpeg;base64,(.*?)"', html)
    return [np.asarray(Pillow.open(io.BytesIO(b64decode(each)))) for each in found]


def axis_of(html: str) -> dict[str, Any]:
    """What a page's script knows of its time."""
    found: dict[str, Any] = json.loads(re.findall(r"id=axis>(.*?)</script>", html)[0])
    return found


def bins_of(html: str) -> list[dict[str, list[float]]]:
    """What a page's script knows of each person."""
    return [json.loads(each)["bins"] for each in re.findall(r'<script type="application/json">(.*?)</script>', html)]


def rows_of(html: str) -> dict[str, str]:
    """The settings in a page."""
    return dict(re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td></tr>", html))


def tiles_of(html: str) -> dict[str, str]:
    """The headline figures of a page."""
    return {name: value.strip() for name, value in re.findall(r"<dt>(.*?)</dt><dd>(.*?)<small>", html)}


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
    assert "1 person in view for less than 0.5 s" in html, "fault 29"
    assert "happy 50%, sad 50%" in html
    assert "2 events" in html
    assert "1 event<" in html
    assert "<tr><td>sad</td><td>4.00</td><td>7.96</td><td>75%</td><td>4.00</td><td>75%</td></tr>" in html
    assert axis_of(html)["labels"] == [*EMOTIONS, "unclear"]
    assert "unclear</span>" not in html, "nothing is"
    rows = bins_of(html)[0]
    assert len(rows) == 200
    assert all(sum(row[1 : 1 + len(EMOTIONS)]) == pytest.approx(100, abs=4) for row in rows.values())


def test_unclear_time_has_a_share_a_colour_and_no_event(
    page: Callable[..., str], make_frame: Any, make_person: Any
) -> None:
    clear, unclear = make_person(1, happy=0.75), make_person(1, happy=0.75, uncertain=("unclear",))
    html = page([make_frame(index, unclear if 40 <= index < 80 else clear) for index in range(100)])
    assert "happy 60%, unclear 40%" in html
    assert "<title>unclear, 1.6 s to 3.2 s</title>" in html
    assert "unclear</span>" in html, "in the legend"
    assert "<td>60%<small>75% · 2</small></td>" in html, "the scores are still there"
    assert "<td>40%</td>" in html
    assert "2 events" in html
    assert [row[0] for row in (bins_of(html)[0][str(place)] for place in (0, 50))] == [3, len(EMOTIONS)]


def test_who_is_out_of_view_leaves_a_gap_that_says_so(page: Callable[..., str], film: Any) -> None:
    html = page(film(lambda index: {} if 100 <= index < 200 else {1: "happy"}, 300))
    assert html.count('<path class="line"') == 2 * (len(EMOTIONS) + 3), "and valence, arousal, quality"
    assert "<title>person 1 not in view, 4.0 s to 8.0 s</title>" in html
    assert "<title>nobody in view, 4.0 s to 8.0 s</title>" in html
    assert "Nobody was in view for 4.0 s of 12.0 s" in html


@pytest.mark.parametrize("rate", [24.0, 25.0, 29.97, 5.0, 1.0, 0.2])
def test_a_face_that_stays_in_view_has_no_gap_at_any_rate(page: Callable[..., str], film: Any, rate: float) -> None:
    """Fault 18: bins of 1/30 s were empty at other rates."""
    html = page(film(lambda index: {1: "happy"}, 400, rate=rate))
    assert "not in view" not in html.split("<script>")[0]
    assert "nobody in view" not in html
    assert html.count('<path class="line"') == len(EMOTIONS) + 3
    assert [*map(int, bins_of(html)[0])] == [*range(400)]
    assert tiles_of(html)["frames a second"] == f"{rate:g}"


def test_a_part_of_a_video_fills_the_charts_and_is_what_the_tiles_say(page: Callable[..., str], film: Any) -> None:
    """Fault 18: a part from 9 to 12 s left three quarters empty."""
    part = [each for each in film(lambda index: {1: "happy"}, 60, rate=5.0) if each.time >= 9]
    html = page([replace(each, video=VideoInfo(29.97)) for each in part], settings={"start": 9.0, "fps": 5})
    assert (axis_of(html)["start"], axis_of(html)["end"]) == pytest.approx((9.0, 12.0))
    figures = tiles_of(html)
    assert (figures["analysed"], figures["frames"], figures["frames a second"]) == ("3.0 s", "15", "5")
    assert "of 29.97" in html
    assert "9.0 s to 12.0 s" in html


def test_no_more_frames_are_analysed_than_the_source_has(page: Callable[..., str], film: Any) -> None:
    """A header may name a lower rate than that of the frames: "25 of 24.7" frames a second."""
    whole = film(lambda index: {1: "happy"}, 100, rate=25.0)
    html = page([replace(each, video=VideoInfo(24.7)) for each in whole])
    assert tiles_of(html)["frames a second"] == "25"
    assert "24.7" not in html
    assert rows_of(html)["frames a second"] == "25 analysed"


def test_frames_that_are_missing_are_no_time_in_view(page: Callable[..., str], film: Any) -> None:
    whole = film(lambda index: {1: "happy"}, 300)
    html = page([*whole[:100], *whole[200:]])
    assert "The video lacks frames for" in html
    assert "<title>no frames, 5.0 s to 8.0 s</title>" in html, "a frame may be shown for a second"


def test_damage_in_the_middle_is_listed_and_marked(page: Callable[..., str], film: Any) -> None:
    whole = film(lambda index: {1: "happy"}, 100)
    whole[50] = replace(whole[50], error="frames 40 to 49 are <damaged>")
    html = page([*whole[:40], *whole[50:]])
    assert "frames 40 to 49 are &lt;damaged&gt;" in html
    assert "<title>no frames, 1.6 s to 2.0 s</title>" in html


def test_nothing_runs_into_damage_and_the_seconds_add_up(page: Callable[..., str], film: Any) -> None:
    whole = film(lambda index: {} if 200 <= index < 225 else {1: "happy"}, 300)
    whole[175] = replace(whole[175], error="frames 50 to 174 between 2.00 and 6.96 s cannot be decoded")
    html = page([*whole[:50], *whole[175:]])
    assert "<title>happy, 0.0 s to 2.0 s</title>" in html
    assert "<title>happy, 7.0 s to 8.0 s</title>" in html
    assert axis_of(html)["ends"][49] == 2.0
    overview = html[html.index("Who was in view") : html.index(">People<")]
    assert overview.count("<title>no frames, 2.0 s to 7.0 s</title>") == 2, "in the person's row and that of nobody"
    assert "<title>nobody in view, 8.0 s to 9.0 s</title>" in overview
    assert "Nobody was in view for 1.0 s of 12.0 s. The video lacks frames for 5.0 s of 12.0 s." in overview
    assert "<td>0.0 s</td><td>12.0 s</td><td>6.0 s</td><td>150</td>" in html
    assert "<td>25 analysed" in html


def test_seconds_in_view_are_those_of_the_frames(page: Callable[..., str], film: Any) -> None:
    """With a variable rate, 2.4 s were told as 3.0 s, and the mean of 15.8 frames a second as 50."""
    times = [index * 0.1 for index in range(30)] + [3 + index * 0.02 for index in range(100)]
    frames = film(lambda index: {1: "happy"} if index >= 20 else {}, 130)
    html = page([replace(frame, time=time) for frame, time in zip(frames, times, strict=True)])
    assert "<td>2.0 s</td><td>5.0 s</td><td>3.0 s</td><td>110</td>" in html
    assert tiles_of(html)["frames a second"] == "26"


def test_a_few_frames_of_a_video_last_until_the_next_one_or_the_end(page: Callable[..., str], film: Any) -> None:
    """Five people who were each in view for 1.0 s were "in view for less than 0.5 s"."""
    frames = film(lambda index: {1 + index: "happy"}, 5, rate=1.0)
    html = page([replace(frame, video=VideoInfo(25.0, num_frames=115)) for frame in frames])
    assert "less than" not in html
    assert "Person 5" in html
    assert "0.0 s to 4.6 s" in html
    assert "<td>4.0 s</td><td>4.6 s</td><td>0.6 s</td><td>1</td>" in html


def test_a_page_says_what_it_was_made_with_and_no_absolute_path(
    page: Callable[..., str], film: Any, tmp_path: Path
) -> None:
    """Fault 24."""
    video, model = tmp_path / "someone" / "talk.mp4", tmp_path / "someone" / "net.onnx"
    video.parent.mkdir()
    video.write_bytes(b"a video")
    model.write_bytes(b"a model")
    frames = [replace(each, source=str(video)) for each in film(lambda index: {1: "happy"}, 50)]
    error = Failure(str(video), f"{video}: damaged")
    html = page([*frames, error], model=str(model), settings={"model_file": str(tmp_path / "yunet.onnx")})
    assert str(tmp_path) not in html
    assert "someone" not in html
    rows = rows_of(html)
    assert rows["source"] == "talk.mp4"
    assert rows["SHA-256 of the source"] == hashlib.sha256(b"a video").hexdigest()
    assert (rows["model"], rows["SHA-256 of the model"]) == ("net.onnx", hashlib.sha256(b"a model").hexdigest())
    assert rows["made with"] == f"mien {mien.__version__}"
    assert rows["model file"] == "yunet.onnx"
    assert "talk.mp4: damaged" in html
    table = b64decode(re.findall(r'href="data:text/csv;base64,(.*?)"', html)[0]).decode()
    assert table.splitlines()[0].startswith("source,second,track_id,")
    assert [line.split(",")[:3] for line in table.splitlines()[1:]] == [["talk.mp4", "0", "1"], ["talk.mp4", "1", "1"]]


def test_the_label_comes_first_under_the_pointer(run_script: Callable[..., str]) -> None:
    """Where both are 40 % when rounded, another one stood above it."""
    page = """
        const axis_text = JSON.stringify({ labels: ["angry", "happy", "sad"], starts: [], ends: [] });
        globalThis.document = { getElementById: () => ({ textContent: axis_text }), querySelectorAll: () => [] };
        globalThis.addEventListener = () => {};
    """
    shown = run_script(page, "video_page.js", "console.log(probabilities([2, 40, 20, 40, null, null, null]).join())")
    assert shown == "sad 40 %,angry 40 %,happy 20 %"


def test_options_of_a_detector_are_not_taken_for_settings(page: Callable[..., str], film: Any) -> None:
    """One called `start` ended the job in a ValueError."""
    options = {"start": "left", "end": "right", "baseline": "low", "part": "head", "rate": 3}
    rows = rows_of(page(film(lambda index: {1: "happy"}, 50), detector_options=options, settings={"end": 3.0}))
    assert rows["part"] == "from 0.0 s to 3.0 s"
    assert {name: rows[f"{name} of the detector"] for name in options} == {key: str(options[key]) for key in options}
    assert "baseline" not in rows


def test_merged_people_are_written_as_they_are_asked_for(page: Callable[..., str], film: Any) -> None:
    html = page(film(lambda index: {1: "happy"}, 50), settings={"merge": ((1, 3), (2, 5, 6))})
    assert rows_of(html)["merge"] == "1,3; 2,5,6"


def test_a_long_table_by_seconds_is_left_to_its_own_file(
    page: Callable[..., str], film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_page, "MOST_TABLE", 300)
    html = page(film(lambda index: {1: "happy"}, 200))
    assert "data:text/csv" not in html
    assert "--seconds FILE.csv" in html


def test_the_table_of_people_has_everybody_with_shares_means_and_counts(page: Callable[..., str], film: Any) -> None:
    html = page(film(lambda index: {1: "happy" if index < 150 else "sad"} | ({2: "fear"} if index == 60 else {}), 200))
    table = html[html.index(">People<") : html.index(">Person 1<")]
    assert '<th scope="col">valence</th>' in table
    assert "<td>75%<small>56% · 1</small></td>" in table, "happy led in 75 % of the frames, at 75 %"
    assert table.count("<tr><td>") == 2


def test_stills_are_of_the_peaks_of_events(page: Callable[..., str], make_frame: Any, make_person: Any) -> None:
    shown = [("happy", 0.6), ("happy", 0.9), ("happy", 0.7), ("sad", 0.8), ("sad", 0.7), ("sad", 0.7), ("happy", 0.5)]
    shown += [("happy", 0.6), ("happy", 0.55)]
    frames = [
        make_frame(
            index, make_person(1, **{label: score}), time=index / 5,
            image=np.full((360, 640, 3), 20 * index + 40, np.uint8),
        )
        for index, (label, score) in enumerate(shown)
    ]  # fmt: skip
    html = page(frames)
    found = re.findall(r'<img alt="person 1, (\w+)" src="data:image/jpeg;base64,(.*?)">.*?<br>(.*?)<', html)
    assert [(label, when) for label, _, when in found] == [("happy", "0.2 s"), ("sad", "0.6 s"), ("happy", "1.4 s")]
    means = [np.asarray(Pillow.open(io.BytesIO(b64decode(still)))).mean() for _, still, _ in found]
    assert means == pytest.approx([60, 100, 180], abs=3)


def test_ten_minutes_of_one_person_are_less_than_two_megabytes(
    page: Callable[..., str], make_frame: Any, make_person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an event every two seconds, and stills that do not compress."""
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 255, (360, 640, 3), dtype=np.uint8) for _ in range(3)]
    scores = generator.dirichlet(np.ones(len(EMOTIONS)), 600) / 2  # so that the label leads
    frames = (
        make_frame(
            index, make_person(1, label=EMOTIONS[index // 50 % 7], quality=Quality(float(generator.uniform(0, 100))),
                               **dict(zip(EMOTIONS[:-1], scores[index % 600, :-1].tolist(), strict=True))),
            image=images[index % 3],
        )
        for index in range(15_000)
    )  # fmt: skip
    html = page(frames)
    assert len(html) < 2_000_000
    assert html.count("<figure>") == video_page.MOST_STILLS
    assert "300 events<" in html


def test_many_people_have_charts_with_fewer_points(
    page: Callable[..., str], film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_page, "MOST_POINTS", 100)
    html = page(film(lambda index: {1: "happy", 2: "sad" if index < 50 else "fear"}, 100))
    assert [len(bins) for bins in bins_of(html)] == [50, 50]
    assert "fear 50%, sad 50%" in html
    assert "not in view" not in html.split("<script>")[0]


def test_thousands_of_tracks_are_a_page_too(
    page: Callable[..., str], make_frame: Any, make_person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_page, "MOST_POINTS", 500)
    html = page(make_frame(index, make_person(index, happy=1)) for index in range(1, 1001))
    assert "1,000 people in view for less than 0.5 s" in html
    assert html.count("<td>100%<small>") == video_page.MOST_LISTED
    assert "800 more people in the files of --csv and --seconds" in html


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, {"part": "all", "frames a second": "50 analysed, 60 in the source", "min face of the detector": "40"}),
        ({"start": 0.0, "rate": 25.0}, {"part": "all"}),
        ({"start": 2.5}, {"part": "from 2.5 s on"}),
        ({"start": 0.0, "end": 64.0}, {"part": "from 0.0 s to 1:04.0"}),
        ({"baseline": 0.0}, {"baseline": "off"}),
        ({"baseline": 2.0}, {"baseline": "2 s"}),
        ({"baseline": 5.0}, {"baseline": "5 s; nobody was in view for so long, so nothing was taken out"}),
    ],
)
def test_settings_are_those_of_this_video(
    page: Callable[..., str], film: Any, settings: dict[str, object], shown: dict[str, str]
) -> None:
    frames = [replace(each, video=VideoInfo(60.0)) for each in film(lambda index: {1: "happy"}, 101, rate=50.0)]
    rows = rows_of(page(frames, settings=settings))
    assert shown.items() <= rows.items()
    assert "rate" not in rows


def test_a_video_without_faces_says_so(page: Callable[..., str], film: Any) -> None:
    assert "No face was found" in page(film(lambda index: {}, 3))


def test_why_a_video_broke_off_is_shown(page: Callable[..., str], film: Any) -> None:
    for num_frames in 50, 0:
        html = page([*film(lambda index: {1: "happy"}, num_frames), Failure(EVIL, "<b>damaged</b>")])
        assert "&lt;b&gt;damaged" in html
        assert "<h1>script&gt;.mp4</h1>" in html
    assert "Broken off" not in page(film(lambda index: {1: "happy"}, 50))


def test_memory_stays_flat_in_a_long_video(header: Header, film: Any) -> None:
    stream = io.BytesIO()
    with PageSink(stream, header) as sink:
        for frame in film(lambda index: {1: "happy" if index < 15_000 else "sad"}, 20_000, rate=2.0):
            sink.write(replace(frame, video=VideoInfo(2.0)))
        assert len(sink._people[1].bins) <= MOST_BINS
        for number in range(3 * MOST_EVENTS):
            sink.add_events([Event(1, "sad", number, number + 1 + number / 1e4, 0.5, number, 0.5)])
        assert len(sink._people[1].events) <= 2 * MOST_EVENTS
    assert b"happy 75%, sad 25%" in stream.getvalue()
    assert f"902 events, the {MOST_EVENTS} longest".encode() in stream.getvalue()


def test_stills_of_who_has_left_are_dropped(header: Header, make_frame: Any, make_person: Any) -> None:
    """Those of 4,000 people who were in view for a moment took 200 MB."""
    with PageSink(io.BytesIO(), header) as sink:
        for index in range(300):
            face = make_person(index // 3, happy=0.9)
            sink.write(make_frame(index, face, image=np.full((360, 640, 3), 90, np.uint8)))
        assert len(sink._people) == 100
        assert len(sink._peaks) < 8


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
