"""From a label for each frame to spans of time: who showed what, from when to when."""

import math
from dataclasses import dataclass
from typing import Final

from mien.errors import InvalidInput

ROUNDING: Final = 1e-6
"""Seconds. Timestamps are rounded: a span as long as `minimum` may seem a little shorter."""


@dataclass(frozen=True, slots=True)
class Event:
    """A span in which one face showed one expression.

    Attributes:
        track_id: whose.
        label: what.
        start: of the first frame that showed it, in seconds.
        end: when it stopped, in seconds: the first frame with another label, or the last with this one where none
            followed, be it that the face left or the video ended.
        peak: the greatest score, 0 to 1.
        peak_time: of the first frame that had it, in seconds.
        mean: of the score over the span, each frame counting for as long as it was shown; 0 to 1.
    """

    track_id: int
    label: str
    start: float
    end: float
    peak: float
    peak_time: float
    mean: float

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


class EventFinder:
    """Joins frames into events while they come; holds one open span for each face in view, and nothing else.

        >>> for face in faces: ended += finder.add(face.track_id, time, face.label, face.scores[face.label])
        >>> ended += finder.tick(time)

    A span goes on through gaps in which its face is not seen, of up to `bridge` seconds. It is not bridged over
    another label: give labels from `Hysteresis` and there is nothing to bridge.

    Args:
        minimum: seconds; a shorter span is dropped.
        bridge: seconds a face may be out of sight without its span ending.

    Raises:
        InvalidInput: a value is negative or not a number.
    """

    def __init__(self, minimum: float = 0.2, bridge: float = 0.3) -> None:
        for name, seconds in (("minimum", minimum), ("bridge", bridge)):
            if not 0 <= seconds < math.inf:
                raise InvalidInput(f"{name} is in seconds, 0 or more; got {seconds}")
        self.minimum = minimum
        self.bridge = bridge
        self._spans: dict[int, _Span] = {}

    def add(self, track_id: int, time: float, label: str, score: float) -> list[Event]:
        """What a face shows in one frame.

        Args:
            track_id: whose face.
            time: of the frame, in seconds; later than the last one of this track.
            label: what it shows.
            score: the probability of `label`, 0 to 1.

        Returns:
            The event of this face that ended with this frame, if one did.

        Raises:
            InvalidInput: the time does not go forward, or the score is not 0 to 1.
        """
        if not 0 <= score <= 1:
            raise InvalidInput(f"a score is a probability, 0 to 1; got {score} for track {track_id} at {time} s")
        span = self._spans.get(track_id)
        last_seen = -math.inf if span is None else span.last_seen
        if not last_seen < time < math.inf:
            raise InvalidInput(f"the times of track {track_id} go forward; got {time} s after {last_seen} s")
        gone = span is not None and self._is_gone(span, time)
        if span is not None and span.label == label and not gone:
            span.see(time, score)
            return []
        self._spans[track_id] = _Span(label, time, score)
        if span is None:
            return []
        if not gone:
            span.show_last_until(time)
        return self._finished(track_id, span)

    def tick(self, time: float) -> list[Event]:
        """The events of faces that have left by `time`, from the first to end to the last; call it once a frame.

        Args:
            time: of the frame, in seconds.
        """
        gone = [track_id for track_id, span in self._spans.items() if self._is_gone(span, time)]
        return self._close(gone)

    def close(self) -> list[Event]:
        """The events still open when the video ends, from the first to end to the last."""
        return self._close(list(self._spans))

    def _close(self, track_ids: list[int]) -> list[Event]:
        events = [event for track_id in track_ids for event in self._finished(track_id, self._spans.pop(track_id))]
        return sorted(events, key=_end)

    def _is_gone(self, span: "_Span", time: float) -> bool:
        return time - span.last_seen > self.bridge + ROUNDING

    def _finished(self, track_id: int, span: "_Span") -> list[Event]:
        event = span.event(track_id)
        return [event] if event.duration >= self.minimum - ROUNDING else []


def _end(event: Event) -> tuple[float, int]:
    return event.end, event.track_id


class _Span:
    """An event in the making."""

    def __init__(self, label: str, time: float, score: float) -> None:
        self.label = label
        self.start = self.last_seen = self.end = self.peak_time = time
        self.score = self.peak = score
        self.area = 0.0  # of the score over time

    def see(self, time: float, score: float) -> None:
        """Another frame of the same label."""
        self.show_last_until(time)
        self.last_seen = time
        self.score = score
        if score > self.peak:
            self.peak, self.peak_time = score, time

    def show_last_until(self, time: float) -> None:
        """The last frame stayed on the screen until then."""
        self.area += self.score * (time - self.end)
        self.end = time

    def event(self, track_id: int) -> Event:
        duration = self.end - self.start
        mean = self.area / duration if duration > 0 else self.score
        return Event(track_id, self.label, self.start, self.end, self.peak, self.peak_time, mean)
