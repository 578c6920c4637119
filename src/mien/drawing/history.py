"""The running timeline at the foot of a video's frames: who showed what in the last seconds."""

import math
from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.drawing.patches import DIM, WHITE, lay, pill, rounded, typed
from mien.emotions import colour_of
from mien.values import Image

_MOST_OF_FRAME: Final = 0.25  # of its height, that the strip may take
_SHORTEST_PAUSE: Final = 0.2  # seconds; frames that are further apart leave a gap, unless all are


class _Moment(NamedTuple):
    time: float
    labels: Mapping[int, str]  # by the number of the person


class History:
    """What the last frames of a video showed; `mien.drawing.annotate_frame` keeps it up to date.

    Args:
        seconds: how far back the strip goes.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        self.seconds = seconds
        self.sides: dict[int, int] = {}  # where each person's panel was
        self._moments: deque[_Moment] = deque()

    def add(self, time: float, labels: Mapping[int, str]) -> None:
        """Remember a frame and forget those that are too long ago; a time before the last one starts anew.

        Args:
            time: the frame's, in seconds.
            labels: what each person shows, by the person's number.
        """
        if self._moments and time < self._moments[-1].time:
            self._moments.clear()
        self._moments.append(_Moment(time, dict(labels)))
        while self._moments[0].time < time - self.seconds:
            self._moments.popleft()

    def people(self) -> list[int]:
        """The numbers of all who were seen in these seconds, those in view first, then the latest seen."""
        found: dict[int, None] = {}
        for moment in reversed(self._moments):
            found |= dict.fromkeys(sorted(moment.labels))
        return list(found)

    def ribbon(self, person: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """One person's labels as colours, now at the right end.

        Returns:
            (width, 3) uint8, RGB; and (width,), true where the person was in view.
        """
        times = np.array([moment.time for moment in self._moments])
        words = [moment.labels.get(person) for moment in self._moments]
        known = list(dict.fromkeys(words))
        palette = np.array([colour_of(word or "") for word in known], np.uint8)
        codes = np.array([known.index(word) for word in words])
        seen = np.array([word is not None for word in words])
        pause = max(_SHORTEST_PAUSE, 1.5 * float(np.median(np.diff(times)))) if len(times) > 1 else math.inf
        moments = times[-1] - self.seconds * (1 - (np.arange(width) + 1) / width)
        index = np.searchsorted(times, moments, side="right") - 1
        shown = (index >= 0) & seen[index] & (moments - times[index] <= pause)
        return palette[codes[index]], shown


def draw_strip(image: Image, history: History, time: float, type_size: int) -> int:
    """Draw the strip at a frame's foot, in place.

    Args:
        image: (H, W, 3) uint8, RGB; it is drawn on.
        history: with this frame in it.
        time: the frame's, in seconds.
        type_size: of the words, in pixels.

    Returns:
        How high it is, in pixels; 0 if there is nothing to draw or no room.
    """
    height, width = image.shape[:2]
    people = sorted(history.people()[: _most_rows(height, type_size)])
    padding, row_height = _padding(type_size), _row_height(type_size)
    band = 2 * padding + len(people) * row_height
    numbers = [typed(f"#{person}", type_size, WHITE) for person in people]
    clock = typed(_clock(time), type_size, DIM)
    left = 2 * padding + max((number.shape[1] for number in numbers), default=0)
    clock_width = typed(_clock(math.floor(time / 60) * 60 + 58.8), type_size, DIM).shape[1]
    right = width - 2 * padding - max(clock.shape[1], clock_width)
    if not people or right - left < 4 * row_height:
        return 0
    lay(image, rounded(width, band, 0), 0, height - band)
    bar_height = round(0.62 * row_height)
    for row, (person, number) in enumerate(zip(people, numbers, strict=True)):
        middle = height - band + padding + row * row_height + row_height // 2
        top = middle - bar_height // 2
        lay(image, number, padding, middle - number.shape[0] // 2)
        lay(image, pill(right - left, bar_height, WHITE, 0.1), left, top)
        colours, shown = history.ribbon(person, right - left)
        np.copyto(image[top : top + bar_height, left:right], colours, where=shown[:, None])
    lay(image, clock, right + padding, height - band // 2 - clock.shape[0] // 2)
    return band


def _most_rows(height: int, type_size: int) -> int:
    """How many people's rows a frame has room for."""
    return max(0, int((_MOST_OF_FRAME * height - 2 * _padding(type_size)) // _row_height(type_size)))


def _padding(type_size: int) -> int:
    return round(0.6 * type_size)


def _row_height(type_size: int) -> int:
    return round(1.5 * type_size)


def _clock(time: float) -> str:
    """Minutes and seconds, with hours when there are any."""
    tenths = round(10 * time)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    ahead = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{ahead}:{rest // 10:02d}.{rest % 10}"
