"""Uncompressed video from a pipe: YUV4MPEG2, whose header describes it, or bare RGB of a given size."""

from collections.abc import Generator, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final

from mien.errors import VideoError
from mien.files import described
from mien.images import MAX_PIXELS
from mien.video.decoder import USUAL_RATE, DecodingBroke, Picture, StreamInfo
from mien.video.pyav import reason, rgb_converter

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

_EXPECTED: Final = (
    "expected YUV4MPEG2 (`ffmpeg -i in.mp4 -pix_fmt yuv420p -f yuv4mpegpipe -`), or bare RGB with its size given"
)
_CUT: Final = "the pipe ended inside a picture"


class _Pipe:
    """An open pipe for FFmpeg: it cannot seek, and what has come is passed on at once."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._read = getattr(pipe, "read1", pipe.read)
        self.num_bytes = 0  # read so far
        self.head = b""

    def read(self, size: int) -> bytes:
        content: bytes = self._read(size) or b""
        self.head = self.head or content[:80]
        self.num_bytes += len(content)
        return content


class PipeDecoder:
    """YUV4MPEG2, or RGB24 where a size is given: three bytes a pixel, rows from the top, no gaps and no header.

    A YUV4MPEG2 header names no matrix: BT.709 is taken from 720 lines on and BT.601 below. The range is the limited
    one unless the header has `XCOLORRANGE=FULL`; grey pictures are always of the full one, as FFmpeg writes them.
    Interlaced pictures are taken as they are.

    The pipe stays the caller's to close; `size` (width and height) and `rate` are those of bare RGB.
    """

    def __init__(self, pipe: BinaryIO, name: str, *, size: tuple[int, int] | None, rate: float, threads: int) -> None:
        self._pipe = _Pipe(pipe)
        self._to_rgb = rgb_converter(threads)
        if size is not None:
            _check_size(*size, name)
        self._container = _open(self._pipe, name, size)
        stream = self._container.streams.video[0]
        _check_size(stream.width, stream.height, name)
        self._rate = rate if size is not None else float(stream.average_rate or USUAL_RATE)
        self._decoded = self._decode()
        try:
            self._first = next(self._decoded)
        except (StopIteration, DecodingBroke) as error:
            raise VideoError(
                f"{name} ends before its first whole picture; look at the messages of the program that sends"
            ) from error
        self.info = StreamInfo(name, stream.width, stream.height, self._rate, None, None, False, "rawvideo")

    def pictures(self, start: float) -> Iterator[Picture]:
        for number, frame in enumerate(chain((self._first,), self._decoded)):
            yield Picture(number / self._rate, partial(self._to_rgb, frame))

    def close(self) -> None:
        self._decoded.close()
        self._container.close()

    def _decode(self) -> "Generator[VideoFrame]":
        import av

        end = 0
        try:
            for packet in self._container.demux(self._container.streams.video[0]):
                if packet.is_corrupt:
                    raise DecodingBroke(_CUT)
                if packet.size:
                    end = (packet.pos or 0) + packet.size
                yield from packet.decode()
        except av.FFmpegError as error:
            raise DecodingBroke(f"what follows is no picture ({reason(error)})") from error
        if self._pipe.num_bytes > end:  # FFmpeg passes over a cut YUV4MPEG2 picture in silence
            raise DecodingBroke(_CUT)


def _open(pipe: _Pipe, name: str, size: tuple[int, int] | None) -> "InputContainer":
    import av

    options = {} if size is None else {"video_size": f"{size[0]}x{size[1]}", "pixel_format": "rgb24"}
    try:
        return av.open(pipe, "r", format="yuv4mpegpipe" if size is None else "rawvideo", container_options=options)
    except av.FFmpegError as error:
        if not pipe.head:
            raise VideoError(f"{name} is empty; {_EXPECTED}") from error
        if not pipe.head.startswith(b"YUV4MPEG2"):
            raise VideoError(f"{name} begins with {described(pipe.head[:12])}; {_EXPECTED}") from error
        raise VideoError(
            f"{name} has a YUV4MPEG2 header that is damaged, of a kind that is not read, or of too large pictures: "
            f"{described(pipe.head)}. Add `-pix_fmt yuv420p` to ffmpeg, and `-vf scale=1280:-2` to shrink them"
        ) from error


def _check_size(width: int, height: int, name: str) -> None:
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise VideoError(f"{name}: pictures have 1 to {MAX_PIXELS:,} pixels; got {width:,} × {height:,}")
