"""A camera, now: the same loop as a video's, without a journal, on a screen."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from mien.analyzer import Analyzer
from mien.drawing import History, annotate
from mien.files import remove_abandoned
from mien.jobs.hiding import Hiding
from mien.jobs.outputs import OutputRefused, header_of, opened, plan_outputs
from mien.jobs.sources import Source
from mien.recognition import Reader
from mien.tracking.smoothing import Smoother
from mien.tracking.stream import Stream
from mien.values import FrameResult, Image, VideoInfo
from mien.video import Camera

RECENT: Final = 30  # frames over which speed and delay are averaged

RECORDED: Final = {
    "annotate": "video.mp4",
    "csv": "frames.csv",
    "jsonl": "frames.jsonl",
    "events": "events.csv",
    "report": "report.html",
}
"""The files of a recording, by the names of their kinds."""


class Screen(Protocol):
    """Where a person sees what the camera sees.

    Attributes:
        evidence: Whether to show what speaks for each face's label; may change from frame to frame.
    """

    evidence: bool

    def show(self, image: Image, result: FrameResult, status: str) -> bool:
        """Show a drawn frame and a line about speed and delay; False when the user wants to end."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """How a look through a camera ended."""

    num_shown: int
    num_dropped: int  # frames that were replaced by newer ones before they could be shown
    delay: float  # mean seconds from the camera to the screen, over the last frames
    files: tuple[Path, ...] = ()  # what was recorded


def watch(
    camera: Camera,
    analyzer: Analyzer,
    screen: Screen | None,
    *,
    record: Path | None = None,
    jsonl: Path | None = None,
    hide: Hiding | None = None,
    panels: bool = True,
    strip: bool = True,
    seconds: float | None = None,
) -> Watched:
    """Show the newest frame of a camera again and again; without a screen, only write it.

    Ends when the screen says so, after `seconds`, at the end of a video that is played, or on Ctrl-C; what was
    recorded is kept.

    Everything is recorded in the folder `record`, which must not hold an earlier recording; or a line for each frame is
    written into the file `jsonl`, or to standard output for `Path("-")`. Faces are hidden as asked
    in all that is shown and recorded; `panels` and `strip` are as for `mien.annotate`.
    """
    info = VideoInfo(started_at=datetime.now().astimezone().isoformat(timespec="milliseconds"), live=True)
    stream = Stream(
        analyzer.detector, analyzer.classifier, source=camera.name, video=info, images=True,
    )  # fmt: skip
    header = header_of(analyzer, hide=hide, panels=panels, strip=strip)
    source = Source(camera.name, None, Path("camera"), is_video=True)
    wanted = {"jsonl": jsonl} if jsonl else {}
    if record:
        wanted = {name: record / file for name, file in RECORDED.items()}
    plan = plan_outputs(wanted, [source], header)
    if record and any(path.exists() for path in plan.files):
        raise OutputRefused("record", f"{record} holds a recording already; name another folder")
    hidden = hide.live() if hide else lambda result: result
    remove_abandoned(plan.files)
    history, num_shown, explains = History(), 0, isinstance(analyzer.classifier, Reader)
    delays: deque[float] = deque(maxlen=RECENT)
    moments: deque[float] = deque(maxlen=RECENT)
    with opened([*plan.tables, *plan.own[0]], header) as sinks, suppress(KeyboardInterrupt):
        for found in Smoother(abstention=analyzer.abstention)(map(stream, camera)):
            if seconds is not None and found.time > seconds:
                break
            result = hidden(found)
            assert result.image is not None
            # Of the next frame, which then costs a twentieth more.
            stream.explain = analyzer.explain or (screen is not None and screen.evidence and explains)
            goes_on = True
            if screen:
                drawn = annotate(
                    result.image, result.faces, history=history, time=result.time,
                    **{**header.drawing, "evidence": screen.evidence},
                )  # fmt: skip
                goes_on = screen.show(drawn, result, _status(moments, delays, camera.dropped))
            num_shown += 1
            delays.append(camera.now() - result.time)
            moments.append(camera.now())
            for sink in sinks:
                sink.write(result)
            if not goes_on:
                break
    return Watched(num_shown, camera.dropped, sum(delays) / max(1, len(delays)), tuple(plan.files))


def _status(moments: Sequence[float], delays: Sequence[float], dropped: int) -> str:
    if len(moments) < 2:
        return ""
    speed = (len(moments) - 1) / max(1e-9, moments[-1] - moments[0])
    return f"{speed:.0f} frames/s   {sum(delays) / len(delays) * 1000:.0f} ms behind   {dropped} dropped"
