"""What every kind of source gives: what is known of it beforehand, and its pictures in order."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Final, NamedTuple, Protocol

import cv2

from mien.values import Image

USUAL_RATE: Final = 25.0
"""Frames a second where nothing says how many."""

OLDEST_PYAV: Final = 17
"""The first major version that converts colours by a frame's own matrix and range, with a bounded thread count."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is known of a source before its frames are read.

    Attributes:
        name: what messages call it.
        width, height: of the first frame, in pixels, upright.
        rate: mean frames a second; None when unknown.
        duration: seconds; None when unknown, as of a pipe.
        num_frames: an estimate; None when unknown.
        has_audio: None where it cannot be told.
        codec: FFmpeg's name for how pictures are coded.
    """

    name: str
    width: int
    height: int
    rate: float | None
    duration: float | None
    num_frames: int | None
    has_audio: bool | None
    codec: str


class Picture(NamedTuple):
    """A decoded picture. Colours are converted only when asked for, since frames that are thinned out need none.

    Attributes:
        time: seconds from the start of the source; None when the container does not say.
        to_rgb: gives it as (H, W, 3) uint8, RGB, upright; to be called before the next picture is asked for, if at
            all. It may raise `DecodingBroke`.
    """

    time: float | None
    to_rgb: Callable[[], Image]


class DecodingBroke(Exception):
    """Nothing more can be decoded; the message says why."""


class Decoder(Protocol):
    """One open source."""

    @property
    def info(self) -> StreamInfo: ...

    def pictures(self, start: float) -> Iterator[Picture]:
        """The pictures in the order of their times; to be asked for once.

        Args:
            start: seconds; earlier pictures may be left out, but need not be.

        Raises:
            DecodingBroke: after the last picture that could be decoded, when the source is damaged.
        """
        ...

    def close(self) -> None:
        """Let go of the source. May be called twice."""
        ...


def has_pyav() -> bool:
    """Whether PyAV is installed, in a version that mien can use. Others bring older ones along."""
    if find_spec("av") is None:
        return False
    try:
        return int(version("av").split(".")[0]) >= OLDEST_PYAV
    except PackageNotFoundError:  # built from source, by somebody who knows
        return True


@contextmanager
def opencv_silenced() -> Iterator[None]:
    """Keeps OpenCV from printing a warning for each way of opening that fails: an error of ours says it once."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def bounded_threads(threads: int | None) -> int:
    """So many threads, or, for None, one for each core that this process may use, at most four: more gain little
    and are taken from the networks that work beside."""
    if threads is not None:
        return threads
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, cores)
