"""Writing videos: H.264 through PyAV, or what OpenCV can where PyAV is not installed; and whether mien drew one."""

import math
import os
from contextlib import ExitStack, closing, suppress
from fractions import Fraction
from pathlib import Path
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput, VideoError
from mien.files import keep_incomplete, replacing
from mien.images import DRAWN_COMMENT
from mien.installation import install_command
from mien.values import Image, check_image
from mien.video.decoder import Backend, cores, uses_pyav
from mien.video.pyav import BT709, open_file
from mien.video.sound import Sound

_FORMATS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}

WRITTEN_SUFFIXES: Final = frozenset(_FORMATS)  # file name suffixes, in lower case, that `VideoWriter` writes

_FASTEST: Final = 120.0  # most frames a second that OpenCV writes: some files claim a thousand, each a whole picture
_LONGEST: Final = 10.0  # most seconds for which OpenCV repeats one frame: a clock that jumps must not fill the disk
_WINDOW: Final = 16_384  # bytes at the beginning and at the end of a file in which the comment is searched
_TICKS: Final = 90_000  # a second; what 24, 25, 30 and 60 frames a second divide
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

    The file takes its name when the block ends. If the block is left by an exception, what was written until then
    becomes a whole video and is kept: under the file's name, or, if an earlier file has that name, beside it as
    `NAME.incomplete.mp4`, which replaces an earlier one only if that is a drawing of mien's; else it is
    `NAME.incomplete-2.mp4` and so on. If no whole video can be written, as on a full disk, nothing is kept and an
    earlier file is as it was.

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
        if self._audio_from is None:
            self._with_pyav = uses_pyav(backend, "Writing videos with PyAV")
        elif backend == "opencv":
            raise InvalidInput("OpenCV writes no sound; leave audio_from out, or use PyAV")
        else:
            self._with_pyav = uses_pyav("pyav", "Keeping a video's sound")
            open_file(self._audio_from, f"{self._audio_from} (for its sound)").close()
        if self._with_pyav:
            import av

            if "libx264" not in av.codecs_available:
                raise VideoError(
                    f"this PyAV comes without libx264; install the one from PyPI: {install_command('video')}"
                )
        self.damage: str | None = None
        self._size: tuple[int, int] | None = None
        self._last = -1
        self._stack = ExitStack()
        self._partial: Path | None = None
        self._output: _PyavOutput | _OpencvOutput | None = None

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
        even = _even(image)
        if self._output is None:
            self._size = size
            self._output = self._open(even.shape[1], even.shape[0])
        if size != self._size:
            raise InvalidInput(f"{self._path}: all frames are of one size, {self._size}; got {size}")
        self._last = ticks
        self._output.write(even, ticks)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with self._stack:  # left without an error, the new file takes its name; else it is deleted
            if self._output is None or self._partial is None:
                raise error or VideoError(f"{self._path} was not written: no frame came")
            self.damage = self._output.finish(math.inf if error is None else self._last / _TICKS + 1 / self._rate)
            if self._comment is not None:
                append_comment(self._partial, self._comment)
            if error is not None:
                keep_incomplete(self._partial, self._path, drawn_by_mien)
                raise error

    def _open(self, width: int, height: int) -> "_PyavOutput | _OpencvOutput":
        if self._partial is None:
            raise InvalidInput(f"{self._path}: frames are written inside of `with VideoWriter(…) as writer:`")
        suffix = self._path.suffix.lower()
        if not self._with_pyav:
            return self._stack.enter_context(closing(_OpencvOutput(self._partial, suffix, self._rate, (width, height))))
        output = _PyavOutput(self._partial, _FORMATS[suffix], self._rate, (width, height), self._comment)
        self._stack.enter_context(closing(output))
        if self._audio_from is not None:
            output.sound = Sound(self._audio_from, output.container, start=self._start, end=self._end)
        return output


