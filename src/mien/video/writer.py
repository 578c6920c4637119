"""Writing videos: H.264 through PyAV, or what OpenCV can where PyAV is not installed."""

import math
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput, MissingExtra, VideoError
from mien.files import replacing
from mien.installation import install_command
from mien.values import Image, check_image
from mien.video.decoder import bounded_threads, has_pyav
from mien.video.mark import append_comment
from mien.video.pyav import open_file
from mien.video.sound import Sound
from mien.video.source import Backend

if TYPE_CHECKING:
    from av.video.stream import VideoStream

_FORMATS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}

WRITTEN_SUFFIXES: Final = frozenset(_FORMATS)
"""File name suffixes, in lower case, that `VideoWriter` writes."""

_FASTEST: Final = 120.0
"""Most frames a second that OpenCV writes: some files claim a thousand, and each would be a whole picture."""

_LONGEST: Final = 10.0
"""Most seconds for which OpenCV repeats one frame: a clock that jumps must not fill the disk."""

_TICKS: Final = 90_000  # a second; what 24, 25, 30 and 60 frames a second divide
_BT709: Final = 1
_LIMITED_RANGE, _FULL_RANGE = 1, 2


class VideoWriter:
    """Writes frames into a video: a context manager.

        >>> with VideoWriter("copy.mp4", rate=25) as writer:
        ...     for frame in open_video("talk.mp4"):
        ...         writer.write(frame.image, frame.time)

    With PyAV: H.264, yuv420p, BT.709, at a constant quality (crf 20), which every browser plays; times are kept to
    1/90,000 s (in Matroska to 1/1000), so the rate may vary. A side with an odd number of pixels is extended by one.
    Without PyAV: OpenCV's MPEG-4 Part 2 (`mp4v`), without sound, which browsers do not play. Its rate is constant,
    at most 120 frames a second; frames are repeated or left out, so that each stands within half a frame of its time,
    but one that lasts longer than ten seconds is cut to them.

    The file appears under its name when the block ends well. When it ends with an error nothing is left, and a file
    of that name is as it was. When it is interrupted from the keyboard, what has been written so far becomes a whole
    video.

    Args:
        path: The new file; ends in .mp4, .m4v, .mov or .mkv. Missing parent folders are made.
        rate: Frames a second: for OpenCV of the whole video, for PyAV of the last frame, which lasts 1/rate s.
        audio_from: A file whose first sound track is taken over; one without sound gives none. Its packets are
            copied where the container can hold their codec, else it is encoded again as AAC.
        start: Seconds at which frames and sound begin; this is 0 in the new video.
        end: Seconds of `audio_from` after which its sound is left out. None: all of it.
        comment: Text for the file's metadata; `DRAWN_COMMENT` for a drawing, by which `drawn_by_mien` recognises it.
        backend: As for `open_video`.

    Attributes:
        damage: After the block, why the sound broke off; None when it did not.

    Raises:
        VideoError: The name ends in something else, or is that of a pipe or a device; PyAV comes without H.264; the
            sound cannot be read; or, at the end of the block, OpenCV has not written all frames.
        InvalidInput: An argument is out of its range.
        MissingExtra: PyAV was asked for, or is needed for the sound, and is not installed.
        OSError: On entering the block: the path is a folder, or its folder cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        rate: float,
        audio_from: str | Path | None = None,
        start: float = 0.0,
        end: float | None = None,
        comment: str | None = None,
        backend: Backend = "auto",
    ) -> None:
        self._path = Path(path)
        if self._path.suffix.lower() not in _FORMATS:
            raise VideoError(
                f"{path}: videos are written as {', '.join(_FORMATS)}; got {self._path.suffix or 'no suffix'}"
            )
        if self._path.exists() and not (self._path.is_file() or self._path.is_dir()):
            raise VideoError(f"{path} is a pipe or a device; videos are written into files")
        if not 0 < rate < math.inf:
            raise InvalidInput(f"rate is a number of frames a second above 0; got {rate}")
        self._rate = rate
        self._start, self._end = start, end
        self._comment = comment
        self._audio_from = None if audio_from is None else str(audio_from)
        self._with_pyav = _choose_backend(backend, wants_sound=audio_from is not None)
        if self._audio_from is not None:
            open_file(self._audio_from, f"{self._audio_from} (for its sound)").close()
        self.damage: str | None = None
        self._size: tuple[int, int] | None = None
        self._last = -1
        self._stack = ExitStack()
        self._partial: Path | None = None
        self._output: _Output | None = None

    def __enter__(self) -> Self:
        self._partial = self._stack.enter_context(replacing(self._path))
        return self

    def write(self, image: Image, time: float) -> None:
        """Append a frame.

        Args:
            image: (H, W, 3) uint8, RGB; all of one size.
            time: Seconds, later than the frame before; `start` is subtracted.

        Raises:
            InvalidInput: `image` is no image or of another size, or `time` is not later.
            VideoError: The encoder does not take pictures of this size.
            OSError: The disk is full; OpenCV reports it only at the end of the block, as a `VideoError`.
        """
        check_image(image)
        ticks = round((time - self._start) * _TICKS)
        if ticks <= self._last:
            raise InvalidInput(f"{self._path}: the times of frames increase, from {self._start:g} s on; got {time} s")
        size = image.shape[1], image.shape[0]
        if self._output is None:
            self._output = self._open(*size)
            self._size = size
        if size != self._size:
            raise InvalidInput(f"{self._path}: all frames are of one size, {self._size}; got {size}")
        self._last = ticks
        self._output.write(image, ticks)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:  # left without an error, the new file takes its place; else it is deleted
            if self._output is None:
                raise error or VideoError(f"{self._path} was not written: no frame came")
            try:
                if error is not None and not isinstance(error, KeyboardInterrupt):
                    raise error
                self.damage = self._output.finish(whole=error is None)
                if self._comment is not None and self._partial is not None:
                    append_comment(self._partial, self._comment)
            except BaseException:
                self._output.abort()
                raise

    def _open(self, width: int, height: int) -> "_Output":
        if self._partial is None:
            raise InvalidInput(f"{self._path}: frames are written inside of `with VideoWriter(…) as writer:`")
        if not self._with_pyav:
            return _OpencvOutput(self._partial, self._path.suffix.lower(), self._rate, (width, height))
        container_format = _FORMATS[self._path.suffix.lower()]
        output = _PyavOutput(self._partial, container_format, self._rate, (width, height), self._comment)
        if self._audio_from is not None:
            output.add_sound(self._audio_from, self._start, self._end)
        return output


class _Output(Protocol):
    """Encodes frames into one file."""

    def write(self, image: Image, ticks: int) -> None:
        """Append a frame that is shown from `ticks` / 90,000 s on."""
        ...

    def finish(self, *, whole: bool) -> str | None:
        """Make the file a whole video, with all the sound if `whole`. Returns why the sound broke off, or None."""
        ...

    def abort(self) -> None:
        """Close the file, whatever is in it."""
        ...


class _PyavOutput:
    def __init__(
        self, path: Path, container_format: str, rate: float, size: tuple[int, int], comment: str | None
    ) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        self._sound: Sound | None = None
        self._last = 0
        self._length = round(_TICKS / rate)
        self._reformatter = VideoReformatter()
        self._threads = bounded_threads(None)
        # The index goes to the front, so that a browser can play before it has the whole file.
        options = {} if container_format == "matroska" else {"movflags": "+faststart"}
        self._container = av.open(f"file:{path}", "w", format=container_format, container_options=options)
        if comment is not None:
            self._container.metadata["comment"] = comment
        try:
            self._stream = self._add_stream(rate, size)
        except BaseException:
            self._container.close()
            raise

    def add_sound(self, path: str, start: float, end: float | None) -> None:
        """Take over sound, as `Sound` does; to be called before the first frame."""
        self._sound = Sound(path, self._container, start=start, end=end)

    def write(self, image: Image, ticks: int) -> None:
        from av import VideoFrame

        rgb = VideoFrame.from_ndarray(_even(image), format="rgb24")
        frame = self._reformatter.reformat(
            rgb,
            format="yuv420p",
            dst_colorspace=_BT709,
            src_color_range=_FULL_RANGE,
            dst_color_range=_LIMITED_RANGE,
            threads=self._threads,
        )
        frame.pts = ticks
        frame.duration = self._length
        frame.time_base = Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(frame))
        self._last = ticks
        # Interleaved with the pictures, or the container would have to hold one of the two back in memory.
        if self._sound is not None:
            self._sound.mux_until(ticks / _TICKS)

    def finish(self, *, whole: bool) -> str | None:
        try:
            self._container.mux(self._stream.encode(None))
            if self._sound is not None:
                self._sound.mux_until(math.inf if whole else (self._last + self._length) / _TICKS)
        finally:
            self._container.close()
            if self._sound is not None:
                self._sound.close()
        return None if self._sound is None else self._sound.damage

    def abort(self) -> None:
        import av

        try:
            self._container.close()
        except av.FFmpegError:
            return  # the file is about to be deleted
        finally:
            if self._sound is not None:
                self._sound.close()

    def _add_stream(self, rate: float, size: tuple[int, int]) -> "VideoStream":
        import av

        options = {"crf": "20", "preset": "superfast"}
        stream = self._container.add_stream("libx264", Fraction(rate).limit_denominator(1001), options)
        stream.width, stream.height = (side + side % 2 for side in size)
        stream.pix_fmt = "yuv420p"
        stream.color_range, stream.colorspace = _LIMITED_RANGE, _BT709
        stream.color_primaries, stream.color_trc = _BT709, _BT709
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.time_base = Fraction(1, _TICKS)
        stream.thread_count = self._threads
        try:
            stream.codec_context.open()
        except av.FFmpegError as error:
            raise VideoError(f"H.264 does not take pictures of {size[0]:,} × {size[1]:,}: {error.strerror}") from error
        return stream


class _OpencvOutput:
    def __init__(self, path: Path, suffix: str, rate: float, size: tuple[int, int]) -> None:
        self._path = path
        self._coded = path.with_name(path.name + suffix)  # OpenCV takes the kind of container from the name
        self._rate = min(rate, _FASTEST)
        self._shown: NDArray[np.uint8] | None = None  # the last frame, which lasts until the next one begins
        self._turn = 0
        self._count = 0
        code = cv2.VideoWriter.fourcc(*"mp4v")
        even = size[0] + size[0] % 2, size[1] + size[1] % 2
        self._writer = cv2.VideoWriter(str(self._coded), code, self._rate, even)
        if not self._writer.isOpened():
            self.abort()
            raise VideoError(
                f"this OpenCV writes no {suffix} of {size[0]:,} × {size[1]:,}; install PyAV: {install_command('video')}"
            )

    def write(self, image: Image, ticks: int) -> None:
        turn = round(ticks / _TICKS * self._rate)
        if self._shown is not None:
            longest = max(1, round(_LONGEST * self._rate))
            self._write(self._shown, min(turn - self._turn, longest))
            self._turn = turn
        self._shown = np.asarray(cv2.cvtColor(_even(image), cv2.COLOR_RGB2BGR), np.uint8)

    def finish(self, *, whole: bool) -> str | None:
        if self._shown is not None:
            self._write(self._shown, 1)
        self._writer.release()
        self._check_whole()
        self._coded.replace(self._path)
        return None

    def abort(self) -> None:
        self._writer.release()
        self._coded.unlink(missing_ok=True)

    def _write(self, image: NDArray[np.uint8], times: int) -> None:
        for _ in range(times):
            self._writer.write(image)
        self._count += times

    def _check_whole(self) -> None:
        """OpenCV does not say when the disk is full."""
        written = cv2.VideoCapture(str(self._coded), cv2.CAP_FFMPEG)
        count = written.get(cv2.CAP_PROP_FRAME_COUNT)
        written.release()
        if count < self._count - 1:
            raise VideoError(
                f"the video could not be written whole ({count:.0f} of {self._count} frames); is the disk full?"
            )


def _choose_backend(backend: Backend, *, wants_sound: bool) -> bool:
    """Whether PyAV is used."""
    if backend == "opencv":
        if wants_sound:
            raise InvalidInput("OpenCV writes no sound; leave audio_from out, or use PyAV")
        return False
    if has_pyav():
        _check_h264()
        return True
    if wants_sound:
        raise MissingExtra("Keeping a video's sound", "video")
    if backend == "pyav":
        raise MissingExtra("Writing videos with PyAV", "video")
    return False


def _check_h264() -> None:
    import av

    try:
        av.Codec("libx264", "w")
    except av.codec.codec.UnknownCodecError as error:
        raise VideoError(
            f"this PyAV comes without libx264; install the one from PyPI: {install_command('video')}"
        ) from error


def _even(image: Image) -> Image:
    """The picture with even sides, the last row and column doubled where needed: yuv420p halves the chroma's sides."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
    return np.ascontiguousarray(image)
