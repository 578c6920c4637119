"""From a label in each frame to spans of time: who showed which expression, from when to when."""

import math
from dataclasses import dataclass
from typing import Final

from mien.errors import InvalidInput
from mien.tracking.smoothing import TIME_TOLERANCE
from mien.values import checked_number

BRIDGE: Final = 0.3
"""Seconds that a face may be out of sight without the end of what it shows."""


@dataclass(frozen=True, slots=True)
class Event:
    """A span in which one face showed one expression; times are in seconds, scores from 0 to 1.

    It ends at the first frame with another label; where none followed, because the face left or the video ended, at
    the last frame with this label.
    """

    track_id: int
    label: str
    start: float
    end: float
    peak: float  # the highest score
    peak_time: float  # of the first frame with that score
    mean: float  # of the score, each frame weighted by the time it was shown

    @property
    def duration(self) -> float:
        return self.end - self.start


class EventFinder:
    """Joins frames into events as they arrive; keeps one open span for each face in view, and nothing else.

        >>> finder = EventFinder()
        >>> for time, label in [(0.0, "sad"), (0.1, "happy"), (0.2, "happy"), (0.5, "neutral")]:
        ...     for event in finder.add(1, time, label, 0.8) + finder.tick(time):
        ...         print(event.label, event.start, event.end)
        happy 0.1 0.5

    A span continues across gaps of up to `bridge` seconds in which its face is not seen. Another label always ends it:
    use labels from `mien.tracking.smoothing.Smoother`, which do not flicker.

    Args:
        minimum: Length in seconds below which a span is dropped.
        bridge: Seconds that a face may be out of sight without its span ending.
    """

    def __init__(self, minimum: float = 0.2, bridge: float = BRIDGE) -> None:
        self.minimum = checked_number("minimum", minimum, kind="a number of seconds")
        self.bridge = checked_number("bridge", bridge, kind="a number of seconds")
        self._spans: dict[int, _Span] = {}

    def add(self, track_id: int, time: float, label: str, score: float) -> list[Event]:
        """Add what a face shows in one frame; the event of this face that ended with it, if one did."""
        if not 0 <= score <= 1:
            raise InvalidInput(f"a score is a probability, 0 to 1; got {score} for track {track_id} at {time} s")
        span = self._spans.get(track_id)
        last_seen = -math.inf if span is None else span.last_seen
        if not last_seen < time < math.inf:
            raise InvalidInput(f"the times of track {track_id} increase; got {time} s after {last_seen} s")
        ended = []
        if span is not None:
            gone = self._is_gone(span, time)
            if span.label == label and not gone:
                span.add(time, score)
                return []
            if not gone:
                span.extend(time)
            ended = self._close([track_id])
        self._spans[track_id] = _Span(label, time, score)
        return ended

    def tick(self, time: float) -> list[Event]:
        """The events of faces that have left by `time`, ordered by their ends; call it once a frame."""
        return self._close([track_id for track_id, span in self._spans.items() if self._is_gone(span, time)])

    def close(self) -> list[Event]:
        """The events still open when the video ends, ordered by their ends."""
        return self._close(list(self._spans))

    def _close(self, track_ids: list[int]) -> list[Event]:
        events = [self._spans.pop(track_id).event(track_id) for track_id in track_ids]
        # Timestamps are rounded: a span as long as `minimum` may seem a little shorter.
        kept = [event for event in events if event.duration >= self.minimum - TIME_TOLERANCE]
        return sorted(kept, key=lambda event: (event.end, event.track_id))

    def _is_gone(self, span: "_Span", time: float) -> bool:
        return time - span.last_seen > self.bridge + TIME_TOLERANCE


class _Span:
    """An event that has not ended yet."""

    def __init__(self, label: str, time: float, score: float) -> None:
        self.label = label
        self.start = self.last_seen = self.end = self.peak_time = time
        self.score = self.peak = score
        self.area = 0.0  # integral of the score over time

    def add(self, time: float, score: float) -> None:
        self.extend(time)
        self.last_seen, self.score = time, score
        if score > self.peak:
            self.peak, self.peak_time = score, time

    def extend(self, time: float) -> None:
        """Count the last frame as shown until `time`."""
        self.area += self.score * (time - self.end)
        self.end = time

    def event(self, track_id: int) -> Event:
        duration = self.end - self.start
        mean = self.area / duration if duration > 0 else self.score
        return Event(track_id, self.label, self.start, self.end, self.peak, self.peak_time, mean)
