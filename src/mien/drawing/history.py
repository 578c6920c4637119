"""The timeline beneath a video's frames: who showed what in the last seconds."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.drawing.patches import DARK, PALE, WHITE, Colour, bar, blend, text
from mien.values import Image, checked_number

_MOST_OF_FRAME: Final = 0.25  # the timeline's largest height, as a share of the frame's
_ROWS: Final = 2  # rows that the timeline has room for; more people are shown in further columns
_SHORTEST_PAUSE: Final = 0.2
"""Frames that are further apart than this, in seconds, leave a gap in the timeline, unless all are."""


class History:
    """What `mien.annotate` drew on the last frames of a video, which it keeps up to date.

    Args:
        seconds: How far back the timeline goes, more than 0.

    Attributes:
        sides: On which side of the face each person's panel was, by the person's number.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        self.seconds = checked_number("seconds", seconds, kind="a number of seconds", above=True)
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

    def people(self) -> set[int]:
        """The numbers of all who were seen in these seconds."""
        return set().union(*(colours for _, colours in self._moments))

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


def with_timeline(image: Image, history: History, time: float, font_size: int) -> Image:
    """A frame that is in the history already with the timeline beneath it, as an image that is higher.

    The height depends on the frame's size alone, so that all frames of a video stay alike; the more people, the more
    columns the timeline has. A frame that is too small stays as it is.
    """
    height, width = image.shape[:2]
    padding, row_height = round(0.6 * font_size), round(1.5 * font_size)
    clock = text(_clock(time), font_size, PALE)
    widest_clock = text(_clock(math.floor(time / 60) * 60 + 58.8), font_size, PALE)  # so that the width seldom changes
    right = width - 2 * padding - max(clock.shape[1], widest_clock.shape[1])
    strip_height = 2 * padding + _ROWS * row_height
    if right < 4 * row_height or strip_height > _MOST_OF_FRAME * height:
        return image
    higher = np.full((height + strip_height, width, 3), DARK, np.uint8)
    higher[:height] = image
    strip = higher[height:]
    blend(strip, clock, right + padding, (strip_height - clock.shape[0]) // 2)
    people = sorted(history.people())
    if people:
        _draw_people(strip[padding : strip_height - padding, padding:right], history, people, font_size)
    return higher


def _draw_people(strip: Image, history: History, people: Sequence[int], font_size: int) -> None:
    """Draw a row for each person, one below the other and then in further columns, in place.

    Where there are too many for columns that can be read the rows become lower, and have no numbers.
    """
    height, width = strip.shape[:2]
    numbers = [text(f"#{person}", font_size, WHITE) for person in people]
    gap = round(0.6 * font_size)
    widest = max(number.shape[1] for number in numbers) + gap
    columns = max(1, min(-(-len(people) // _ROWS), width // (2 * widest)))
    rows = -(-len(people) // columns)
    with_numbers = rows <= _ROWS
    bar_height = max(1, round(0.62 * height / max(rows, _ROWS)))
    for index, (person, number) in enumerate(zip(people, numbers, strict=True)):
        column, row = divmod(index, rows)
        left, right = column * width // columns, (column + 1) * width // columns - gap
        middle = (2 * row + 1) * height // (2 * rows)
        if with_numbers:
            blend(strip, number, left, middle - number.shape[0] // 2)
            left += widest
        top = middle - bar_height // 2
        _draw_ribbon(strip[top : top + bar_height, left:right], history, person)


def _draw_ribbon(part: Image, history: History, person: int) -> None:
    height, width = part.shape[:2]
    if width > 0 and height > 0:
        blend(part, bar(width, height, WHITE, 0.1), 0, 0)
        colours, shown = history.ribbon(person, width)
        np.copyto(part, colours, where=shown[:, None])


def _clock(time: float) -> str:
    """Minutes and seconds, with hours when there are any."""
    minutes, tenths = divmod(round(10 * time), 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{start}:{tenths // 10:02d}.{tenths % 10}"
