"""The analysis of one uploaded video, in a process of its own: it can be stopped, and may die without the service."""

import json
import os
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, suppress
from importlib.util import find_spec
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

from mien.analyzer import Analyzer
from mien.detection.detector import Detector, found_by
from mien.errors import InvalidInput, VideoError
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Source
from mien.jobs.videos import analyze_video
from mien.records.json_files import JsonLinesSink
from mien.records.parquet import ParquetSink
from mien.records.sink import Sink
from mien.serve.answers import public_header
from mien.serve.limits import Limits
from mien.values import Detection, Failure, FrameResult, Image
from mien.video.pyav import check_container

LINES: Final = "results.jsonl"
TABLE: Final = "results.parquet"

_EVERY: Final = 0.25  # seconds between reports of progress


class Progress(NamedTuple):
    """How far the work is; sent from its process.

    Attributes:
        frames: Frames that were analysed.
        faces: Faces in them; a person counts once a frame.
        share: Of the whole, 0 to 1; None when unknown.
        error: Why the video broke off, if it did.
        ended: Whether this is the last report.
    """

    frames: int
    faces: int
    share: float | None
    error: str | None = None
    ended: bool = False


class Largest:
    """A detector's largest faces only: `most` of them."""

    def __init__(self, detector: Detector, most: int) -> None:
        self._detector, self._most = detector, most

    def __call__(self, image: Image) -> list[Detection]:
        return found_by(self._detector, image)[: self._most]  # not aligned, as whoever asks aligns them


def work_on(
    reports: Connection, analyzer: Analyzer, file: Path, name: str, settings: VideoSettings, limits: Limits
) -> None:
    """Analyse a video file, write its results beside it, and report the progress; the process does nothing else."""
    _be_modest(limits)
    os.chdir(file.parent)  # so that no message has a path of this machine
    file = Path(file.name)
    analyzer.detector = Largest(analyzer.detector, limits.faces)
    progress = Progress(0, 0, 0.0)
    try:
        check_container(file, name, limits.pixels)
        sent = time.monotonic()
        with closing(_results(analyzer, file, name, settings, limits)) as results:
            for result in results:
                progress = _after(progress, result, settings)
                if time.monotonic() - sent > _EVERY:
                    _send(reports, progress)
                    sent = time.monotonic()
        _send(reports, progress._replace(share=1.0, ended=True))
    except InvalidInput as error:
        _send(reports, progress._replace(error=str(error), ended=True))


def _send(reports: Connection, progress: Progress) -> None:
    # No pickle: this process reads what strangers made, and the other one must not trust it.
    reports.send_bytes(json.dumps(progress).encode("ascii"))


def received(reports: Connection) -> Progress:
    """The next report; waits for it."""
    return Progress(*json.loads(reports.recv_bytes(65_536)))


def _be_modest(limits: Limits) -> None:
    """Let pictures go first, and do not take all of the memory."""
    if sys.platform != "win32":
        import resource

        os.nice(5)
        with suppress(ValueError, OSError):  # a lower limit is set already
            resource.setrlimit(resource.RLIMIT_AS, (limits.video_memory, limits.video_memory))


def _results(
    analyzer: Analyzer, file: Path, name: str, settings: VideoSettings, limits: Limits
) -> Generator[FrameResult | Failure]:
    header = public_header(analyzer, settings=settings)
    with ExitStack() as stack:
        sinks: list[Sink] = [stack.enter_context(JsonLinesSink(file.with_name(LINES), header))]
        if find_spec("pyarrow"):
            sinks.append(stack.enter_context(ParquetSink(file.with_name(TABLE), header)))
        source = Source(name, file, Path("video"), is_video=True)
        results = stack.enter_context(closing(_bounded(analyze_video(source, analyzer, settings), name, limits)))
        for index, result in enumerate(results):
            if index == 0 and isinstance(result, Failure):
                raise VideoError(result.error)  # there is nothing to give
            for sink in sinks:
                sink.write(result)
            yield result


def _bounded(results: Generator[FrameResult | Failure], name: str, limits: Limits) -> Generator[FrameResult | Failure]:
    """The results up to the last frame that is analysed."""
    with closing(results):
        yield from islice(results, limits.video_frames)
        if next(results, None) is not None:
            yield Failure(name, f"only {limits.video_frames:,} frames of a video are analysed")


def _after(progress: Progress, result: FrameResult | Failure, settings: VideoSettings) -> Progress:
    if isinstance(result, Failure):
        return progress._replace(error=result.error)
    share, info = None, result.video
    if info and info.num_frames and info.rate:
        length = info.num_frames / info.rate
        end = min(length, settings.end or length)
        share = min(1.0, max(0.0, (result.time - settings.start) / max(1e-9, end - settings.start)))
    return Progress(progress.frames + 1, progress.faces + len(result.faces), share, result.error or progress.error)
