"""The page of the service, and the app without one, in headless Chromium whose camera plays a video."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import driving
import numpy as np
import pytest

import mien
from mien.images import encode_image, read_image
from mien.tracking.smoothing import Smoother
from mien.tracking.stream import Stream
from mien.values import Frame, Image, VideoInfo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocket

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

READY = "body[data-ready]"


@dataclass
class Visit:
    """A page that was opened, and what it asked for.

    Attributes:
        page: Playwright's page.
        asked: The addresses of all requests, those of WebSockets too.
        faults: What the page's scripts failed with.
        sent: Binary messages to a WebSocket.
        answers: Messages from it.
    """

    page: "Page"
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def download(self, kind: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.click(f"#{kind}")
        return Path(download.value.path()).read_bytes()

    def analysed(self, number: int) -> None:
        """Wait until so many frames of the camera were analysed."""
        self.until(f"Number(document.getElementById('busy').dataset.analysed) >= {number}")

    def until(self, condition: str) -> None:
        """Wait for an expression of JavaScript. Playwright's own way is stopped by the content security policy."""
        end = time.monotonic() + 90
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"waited in vain for {condition}"
            self.page.wait_for_timeout(100)

    def frames(self) -> list[dict[str, Any]]:
        frames: list[dict[str, Any]] = json.loads(self.download("json"))["results"][0]["frames"]
        return frames


@contextmanager
def visit(browser: "Browser", address: str) -> Iterator[Visit]:
    context = browser.new_context(permissions=["camera"])
    context.set_default_timeout(90_000)
    made = Visit(context.new_page())
    try:
        context.on("request", lambda request: made.asked.append(request.url))
        made.page.on("pageerror", lambda error: made.faults.append(str(error)))
        made.page.on("websocket", lambda socket: listen(made, socket))
        made.page.goto(address)
        made.page.wait_for_selector(READY)
        yield made
        assert made.faults == []
    finally:
        context.close()


def listen(made: Visit, socket: "WebSocket") -> None:
    made.asked.append(socket.url.replace("ws:", "http:", 1))
    socket.on("framesent", lambda content: made.sent.append(content) if isinstance(content, bytes) else None)
    socket.on("framereceived", lambda content: made.answers.append(json.loads(content)))


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    pytest.importorskip("uvicorn")
    with driving.service() as address:
        yield address


def moves(frames: list[dict[str, Any]]) -> float:
    """How far the first person's box moves, in pixels."""
    lefts: list[float] = [face["box"]["left"] for frame in frames for face in frame["faces"] if face["track_id"] == 1]
    return max(lefts) - min(lefts)


def test_the_page_shows_a_cameras_faces_as_python_finds_them(browser: "Browser", service: str) -> None:
    with visit(browser, service) as made:
        page = made.page
        page.get_by_role("button", name="Start the camera").press("Enter")
        made.analysed(60)
        assert page.locator("#status").inner_text() == "Analysis is on"
        assert page.locator(".face").count() == 1
        page.get_by_role("button", name="Stop the camera").press("Enter")
        assert page.locator("#status").inner_text() == "Analysis is off"
        frames = made.frames()
        assert moves(frames) > 3
        assert [url for url in made.asked if not url.startswith(service)] == []
        assert len(made.answers) >= len(frames) >= 60
        for frame, answer, expected in zip(frames, made.answers, python_follows(made), strict=False):
            shown = [(face["track_id"], face["label"], face["box"]["left"]) for face in frame["faces"]]
            assert shown == [(face["track_id"], face["label"], face["box"]["left"]) for face in answer["faces"]]
            assert shown == [(face.track_id, face.label, pytest.approx(face.box.left, abs=0.01)) for face in expected]


def python_follows(made: Visit) -> Iterator[tuple[mien.Face, ...]]:
    """What Python finds in the frames that were answered."""
    analyzer = mien.Analyzer()
    follow = Stream(analyzer.detector, analyzer.classifier, video=VideoInfo(live=True))
    frames = (Frame(each["index"], each["time"], read_image(made.sent[each["index"]])) for each in made.answers)
    return (result.faces for result in Smoother()(map(follow, frames)))


