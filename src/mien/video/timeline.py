"""The times of frames: correcting those that a container gives wrongly, and thinning frames out by them."""

from typing import Final

_NEW_ORIGIN: Final = 1.0
"""A step back by more seconds than this is the beginning of another recording."""

_SLIP: Final = 0.001
"""Seconds after its predecessor at which a frame is placed whose own time is not later."""

_ROUNDING: Final = 0.0006
"""Seconds by which a container may have rounded a time; Matroska's times are whole milliseconds."""


class Timeline:
    """Makes a container's times strictly increase; times that do so already stay as they are.

    A frame without a time is placed one usual step after the frame before. A frame that is not later than the frame
    before, but at most a second earlier, is placed a millisecond after it, and the next correct time counts again. A
    larger step back means that a clock wrapped or two recordings were joined: from there on all times are shifted, so
    that they go on one usual step after the last.

    Args:
        step: The usual seconds between two frames.
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._shift = 0.0
        self._last: float | None = None

    def place(self, given: float | None) -> float:
        """The time of the next frame, in seconds; `given` is the container's, None when it has none."""
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
        every: Keep every n-th frame, those whose index is a multiple of it; 1 for all.
        fps: Keep at most so many frames a second: the first frame, and the next after each 1/fps seconds from there,
            whatever the distances between frames are. None for all.
    """

    def __init__(self, every: int, fps: float | None) -> None:
        self._every = every
        self._fps = fps
        self._origin: float | None = None
        self._slot = -1

    def keeps(self, index: int, time: float) -> bool:
        """Whether frame `index` at `time` seconds is wanted; to be called in order, once for each frame."""
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
