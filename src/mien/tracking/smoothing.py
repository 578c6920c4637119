"""What one face shows over time: scores without jitter, a label without flicker, a person's resting face.

Everything here belongs to one track and is called once a frame, with times in seconds that never go back. Spans are in
seconds, not in frames, so that the results are the same at 10, 25 and 60 frames a second. Smoothers work on the
logarithms of probabilities, which a softmax turns into probabilities again.
"""

import math
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import InvalidInput
from mien.tracking.state import Stateful
from mien.values import checked_number

Vector = NDArray[np.float64]

TIME_TOLERANCE: Final = 1e-6  # difference in seconds below which two times are equal, since timestamps are rounded

FLOOR: Final = math.log(1e-3)
"""Smallest log score; smaller ones are raised to it. The networks' probabilities carry no information below one in a
thousand, and a single frame's -30 would outweigh a second of other frames in a mean."""

IMMEDIATE_LEAD: Final = 4
"""Lead, in margins, with which a class takes over without a hold. Noise of the size of a margin almost never reaches
it; a real change of expression, which would suffer from the delay, does within one or two frames."""

RESTING_ODDS: Final = 24.0
"""Odds of the resting class against each other class for a face at rest: .8 for it and .2 for the other six."""


class _OverTime(Stateful):
    """What is called once a frame with the scores of one face."""

    _time: float = -math.inf

    def _checked(self, time: float, scores: ArrayLike, before: Vector, floor: float = FLOOR) -> Vector:
        """A copy of the scores, none below `floor`, after checking that they can follow those of the frames before.

        The last axis of `before` is the classes; it is empty before the first frame.
        """
        if not self._time <= time < math.inf:
            raise InvalidInput(f"times are in seconds and never go back; got {time} after {self._time}")
        values: Vector = np.maximum(np.asarray(scores, dtype=np.float64), floor)
        expected = before.shape[-1:] if len(before) else values.shape
        if values.ndim != 1 or not values.size or values.shape != expected:
            raise InvalidInput(f"scores have the shape {expected if len(before) else '(K,)'}; got {values.shape}")
        if not np.isfinite(values).all():
            raise InvalidInput(f"scores are finite numbers; got {values}")
        self._time = time
        return values


class Smoother(_OverTime):
    """Removes noise from the scores of one face; this one, "off", removes none.

    Args:
        seconds: The time constant or the window; None for the default.
    """

    seconds = math.nan

    def __init__(self, seconds: float | None = None) -> None:
        if seconds is not None:
            self.seconds = checked_number("smoothing_seconds", seconds, kind="a number of seconds", above=True)

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """(K,) natural logarithms of probabilities → smoothed ones; -inf counts as `FLOOR`."""
        return log_scores


class Ema(Smoother):
    """An exponential moving average, by default with a time constant of .15 seconds.

    A frame that comes `dt` seconds after the last one weighs 1 - exp(-dt / `seconds`), which makes it the same filter
    at any frame rate, even or uneven. After `seconds` the average has covered 63 % of a step; 50 % takes .69 times as
    long.
    """

    seconds = 0.15
    _mean: Vector = np.empty(0)

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        elapsed = time - self._time
        scores = self._checked(time, log_scores, self._mean)
        mean = self._mean if self._mean.size else scores
        self._mean = mean - math.expm1(-elapsed / self.seconds) * (scores - mean)
        return self._mean.copy()


class Median(Smoother):
    """The median of each class by itself over the frames of the last `seconds`, by default .4.

    It ignores a single outlier, such as a blink or a hand, which would linger in a mean. It follows a step after half
    of the window.
    """

    seconds = 0.4
    _frames: Vector = np.empty((0, 1))
    """A row for each frame in the window: its time, then its scores."""

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        scores = self._checked(time, log_scores, self._frames[:, 1:])
        recent = [row for row in self._frames if row[0] > time - self.seconds + TIME_TOLERANCE]
        self._frames = np.vstack([*recent, np.append(time, scores)])
        ordered = np.sort(self._frames[:, 1:], axis=0)  # np.median takes five times as long
        count = len(ordered)
        median: Vector = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
        return median


Smoothing: TypeAlias = Literal["ema", "median", "off"]

SMOOTHERS: Final[Mapping[str, type[Smoother]]] = {"ema": Ema, "median": Median, "off": Smoother}


