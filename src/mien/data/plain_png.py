"""A short cut for what data sets of faces mostly are: tens of thousands of small, plain, grey PNG files."""

import struct
import zlib
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_MOST_PIXELS: Final = 1 << 22


def decode_plain_png(content: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a grey PNG of 8 bits that holds nothing but pixels, three times as fast as `read_image`.

    Every chunk's checksum is verified before OpenCV sees the file, because OpenCV prints to standard error what
    is wrong with a damaged one.

    Args:
        content: a whole file.

    Returns:
        (H, W) uint8, or None for every other kind of file and for damaged ones: `read_image` reads those, or
        says what is wrong with them.
    """
    if not content.startswith(_SIGNATURE) or content[12:16] != b"IHDR" or len(content) < 33:
        return None
    width, height, depth, colour = struct.unpack_from(">IIBB", content, 16)
    if (depth, colour) != (8, 0) or width * height > _MOST_PIXELS or not _is_whole(content):
        return None
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if pixels is None or pixels.shape != (height, width) else np.asarray(pixels, dtype=np.uint8)


def _is_whole(content: bytes) -> bool:
    """Whether a PNG ends where it should, its checksums are right, and no chunk would change how it looks."""
    start = len(_SIGNATURE)
    while start + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, start)
        end = start + length + 12
        if kind not in (b"IHDR", b"IDAT", b"IEND") or end > len(content):
            return False
        if zlib.crc32(content[start + 4 : end - 4]) != int.from_bytes(content[end - 4 : end]):
            return False
        if kind == b"IEND":
            return True
        start = end
    return False