class _PyavOutput:
    """Encodes frames with even sides into one file; its times are ticks of 1/90,000 s."""

    def __init__(
        self, path: Path, container_format: str, rate: float, size: tuple[int, int], comment: str | None
    ) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        self.sound: Sound | None = None
        self._length = round(_TICKS / rate)
        self._reformatter = VideoReformatter()
        self._threads = min(4, cores())
        # The index goes to the front, so that a browser can play before it has the whole file.
        options = {} if container_format == "matroska" else {"movflags": "+faststart"}
        self.container = av.open(f"file:{path}", "w", format=container_format, container_options=options)
        if comment is not None:
            self.container.metadata["comment"] = comment
        quality = {"crf": "20", "preset": "superfast"}
        self._stream = stream = self.container.add_stream("libx264", Fraction(rate).limit_denominator(1001), quality)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.color_range, stream.colorspace = _LIMITED_RANGE, BT709
        stream.color_primaries, stream.color_trc = BT709, BT709
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.time_base = Fraction(1, _TICKS)
        stream.thread_count = self._threads
        try:
            stream.codec_context.open()
        except av.FFmpegError as error:
            self.container.close()
            raise VideoError(f"H.264 does not take pictures of {size[0]:,} × {size[1]:,}: {error.strerror}") from error

    def write(self, image: Image, ticks: int) -> None:
        from av import VideoFrame

        frame = self._reformatter.reformat(
            VideoFrame.from_ndarray(image, format="rgb24"),
            format="yuv420p",
            dst_colorspace=BT709,
            src_color_range=_FULL_RANGE,
            dst_color_range=_LIMITED_RANGE,
            threads=self._threads,
        )
        frame.pts = ticks
        frame.duration = self._length
        frame.time_base = Fraction(1, _TICKS)
        self.container.mux(self._stream.encode(frame))
        # Interleaved with the pictures, or the container would have to hold one of the two back in memory.
        if self.sound is not None:
            self.sound.mux_until(ticks / _TICKS)

    def finish(self, end: float) -> str | None:
        """Make the file a whole video, with sound up to `end` seconds. Returns why the sound broke off, or None."""
        self.container.mux(self._stream.encode(None))
        if self.sound is not None:
            self.sound.mux_until(end)
        self.container.close()
        return None if self.sound is None else self.sound.damage

    def close(self) -> None:
        """Close the file, whatever is in it; nothing where `finish` has done so."""
        import av

        with suppress(av.FFmpegError):  # the file is about to be deleted
            self.container.close()
        if self.sound is not None:
            self.sound.close()


class _OpencvOutput:
    """As `_PyavOutput`, without sound."""

    def __init__(self, path: Path, suffix: str, rate: float, size: tuple[int, int]) -> None:
        self._path = path
        self._coded = path.with_name(path.name + suffix)  # OpenCV takes the kind of container from the name
        self._rate = min(rate, _FASTEST)
        self._shown: NDArray[np.uint8] | None = None  # the last frame, which lasts until the next one begins
        self._turn = 0
        self._count = 0
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(self._coded), code, self._rate, size)
        if not self._writer.isOpened():
            self.close()
            raise VideoError(
                f"this OpenCV writes no {suffix} of {size[0]:,} × {size[1]:,}; install PyAV: {install_command('video')}"
            )

    def write(self, image: Image, ticks: int) -> None:
        turn = round(ticks / _TICKS * self._rate)
        if self._shown is not None:
            self._show(self._shown, min(turn - self._turn, max(1, round(_LONGEST * self._rate))))
            self._turn = turn
        self._shown = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)

    def finish(self, end: float) -> str | None:
        if self._shown is not None:
            self._show(self._shown, 1)
        self._writer.release()
        # OpenCV does not say when the disk is full.
        written = cv2.VideoCapture(str(self._coded), cv2.CAP_FFMPEG)
        count = written.get(cv2.CAP_PROP_FRAME_COUNT)
        written.release()
        if count < self._count - 1:
            raise VideoError(
                f"the video could not be written whole ({count:.0f} of {self._count} frames); is the disk full?"
            )
        self._coded.replace(self._path)
        return None

    def close(self) -> None:
        self._writer.release()
        self._coded.unlink(missing_ok=True)

    def _show(self, image: NDArray[np.uint8], times: int) -> None:
        for _ in range(times):
            self._writer.write(image)
        self._count += times


def _even(image: Image) -> Image:
    """The picture with even sides, the last row and column doubled where needed: yuv420p halves the chroma's sides."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
    return np.ascontiguousarray(image)


def append_comment(path: Path, comment: str) -> None:
    """Append a comment to a finished MP4, QuickTime or Matroska file, in an element that players pass over.

    Containers keep comments where no reader without a parser finds them (in a long MP4 behind megabytes of index), and
    OpenCV writes none.
    """
    text = comment.encode()
    with path.open("rb+") as file:
        if file.read(4) == b"\x1aE\xdf\xa3":
            element = b"\xec" + (1 << 56 | len(text)).to_bytes(8, "big")  # Void: RFC 8794, 11.3.2
        else:
            element = (8 + len(text)).to_bytes(4, "big") + b"free"  # Free Space Box: ISO/IEC 14496-12, 8.1.2
        file.seek(0, os.SEEK_END)
        file.write(element + text)


def drawn_by_mien(path: str | Path) -> bool:
    """Whether a video file carries `DRAWN_COMMENT`; False for a file that cannot be read. It needs no PyAV.

    >>> drawn_by_mien("talk.mp4")
    False
    """
    comment = DRAWN_COMMENT.encode()
    with suppress(OSError, ValueError):
        if Path(path).is_file():  # opening a pipe would wait for its sender
            with Path(path).open("rb") as file:
                head = file.read(_WINDOW)
                file.seek(max(0, file.seek(0, os.SEEK_END) - _WINDOW))
                return comment in head or comment in file.read(_WINDOW)
    return False
