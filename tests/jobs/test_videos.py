import itertools
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.detection import Detector
from mien.errors import InvalidInput
from mien.jobs import videos
from mien.jobs.hiding import Hiding
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Source
from mien.jobs.videos import analyze_video
from mien.records.results import result_to_dict
from mien.values import Box, Detection, Failure, FrameResult, Image
from mien.video import VideoWriter, open_video

pytest.importorskip("av")
SETTINGS = VideoSettings(smoothing="ema")


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a patch that walks to the right before a wall."""
    generator = np.random.default_rng(0)
    wall, patch = (generator.integers(0, 255, (h, w, 3), dtype=np.uint8) for h, w in ((12, 20), (5, 5)))
    path = tmp_path_factory.mktemp("walk") / "walk.mp4"
    with VideoWriter(path, rate=25) as writer:
        for index in range(50):
            image = np.kron(wall, np.ones((10, 10, 1), np.uint8))
            image[40:80, 20 + index : 60 + index] = np.kron(patch, np.ones((8, 8, 1), np.uint8))
            writer.write(image, index / 25)
    return path


@pytest.fixture(autouse=True)
def every_frame_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every few seconds."""
    monkeypatch.setattr(videos, "SECONDS_A_MARK", -1.0)


class Stop(Exception):
    """Ends a job in the middle of it."""


class Kept:
    """A sink that keeps what it is given, and may stop the job after a frame."""

    def __init__(self, *, wants_images: bool = False, stop_at: int | None = None) -> None:
        self.wants_images = wants_images
        self.given: list[FrameResult | Failure] = []
        self._stop_at = stop_at

    def write(self, result: FrameResult | Failure) -> None:
        self.given.append(result)
        if isinstance(result, FrameResult) and result.index == self._stop_at:
            raise Stop

    @property
    def indices(self) -> list[int]:
        return [result.index for result in self.given if isinstance(result, FrameResult)]


class Found:
    """A fake detector that counts how often it was asked."""

    def __init__(self, breaks_after: int | None = None) -> None:
        self.num = 0
        self._breaks_after = breaks_after

    def __call__(self, image: Image) -> list[Detection]:
        self.num += 1
        if self.num == self._breaks_after:
            raise InvalidInput("the detector broke")
        return [Detection(Box(60.0, 40.0, 100.0, 80.0), 1.0)]


def analysed(
    path: Path, classifier: Any, journal: Path | None = None, *, sinks: Sequence[Kept] = (), resume: bool = False,
    detector: Detector | None = None, settings: VideoSettings = SETTINGS, hide: Hiding | None = None,
) -> list[dict[str, Any] | Failure]:  # fmt: skip
    """What a job gives, as records of it hold it; until it is stopped."""
    source = Source(str(path), path, Path(path.name), is_video=True)
    analyzer = Analyzer(classifier, detector or Found())
    results: list[dict[str, Any] | Failure] = []
    with suppress(Stop):
        given = analyze_video(source, analyzer, settings, sinks=sinks, hide=hide, journal=journal, resume=resume)
        for result in given:
            results.append(result_to_dict(result) if isinstance(result, FrameResult) else result)
            assert isinstance(result, Failure) or result.image is None
    return results


def test_every_frame_is_given_once_in_order_and_sinks_get_images_if_they_want_them(
    walk: Path, tmp_path: Path, brightness: Any
) -> None:
    drawing, table = Kept(wants_images=True), Kept()
    results = analysed(walk, brightness, sinks=[drawing, table])
    assert [result["index"] for result in results if isinstance(result, dict)] == list(range(50))
    assert drawing.indices == table.indices == list(range(50))
    assert all(isinstance(result, FrameResult) and result.image is not None for result in drawing.given)
    times = [result.time for result in table.given if isinstance(result, FrameResult)]
    assert all(after > before for before, after in itertools.pairwise(times))
    table = Kept()
    analysed(walk, brightness, sinks=[table])
    assert all(isinstance(result, FrameResult) and result.image is None for result in table.given)


