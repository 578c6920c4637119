"""When each frame of a video ends, for all that counts seconds."""

import math
from collections import deque
from statistics import median
from typing import Final

from mien.values import FrameResult, VideoInfo

RECENT: Final = 9
"""Frames whose distances say what is usual: with a median of so many, a pause says nothing."""

LONGEST: Final = 1.0
"""Seconds that a frame may be shown in any video; where frames usually are further apart, it is three times as long."""

_UNKNOWN: Final = 0.04  # seconds that a frame is taken to last where nothing is known


class FrameTimes:
    """Follows a video's analysed frames: each is shown until the next one comes, unless frames are missing between.

        >>> frames = [FrameResult(source="a.mp4", time=time, width=64, height=48) for time in (1.0, 1.2)]
        >>> times = FrameTimes(frames[0])
        >>> times.end
        1.04
        >>> times.add(frames[1]), times.end
        (1.2, 1.4)

    Where frames are damaged, and where none comes for long, the last one before them ends after the usual time.

    Args:
        first: The first frame that was analysed.
        stop: The second before which reading ends; None for the video's end.

    Attributes:
        start: The time of the first frame.
        last: The time of the last frame so far.
        missing: Seconds without frames so far.
    """

    def __init__(self, first: FrameResult, stop: float | None = None) -> None:
        self.start = self.last = first.time
        self.missing = 0.0
        self._steps: deque[float] = deque(maxlen=RECENT)
        video = first.video or VideoInfo()
        self._of_file = 1 / video.rate if video.rate else _UNKNOWN
        self._file_end = video.num_frames * self._of_file if video.num_frames else math.inf
        self._stop = math.inf if stop is None else stop

    @property
    def step(self) -> float:
        """Seconds that usually lie between two frames."""
        return median(self._steps) if self._steps else self._of_file

    @property
    def end(self) -> float:
        """When the last frame so far ends if no other follows: not after the video, of which few frames may be read."""
        shown = max(min(self.step, self._of_file), min(self.step, self._file_end - self.last))
        return min(self.last + shown, self._stop)

    @property
    def length(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return self.end - self.start

    def end_before(self, frame: FrameResult) -> float:
        """When the last frame so far ends if this one is the next: earlier than it comes, if frames are missing."""
        longest = max(LONGEST, 3 * self.step) if self._steps else math.inf
        return min(frame.time, self.last + (longest if frame.error is None else self.step))

    def add(self, frame: FrameResult) -> float:
        """Go on to the next frame; `end_before` of it."""
        ended = self.end_before(frame)
        if frame.error is None:
            self._steps.append(ended - self.last)
        self.missing += frame.time - ended
        self.last = frame.time
        return ended
