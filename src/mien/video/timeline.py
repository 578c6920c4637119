"""The times of frames: mending those that a container gives wrongly, and thinning frames out by them."""

from typing import Final

_NEW_ORIGIN: Final = 1.0
"""A step back of more seconds than this begins a new recording and is no slip."""

_SLIP: Final = 0.001
"""Seconds by which a frame that slipped back is put behind the one before it."""

_ROUNDING: Final = 0.0006
"""Seconds by which a container may have rounded a time; Matroska's are whole milliseconds."""


class Timeline:
    """Makes times that strictly increase of a container's, and leaves those that do already as they are.

    A frame without a time comes one usual step after the one before. A frame that is not later than the one before,
    by a slip of at most a second, is put a millisecond behind it, and the next true time counts again. A larger step
    back is where a clock wrapped or two recordings were joined: from there on all times are shifted, so that they
    go on one usual step after the last.

    Args:
        step: the usual seconds between two frames.
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._shift = 0.0
        self._last: float | None = None

    def place(self, given: float | None) -> float:
        """The time of the next frame, in seconds.

        Args:
            given: what the container says; None when it says nothing.
        """
        last = self._last
        if last is None:
            time = given or 0.0
        elif given is None:
            time = last + self._step
        else:
            time = given + self._shift
            if time < last - _NEW_ORIGIN:
                self._shift += last + self._step - time
                time = last + self._step
            elif time <= last:
                time = last + _SLIP
        self._last = time
        return time


class Thinning:
    """Which frames are kept when not all are wanted.

    Args:
        every: each so-manieth frame; 1 for all.
        fps: at most so many a second. The first frame begins the count; after each 1/fps seconds the next frame is
            kept, whatever the distances between frames are. None for all.
    """

    def __init__(self, every: int, fps: float | None) -> None:
        self._every = every
        self._fps = fps
        self._origin: float | None = None
        self._slot = -1

    def keeps(self, index: int, time: float) -> bool:
        """Whether frame `index` at `time` seconds is wanted; to be asked in order, once for each."""
        if index % self._every:
            return False
        if self._fps is None:
            return True
        if self._origin is None:
            self._origin = time
        slot = int((time - self._origin) * self._fps + min(_ROUNDING * self._fps, 0.1))
        if slot <= self._slot:
            return False
        self._slot = slot
        return True
