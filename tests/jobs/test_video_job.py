import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from mien.jobs.video_job import Portraits, run

from mien.jobs import video_job
from mien.jobs.journal import Journal
from mien.records.frames import FrameRecord
from mien.tracking.stream import Stream
from mien.values import Box, Detection, Frame, Image
from mien.video import VideoWriter, open_video
from tests.conftest import Brightness

pytest.importorskip("av")


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """Three seconds of a patch that walks to the right before a wall."""
    dice = np.random.default_rng(0)
    wall, patch = (dice.integers(0, 255, (h, w, 3), dtype=np.uint8) for h, w in ((120, 200), (40, 40)))
    path = tmp_path / "walk.mp4"
    with VideoWriter(path, rate=25) as writer:
        for index in range(75):
            image = np.repeat(np.repeat(wall[::10, ::10], 10, 0), 10, 1)
            image[40:80, 20 + index : 60 + index] = np.repeat(np.repeat(patch[::8, ::8], 8, 0), 8, 1)
            writer.write(image, index / 25)
    return path


def finds(image: Image) -> list[Detection]:
    return [Detection(Box(60.0, 40.0, 100.0, 80.0), 1.0)]


class Stop(Exception):
    """What ends a run in the middle of it."""


def analysed(
    path: Path, place: Path, *, resume: bool = False, stop_at: int | None = None
) -> tuple[list[FrameRecord], list[tuple[int, int]]]:
    """The journal's records, and which frames the sink saw with which records."""
    seen: list[tuple[int, int]] = []

    def sink(frame: Frame, record: FrameRecord) -> None:
        seen.append((frame.index, record["index"]))
        if frame.index == stop_at:
            raise Stop

    with open_video(path) as source, Journal(place, {}) as journal:
        with suppress(Stop):
            run(source, Stream(finds, Brightness()), journal, resume=resume, portraits=Portraits(), sink=sink)
        return list(journal.records()), seen


def test_every_frame_is_recorded_and_seen_once_in_order(walk: Path, tmp_path: Path) -> None:
    records, seen = analysed(walk, tmp_path / "a.jsonl")
    assert [record["index"] for record in records] == list(range(75))
    assert seen == [(index, index) for index in range(75)]
    assert all(after["time"] > before["time"] for before, after in itertools.pairwise(records))


@pytest.mark.parametrize("stop_at", [1, 20, 60])
def test_a_job_that_broke_off_goes_on_with_identical_rows(
    walk: Path, tmp_path: Path, stop_at: int, every_frame_marked: Callable[[], None]
) -> None:
    every_frame_marked()
    whole, _ = analysed(walk, tmp_path / "whole.jsonl")
    analysed(walk, tmp_path / "broken.jsonl", stop_at=stop_at)
    with (tmp_path / "broken.jsonl").open("ab") as stream:
        stream.write(b'{"index": 99, ')
    records, seen = analysed(walk, tmp_path / "broken.jsonl", resume=True)
    assert records == whole
    assert seen == [(index, index) for index in range(75)], "the sink is given the frames of before again"


@pytest.fixture
def every_frame_marked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Marks after each frame, instead of every few seconds."""
    return lambda: monkeypatch.setattr(video_job, "SECONDS_A_MARK", -1.0)