def test_the_page_shows_a_pictures_faces(browser: "Browser", service: str, astronaut: Path) -> None:
    with visit(browser, service) as made:
        made.page.set_input_files("#file", astronaut)
        made.page.wait_for_selector(".face")
        [result] = json.loads(made.download("json"))["results"]
        [face] = mien.Analyzer()(astronaut)
        assert result["faces"][0]["scores"] == pytest.approx(dict(face.scores), abs=1e-3)
        assert made.page.locator(".face .says").inner_text() == face.label
        assert made.page.get_by_role("img", name=f"1 face: {face.label}").is_visible()
        assert read_image(made.download("png")).shape == read_image(astronaut).shape
        assert made.download("csv").decode().splitlines()[1].startswith("astronaut.jpg,0,0,512,512,0,")


def test_what_is_unclear_is_said_to_be(
    browser: "Browser", service: str, app: Path, portrait: Image, tmp_path: Path
) -> None:
    """By the service, and by the app with the same reasons."""
    picture = tmp_path / "blurred.png"
    picture.write_bytes(encode_image(np.asarray(cv2.GaussianBlur(portrait, (0, 0), 8), np.uint8), "PNG"))
    [expected] = mien.Analyzer()(picture)
    assert expected.uncertain == ("unclear", "unlike the training")
    with driving.static_host(app) as host:
        for address in (service, host.address):
            with visit(browser, address) as made:
                made.page.set_input_files("#file", picture)
                face = made.page.locator(".face.unclear")
                face.wait_for()
                assert face.locator(".says").inner_text() == "unclear"
                assert "no expression leads, unlike the training" in face.inner_text()
                assert made.page.get_by_role("img", name="1 face: unclear").is_visible()
                [result] = json.loads(made.download("json"))["results"]
                assert result["faces"][0]["uncertain"] == [*expected.uncertain]


def test_errors_and_sets_are_chosen_on_both(
    browser: "Browser", service: str, app: Path, portrait: Image, tmp_path: Path
) -> None:
    """With the answers of Python, and what the evidence of an unclear face is for."""
    picture = tmp_path / "blurred.png"
    picture.write_bytes(encode_image(np.asarray(cv2.GaussianBlur(portrait, (0, 0), 7), np.uint8), "PNG"))
    [expected] = mien.Analyzer("rep-small", max_error=0.02, sets=0.99)(picture)
    assert expected.uncertain and expected.quality
    assert expected.prediction_set and len(expected.prediction_set) > 1
    with driving.static_host(app) as host:
        for address in (service, host.address):
            with visit(browser, address) as made:
                made.page.set_input_files("#file", picture)
                made.page.wait_for_selector(".face")
                made.page.get_by_label("Faces that are answered").select_option("0.02")
                made.page.get_by_label("Labels of each face").select_option("0.99")
                made.page.get_by_role("switch", name="Show the evidence").press("Space")
                face = made.page.locator(".face.unclear")
                face.get_by_text(f"The colours are the evidence for {expected.label}.").wait_for()
                made.until("document.getElementById('busy').hidden")
                document = json.loads(made.download("json"))
                assert (document["max_error"], document["sets"]) == (0.02, 0.99)
                [found] = document["results"][0]["faces"]
                assert found["uncertain"] == [*expected.uncertain]
                assert found["prediction_set"] == [*expected.prediction_set]
                assert found["quality_reasons"] == [*expected.quality.reasons]
                assert found["quality"] == pytest.approx(expected.quality.score, abs=0.11)
                made.page.get_by_label("Evidence for").select_option("fear")
                face.get_by_text("The colours are the evidence for fear.").wait_for()
                inside = face.locator(".inside dt").all_inner_texts()
                assert {*inside} == {*expected.prediction_set}


def test_an_error_that_is_too_low_is_refused_in_words(
    browser: "Browser", service: str, app: Path, astronaut: Path
) -> None:
    with driving.static_host(app) as host:
        for address, words in ((service, "max_error is 0.01, which is too low"), (host.address, "at least 5 %")):
            with visit(browser, address) as made:
                made.page.set_input_files("#file", astronaut)
                made.page.wait_for_selector(".face")
                made.page.check("[value=fer2013]")
                made.page.select_option("#max-error", "0.01")
                fault = made.page.get_by_role("alert")
                fault.wait_for()
                assert words in fault.inner_text()
                made.page.select_option("#max-error", "0.2")
                made.page.wait_for_selector(".face")
                assert fault.is_hidden()


