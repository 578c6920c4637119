"""One picture: read, analysed, drawn."""

import errno
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mien.analyzer import Analyzer
from mien.errors import MienError, reason
from mien.images import read_image
from mien.jobs.hiding import Hiding
from mien.jobs.sources import Source
from mien.records.sink import Sink
from mien.report.stills import portraits as portraits_of
from mien.values import Failure, FrameResult, Image

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors after which writing anything else is likely to fail too."""


def read_picture(source: Source) -> Image | Failure:
    """The pixels of a picture, or why there are none."""
    if source.error:
        return Failure(source.name, source.error)
    try:
        return read_image(source.path or sys.stdin.buffer, name=source.name)
    except (MienError, OSError) as error:
        hint = "" if source.path else ". A video is named by its file, or piped as Y4M with --as-video"
        return Failure(source.name, reason(error) + hint)


def analyze_picture(
    source: Source,
    analyzer: Analyzer,
    *,
    image: Image | Failure | None = None,
    sinks: Sequence[Sink] = (),
    hide: Hiding | None = None,
    portraits: bool = False,
) -> FrameResult | Failure:
    """The faces of a picture, without its image, or why there are none; never raises for the picture itself.

    Without an image the picture is read now. The sinks, which are open, are given the result with its image, in which
    faces are hidden as asked; what they cannot write is an error of the result. With `portraits` the result carries
    a small picture of each face, hidden likewise.
    """
    if image is None:
        image = read_picture(source)
    if isinstance(image, Failure):
        return image
    height, width = image.shape[:2]
    try:
        faces = tuple(analyzer.analyze([image])[0])
        result = FrameResult(source=source.name, width=width, height=height, faces=faces)
        pictured = replace(result, image=image)
        if hide and (sinks or portraits):
            pictured = hide.picture(pictured)
        result = replace(result, portraits=portraits_of(pictured) if portraits else ())
    except Exception as error:  # noqa: BLE001 - a detector or classifier of somebody else's may raise anything
        return Failure(source.name, f"it cannot be analysed: {fault_of(error)}")
    return replace(result, error=give(list(sinks), pictured))


def fault_of(error: Exception) -> str:
    """What an error of any kind says, for people."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    return reason(error) if isinstance(error, MienError | OSError) else f"{type(error).__name__}: {error}"


def give(sinks: list[Sink], result: FrameResult | Failure) -> str | None:
    """Write a result to sinks.

    A sink that cannot write it is taken out of the list, and why is returned; a full disk raises its `OSError`.
    """
    fault = None
    for sink in list(sinks):
        try:
            sink.write(result)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                raise
            sinks.remove(sink)
            fault = f"its drawing could not be written: {fault_of(error)}"
    return fault
