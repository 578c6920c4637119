import csv
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cv2.typing import MatLike

from mien.analyzer import Analyzer
from mien.errors import InvalidInput, VideoError
from mien.jobs.hiding import Hiding
from mien.jobs.live import RECORDED, watch
from mien.jobs.outputs import OutputRefused
from mien.values import Box, Detection, Frame, FrameResult, Image
from mien.video import Camera, open_video

SIZE = 96, 128


def everywhere(image: Image) -> list[Detection]:
    """A fake that takes every picture for a face."""
    return [Detection(Box(10, 10, 74, 74), 1.0)]


class FakeCapture:
    """A camera of 100 frames a second that is unplugged after some."""

    def __init__(self, num: int = 1_000_000) -> None:
        self._left = num
        self._generator = np.random.default_rng(0)

    def read(self) -> tuple[bool, MatLike | None]:
        time.sleep(0.01)
        self._left -= 1
        return self._left >= 0, self._generator.integers(0, 255, (*SIZE, 3), dtype=np.uint8)

    def release(self) -> None:
        """Nothing to release."""


class Shown:
    """A screen that ends after so many frames, as by a key, or by Ctrl-C."""

    evidence = False

    def __init__(self, ends_after: int = 5, *, interrupt: bool = False) -> None:
        self.frames: list[tuple[Image, FrameResult, str]] = []
        self._ends_after, self._interrupt = ends_after, interrupt

    def show(self, image: Image, result: FrameResult, status: str) -> bool:
        self.frames.append((image, result, status))
        if len(self.frames) < self._ends_after:
            return True
        if self._interrupt:
            raise KeyboardInterrupt
        return False


@pytest.fixture
def analyzer(brightness: Any) -> Analyzer:
    return Analyzer(brightness, everywhere)


def test_drawn_frames_are_shown_until_the_screen_ends(analyzer: Analyzer) -> None:
    screen = Shown()
    with Camera(0, capture=FakeCapture()) as camera:
        watched = watch(camera, analyzer, screen)
    assert watched.num_shown == len(screen.frames) == 5
    assert 0 < watched.delay < 60
    assert watched.files == ()
    for image, result, _ in screen.frames:
        assert result.image is not None
        assert image.shape[:2] == result.image.shape[:2] == SIZE
        assert (image != result.image).any(), "it is drawn on"
        assert result.source == "camera 0"
    assert "frames/s" in screen.frames[-1][2]
    times = [result.time for _, result, _ in screen.frames]
    assert times == sorted(times)


class Dated(Camera):
    """A camera with frames of a time of their own: one each tenth of a second."""

    def __iter__(self) -> Iterator[Frame]:
        for index, frame in enumerate(super().__iter__()):
            yield replace(frame, index=index, time=index / 10)


def test_it_ends_after_some_seconds(analyzer: Analyzer) -> None:
    with Dated(0, capture=FakeCapture()) as camera:
        watched = watch(camera, analyzer, Shown(ends_after=10**6), seconds=0.35)
    assert watched.num_shown == 4


