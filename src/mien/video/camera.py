"""Cameras, of which always the newest frame is read, and videos that are played as if they were cameras."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, Self

import cv2
import numpy as np
from cv2.typing import MatLike

from mien.errors import VideoError
from mien.values import Frame, Image
from mien.video.decoder import opencv_silenced
from mien.video.source import VideoSource, open_video, without_password

_FAILURES: Final = 5  # failed reads in a row after which the camera counts as gone; with some drivers single reads fail
_PAUSE: Final = 0.02  # seconds between a failed read and the next
_PATIENCE: Final = 2.0  # seconds that closing waits for a read under way
_PLAYED: Final = "has been played to its end"
_UNPLUGGED: Final = "gives no more pictures: it was unplugged, or another program took it"


class Capture(Protocol):
    """What a camera is read through; `cv2.VideoCapture` is one."""

    def read(self) -> tuple[bool, MatLike | None]:
        """Wait for the next picture. Returns whether one came, and it: (H, W, 3) uint8, BGR."""

    def release(self) -> None:
        """Close the camera."""


def captured(capture: Capture) -> Iterator[Image]:
    """A camera's pictures, until several reads in a row have failed."""
    failures = 0
    while failures < _FAILURES:
        came, bgr = False, None
        with suppress(cv2.error):
            came, bgr = capture.read()
        if came and bgr is not None:
            failures = 0
            yield np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        else:
            failures += 1
            time.sleep(_PAUSE)


def played(video: VideoSource) -> Iterator[Image]:
    """A video's pictures, each when its time has come; live ones at once."""
    started: float | None = None
    for frame in video:
        if not video.live:
            started = time.monotonic() - frame.time if started is None else started
            time.sleep(max(0.0, started + frame.time - time.monotonic()))
        yield frame.image


def open_camera(name: str) -> "Camera":
    """Open a camera, or a video that is played at its own pace as if it were one.

        >>> with open_camera("0") as camera:  # doctest: +SKIP
        ...     for frame in camera:
        ...         print(camera.now() - frame.time, "seconds old")

    Args:
        name: A camera's number ("0" is the first) or device ("/dev/video2"), or a video's file or URL.

    Raises:
        VideoError: There is no such camera or video, or it cannot be opened.
    """
    if name.isdigit():
        return Camera(int(name))
    path = Path(name)
    if path.is_file() or "://" in name:
        return Camera(name, capture=open_video(name))
    if not path.is_relative_to("/dev") and (path.is_dir() or path.suffix or path.name != name):
        what = "a folder" if path.is_dir() else "not there"
        raise VideoError(f"{name} is {what}; expected a video's file, or a camera's number (0 is the first) or device")
    return Camera(name)


