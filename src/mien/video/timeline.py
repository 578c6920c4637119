"""The times of frames: correcting those that a container gives wrongly, and thinning frames out by them."""

from collections.abc import Iterable, Iterator
from typing import Final

from mien.video.decoder import Picture

_NEW_ORIGIN: Final = 1.0  # a step back by more seconds than this is the beginning of another recording
_SLIP: Final = 0.001  # seconds after its predecessor at which a frame is placed whose own time is not later
_ROUNDING: Final = 0.0006  # seconds by which a time may have been rounded; Matroska's are whole milliseconds


def timed(pictures: Iterable[Picture], step: float) -> Iterator[tuple[float, Picture]]:
    """Pictures with strictly increasing times; times that increase already stay as they are.

    A frame without a time is placed one usual step, in seconds, after the frame before. A frame that is not later than
    the frame before, but at most a second earlier, is placed a millisecond after it, and the next correct time counts
    again. A larger step back means that a clock wrapped or two recordings were joined: from there on all times are
    shifted, so that they go on one usual step after the last.
    """
    last: float | None = None
    shift = 0.0
    for picture in pictures:
        if last is None:
            time = picture.time or 0.0
        elif picture.time is None:
            time = last + step
        else:
            time = picture.time + shift
            if time < last - _NEW_ORIGIN:
                shift += last + step - time
                time = last + step
            elif time <= last:
                time = last + _SLIP
        last = time
        yield time, picture


class Thinning:
    """Which frames are kept when not all are wanted: those whose index is a multiple of `every`.

    Of these at most `fps` a second: the first frame, and the next after each 1/fps seconds from there, whatever the
    distances between frames are.
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
        self._origin = time if self._origin is None else self._origin
        slot = int((time - self._origin) * self._fps + min(_ROUNDING * self._fps, 0.1))
        kept = slot > self._slot
        self._slot = max(slot, self._slot)
        return kept
