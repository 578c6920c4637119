"""Uncompressed video out of a pipe: YUV4MPEG2, which says what it is, or bare RGB of a known size."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import VideoError
from mien.files import described
from mien.images import MAX_PIXELS
from mien.values import Image
from mien.video.decoder import USUAL_RATE, DecodingBroke, Picture, StreamInfo

_MAGIC: Final = b"YUV4MPEG2"
_MAX_LINE: Final = 4096
_BT709: Final = (0.2126, 0.7152, 0.0722)
_BT601: Final = (0.299, 0.587, 0.114)
_HD_HEIGHT: Final = 720

# Luma pixels for each chroma sample, across and down; None: grey. Sitings differ by less than a pixel.
_CHROMA: Final[dict[str, tuple[int, int] | None]] = {
    "420": (2, 2),
    "420jpeg": (2, 2),
    "420mpeg2": (2, 2),
    "420paldv": (2, 2),
    "422": (2, 1),
    "444": (1, 1),
    "mono": None,
}


class RawPictures:
    """RGB24 from a pipe: three bytes a pixel, rows from the top, no gaps and no header.

    Args:
        pipe: open for reading.
        name: what messages call it.
        size: width and height of every picture, in pixels.
        rate: frames a second.

    Raises:
        VideoError: not one whole picture comes.
    """

    def __init__(self, pipe: BinaryIO, name: str, size: tuple[int, int], rate: float) -> None:
        self._pipe = pipe
        self._rate = rate
        self._width, self._height = size
        _check_size(self._width, self._height, name)
        self._num_bytes = 3 * self._width * self._height
        self._first = _read_first(pipe, self._num_bytes, name)
        self.info = StreamInfo(name, self._width, self._height, rate, None, None, False, "rawvideo")

    def pictures(self, start: float) -> Iterator[Picture]:
        """See `Decoder`."""
        content: bytearray | None = self._first
        number = 0
        while content is not None:
            pixels = np.frombuffer(content, np.uint8).reshape(self._height, self._width, 3)
            yield Picture(number / self._rate, lambda pixels=pixels: pixels)  # type: ignore[misc]
            number += 1
            content = _read_whole(self._pipe, self._num_bytes)

    def close(self) -> None:
        """See `Decoder`. The pipe is its owner's to close."""