def test_a_file_that_is_no_picture_is_refused_in_words(browser: "Browser", service: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with visit(browser, service) as made:
        made.page.set_input_files("#file", tmp_path / "notes.txt")
        fault = made.page.get_by_role("alert")
        fault.wait_for()
        assert "notes.txt" in fault.inner_text()


def test_the_app_shows_a_cameras_faces(browser: "Browser", app: Path, clip_frames: list[Image]) -> None:
    analyzer = mien.Analyzer()
    labels = Counter(face.label for image in clip_frames[::5] for face in analyzer(image))
    with driving.static_host(app) as host, visit(browser, host.address) as made:
        made.page.get_by_role("button", name="Start the camera").press("Enter")
        made.analysed(100)
        assert made.page.locator("#status").inner_text() == "Analysis is on"
        frames = made.frames()
        assert moves(frames) > 3
        shown = Counter(face["label"] for frame in frames for face in frame["faces"])
        assert shown.most_common(1)[0][0] == labels.most_common(1)[0][0]
        for label in labels | shown:
            assert shown[label] / shown.total() == pytest.approx(labels[label] / labels.total(), abs=0.25), label
        assert [url for url in made.asked if not url.startswith((host.address, f"blob:{host.address}"))] == []


def test_the_app_reads_a_picture_as_python_does(browser: "Browser", app: Path, astronaut: Path, tmp_path: Path) -> None:
    picture = tmp_path / "astronaut.png"
    picture.write_bytes(encode_image(read_image(astronaut), "PNG"))
    with driving.static_host(app) as host, visit(browser, host.address) as made:
        made.page.select_option("#model", "mini-xception")
        for reading, prior in (("people", "halfway"), ("people", "even"), ("fer2013", None)):
            made.page.check(f"[value={reading}]")
            if prior:
                made.page.select_option("#prior", prior)
            made.page.set_input_files("#file", picture)
            made.page.wait_for_selector(".face")
            made.page.wait_for_selector("#busy", state="hidden")
            [result] = json.loads(made.download("json"))["results"]
            [found], [face] = result["faces"], mien.Analyzer("mini-xception", reading=reading, prior=prior)(picture)
            assert found["scores"] == pytest.approx(dict(face.scores), abs=1e-3)
            assert found["box"] == pytest.approx(face.box._asdict(), abs=0.5)


def test_the_app_works_offline_and_lets_nothing_out(browser: "Browser", app: Path, astronaut: Path) -> None:
    with driving.static_host(app) as other, driving.static_host(app) as host, visit(browser, host.address) as made:
        page, elsewhere = made.page, json.dumps(f"{other.address}icon.svg?secret")
        made.until("Boolean(navigator.serviceWorker.controller)")
        send = f"fetch({elsewhere}, {{mode: 'no-cors'}}).then(() => 'sent', () => 'stopped')"
        assert page.evaluate(send) == "stopped"
        assert page.workers[0].evaluate(send) == "stopped"
        before = len(host.asked)
        # The host itself is asked for nothing more, not even with what could be hidden in an address.
        assert page.evaluate("fetch('icon.svg?secret').then(() => 'sent', () => 'stopped')") == "stopped"
        assert (
            page.workers[0].evaluate(f"fetch('{host.address}?secret').then(() => 'sent', () => 'stopped')") == "stopped"
        )
        made.page.set_input_files("#file", astronaut)
        made.page.wait_for_selector(".face")
        assert (other.asked, host.asked[before:]) == ([], [])
        page.context.set_offline(True)
        page.reload()
        page.wait_for_selector(READY)
        page.set_input_files("#file", astronaut)
        page.wait_for_selector(".face")
        assert page.locator(".face .says").inner_text() == "happy"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(browser: "Browser", service: str, astronaut: Path, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(service)
    page.wait_for_selector(READY)
    page.set_input_files("#file", astronaut)
    page.wait_for_selector(".face")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_the_page_draws_the_evidence_of_the_chosen_reading(browser: "Browser", service: str, astronaut: Path) -> None:
    with visit(browser, service) as made:
        made.page.set_input_files("#file", astronaut)
        made.page.wait_for_selector(".face")
        made.page.check("[value=fer2013]")
        made.until("document.getElementById('busy').hidden")
        [result] = json.loads(made.download("json"))["results"]
        [face] = mien.Analyzer(reading="fer2013")(astronaut)
        assert result["faces"][0]["scores"] == pytest.approx(dict(face.scores), abs=1e-3)
        before = made.download("png")
        made.page.get_by_role("switch", name="Show the evidence").press("Space")
        made.until("document.getElementById('busy').hidden")
        box = [round(side) for side in face.box]
        plain, drawn = (
            read_image(each)[box[1] : box[3], box[0] : box[2]].mean() for each in (before, made.download("png"))
        )
        assert abs(drawn - plain) > 2
