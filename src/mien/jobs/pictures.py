"""One picture: read, analysed, drawn."""

import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import cv2

from mien.analyzer import Analyzer
from mien.drawing import Anonymization, anonymize
from mien.errors import MienError, reason
from mien.images import read_image
from mien.jobs.sources import Source
from mien.records.sink import Sink
from mien.values import Failure, FrameResult, Image


def analyze_picture(
    source: Source,
    analyzer: Analyzer,
    *,
    sinks: Sequence[Sink] = (),
    hide: Anonymization | None = None,
    last: deque[Image] | None = None,
) -> FrameResult | Failure:
    """The faces of a picture; never raises for the picture itself.

    Args:
        source: The picture.
        analyzer: Finds and reads the faces.
        sinks: Open; they are given the result with its image. What they cannot write is an error of the result.
        hide: How faces are hidden in the image that the sinks are given; None: they are not.
        last: Holds the image until the next picture is read; a deque of one, for the pictures of a job. If an image is
            freed before, its memory goes back to the system page by page, and reading takes a third longer.

    Returns:
        The result without its image, or why there is none.
    """
    if source.error:
        return Failure(source.name, source.error)
    try:
        image = read_image(source.path or sys.stdin.buffer, name=source.name)
    except (MienError, OSError) as error:
        return Failure(source.name, reason(error))
    if last is not None:
        last.append(image)
    try:
        faces = tuple(analyzer.analyze([image])[0])
    except (MienError, MemoryError, cv2.error) as error:
        return Failure(source.name, f"it cannot be analysed: {reason(error) or 'not enough memory'}")
    height, width = image.shape[:2]
    result = FrameResult(source=source.name, width=width, height=height, faces=faces)
    try:
        give(sinks, replace(result, image=image), hide)
    except (MienError, OSError) as error:
        return replace(result, error=f"its drawing could not be written: {reason(error)}")
    return result


def give(sinks: Sequence[Sink], result: FrameResult | Failure, hide: Anonymization | None) -> None:
    """Write a result to sinks, with the faces of its image hidden if they are to be."""
    if sinks and isinstance(result, FrameResult):
        result = hidden(result, hide)
    for sink in sinks:
        sink.write(result)


def hidden(result: FrameResult, how: Anonymization | None) -> FrameResult:
    """The result with all faces of its image hidden, doubtful ones too; as it is without an image or a way to hide."""
    if how is None or result.image is None:
        return result
    places = [*(face.box for face in result.faces), *result.doubtful]
    return replace(result, image=anonymize(result.image, places, how=how))
