"""A camera, now: the same loop as a video's, without a journal, on a screen."""

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from mien.analyzer import Analyzer
from mien.drawing import Anonymization, History, annotate
from mien.jobs.outputs import OutputRefused, header_of, opened, plan_outputs
from mien.jobs.pictures import hidden
from mien.jobs.sources import Source
from mien.records.sink import Sink
from mien.tracking.stream import Stream
from mien.values import FrameResult, Image, VideoInfo
from mien.video import Camera

RECENT: Final = 30
"""Frames over which speed and delay are averaged."""

RECORDED: Final = {
    "annotate": "video.mp4",
    "csv": "frames.csv",
    "jsonl": "frames.jsonl",
    "events": "events.csv",
    "report": "report.html",
}
"""The files of a recording, by the names of their kinds."""


class Screen(Protocol):
    """Where a person sees what the camera sees."""

    def show(self, image: Image, result: FrameResult, status: str) -> bool:
        """Show a drawn frame and a line about speed and delay; False when the user wants to end."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """How a look through a camera ended.

    Attributes:
        num_shown: Frames that were shown.
        num_dropped: Frames that were replaced by newer ones before they could be shown.
        delay: Mean seconds from the camera to the screen, over the last frames.
        files: What was recorded.
    """

    num_shown: int
    num_dropped: int
    delay: float
    files: tuple[Path, ...] = ()


def watch(
    camera: Camera,
    analyzer: Analyzer,
    screen: Screen,
    *,
    record: Path | None = None,
    hide: Anonymization | None = None,
    seconds: float | None = None,
) -> Watched:
    """Show the newest frame of a camera again and again.

    Ends when the screen says so, after `seconds`, at the end of a video that is played, or on Ctrl-C; what was
    recorded is kept.

    Args:
        camera: Open.
        analyzer: Finds and reads the faces.
        screen: Shows the drawn frames.
        record: The folder in which everything is recorded, without an earlier recording; None: nothing is kept.
        hide: How faces are hidden in all that is shown and recorded; None: they are not.
        seconds: The time after which it ends; None for no limit.

    Raises:
        VideoError: The camera was unplugged.
        OutputRefused: The recording cannot be written, or the folder holds one already.
    """
    info = VideoInfo(started_at=datetime.now().astimezone().isoformat(timespec="milliseconds"))
    stream = Stream(
        analyzer.detector, analyzer.classifier,
        every_frame=hide is not None, source=camera.name, video=info, images=True,
    )  # fmt: skip
    header = header_of(analyzer)
    source = Source(camera.name, None, Path("camera"), is_video=True)
    wanted = {name: record / file for name, file in RECORDED.items()} if record else {}
    plan = plan_outputs(wanted, [source], header)
    if any(path.exists() for path in plan.files):
        raise OutputRefused("record", f"{record} holds a recording already; name another folder")
    with ExitStack() as stack:
        sinks = stack.enter_context(opened([*plan.tables, *plan.own[0]], header))
        num_shown, delay = _show(camera, stream, screen, sinks, hide, seconds)
    return Watched(num_shown, camera.dropped, delay, tuple(plan.files))


def _show(
    camera: Camera,
    stream: Stream,
    screen: Screen,
    sinks: Sequence[Sink],
    hide: Anonymization | None,
    seconds: float | None,
) -> tuple[int, float]:
    """The number of frames shown, and the mean delay of the last ones."""
    history = History()
    delays: deque[float] = deque(maxlen=RECENT)
    moments: deque[float] = deque(maxlen=RECENT)
    num_shown = 0
    try:
        for frame in camera:
            if seconds is not None and frame.time > seconds:
                break
            result = hidden(stream(frame), hide)
            assert result.image is not None
            drawn = annotate(result.image, result.faces, history=history, time=frame.time)
            goes_on = screen.show(drawn, result, _status(moments, delays, camera.dropped))
            num_shown += 1
            delays.append(camera.now() - frame.time)
            moments.append(camera.now())
            for sink in sinks:
                sink.write(result)
            if not goes_on:
                break
    except KeyboardInterrupt:
        pass
    return num_shown, sum(delays) / max(1, len(delays))


def _status(moments: Sequence[float], delays: Sequence[float], dropped: int) -> str:
    if len(moments) < 2:
        return ""
    speed = (len(moments) - 1) / max(1e-9, moments[-1] - moments[0])
    return f"{speed:.0f} frames/s   {sum(delays) / len(delays) * 1000:.0f} ms behind   {dropped} dropped"