@pytest.mark.parametrize("interrupt", [False, True])
def test_what_was_shown_is_recorded_and_ctrl_c_is_an_ordinary_end(
    analyzer: Analyzer, tmp_path: Path, interrupt: bool
) -> None:
    pytest.importorskip("av")
    folder, screen = tmp_path / "recorded", Shown(ends_after=6, interrupt=interrupt)
    with Camera(0, capture=FakeCapture()) as camera:
        watched = watch(camera, analyzer, screen, record=folder)
    num = 5 if interrupt else 6
    assert sorted(path.name for path in folder.iterdir()) == sorted(RECORDED.values())
    assert sorted(watched.files) == sorted(folder.iterdir())
    lines = [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == [result.index for _, result, _ in screen.frames[:num]]
    with (folder / "frames.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == num
    with open_video(folder / "video.mp4") as video:
        assert len(list(video)) == num
    page = (folder / "report.html").read_text()
    assert "bright" in page or "dark" in page


def test_faces_are_hidden_in_all_that_is_shown_and_recorded(analyzer: Analyzer, tmp_path: Path) -> None:
    pytest.importorskip("av")
    plain, hidden = Shown(), Shown()
    for screen, hide in ((plain, None), (hidden, Hiding("pixelate"))):
        with Camera(0, capture=FakeCapture()) as camera:
            record = tmp_path / "recorded" if hide else None
            watch(camera, analyzer, screen, record=record, hide=hide)

    def detail(image: Image) -> float:
        return float(np.abs(np.diff(image[30:60, 30:60].astype(int), axis=1)).mean())

    assert detail(hidden.frames[-1][0]) < 0.3 * detail(plain.frames[-1][0])
    with open_video(tmp_path / "recorded" / "video.mp4") as video:
        assert all(detail(frame.image) < 0.5 * detail(plain.frames[-1][0]) for frame in video)


def test_a_camera_that_is_unplugged_is_an_error_and_the_recording_is_kept(analyzer: Analyzer, tmp_path: Path) -> None:
    pytest.importorskip("av")
    with Camera(0, capture=FakeCapture(20)) as camera, pytest.raises(VideoError, match="unplugged"):
        watch(camera, analyzer, Shown(ends_after=10**6), record=tmp_path)
    assert len((tmp_path / "frames.jsonl").read_text().splitlines()) > 0
    assert len((tmp_path / "frames.csv").read_text().splitlines()) > 1
    with open_video(tmp_path / "video.mp4") as video:
        assert len(list(video)) > 0


def test_a_second_recording_does_not_replace_the_first(analyzer: Analyzer, tmp_path: Path) -> None:
    pytest.importorskip("av")
    screen = Shown()
    with Camera(0, capture=FakeCapture()) as camera:
        watch(camera, analyzer, screen, record=tmp_path)
        (tmp_path / "frames.jsonl").unlink()
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(OutputRefused, match="holds a recording already; name another folder"):
            watch(camera, analyzer, screen, record=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(screen.frames) == 5


def test_a_played_video_ends_by_itself(analyzer: Analyzer, clip: Path) -> None:
    screen = Shown(ends_after=10**6)
    with Camera("clip", capture=open_video(clip, end=0.5)) as camera:
        assert watch(camera, analyzer, screen).num_shown == len(screen.frames) >= 1


def test_a_recording_replaces_nothing_that_mien_did_not_write(analyzer: Analyzer, tmp_path: Path) -> None:
    (tmp_path / "frames.csv").write_text("name,age\nme,3\n")
    screen = Shown()
    with Camera(0, capture=FakeCapture()) as camera, pytest.raises(InvalidInput, match="was not written by mien"):
        watch(camera, analyzer, screen, record=tmp_path)
    assert screen.frames == []


class EvidenceKey(Shown):
    """A screen on which the key for the evidence is pressed at its third frame."""

    def show(self, image: Image, result: FrameResult, status: str) -> bool:
        self.evidence = len(self.frames) >= 2
        return super().show(image, result, status)


class Portraits(FakeCapture):
    """A camera that always sees one picture."""

    def __init__(self, image: Image) -> None:
        super().__init__()
        self._image = image

    def read(self) -> tuple[bool, MatLike | None]:
        return True, self._image[:, :, ::-1].copy()  # cameras give BGR


def test_a_key_shows_what_speaks_for_each_label(portrait: Image) -> None:
    screen = EvidenceKey(ends_after=8)
    with Camera(0, capture=Portraits(portrait)) as camera:
        watch(camera, Analyzer("mini-xception"), screen)
    explained = [all(face.explanation is not None for face in result.faces) for _, result, _ in screen.frames]
    assert all(result.faces for _, result, _ in screen.frames)
    assert explained[:3] == [False] * 3
    assert explained[-1]


def test_a_classifier_without_maps_is_shown_without_them(analyzer: Analyzer) -> None:
    screen = EvidenceKey(ends_after=5)
    with Camera(0, capture=FakeCapture()) as camera:
        assert watch(camera, analyzer, screen).num_shown == 5


def test_lines_are_written_without_a_screen(brightness: Any, tmp_path: Path) -> None:
    num_seen = 0

    def interrupted_at_the_sixth(image: Image) -> list[Detection]:
        nonlocal num_seen
        num_seen += 1
        if num_seen == 6:
            raise KeyboardInterrupt
        return everywhere(image)

    file = tmp_path / "frames.jsonl"
    with Camera(0, capture=FakeCapture()) as camera:
        watched = watch(camera, Analyzer(brightness, interrupted_at_the_sixth), None, jsonl=file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == watched.num_shown == 5
    assert [line["index"] for line in lines] == sorted(line["index"] for line in lines)
    assert all(len(line["faces"]) == 1 for line in lines)