@pytest.mark.parametrize("stop_at", [0, 1, 20, 48, 49])
@pytest.mark.parametrize("wants_images", [False, True])
def test_a_job_that_broke_off_goes_on_with_identical_results(
    walk: Path, tmp_path: Path, brightness: Any, stop_at: int, wants_images: bool
) -> None:
    whole = analysed(walk, brightness)
    journal = tmp_path / "a.jsonl"
    analysed(walk, brightness, journal, sinks=[Kept(wants_images=wants_images, stop_at=stop_at)])
    with journal.open("ab") as stream:
        stream.write(b'{"index": 99, ')  # a kill in the middle of a line
    sink, detector = Kept(wants_images=wants_images), Found()
    assert analysed(walk, brightness, journal, sinks=[sink], resume=True, detector=detector) == whole
    assert sink.indices == list(range(50)), "the sink is given the frames of before again"
    images = [result.image is not None for result in sink.given if isinstance(result, FrameResult)]
    assert images == [wants_images] * 50


@pytest.fixture(scope="session")
def dawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a patch that is dark until frame 25, but for frame 12, and bright from then on."""
    generator = np.random.default_rng(0)
    wall = np.kron(generator.integers(0, 255, (36, 64, 3), dtype=np.uint8), np.ones((10, 10, 1), np.uint8))
    patch = np.kron(generator.integers(-30, 30, (5, 5, 1)), np.ones((8, 8, 1), int))
    path = tmp_path_factory.mktemp("dawn") / "dawn.mp4"
    with VideoWriter(path, rate=25) as writer:
        for index in range(50):
            image = wall.copy()
            image[40:80, 60:100] = (210 if index >= 25 or index == 12 else 50) + patch
            writer.write(image, index / 25)
    return path


@pytest.mark.parametrize("stop_at", [None, 10, 24, 30, 49])
def test_labels_change_where_the_video_does_in_every_output_and_after_a_resumption(
    dawn: Path, tmp_path: Path, brightness: Any, stop_at: int | None
) -> None:
    """Fault 19: the journal holds what each frame shows by itself, and is smoothed when it is read."""
    settings, journal = VideoSettings(every_frame=True), tmp_path / "a.jsonl"
    if stop_at is not None:
        analysed(dawn, brightness, journal, sinks=[Kept(stop_at=stop_at)], settings=settings)
    drawing = Kept(wants_images=True)
    records = analysed(dawn, brightness, journal, sinks=[drawing], resume=True, settings=settings)
    assert records == analysed(dawn, brightness, settings=settings)
    for results in (records, [result_to_dict(each) for each in drawing.given if isinstance(each, FrameResult)]):
        faces = [result["faces"][0] for result in results if isinstance(result, dict)]
        assert [face["label"] for face in faces] == ["dark"] * 25 + ["bright"] * 25
        assert faces[12]["raw_scores"]["bright"] > 0.7
        assert faces[12]["scores"]["bright"] < 0.5
    images = [each.image for each in drawing.given if isinstance(each, FrameResult) and each.image is not None]
    assert [image[40:80, 60:100].mean() > 128 for image in images] == [
        index >= 25 or index == 12 for index in range(50)
    ]


def test_frames_before_the_mark_are_not_analysed_again(walk: Path, tmp_path: Path, brightness: Any) -> None:
    journal = tmp_path / "a.jsonl"
    analysed(walk, brightness, journal, sinks=[Kept(stop_at=40)])
    num = len(brightness.batches)
    analysed(walk, brightness, journal, sinks=[Kept(wants_images=True)], resume=True)
    assert len(brightness.batches) - num <= 50 - 40


def test_a_journal_of_fewer_frames_than_its_mark_says_is_an_error(walk: Path, tmp_path: Path, brightness: Any) -> None:
    journal = tmp_path / "a.jsonl"
    analysed(walk, brightness, journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:5]) + b" " * sum(map(len, lines[5:])))
    *_, last = analysed(walk, brightness, journal, sinks=[Kept(wants_images=True)], resume=True)
    assert isinstance(last, Failure)
    assert "journal" in last.error or "a.jsonl" in last.error


def test_a_video_that_was_done_is_read_again_only_for_images(walk: Path, tmp_path: Path, brightness: Any) -> None:
    path, journal = tmp_path / "walk.mp4", tmp_path / "a.jsonl"
    path.write_bytes(walk.read_bytes())
    whole = analysed(path, brightness, journal)
    num = len(brightness.batches)
    drawing = Kept(wants_images=True)
    assert analysed(path, brightness, journal, sinks=[drawing], resume=True) == whole
    assert all(isinstance(result, FrameResult) and result.image is not None for result in drawing.given)
    size, time = path.stat().st_size, path.stat().st_mtime_ns
    path.write_bytes(bytes(size))  # of the same size and age, but no video any more
    os.utime(path, ns=(time, time))
    assert analysed(path, brightness, journal, sinks=[Kept()], resume=True) == whole
    assert len(brightness.batches) == num


@pytest.mark.parametrize("change", ["settings", "video", "options"])
def test_a_journal_of_other_work_is_not_gone_on_from(walk: Path, tmp_path: Path, brightness: Any, change: str) -> None:
    path, journal = tmp_path / "walk.mp4", tmp_path / "a.jsonl"
    path.write_bytes(walk.read_bytes())
    analysed(path, brightness, journal)
    num = len(brightness.batches)
    settings = VideoSettings(every_frame=True) if change == "settings" else SETTINGS
    if change == "video":
        path.write_bytes(walk.read_bytes() + b"\0")
    analyzer = Analyzer(brightness, Found())
    if change == "options":
        analyzer.detector_options = {"min_face": 40}
    source = Source(str(path), path, Path(path.name), is_video=True)
    results = list(analyze_video(source, analyzer, settings, journal=journal, resume=True))
    assert len(results) == 50
    assert len(brightness.batches) - num == 50


def test_a_damaged_video_ends_in_a_failure_after_its_frames_and_again_when_resumed(
    walk: Path, tmp_path: Path, brightness: Any
) -> None:
    whole, journal = tmp_path / "whole.mkv", tmp_path / "a.jsonl"
    with open_video(walk) as video, VideoWriter(whole, rate=25) as writer:
        for frame in video:
            writer.write(frame.image, frame.time)
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 4])
    sink = Kept()
    *frames, failure = analysed(path, brightness, journal, sinks=[sink])
    assert 5 < len(frames) < 50
    assert isinstance(failure, Failure)
    assert "everything up to there is kept" in failure.error
    assert sink.given[-1] == failure
    assert analysed(path, brightness, journal, resume=True) == [*frames, failure]


def test_what_breaks_in_the_middle_is_a_failure_and_the_frames_before_it_are_kept(
    walk: Path, tmp_path: Path, brightness: Any
) -> None:
    settings = VideoSettings(every_frame=True)
    *frames, failure = analysed(walk, brightness, detector=Found(breaks_after=12), settings=settings)
    assert [frame["index"] for frame in frames if isinstance(frame, dict)] == list(range(11))
    assert failure == Failure(str(walk), "the detector broke")


def test_hiding_changes_no_result_and_goes_on_after_a_break(walk: Path, tmp_path: Path, brightness: Any) -> None:
    """Fault 13: hiding faces changed the rows."""
    hide = Hiding("pixelate", lambda image, thorough: [Box(0, 0, 30, 30)] if image[60, 60].sum() > 300 else [])
    plain, hidden, again = (Kept(wants_images=True) for _ in range(3))
    whole, journal = analysed(walk, brightness, sinks=[plain]), tmp_path / "a.jsonl"
    assert analysed(walk, brightness, sinks=[hidden], hide=hide) == whole
    analysed(walk, brightness, journal, sinks=[Kept(wants_images=True, stop_at=20)], hide=hide)
    assert analysed(walk, brightness, journal, sinks=[again], hide=hide, resume=True) == whole
    images = [np.array([getattr(each, "image", None) for each in sink.given]) for sink in (plain, hidden, again)]
    np.testing.assert_array_equal(images[1], images[2])
    assert (images[0] != images[1]).any(axis=(1, 2, 3)).all()


def test_what_is_no_video_is_one_failure(tmp_path: Path, brightness: Any) -> None:
    sink = Kept()
    (failure,) = analysed(tmp_path / "none.mp4", brightness, tmp_path / "a.jsonl", sinks=[sink])
    assert isinstance(failure, Failure)
    assert "is not there" in failure.error
    assert sink.given == [failure]


def test_a_drawing_that_breaks_off_costs_no_rows(walk: Path, brightness: Any) -> None:
    class Broken(Kept):
        def write(self, result: FrameResult | Failure) -> None:
            super().write(result)
            if isinstance(result, FrameResult) and result.index == 5:
                raise InvalidInput("all frames are of one size")

    broken, kept = Broken(wants_images=True), Kept(wants_images=True)
    source = Source(str(walk), walk, Path(walk.name), is_video=True)
    results = list(analyze_video(source, Analyzer(brightness, lambda image: []), SETTINGS, sinks=[broken, kept]))
    assert [result.index for result in results if isinstance(result, FrameResult)] == list(range(50))
    assert len(kept.given) == 50
    assert len(broken.given) == 6
    assert results[-1] == Failure(str(walk), "its drawing could not be written: all frames are of one size")


def test_a_changed_setting_begins_anew_and_says_so(
    walk: Path, tmp_path: Path, brightness: Any, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source(str(walk), walk, Path(walk.name), is_video=True)
    analyzer = Analyzer(brightness, lambda image: [])
    for every in (1, 2):
        settings = VideoSettings(every=every)
        results = list(analyze_video(source, analyzer, settings, journal=tmp_path / "a.jsonl", resume=True))
        assert len(results) == 50 / every
    assert "have changed since; it is analysed from its first frame" in caplog.text


def test_another_smoothing_analyses_nothing_again(walk: Path, tmp_path: Path, brightness: Any) -> None:
    journal = tmp_path / "a.jsonl"
    analysed(walk, brightness, journal, settings=VideoSettings(raw_size=(9, 9)))
    num = len(brightness.batches)
    changes: list[dict[str, Any]] = [{"smoothing": "off"}, {"smoothing_seconds": 0.2}, {"baseline": 0.5}]
    for change in changes:
        settings = VideoSettings(raw_size=(9, 9), **change)
        results = analysed(walk, brightness, journal, resume=True, settings=settings)
        assert len(brightness.batches) == num
        assert results == analysed(walk, brightness, settings=settings)
        num = len(brightness.batches)


def test_merging_people_analyses_nothing_again(
    walk: Path, tmp_path: Path, brightness: Any, caplog: pytest.LogCaptureFixture
) -> None:
    journal = tmp_path / "a.jsonl"
    analysed(walk, brightness, journal)
    num = len(brightness.batches)
    for numbers in ((5, 1), (7, 1)):
        sink, settings = Kept(), VideoSettings(merge=(numbers,))
        results = analysed(walk, brightness, journal, sinks=[sink], resume=True, settings=settings)
        given = [result for result in sink.given if isinstance(result, FrameResult)]
        assert {face.track_id for result in given for face in result.faces} == {numbers[0]}
        assert [result_to_dict(result) for result in given] == results
        assert f"--merge {numbers[0]},1: there is no person {numbers[0]}" in caplog.text
    assert len(brightness.batches) == num