class Y4mPictures:
    """YUV4MPEG2 from a pipe, eight bits: what `ffmpeg -i in.mp4 -pix_fmt yuv420p -f yuv4mpegpipe -` sends.

    The header names no matrix: BT.709 is taken from 720 lines on and BT.601 below. The range is the limited one
    unless the header has `XCOLORRANGE=FULL`. Interlaced pictures are taken as they are.

    Args:
        pipe: open for reading.
        name: what messages call it.

    Raises:
        VideoError: it is no YUV4MPEG2, of a kind that is not read, or not one whole picture comes.
    """

    def __init__(self, pipe: BinaryIO, name: str) -> None:
        self._pipe = pipe
        self._header = _parse_header(pipe.readline(_MAX_LINE), name)
        if not pipe.readline(_MAX_LINE).startswith(b"FRAME"):
            raise VideoError(f"{name} ends before its first picture; look at what the sending program says")
        self._first = _read_first(pipe, self._header.num_bytes, name)
        header = self._header
        self.info = StreamInfo(name, header.width, header.height, header.rate, None, None, False, "rawvideo")

    def pictures(self, start: float) -> Iterator[Picture]:
        """See `Decoder`."""
        content: bytearray | None = self._first
        number = 0
        while content is not None:
            planes = np.frombuffer(content, np.uint8)
            yield Picture(number / self._header.rate, lambda planes=planes: self._header.to_rgb(planes))  # type: ignore[misc]
            number += 1
            content = self._next()

    def close(self) -> None:
        """See `Decoder`. The pipe is its owner's to close."""

    def _next(self) -> bytearray | None:
        line = self._pipe.readline(_MAX_LINE)
        if not line:
            return None
        if not line.startswith(b"FRAME"):
            raise DecodingBroke(f"expected a line that begins with FRAME, got {described(line[:16])}")
        content = _read_whole(self._pipe, self._header.num_bytes)
        if content is None:
            raise DecodingBroke("the pipe ended inside a picture")
        return content


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    rate: float
    chroma: tuple[int, int] | None
    full_range: bool

    @property
    def chroma_shape(self) -> tuple[int, int]:
        """Rows and columns of one chroma plane."""
        if self.chroma is None:
            return 0, 0
        across, down = self.chroma
        return -(-self.height // down), -(-self.width // across)

    @property
    def num_bytes(self) -> int:
        """Of one picture."""
        rows, columns = self.chroma_shape
        return self.width * self.height + 2 * rows * columns

    def to_rgb(self, planes: NDArray[np.uint8]) -> Image:
        """The planes of one picture, (num_bytes,) uint8 → (H, W, 3) uint8, RGB."""
        shape = self.height, self.width
        rows, columns = self.chroma_shape
        luma_end = self.height * self.width
        luma = planes[:luma_end].reshape(shape)
        if self.chroma is None:
            bias, scale = (0.0, 1.0) if self.full_range else (16.0, 255 / 219)
            grey = cv2.convertScaleAbs(np.maximum(luma, int(bias)), alpha=scale, beta=-bias * scale)
            return np.repeat(np.asarray(grey, np.uint8)[:, :, None], 3, axis=2)
        across, down = self.chroma
        pair = planes[luma_end:].reshape(2, rows, columns)
        spread = columns * across, rows * down
        u, v = (
            cv2.resize(plane, spread, interpolation=cv2.INTER_NEAREST)[: self.height, : self.width] for plane in pair
        )
        return np.asarray(cv2.transform(cv2.merge((luma, u, v)), self._matrix()), np.uint8)

    def _matrix(self) -> NDArray[np.float64]:
        """(3, 4): Y, Cb, Cr, 1 → R, G, B, all in 0 to 255 (ITU-T H.273, 8.3)."""
        red, green, blue = _BT709 if self.height >= _HD_HEIGHT else _BT601
        bias, y, c = (0.0, 1.0, 1.0) if self.full_range else (16.0, 255 / 219, 255 / 224)
        to_blue, to_red = 2 * (1 - blue) * c, 2 * (1 - red) * c
        linear = np.array(
            [
                [y, 0, to_red],
                [y, -to_blue * blue / green, -to_red * red / green],
                [y, to_blue, 0],
            ]
        )
        offset = -linear @ np.array([bias, 128, 128])
        return np.column_stack([linear, offset])


def _parse_header(line: bytes, name: str) -> _Header:
    words = line.split()
    if not words or words[0] != _MAGIC:
        came = f"begins with {described(line[:12])}" if line else "is empty"
        raise VideoError(
            f"{name} {came}; expected YUV4MPEG2 (`ffmpeg -i in.mp4 -pix_fmt yuv420p -f yuv4mpegpipe -`), or bare RGB "
            "with its size given"
        )
    fields = {word[:1]: word[1:].decode("latin-1") for word in words[1:] if word[:1] != b"X"}
    try:
        width, height = int(fields[b"W"]), int(fields[b"H"])
        frames, seconds = (int(part) for part in fields.get(b"F", "0:0").split(":"))
    except (KeyError, ValueError) as error:
        raise VideoError(f"{name} has a damaged YUV4MPEG2 header: {described(line[:80])}") from error
    _check_size(width, height, name)
    kind = fields.get(b"C", "420")
    if kind not in _CHROMA:
        raise VideoError(
            f"{name} has colours of kind {kind}; expected one of {', '.join(_CHROMA)}. Add `-pix_fmt yuv420p` to ffmpeg"
        )
    rate = float(Fraction(frames, seconds)) if frames > 0 and seconds > 0 else USUAL_RATE
    return _Header(width, height, rate, _CHROMA[kind], b"XCOLORRANGE=FULL" in words)


def _check_size(width: int, height: int, name: str) -> None:
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise VideoError(f"{name}: pictures have 1 to {MAX_PIXELS:,} pixels; got {width:,} × {height:,}")


def _read_first(pipe: BinaryIO, num_bytes: int, name: str) -> bytearray:
    try:
        first = _read_whole(pipe, num_bytes)
    except DecodingBroke:
        first = None
    if first is None:
        raise VideoError(f"{name} ends before its first whole picture; look at what the sending program says")
    return first


def _read_whole(pipe: BinaryIO, num_bytes: int) -> bytearray | None:
    """So many bytes, or None when there are none; a pipe gives them in pieces.

    Raises:
        DecodingBroke: it ends in between.
    """
    content = bytearray(num_bytes)
    view = memoryview(content)
    filled = 0
    while filled < num_bytes:
        count = pipe.readinto(view[filled:])  # type: ignore[attr-defined]
        if not count:
            break
        filled += count
    if filled == num_bytes:
        return content
    if filled == 0:
        return None
    raise DecodingBroke("the pipe ended inside a picture")
