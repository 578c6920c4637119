"""One video from beginning to end: decode, analyse, draw, record; and go on after a crash."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from mien.jobs.journal import Journal
from mien.records.frames import FrameRecord
from mien.records.table import frame_record
from mien.tracking.snapshot import freeze, thaw
from mien.tracking.stream import Stream
from mien.values import Box, Frame, FrameResult, Image
from mien.video import VideoSource
from mien.video.background import in_background

SECONDS_A_MARK = 5.0
"""A crash loses at most so much work."""

THUMBNAIL_SIDE = 96


class FrameSink(Protocol):
    """Takes frames with what was found in them; draws them, say."""

    def __call__(self, frame: Frame, record: FrameRecord) -> None: ...


@dataclass(frozen=True, slots=True)
class Done:
    """How a video ended.

    Attributes:
        num_frames: that were analysed.
        damage: where and why it broke off; None when it did not.
    """

    num_frames: int
    damage: str | None


class Portraits:
    """The best-readable picture of each person so far.

    Args:
        least_gain: of quality, for which a picture is replaced.
    """

    def __init__(self, least_gain: float = 0.05) -> None:
        self._least_gain = least_gain
        self._best: dict[int, tuple[float, Image]] = {}

    def see(self, frame: Frame, result: FrameResult) -> None:
        """Look at another frame."""
        for face in result.faces:
            if face.track_id is None or face.interpolated:
                continue
            quality = face.quality.score if face.quality else 0.0
            before = self._best.get(face.track_id)
            if before is None or quality > before[0] + self._least_gain:
                self._best[face.track_id] = quality, _portrait(frame.image, face.detection.region)

    def pictures(self) -> Mapping[int, Image]:
        """(96, 96, 3) uint8 RGB by track."""
        return {track: picture for track, (_, picture) in self._best.items()}


def _portrait(image: Image, region: Box) -> Image:
    left, top, right, bottom = map(round, region.clipped(image.shape[1], image.shape[0]))
    inside = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    square = cv2.resize(inside, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(square, dtype=np.uint8)


def run(
    source: VideoSource,
    stream: Stream,
    journal: Journal,
    *,
    resume: bool = False,
    portraits: Portraits | None = None,
    sink: FrameSink | None = None,
    tell: Callable[[int, float], None] | None = None,
) -> Done:
    """Analyse a video into a journal.

    Decoding and analysis run in threads of their own, a few frames ahead; drawing and writing in this one. Frames that
    an earlier run has in the journal are decoded again, for the sink, and not analysed.

    Args:
        source: open, at its first frame.
        stream: with the settings of the earlier run when resuming.
        journal: open.
        resume: whether to go on from the journal's last mark.
        portraits: collects pictures of the people.
        sink: is given every frame.
        tell: is given the index and time of every frame.
    """
    mark = journal.resume() if resume else None
    if mark is None:
        if not resume:
            journal.begin()
        last = -1
    else:
        last, state, _ = mark
        frozen = thaw(state)
        stream.restore(frozen["stream"])
        if portraits and frozen["portraits"]:
            portraits.__dict__.update(frozen["portraits"])
    old = journal.records() if sink and last >= 0 else iter(())
    num_frames = 0
    with ExitStack() as stack:
        frames = stack.enter_context(closing(in_background(source)))
        analysed = stack.enter_context(closing(in_background(_analysed(frames, stream, last, portraits), ahead=4)))
        for frame, result, snapshot in analysed:
            if result is None:
                if sink:
                    sink(frame, next(old))
            else:
                record = frame_record(result)
                if sink:
                    sink(frame, record)
                journal.append(record)
                if snapshot:
                    journal.mark(frame.index, snapshot)
            num_frames += 1
            if tell:
                tell(frame.index, frame.time)
    return Done(num_frames, source.damage)


def _analysed(
    frames: Iterator[Frame], stream: Stream, last: int, portraits: Portraits | None
) -> Generator[tuple[Frame, FrameResult | None, bytes | None]]:
    """Each frame, what is in it (None up to the last one analysed before), and now and then all that is remembered."""
    marked = time.monotonic()
    for frame in frames:
        if frame.index <= last:
            yield frame, None, None
            continue
        result = stream(frame)
        if portraits:
            portraits.see(frame, result)
        snapshot = None
        if time.monotonic() - marked > SECONDS_A_MARK:
            # Taken here, where the memory is that of this very frame; the thread runs ahead of the journal.
            memory: dict[str, Any] = {"stream": stream.state(), "portraits": portraits and vars(portraits)}
            snapshot, marked = freeze(memory), time.monotonic()
        yield frame, result, snapshot


def identity(path: Path) -> dict[str, Any]:
    """What tells a file from another one under the same name."""
    try:
        status = path.stat()
    except OSError:
        return {"source": str(path)}
    return {"source": str(path.resolve()), "size": status.st_size, "mtime_ns": status.st_mtime_ns}
