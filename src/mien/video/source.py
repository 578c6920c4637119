"""Opening a video, whatever it comes from: a file, a URL, a folder of pictures, a pipe."""

import math
import numbers
import re
import sys
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO, Final, Self

from mien.errors import InvalidInput, PictureError, VideoError
from mien.files import opening_errors
from mien.images import is_animated
from mien.values import Frame
from mien.video.animated import AnimatedPicture
from mien.video.decoder import (
    USUAL_RATE,
    Backend,
    Decoder,
    DecodingBroke,
    StreamInfo,
    bounded_threads,
    uses_pyav,
)
from mien.video.numbered import NumberedPictures
from mien.video.opencv import OpencvDecoder
from mien.video.pipe import PipeDecoder
from mien.video.pyav import PyavDecoder
from mien.video.timeline import Thinning, timed

STANDARD_INPUT: Final = "-"
URL_SCHEMES: Final = ("http", "https", "rtmp", "rtsp", "rtsps", "srt", "tcp", "udp")
"""Schemes of the URLs that are opened over the network."""


class VideoSource(StreamInfo):
    """An open video: a context manager, and an iterator of its frames. Made by `open_video`.

    Attributes:
        name: The source's name in messages; a password in a URL is left out.
        width, height: Size of the first frame, in pixels, upright.
        rate: Mean frames a second; None when unknown.
        duration: Length of the whole source, in seconds; None when unknown.
        num_frames: Estimated number of frames of the whole source; None when unknown.
        has_audio: Whether there is sound; None when unknown (OpenCV).
        codec: FFmpeg's name of the video's codec ("h264").
        live: Whether frames come as they are recorded, as from a network camera. They must not wait in a queue.
        damage: After the iteration, where and why it ended too early, or what is missing after the last frame that was
            given; else None. Of damage before that, the next frame that is given says in its `gap` what is missing.
    """

    def __init__(self, decoder: Decoder, *, start: float, end: float, thinning: Thinning) -> None:
        super().__init__(**vars(decoder.info))
        self._decoder = decoder
        self.damage: str | None = None
        self._closed = False
        self._frames = self._read(start, end, thinning)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        if self._closed:
            raise VideoError(f"{self.name} has been closed; open it again to read on")
        return next(self._frames)

    def close(self) -> None:
        """Close the source. May be called twice."""
        self._closed = True
        try:
            self._frames.close()
        except ValueError:  # another thread is still reading, from a pipe or a camera where nothing comes
            return
        self._decoder.close()

    def _read(self, start: float, end: float, thinning: Thinning) -> Generator[Frame]:
        reached: tuple[int, float] | None = None  # the last good picture from the start on
        gaps = _Gaps(start)
        pictures = timed(self._decoder.pictures(start), 1 / (self.rate or USUAL_RATE))
        try:
            for index, (time, picture) in enumerate(pictures):
                if time >= end:
                    gaps.end_at(index, time)
                    break
                wanted = thinning.keeps(index, time) and time >= start
                gaps.fault = picture.fault or gaps.fault
                if picture.to_rgb is None and picture.fault:
                    continue
                try:
                    image = picture.to_rgb() if picture.to_rgb and wanted else None
                except PictureError as error:  # in a folder of pictures, where the next one may be whole
                    gaps.fault = str(error)
                    continue
                gaps.end_at(index, time)
                if picture.to_rgb and time >= start:
                    reached = index, time
                if image is not None:
                    yield Frame(index, time, image, gaps.told())
        except DecodingBroke as error:
            gaps.fault = str(error)
        self.damage = gaps.told()  # what no later frame could tell
        if gaps.fault:
            after = "after frame {} at {:.2f} s".format(*reached) if reached else f"before {start:.2f} s, its start"
            self.damage = f"decoding broke {after}: {gaps.fault}"
        if reached is None and self.damage is None:
            raise VideoError(
                f"{self.name} has no frame from {start:g} s to {f'{end:g} s' if end < math.inf else 'its end'}"
                + (f"; it lasts {self.duration:.2f} s" if self.duration else "")
            )