def make_smoother(name: Smoothing, seconds: float | None = None) -> Smoother:
    """A smoother by name, with its time constant or window in seconds.

    >>> smoother = make_smoother("median", 0.4)
    >>> [float(smoother(time, np.array([score]))[0]) for time, score in [(0.0, -1.0), (0.1, -5.0), (0.2, -1.0)]]
    [-1.0, -3.0, -1.0]
    """
    if name not in SMOOTHERS:
        raise InvalidInput(f"unknown smoothing {name!r}; expected {', '.join(SMOOTHERS)}")
    return SMOOTHERS[name](seconds)


class Hysteresis(_OverTime):
    """Which class leads, without flicker between two of nearly equal probability.

    Another class takes over when it has been ahead of the leading one by `margin` in every frame for `hold` seconds,
    or at once when it is ahead by `IMMEDIATE_LEAD` margins. Of several such classes the likeliest takes over.

    Behind `Ema` with both defaults, mini-xception's label over four videos of faces that talk and act changed 10
    times where that of single frames changed 64 times; a step from .8 for one class to .8 for another shows after
    .17 s. A step to half of that may take `hold` more.

        >>> leading = Hysteresis(margin=0.1, hold=0.2)
        >>> [leading(time, scores) for time, scores in [(0.0, [0.6, 0.4]), (0.1, [0.4, 0.6]), (0.3, [0.4, 0.6])]]
        [0, 0, 1]
    """

    _ahead_since: Vector = np.empty(0)
    """For each class the time since when it is ahead by the margin; inf where it is not, -inf for the leading one."""

    def __init__(self, margin: float = 0.1, hold: float = 0.2) -> None:
        self.margin = checked_number("margin", margin, most=1, kind="a difference of probabilities")
        self.hold = checked_number("hold", hold, kind="a number of seconds")

    def __call__(self, time: float, scores: ArrayLike) -> int:
        """(K,) probabilities of this frame, smoothed or not → the index of the leading class."""
        scores = self._checked(time, scores, self._ahead_since, floor=0.0)
        if not self._ahead_since.size:
            self._ahead_since = np.where(np.arange(len(scores)) == scores.argmax(), -np.inf, np.inf)
        leader = int(self._ahead_since.argmin())
        lead = scores - scores[leader]
        ahead = (lead >= self.margin) & (lead > 0)
        self._ahead_since = np.where(ahead, np.minimum(self._ahead_since, time), np.inf)
        held = ahead & (time - self._ahead_since >= self.hold - TIME_TOLERANCE)
        due = held | (ahead & (lead >= IMMEDIATE_LEAD * self.margin))
        if due.any():
            leader = int(np.where(due, lead, -np.inf).argmax())
            self._ahead_since[:] = np.inf
        self._ahead_since[leader] = -np.inf
        return leader


class Baseline(_OverTime):
    """Removes what a person's face reads as at rest.

    A face whose corners of the mouth hang by nature reads as sad all day. This learns the mean log scores of the first
    `seconds`, in which the person should be at rest, and afterwards subtracts each class's deviation from the mean over
    the classes. A score then says how much more of an expression there is than at rest. Until then scores pass
    unchanged. It goes before a smoother.

    Args:
        seconds: The time for which it learns, from the first frame on.
        resting: The index of the class that the resting face should read as, usually neutral's; it gets .8 of seven
            classes' probability. None: at rest all classes are equally likely, and noise decides which one leads.
    """

    _start: float = math.inf
    _num_frames: int = 0
    _mean: Vector = np.empty(0)

    def __init__(self, seconds: float, resting: int | None = None) -> None:
        if resting is not None and resting < 0:
            raise InvalidInput(f"resting is the index of a class, 0 or more; got {resting}")
        self.seconds = checked_number("seconds", seconds, kind="a number of seconds", above=True)
        self.resting = resting

    @property
    def learned(self) -> bool:
        """Whether the resting face is known, and scores are changed by it."""
        return self._mean.size > 0 and self._time - self._start >= self.seconds - TIME_TOLERANCE

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """As a `Smoother`'s: the scores relative to the resting face's."""
        scores = self._checked(time, log_scores, self._mean)
        if self.resting is not None and self.resting >= len(scores):
            raise InvalidInput(f"resting is the index of one of {len(scores)} classes; got {self.resting}")
        self._start = min(self._start, time)
        if not self.learned:
            self._num_frames += 1
            mean = self._mean if self._mean.size else scores
            self._mean = mean + (scores - mean) / self._num_frames
            return log_scores
        deviation = self._mean - self._mean.mean()
        if self.resting is not None:
            deviation[self.resting] -= math.log(RESTING_ODDS)
        result: Vector = scores - deviation
        return result
