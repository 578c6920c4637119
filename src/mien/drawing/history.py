"""The timeline at the foot of a video's frames: who showed what in the last seconds."""

import math
from collections import deque
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.drawing.patches import PALE, WHITE, Colour, background, bar, blend, text
from mien.values import Image

_MOST_OF_FRAME: Final = 0.25  # share of the frame's height that the timeline may take
_SHORTEST_PAUSE: Final = 0.2
"""Frames that are further apart than this, in seconds, leave a gap in the timeline, unless all are."""


class History:
    """What `mien.annotate` drew on the last frames of a video, which it keeps up to date.

    Args:
        seconds: How far back the timeline goes.

    Attributes:
        sides: On which side of the face each person's panel was, by the person's number.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        self.seconds = seconds
        self.sides: dict[int, int] = {}
        self._moments: deque[tuple[float, Mapping[int, Colour]]] = deque()

    def add(self, time: float, colours: Mapping[int, Colour]) -> None:
        """Add the colour of what each person shows in a frame, and drop frames that are too long ago.

        A time before the last one starts anew.
        """
        if self._moments and time < self._moments[-1][0]:
            self._moments.clear()
        self._moments.append((time, colours))
        while self._moments[0][0] < time - self.seconds:
            self._moments.popleft()

    def people(self) -> list[int]:
        """The numbers of all who were seen in these seconds, those in view first, then the latest seen."""
        found: dict[int, None] = {}
        for _, colours in reversed(self._moments):
            found |= dict.fromkeys(sorted(colours))
        return list(found)

    def ribbon(self, person: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """One person's timeline, the present at its right end: (width, 3) RGB, and whether the person was in view."""
        times = np.array([time for time, _ in self._moments])
        seen = np.array([person in colours for _, colours in self._moments])
        ribbon = np.array([colours.get(person, WHITE) for _, colours in self._moments], np.uint8)
        pause = max(_SHORTEST_PAUSE, 1.5 * float(np.median(np.diff(times)))) if len(times) > 1 else math.inf
        wanted = times[-1] - self.seconds * (1 - (np.arange(width) + 1) / width)
        index = np.searchsorted(times, wanted, side="right") - 1
        shown = (index >= 0) & seen[index] & (wanted - times[index] <= pause)
        return ribbon[index], shown


def draw_timeline(image: Image, history: History, time: float, font_size: int) -> int:
    """Draw the timeline at the foot of a frame that is in the history already, in place.

    Its height in pixels is returned: 0 if there is nothing to draw or no room.
    """
    height, width = image.shape[:2]
    padding, row_height = round(0.6 * font_size), round(1.5 * font_size)
    most_rows = max(0, int((_MOST_OF_FRAME * height - 2 * padding) // row_height))
    people = sorted(history.people()[:most_rows])
    numbers = [text(f"#{person}", font_size, WHITE) for person in people]
    clock = text(_clock(time), font_size, PALE)
    widest_clock = text(_clock(math.floor(time / 60) * 60 + 58.8), font_size, PALE)  # so that the width seldom changes
    left = 2 * padding + max((number.shape[1] for number in numbers), default=0)
    right = width - 2 * padding - max(clock.shape[1], widest_clock.shape[1])
    if not people or right - left < 4 * row_height:
        return 0
    timeline_height = 2 * padding + len(people) * row_height
    blend(image, background(width, timeline_height, 0), 0, height - timeline_height)
    bar_height = round(0.62 * row_height)
    for row, (person, number) in enumerate(zip(people, numbers, strict=True)):
        middle = height - timeline_height + padding + row * row_height + row_height // 2
        top = middle - bar_height // 2
        blend(image, number, padding, middle - number.shape[0] // 2)
        blend(image, bar(right - left, bar_height, WHITE, 0.1), left, top)
        colours, shown = history.ribbon(person, right - left)
        np.copyto(image[top : top + bar_height, left:right], colours, where=shown[:, None])
    blend(image, clock, right + padding, height - timeline_height // 2 - clock.shape[0] // 2)
    return timeline_height


def _clock(time: float) -> str:
    """Minutes and seconds, with hours when there are any."""
    minutes, tenths = divmod(round(10 * time), 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{start}:{tenths // 10:02d}.{tenths % 10}"
