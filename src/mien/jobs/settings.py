"""How videos are read, followed and smoothed: one value for a whole job."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from mien.recognition import Abstention
from mien.tracking.merging import check_groups, merged
from mien.tracking.smoothing import Smoother, Smoothing
from mien.values import Failure, FrameResult
from mien.video.decoder import USUAL_RATE
from mien.video.source import check_reading


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSettings:
    """Settings of a job that apply to its videos only; `mien.video.open_video`, `Stream` and `Smoother`
    describe each.

        >>> VideoSettings(fps=10, smoothing="median").changed()
        {'fps': 10, 'smoothing': 'median'}

    Attributes:
        start: Seconds; frames before it are left out.
        end: Seconds; this frame and later ones are left out. None: all.
        every: Every n-th frame is analysed.
        fps: At most so many frames a second; None for all.
        rate: Frames a second of numbered pictures and raw pipes.
        raw_size: Width and height of a pipe's raw RGB pictures; None where the pipe says it itself.
        smoothing: "ema", "median" or "off".
        smoothing_seconds: The smoothing's time constant or window; None for the default.
        baseline: Seconds at the start of each track that are taken for the person's resting face; 0 for none.
        every_frame: Whether the detector runs on every frame.
        merge: Groups of numbers of one person each, who gets the group's first number in all that is written.

    Raises:
        InvalidInput: A setting is out of its range.
    """

    start: float = 0.0
    end: float | None = None
    every: int = 1
    fps: float | None = None
    rate: float = USUAL_RATE
    raw_size: tuple[int, int] | None = None
    smoothing: Smoothing = "ema"
    smoothing_seconds: float | None = None
    baseline: float = 0.0
    every_frame: bool = False
    merge: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        _ = self.smoother()  # raises InvalidInput for what it cannot be
        check_groups(self.merge)
        check_reading(self.start, self.end, self.every, self.fps, self.rate)

    def changed(self) -> dict[str, Any]:
        """The settings that are not at their defaults, by name."""
        pairs = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        return {name: value for name, value, default in pairs if value != default}

    @property
    def reading(self) -> dict[str, Any]:
        """Arguments of `open_video`."""
        return {name: getattr(self, name) for name in ("start", "end", "every", "fps", "rate", "raw_size")}

    def smoother(self, abstention: Abstention | None = None) -> Smoother:
        """What smooths the results of each video, and judges anew what is unclear."""
        return Smoother(self.smoothing, self.smoothing_seconds, self.baseline, abstention)

    def finished(
        self, results: Iterable[FrameResult | Failure], abstention: Abstention | None = None
    ) -> Iterator[FrameResult | Failure]:
        """What was found in each frame of a video by itself, with people merged and scores smoothed over time."""
        return self.smoother(abstention)(merged(results, self.merge))
