"""A comment in the files of videos, by which mien recognises what it drew itself."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from mien.images import DRAWN_COMMENT

_WINDOW: Final = 16_384  # bytes at the beginning and at the end of a file in which the comment is searched


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
