"""Cameras, and videos played as if they were cameras."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cv2.typing import MatLike

from mien.errors import VideoError
from mien.video import Camera, open_camera, open_video
from mien.video.background import in_background
from mien.video.camera import describe_missing, played

PATIENCE = 60.0
"""Seconds after which something is taken never to happen."""


class FakeCapture:
    """Gives what is put into it; waits, as a camera does, when there is nothing, until it is unplugged."""

    def __init__(self, *pictures: MatLike | None) -> None:
        self._coming: queue.Queue[MatLike | None] = queue.Queue()
        self._unplugged = False
        self.asked = threading.Semaphore(0)
        self.released = threading.Event()
        for picture in pictures:
            self._coming.put(picture)

    def put(self, *pictures: MatLike | None) -> None:
        """Have these seen, and wait until the reader comes back for more."""
        for picture in pictures:
            self._coming.put(picture)
            assert self.asked.acquire(timeout=PATIENCE)

    def unplug(self) -> None:
        """Give nothing any more, also to a reader that waits."""
        self._unplugged = True
        self._coming.put(None)

    def read(self) -> tuple[bool, MatLike | None]:
        assert not self.released.is_set(), "read after release"
        self.asked.release()
        picture = None if self._unplugged else self._coming.get()
        return picture is not None, picture

    def release(self) -> None:
        self.released.set()


def picture(shade: int) -> MatLike:
    """BGR: blue is `shade`, red is 200."""
    return np.full((3, 4, 3), (shade, 0, 200), np.uint8)


@contextmanager
def opened(capture: FakeCapture) -> Iterator[Camera]:
    """A camera whose reader waits for the second picture."""
    with Camera(0, capture=capture) as camera:
        try:
            for _ in range(2):
                assert capture.asked.acquire(timeout=PATIENCE)
            yield camera
        finally:
            capture.unplug()


def test_frames_are_rgb_with_rising_times() -> None:
    capture = FakeCapture(picture(0))
    with opened(capture) as camera:
        assert (camera.width, camera.height, camera.name) == (4, 3, "camera 0")
        first = camera.latest()
        capture.put(picture(1))
        second, latest = camera.latest(), camera.now()
    assert first.image[0, 0].tolist() == [200, 0, 0]
    assert second.image[0, 0].tolist() == [200, 0, 1]
    assert (first.index, second.index) == (0, 1)
    assert 0 <= first.time < second.time <= latest
    assert camera.dropped == 0


def test_a_slow_consumer_sees_the_newest_and_the_rest_is_counted() -> None:
    capture = FakeCapture(picture(0))
    with opened(capture) as camera:
        capture.put(*map(picture, range(1, 6)))
        newest = camera.latest()
    assert newest.image[0, 0, 2] == 5
    assert newest.index == 5
    assert camera.dropped == 5


def test_it_waits_for_a_frame_that_was_not_seen() -> None:
    capture = FakeCapture(picture(0))
    with opened(capture) as camera:
        camera.latest()
        with pytest.raises(VideoError, match=r"camera 0 gave no picture for 0\.05 s"):
            camera.latest(timeout=0.05)
        threading.Timer(0.05, capture.put, [picture(7)]).start()
        assert camera.latest(timeout=PATIENCE).image[0, 0, 2] == 7


def test_a_read_that_fails_once_is_forgiven() -> None:
    capture = FakeCapture(picture(0))
    with opened(capture) as camera:
        camera.latest()
        capture.put(None, None, picture(3))
        assert camera.latest().image[0, 0, 2] == 3


def test_an_unplugged_camera_gives_its_last_frame_and_then_says_so() -> None:
    capture = FakeCapture(picture(0), picture(1), *[None] * 20)
    with Camera("/dev/video7", capture=capture) as camera:
        assert capture.released.wait(PATIENCE)
        seen: list[int] = []
        with pytest.raises(VideoError, match="camera /dev/video7 gives no more pictures: it was unplugged"):
            seen.extend(frame.index for frame in camera)
    assert seen == [1]


def test_a_camera_without_pictures_is_let_go() -> None:
    capture = FakeCapture(*[None] * 20)
    with pytest.raises(VideoError, match="camera 3 opens but gives no picture"):
        Camera(3, capture=capture)
    assert capture.released.is_set()


def test_closing_lets_go_and_wakes_who_waits() -> None:
    capture = FakeCapture(picture(0))
    with opened(capture) as camera:
        camera.latest()
        threading.Timer(0.05, camera.close).start()
        with pytest.raises(VideoError, match="has been closed"):
            camera.latest(timeout=PATIENCE)
        capture.unplug()
        camera.close()
        assert capture.released.wait(PATIENCE)
        with pytest.raises(VideoError, match="has been closed"):
            camera.latest()


def test_a_slow_consumer_behind_a_queue_sees_the_present() -> None:
    capture = FakeCapture(picture(0))
    with opened(capture) as camera:
        assert camera.live
        frames = in_background(camera)
        seen = [next(frames).index]
        for shades in (range(1, 6), range(6, 9)):  # come while the consumer does something else
            capture.put(*map(picture, shades))
            seen.append(next(frames).index)
    assert seen == [0, 5, 8]


def test_a_played_video_comes_at_its_own_pace_and_ends(film: Any, steady: Any) -> None:
    path = film("a.mp4", steady(10))
    with open_camera(str(path)) as camera:
        assert (camera.width, camera.height, camera.ended) == (160, 96, False)
        frames = list(camera)
        assert camera.ended
        with pytest.raises(VideoError, match=r"a\.mp4 has been played to its end"):
            camera.latest()
    assert frames[-1].index == 9
    assert frames[-1].time > 0.25


def test_a_played_video_gives_its_frames_in_order(film: Any, steady: Any, number: Any) -> None:
    with open_video(film("a.mp4", steady(4))) as video:
        assert [number(image) for image in played(video)] == [0, 1, 2, 3]


def test_live_video_is_not_slowed_down(film: Any) -> None:
    with open_video(film("a.mp4", [0.0, 60.0])) as video:
        video.live = True
        begun = time.monotonic()
        assert len(list(played(video))) == 2
    assert time.monotonic() - begun < 60


def test_a_file_is_not_live(film: Any, steady: Any) -> None:
    with open_video(film("a.mp4", steady(2))) as video:
        assert not video.live


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("folder", r"folder is a folder; expected a video's file, or a camera's number"),
        ("missing.mp4", r"missing\.mp4 is not there; expected a video's file"),
        ("sub/missing", "is not there; expected a video's file"),
    ],
)
def test_what_is_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, complaint: str) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideoError, match=complaint):
        open_camera(name)


@pytest.mark.parametrize("name", ["97", "/dev/video97"])
def test_a_camera_by_its_name(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(VideoError, match="97"):
        open_camera(name)


def test_a_camera_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(VideoError, match="97"):
        Camera(97)


@pytest.mark.parametrize(
    ("present", "exists", "allowed", "words"),
    [
        ([], False, False, "no camera is connected.*docker run --device"),
        (["/dev/video2"], False, False, "is not there; there are: /dev/video2"),
        (["/dev/video0"], True, False, "may not be opened by this user.*usermod -aG video"),
        (["/dev/video0", "/dev/video1"], True, True, "another program may be using it.*/dev/video0, /dev/video1"),
    ],
)
def test_why_there_is_no_camera(present: list[str], exists: bool, allowed: bool, words: str) -> None:
    message = describe_missing(Path("/dev/video0"), present, exists=exists, allowed=allowed)
    assert message.startswith("/dev/video0 ")
    with pytest.raises(VideoError, match=words):
        raise VideoError(message)
