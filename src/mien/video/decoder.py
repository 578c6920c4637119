"""The protocol of everything that video is read from, and what its implementations share."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

import cv2

from mien.errors import MissingExtra
from mien.values import Image

Backend: TypeAlias = Literal["auto", "pyav", "opencv"]

USUAL_RATE: Final = 25.0  # frames a second that are assumed where the source does not say
OLDEST_PYAV: Final = 17  # the first that converts colours by a frame's own matrix and range, with bounded threads


@dataclass(eq=False)
class StreamInfo:
    """What is known of a source before its frames are read; `VideoSource` describes the attributes."""

    name: str
    width: int
    height: int
    rate: float | None
    duration: float | None
    num_frames: int | None
    has_audio: bool | None
    codec: str
    live: bool = False


class Picture(NamedTuple):
    """A picture of a video. Its colours are converted on demand, since frames that are thinned out need none.

    `to_rgb` gives it upright; it is to be called before the next picture is asked for, if at all, and may raise
    `DecodingBroke` or `PictureError`. None: the picture only counts, as it was passed over on the way to the start or,
    with a `fault`, could not be decoded.
    """

    time: float | None  # seconds from the start of the source; None when the container does not say
    to_rgb: Callable[[], Image] | None
    fault: str | None = None  # why this picture, or what came right before it, could not be decoded


class DecodingBroke(Exception):
    """Nothing more can be decoded; the message says why."""


def check_end(ended: float | None, promised: float | None, rate: float | None) -> None:
    """Raise `DecodingBroke` where a file ends early; often it reads as one that is merely shorter than it says.

    The last frame begins or ends at `ended` seconds, and the header promises so many, which is often an estimate.
    """
    tolerance = max(0.2, 3 / (rate or USUAL_RATE), 0.01 * (promised or 0.0))
    if promised is not None and ended is not None and ended < promised - tolerance:
        raise DecodingBroke(f"the file ends early; its header promises {promised:.2f} s of video")


class Decoder(Protocol):
    """One open source."""

    @property
    def info(self) -> StreamInfo: ...
    def pictures(self, start: float) -> Iterator[Picture]:
        """All pictures from the first, in the order of their times; to be asked for once.

        Those before `start` seconds may come without pixels, or be left out where they cannot be counted without
        decoding them (a file on a server). After damage the next good picture comes with its `fault`, or, where there
        is none, `DecodingBroke`.
        """

    def close(self) -> None:
        """Close the source. May be called twice."""


def has_pyav() -> bool:
    """Whether PyAV is installed in a version that mien can use; other packages may have brought an older one."""
    if find_spec("av") is None:
        return False
    try:
        return int(version("av").split(".")[0]) >= OLDEST_PYAV
    except PackageNotFoundError:  # built from source
        return True


def uses_pyav(backend: Backend, feature: str) -> bool:
    """Whether PyAV is to be used, and not OpenCV; raises `MissingExtra` where PyAV was asked for and is missing."""
    if backend == "pyav" and not has_pyav():
        raise MissingExtra(feature, "video")
    return backend != "opencv" and has_pyav()


@contextmanager
def opencv_silenced() -> Iterator[None]:
    """Keeps OpenCV from printing a warning for every way of opening that fails; mien raises one error instead.

    FFmpeg within OpenCV stays silent about damage from then on, unless the environment says otherwise.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet; read once, when the first video is opened
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def cores() -> int:
    """Processor cores that this process may use, in a container too: its share of the machine's time, rounded up."""
    num = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(num, _container_share())))


def _container_share(groups: Path = Path("/sys/fs/cgroup")) -> float:
    """How many cores' time Linux gives to this process's container; infinity where nothing says so."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # version 2 of cgroups, and 1
        try:
            quota, period = " ".join((groups / file).read_text() for file in files).split()
            if float(quota) > 0:
                return float(quota) / float(period)
        except (OSError, ValueError, ZeroDivisionError):  # not there, or "max": no limit
            continue
    return math.inf


def bounded_threads(threads: int | None) -> int:
    """`threads`; for None one a core but for one core, which the networks need, and at most four."""
    return max(1, min(4, cores() - 1)) if threads is None else threads
