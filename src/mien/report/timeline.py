"""Charts of a video's time, which stretch to any width: one below the other over one axis."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.tracking.smoothing import TIME_TOLERANCE

MOST_BINS: Final = 1500  # bins that a video has at most: of a longer one, each holds more frames
MOST_GAPS: Final = 100  # stretches without frames that are drawn, the first ones
BRIDGED: Final = 0.25  # seconds for which a face may be missed without a gap in its charts

_WIDTH: Final = 1000  # of all charts, in their own units
_MOST_TICKS: Final = 6
_STEPS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds between two ticks


class Binning:
    """Joins a video's frames into bins of equally many frames: one each at first, and more when there are too many.

    The bins follow the frames that are analysed, at whatever rate, so that none of them is empty. A bin ends where
    frames are missing.
    """

    def __init__(self) -> None:
        self.num_frames = 0
        self._frames_a_bin = 1
        self._frames_in_last = 0
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._missing: dict[float, float] = {}  # where there are no frames, by the end: the beginning

    def add(self, time: float) -> tuple[int, list[int]]:
        """The bin of the next frame; and if bins had to be joined for it, the new place of each of them before."""
        joined: list[int] = []
        gap = bool(self._ends) and time - self._ends[-1] > TIME_TOLERANCE and len(self._missing) < MOST_GAPS
        if gap:
            self._missing[time] = self._ends[-1]
        if (gap or self._last_is_full) and len(self._starts) == MOST_BINS:
            joined = self.widen()
        if gap or self._last_is_full:
            self._starts.append(time)
            self._ends.append(time)
            self._frames_in_last = 0
        self.num_frames += 1
        self._frames_in_last += 1
        return len(self._starts) - 1, joined

    @property
    def _last_is_full(self) -> bool:
        return not self._starts or self._frames_in_last == self._frames_a_bin

    def end_frame(self, end: float) -> None:
        """Say when the last frame ended."""
        self._ends[-1] = end

    def widen(self) -> list[int]:
        """Join each two neighbouring bins between which no frames are missing; the new place of each bin."""
        starts: list[float] = []
        ends: list[float] = []
        places = []
        single = False  # whether the last of the new bins is one of the old ones yet
        for start, end in zip(self._starts, self._ends, strict=True):
            single = not single or start in self._missing
            if single:
                starts.append(start)
                ends.append(end)
            ends[-1] = end
            places.append(len(starts) - 1)
        self._frames_in_last += 0 if single else self._frames_a_bin
        self._starts, self._ends, self._frames_a_bin = starts, ends, 2 * self._frames_a_bin
        return places

    def axis(self) -> "Axis":
        """The bins so far."""
        missing = tuple((begin, end) for end, begin in self._missing.items())
        return Axis(np.array(self._starts or [0.0]), np.array(self._ends or [0.0]), missing)


@dataclass(frozen=True, slots=True)
class Axis:
    """The part of a video's time that was analysed.

    Attributes:
        starts: (N,) seconds at which each bin begins.
        ends: (N,) seconds at which it ends, which is where the next one begins unless frames are missing.
        missing: From when to when there are no frames, in seconds.
    """

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    missing: tuple[tuple[float, float], ...] = ()

    @property
    def start(self) -> float:
        return float(self.starts[0])

    @property
    def end(self) -> float:
        return max(float(self.ends[-1]), self.start + 1e-3)

    def x(self, seconds: float) -> float:
        """Where a time is in the charts."""
        return round(_WIDTH * (seconds - self.start) / (self.end - self.start), 1)

    def stretches(self, places: Sequence[int]) -> list[slice]:
        """The slices of sorted bins in which none is apart from the next for longer than `BRIDGED`, or by a gap."""
        starts, ends = self.starts[np.array(places, dtype=int)], self.ends[np.array(places, dtype=int)]
        gaps_before = np.searchsorted([end for _, end in self.missing], starts, side="right")
        return _slices((starts[1:] - ends[:-1] > BRIDGED + TIME_TOLERANCE) | (np.diff(gaps_before) > 0))

    def gaps(self, places: Sequence[int]) -> list[tuple[float, float]]:
        """From when to when there are frames but none of these bins, in seconds."""
        runs = self.stretches(places) if places else []
        begins = [self.start, *(float(self.ends[places[run][-1]]) for run in runs)]
        ends = [*(float(self.starts[places[run][0]]) for run in runs), self.end]
        gaps = itertools.chain.from_iterable(map(self._with_frames, begins, ends))
        return [(begin, end) for begin, end in gaps if end - begin > BRIDGED]

    def _with_frames(self, begin: float, end: float) -> Iterator[tuple[float, float]]:
        """The parts of a stretch in which there are frames."""
        for gap_begin, gap_end in self.missing:
            if begin <= gap_begin and gap_end <= end:
                yield begin, gap_begin
                begin = gap_end
        yield begin, end

    def ticks(self) -> dict[float, str]:
        """Round times within the axis, and how they are written."""
        length = self.end - self.start
        step = next((each for each in _STEPS if length / each <= _MOST_TICKS), 3600 * np.ceil(length / 3600 / 5))
        numbers = np.arange(np.ceil(self.start / step - 1e-6), np.floor(self.end / step + 1e-6) + 1)
        return {number * step: clock(number * step, 1 if step < 1 else 0) for number in numbers.tolist()}


def plot(axis: Axis, shapes: Iterable[str], height: int, scale: Mapping[str, float], meaning: str) -> str:
    """Shapes in a frame that is as wide as its place, with lines at the axis' ticks.

    Shapes have x as of `Axis.x`, and y from 0 at the top to 100; they are drawn `height` pixels high. `scale` has the
    labels beside it, by their y.
    """
    lines = "".join(f'<path d="M{axis.x(tick):g} 0V100"/>' for tick in axis.ticks())
    lines += "".join(f'<path d="M0 {y:g}H{_WIDTH}"/>' for y in scale.values())
    labels = "".join(f'<span style="top:{y:g}%">{escape(text)}</span>' for text, y in scale.items())
    return (
        f'<div class="plot" style="height:{height}px">{labels}<svg viewBox="0 0 {_WIDTH} 100" '
        f'preserveAspectRatio="none" role="img" aria-label="{escape(meaning)}"><g class="lines">{lines}</g>'
        f"{''.join(shapes)}</svg></div>"
    )


def time_scale(axis: Axis) -> str:
    """The times beneath charts."""
    inside = ((tick, text) for tick, text in axis.ticks().items() if axis.x(tick) <= 0.97 * _WIDTH)
    return '<div class="times">{}</div>'.format(
        "".join(f'<span style="left:{axis.x(tick) / 10:g}%">{text}</span>' for tick, text in inside)
    )


def shaded(axis: Axis, gaps: Iterable[tuple[float, float]], why: str, kind: str = "gap") -> Iterator[str]:
    """A pale stretch for each gap, which says why it is there."""
    for begin, end in gaps:
        yield (
            f'<rect class="{kind}" x="{axis.x(begin):g}" width="{axis.x(end) - axis.x(begin):g}" y="0" height="100">'
            f"<title>{escape(why)}, {clock(begin, 1)} to {clock(end, 1)}</title></rect>"
        )


def areas(
    axis: Axis, places: Sequence[int], shares: NDArray[np.float64], colours: Sequence[str]
) -> Iterator[str]:  # fmt: skip
    """(N, K) shares of N bins stacked to 1: an area a column and stretch of time."""
    edges = 100 * (1 - np.cumsum(np.insert(shares, 0, 0, axis=1), axis=1))
    for run in axis.stretches(places):
        times = [*map(axis.x, axis.starts[places[run]]), axis.x(axis.ends[places[run][-1]])]
        heights = np.append(edges[run], edges[run][-1:], axis=0).round(1).T
        for colour, lower, upper in zip(colours, heights[:-1], heights[1:], strict=True):
            if np.any(lower > upper):
                outline = itertools.chain(zip(times, upper, strict=True), zip(times[::-1], lower[::-1], strict=True))
                yield f'<path d="{_path(outline)}z" fill="{colour}"/>'


def line(
    axis: Axis, places: Sequence[int], values: NDArray[np.float64], colour: str, low: float, high: float, name: str
) -> Iterator[str]:
    """N values of N bins as a line, with a gap where bins are apart; values from `low` to `high`, NaN for none."""
    heights = (100 * (high - values) / (high - low)).round(1)
    known = ~np.isnan(values)
    there, heights = [place for place, each in zip(places, known, strict=True) if each], heights[known]
    for run in axis.stretches(there) if there else []:
        times = [*map(axis.x, axis.starts[there[run]]), axis.x(axis.ends[there[run][-1]])]
        points = zip(times, [*heights[run], heights[run][-1]], strict=True)
        yield f'<path class="line" d="{_path(points)}" stroke="{colour}"><title>{escape(name)}</title></path>'


def ribbon(
    axis: Axis, places: Sequence[int], leading: NDArray[np.int64], names: Sequence[str], colours: Sequence[str]
) -> Iterator[str]:
    """A bar for each stretch of time with the same leading label."""
    for run in axis.stretches(places):
        for part in _slices(np.diff(leading[run]) != 0):
            inside, label = places[run][part], leading[run][part][0]
            begin, end = axis.starts[inside[0]], axis.ends[inside[-1]]
            yield (
                f'<rect x="{axis.x(begin):g}" width="{axis.x(end) - axis.x(begin):g}" y="0" height="100" '
                f'fill="{colours[label]}"><title>{escape(names[label])}, {clock(begin, 1)} to {clock(end, 1)}</title>'
                "</rect>"
            )


def clock(seconds: float, digits: int = 0) -> str:
    """`5.2 s` up to a minute, then `3:07` or `1:02:45`, with so many digits of the seconds' fraction."""
    # Rounded first, or 59.96 becomes "60.0 s".
    whole, part = divmod(round(seconds * 10**digits), 10**digits)
    fraction = f".{part:0{digits}d}" if digits else ""
    if whole < 60:
        return f"{whole}{fraction} s"
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return (f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}") + fraction


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + " ".join(f"{x:g},{y:g}" for x, y in points)


def _slices(ends: NDArray[np.bool_]) -> list[slice]:
    """The stretches that N values fall into, where (N - 1,) booleans say after which of them one ends."""
    edges = [0, *(np.flatnonzero(ends) + 1).tolist(), len(ends) + 1]
    return [*itertools.starmap(slice, itertools.pairwise(edges))]
