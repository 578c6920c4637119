"""One picture: read, analysed, drawn."""

import errno
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mien.analyzer import Analyzer
from mien.drawing import Anonymization, anonymize
from mien.errors import MienError, reason
from mien.images import read_image
from mien.jobs.sources import Source
from mien.records.sink import Sink
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
        return Failure(source.name, reason(error))


def analyze_picture(
    source: Source,
    analyzer: Analyzer,
    *,
    image: Image | Failure | None = None,
    sinks: Sequence[Sink] = (),
    hide: Anonymization | None = None,
) -> FrameResult | Failure:
    """The faces of a picture, without its image, or why there are none; never raises for the picture itself.

    Without an image the picture is read now. The sinks, which are open, are given the result with its image, in which
    faces are hidden as asked; what they cannot write is an error of the result.
    """
    if image is None:
        image = read_picture(source)
    if isinstance(image, Failure):
        return image
    try:
        faces = tuple(analyzer.analyze([image])[0])
    except Exception as error:  # noqa: BLE001 - a detector or classifier of somebody else's may raise anything
        return Failure(source.name, cannot_be_analysed(error))
    height, width = image.shape[:2]
    result = FrameResult(source=source.name, width=width, height=height, faces=faces)
    return replace(result, error=give(list(sinks), replace(result, image=image), hide))


def cannot_be_analysed(error: Exception) -> str:
    """What kept a source from being analysed, for people."""
    what = str(error) if isinstance(error, MienError) else f"{type(error).__name__}: {error}"
    return f"it cannot be analysed: {'not enough memory' if isinstance(error, MemoryError) else what}"


def give(sinks: list[Sink], result: FrameResult | Failure, hide: Anonymization | None) -> str | None:
    """Write a result to sinks, with the faces of its image hidden if they are to be.

    A sink that cannot write it is taken out of the list, and why is returned; a full disk raises its `OSError`.
    """
    if sinks and isinstance(result, FrameResult):
        result = hidden(result, hide)
    fault = None
    for sink in list(sinks):
        try:
            sink.write(result)
        except (MienError, OSError) as error:
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                raise
            sinks.remove(sink)
            fault = f"its drawing could not be written: {reason(error)}"
    return fault


def hidden(result: FrameResult, how: Anonymization | None) -> FrameResult:
    """The result with all faces of its image hidden, doubtful ones too; as it is without an image or a way to hide."""
    if how is None or result.image is None:
        return result
    places = [*(face.box for face in result.faces), *result.doubtful]
    return replace(result, image=anonymize(result.image, places, how=how))