def open_video(
    source: str | Path | BinaryIO,
    *,
    start: float = 0.0,
    end: float | None = None,
    every: int = 1,
    fps: float | None = None,
    rate: float = USUAL_RATE,
    raw_size: tuple[int, int] | None = None,
    backend: Backend = "auto",
    threads: int | None = None,
) -> VideoSource:
    """Open a video and decode its first frame.

        >>> with open_video("talk.mp4", start=0.3, every=10) as video:
        ...     for frame in video:
        ...         print(frame.index, frame.time, frame.image.shape)
        10 0.4 (256, 256, 3)
        20 0.8 (256, 256, 3)

    `Frame.index` is the frame's number in the source, 0 for the first, whatever `start`, `every` and `fps` leave out.
    `Frame.time` is the container's presentation time minus the stream's start, in seconds. Times strictly increase;
    where a container's do not, or lack, they are mended as `timed` describes. Of a file on a server, frames are
    counted from the first that is not before `start`; of a live stream, from the first that is received.

    Of a damaged file all frames before the damage come, and those from the next key frame on; the first of these names
    what is missing in its `gap`. Where nothing more can be decoded, the iteration ends with `VideoSource.damage` set.

    Args:
        source: A video file; an animated GIF, WebP, PNG or AVIF; a folder of numbered pictures; a URL (the network is
            used for nothing else); "-" for standard input, or an open pipe, that sends YUV4MPEG2 or, with `raw_size`,
            RGB24 (needs mien[video]).
        start: Seconds; frames before it are left out.
        end: Seconds; this frame and later ones are left out. None: all.
        every: Keep every n-th frame: those whose index is a multiple of it.
        fps: Keep at most so many frames a second, by their times, counted from the first frame. With `every`, of
            the frames that `every` keeps. With `start`, the frames that are kept are those without it.
        rate: Frames a second of numbered pictures and of bare RGB.
        raw_size: Width and height of a pipe's bare RGB pictures, in pixels.
        backend: "pyav" (needs mien[video]) or "opencv" for files and URLs; "auto" takes PyAV where it is installed.
        threads: Threads of the decoder; None for one a core but for one core, and at most four.

    Raises:
        VideoError: The source is missing, empty or no video, or not one frame can be decoded.
        InvalidInput: An argument is out of its range.
        MissingExtra: PyAV is needed, or was asked for, and is not installed.
    """
    check_reading(start, end, every, fps, rate, threads)
    decoder = _open_decoder(source, rate, raw_size, backend, bounded_threads(threads))
    return VideoSource(decoder, start=start, end=math.inf if end is None else end, thinning=Thinning(every, fps))


class _Gaps:
    """What is missing between good pictures, until a frame tells it."""

    def __init__(self, start: float) -> None:
        self.fault: str | None = None  # why the pictures since the last good one are missing, if any are
        self._start, self._last = start, (-1, 0.0)
        self._untold: list[str] = []

    def end_at(self, index: int, time: float) -> None:
        """The next good picture."""
        if self.fault and time >= self._start:
            before, since = self._last
            num = index - before - 1  # not all that was lost may have been countable
            frames = {0: "frames", 1: f"frame {index - 1}"}.get(num, f"frames {before + 1} to {index - 1}")
            self._untold.append(f"{frames} between {since:.2f} and {time:.2f} s cannot be decoded: {self.fault}")
        self._last, self.fault = (index, time), None

    def told(self) -> str | None:
        """All gaps since the last call."""
        told, self._untold = "; ".join(self._untold), []
        return told or None


def check_reading(
    start: float, end: float | None, every: int, fps: float | None, rate: float, threads: int | None = None
) -> None:
    """Raise `InvalidInput` where one of these arguments of `open_video` is out of its range."""
    for name, value in {"start": start, "end": end, "every": every, "fps": fps, "rate": rate}.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, numbers.Real)):
            raise InvalidInput(f"{name} is a number; got {value!r:.80}")
    faults = {
        f"start is a number of seconds from 0 on; got {start}": not 0 <= start < math.inf,
        f"end comes after start ({start}); got {end}": end is not None and not end > start,
        f"every is a whole number from 1 on; got {every}": every < 1 or int(every) != every,
        f"fps is a number of frames a second above 0; got {fps}": fps is not None and not 0 < fps < math.inf,
        f"rate is a number of frames a second above 0; got {rate}": not 0 < rate < math.inf,
        f"threads is a whole number from 1 on; got {threads}": threads is not None and threads < 1,
    }
    for message, wrong in faults.items():
        if wrong:
            raise InvalidInput(message)


def _open_decoder(
    source: str | Path | BinaryIO, rate: float, raw_size: tuple[int, int] | None, backend: Backend, threads: int
) -> Decoder:
    pipe = sys.stdin.buffer if str(source) == STANDARD_INPUT else source
    if not isinstance(pipe, str | Path):
        uses_pyav("pyav", "Reading videos from pipes")  # or raises
        name = str(getattr(pipe, "name", "the pipe")) if pipe is source else "standard input"
        return PipeDecoder(pipe, name, size=raw_size, rate=rate, threads=threads)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", source) if isinstance(source, str) else None
    if scheme and scheme[1].lower() not in URL_SCHEMES:
        known = ", ".join(f"{each}://" for each in URL_SCHEMES)
        raise VideoError(f"{source} cannot be opened: {scheme[1]}:// is not known; expected {known} or a file")
    path = Path(pipe)
    if not scheme and path.is_dir():
        return NumberedPictures(path, rate)
    if not scheme and is_animated(path):
        return AnimatedPicture(path)
    decoder = PyavDecoder if uses_pyav(backend, "Reading videos with PyAV") else OpencvDecoder
    if scheme:
        return decoder(str(source), without_password(str(source)), is_url=True, threads=threads)
    with opening_errors(path, str(path), "a video", VideoError), path.open("rb") as file:
        if path.is_file() and not file.read(1):
            raise VideoError(f"{path} is empty (0 bytes); expected a video")
    return decoder(str(path), str(path), is_url=False, threads=threads)


def without_password(url: str) -> str:
    """rtsp://user:secret@host → rtsp://user@host"""
    # The last @ ends it: passwords hold unescaped ones, and slashes.
    return re.sub(r"^(\w+://[^/@:]*):.*@", r"\1@", url)