class Camera:
    """The newest frames of a camera: a context manager, and an iterator that ends when a played video does.

    A thread of its own reads all the time, so that a slow consumer sees the present and not a queue of the past.

        >>> with Camera(0) as camera:  # doctest: +SKIP
        ...     frame = camera.latest()

    Args:
        device: A camera's number, 0 for the first, or its path or name (`/dev/video2`).
        capture: An open camera (a `cv2.VideoCapture` of which a size was asked, say), or a video to be played, to be
            read instead; it is closed with this object.

    Attributes:
        name: The camera's name in messages.
        width, height: Size of the first frame, in pixels.
        dropped: Number of frames that were replaced by newer ones before they were read.
        live: Always True: frames come as they are recorded, and must not wait in a queue.

    Raises:
        VideoError: There is no such camera, it may not be opened, or it gives no picture; the message says what was
            tried.
    """

    live: Final = True

    def __init__(self, device: int | str, *, capture: Capture | VideoSource | None = None) -> None:
        self.name = f"camera {without_password(str(device))}"
        self.dropped = 0
        if isinstance(capture, VideoSource):
            self._images, self._release, self._ending = played(capture), capture.close, _PLAYED
        else:
            capture = capture or _open_capture(device)
            self._images, self._release, self._ending = captured(capture), capture.release, _UNPLUGGED
        self._opened = time.monotonic()
        self._changed = threading.Condition()
        self._over = ""  # why no more pictures come
        first = next(self._images, None)
        if first is None:
            self._release()
            raise VideoError(
                f"{self.name} opens but gives no picture. Another program may be using it: close that, or unplug the "
                "camera and plug it in again"
            )
        self.height, self.width = first.shape[:2]
        self._newest: Frame | None = Frame(0, self.now(), first)
        self._thread = threading.Thread(target=self._read_on, name=f"mien {self.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        while not self.ended:
            try:
                yield self.latest()
            except VideoError:
                if not self.ended:
                    raise

    @property
    def ended(self) -> bool:
        """Whether a played video has come to its end, and its last frame was read. A camera itself never ends."""
        return self._over == _PLAYED and self._newest is None

    def latest(self, timeout: float = 10.0) -> Frame:
        """The newest frame that was not given before; waits for one.

        `Frame.index` counts all frames of the camera, dropped ones too; `Frame.time` is when it was read, in
        seconds since the camera was opened, by the monotonic clock.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            VideoError: The camera was unplugged or closed, a played video has ended, or no frame came in time.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._over, timeout)
            newest, self._newest = self._newest, None
        if newest is None:
            late = f"gave no picture for {timeout:g} s; check whether it is still connected"
            raise VideoError(f"{self.name} {self._over or late}")
        return newest

    def now(self) -> float:
        """The present on the clock of `Frame.time`; a frame is `camera.now() - frame.time` seconds old."""
        return time.monotonic() - self._opened

    def close(self) -> None:
        """Close the camera. May be called twice."""
        self._stop("has been closed; open it again to read on")
        self._newest = None
        self._thread.join(_PATIENCE)

    def _stop(self, reason: str) -> None:
        with self._changed:
            self._over = self._over or reason
            self._changed.notify_all()

    def _read_on(self) -> None:
        """Run by the thread, which also releases the camera, since that must not happen during a read."""
        try:
            for index, image in enumerate(self._images, 1):
                with self._changed:
                    if self._over:
                        return
                    self.dropped += self._newest is not None
                    self._newest = Frame(index, self.now(), image)
                    self._changed.notify_all()
        finally:
            self._release()
            self._stop(self._ending)


def _open_capture(device: int | str) -> Capture:
    with opencv_silenced():
        capture = cv2.VideoCapture(device)
    if capture.isOpened():
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # where the driver obeys, the frame that waits is never an old one
        return capture
    capture.release()
    if not sys.platform.startswith("linux"):
        raise VideoError(
            f"camera {device} cannot be opened. Check whether it is connected, and whether this program may use it "
            "(the system's privacy settings), or try another number: 0 is the first camera"
        )
    wanted = Path(f"/dev/video{device}" if str(device).isdigit() else str(device))
    present = sorted(map(str, Path("/dev").glob("video*")))
    allowed = os.access(wanted, os.R_OK | os.W_OK)
    raise VideoError(describe_missing(wanted, present, exists=wanted.exists(), allowed=allowed))


def describe_missing(wanted: Path, present: list[str], *, exists: bool, allowed: bool) -> str:
    """Why a camera's device cannot be opened on Linux, and what to do; `present` are the devices of all cameras."""
    if exists and not allowed:
        return (
            f"{wanted} may not be opened by this user. Join its group (`sudo usermod -aG video $USER`) and log in again"
        )
    if exists:
        return (
            f"{wanted} is there but does not open as a camera: another program may be using it, or it is a camera's "
            f"second device without pictures. There are: {', '.join(present)}"
        )
    if present:
        return f"{wanted} is not there; there are: {', '.join(present)}. Name one of these"
    return (
        f"{wanted} is not there, and there is no /dev/video* at all: no camera is connected, or this is a container "
        "or a virtual machine that was not given one (`docker run --device /dev/video0`)"
    )
