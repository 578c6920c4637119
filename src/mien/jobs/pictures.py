"""Pictures: read, analysed together, drawn; one that fails does not stop the others."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import cv2

from mien.analyzer import Analyzer
from mien.errors import MienError, reason
from mien.images import read_image
from mien.jobs.sources import Source
from mien.values import Failure, FrameResult, Image

MOST_PIXELS_AT_ONCE: Final = 100_000_000
"""Most pixels of pictures that wait for the network together; large pictures go in smaller batches."""

Finish = Callable[[int, FrameResult], FrameResult]
"""What is done with each result before its image is let go: its place among the sources and the result → the result."""


def analyze_pictures(
    sources: Sequence[Source], analyzer: Analyzer, *, batch: int = 32, finish: Finish | None = None
) -> Iterator[FrameResult | Failure]:
    """The faces of pictures, in their order; never raises for one of them.

    Args:
        sources: The pictures.
        analyzer: Finds and reads the faces.
        batch: Pictures whose faces go through the network together.
        finish: Is given each result with its image, and returns it, changed or not. None: the image is let go.

    Yields:
        A result or a failure for each source.
    """
    waiting: list[tuple[int, Source, Image | Failure]] = []
    pixels = 0
    for place, source in enumerate(sources):
        read = _read(source)
        waiting.append((place, source, read))
        pixels += 0 if isinstance(read, Failure) else read.shape[0] * read.shape[1]
        if len(waiting) >= batch or pixels >= MOST_PIXELS_AT_ONCE:
            yield from _finished(_analyzed(analyzer, waiting), finish)
            waiting, pixels = [], 0
    yield from _finished(_analyzed(analyzer, waiting), finish)


def _read(source: Source) -> Image | Failure:
    if source.error:
        return Failure(source.name, source.error)
    try:
        return read_image(source.path or sys.stdin.buffer, name=source.name)
    except (MienError, OSError) as error:
        return Failure(source.name, reason(error))


def _analyzed(
    analyzer: Analyzer, waiting: Sequence[tuple[int, Source, Image | Failure]]
) -> Iterator[tuple[int, FrameResult | Failure]]:
    images = [read for _, _, read in waiting if not isinstance(read, Failure)]
    try:
        faces = iter(analyzer.analyze(images))
    except (MienError, MemoryError, cv2.error) as error:
        if len(waiting) == 1:
            [(place, source, _)] = waiting
            yield place, Failure(source.name, f"it cannot be analysed: {str(error) or 'not enough memory'}")
            return
        for each in waiting:  # one by one, so that only the one fails that is at fault
            yield from _analyzed(analyzer, [each])
        return
    for place, source, read in waiting:
        if isinstance(read, Failure):
            yield place, read
        else:
            height, width = read.shape[:2]
            found = tuple(next(faces))
            yield place, FrameResult(source=source.name, width=width, height=height, faces=found, image=read)


def _finished(
    results: Iterator[tuple[int, FrameResult | Failure]], finish: Finish | None
) -> Iterator[FrameResult | Failure]:
    for place, result in results:
        if isinstance(result, Failure):
            yield result
            continue
        yield replace(finish(place, result) if finish else result, image=None)
