"""What one face shows over time: scores without jitter, a label without flicker, a person's resting face.

Everything here belongs to one track and is called once a frame, with times in seconds that never go back. Spans are in
seconds, not in frames, so that the results are the same at 10, 25 and 60 frames a second. Smoothers work on the
logarithms of probabilities, which a softmax turns into probabilities again.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import InvalidInput
from mien.tracking.settings import TIME_TOLERANCE, checked_number
from mien.tracking.state import Stateful

Vector = NDArray[np.float64]

Smoothing: TypeAlias = Literal["ema", "median", "off"]

SMOOTHINGS: Final[tuple[str, ...]] = get_args(Smoothing)
"""The names that `make_smoother` accepts."""

FLOOR: Final = math.log(1e-3)
"""Smallest log score; smaller ones are raised to it. The networks' probabilities carry no information below one in a
thousand, and a single frame's -30 would outweigh a second of other frames in a mean."""

IMMEDIATE_LEAD: Final = 4
"""Lead, in margins, with which a class takes over without a hold. Noise of the size of a margin almost never reaches
it; a real change of expression, which would suffer from the delay, does within one or two frames."""

RESTING_ODDS: Final = 24.0
"""Odds of the resting class against each other class for a face at rest: .8 for it and .2 for the other six."""


class Smoother(Stateful, ABC):
    """Removes noise from the scores of one face."""

    @abstractmethod
    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """The smoothed scores of this frame.

        Args:
            time: The frame's time in seconds, not before the last one's.
            log_scores: (K,) natural logarithms of probabilities; -inf counts as `FLOOR`.

        Returns:
            (K,) float64; their softmax is the smoothed probabilities.

        Raises:
            InvalidInput: The time goes back, the scores hold NaN, or K changes.
        """


class NoSmoothing(Smoother):
    """Returns the scores unchanged."""

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """`log_scores`."""
        return log_scores


class Ema(Smoother):
    """An exponential moving average.

    A frame that comes `dt` seconds after the last one weighs 1 - exp(-dt / `time_constant`), which makes it the same
    filter at any frame rate, even or uneven.

    Args:
        time_constant: Seconds after which the average has covered 63 % of a step; 50 % takes .69 times as long.

    Raises:
        InvalidInput: The time constant is not a positive number.
    """

    _remembered = ("_time", "_mean")

    def __init__(self, time_constant: float = 0.15) -> None:
        self.time_constant = checked_number("time_constant", time_constant, positive=True)
        self._time = -math.inf
        self._mean = np.empty(0)

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """See `Smoother`."""
        scores = _checked(time, self._time, log_scores, self._mean)
        if not self._mean.size:
            self._mean = scores
        else:
            weight = -math.expm1((self._time - time) / self.time_constant)
            self._mean = self._mean + weight * (scores - self._mean)
        self._time = time
        return self._mean.copy()


class Median(Smoother):
    """The median of each class by itself over the frames of the last `window` seconds.

    It ignores a single outlier, such as a blink or a hand, which would linger in a mean. It follows a step after half
    of the window.

    Args:
        window: The window's length in seconds.

    Raises:
        InvalidInput: The window is not a positive number.
    """

    _remembered = ("_times", "_scores")

    def __init__(self, window: float = 0.4) -> None:
        self.window = checked_number("window", window, positive=True)
        self._times = np.empty(0)
        self._scores = np.empty((0, 0))  # a row for each time

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """See `Smoother`."""
        last_time, last = (self._times[-1], self._scores[-1]) if self._times.size else (-math.inf, np.empty(0))
        scores = _checked(time, last_time, log_scores, last)
        recent = self._times > time - self.window + TIME_TOLERANCE
        self._times = np.append(self._times[recent], time)
        self._scores = np.vstack([*self._scores[recent], scores])
        ordered = np.sort(self._scores, axis=0)  # np.median takes five times as long
        count = len(ordered)
        median: Vector = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
        return median

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See `Stateful`."""
        super().restore(state)
        if len(self._times) != len(self._scores):
            raise InvalidInput(f"the saved state has {len(self._times)} times for {len(self._scores)} frames")


def make_smoother(name: Smoothing, seconds: float | None = None) -> Smoother:
    """A smoother by name.

        >>> smoother = make_smoother("median", 0.4)
        >>> [float(smoother(time, np.array([score]))[0]) for time, score in [(0.0, -1.0), (0.1, -5.0), (0.2, -1.0)]]
        [-1.0, -3.0, -1.0]

    Args:
        name: `"off"`, `"ema"` or `"median"`.
        seconds: The time constant or the window; None for the default. `"off"` ignores it.

    Raises:
        InvalidInput: The name is unknown, or `seconds` is not positive.
    """
    arguments = () if seconds is None else (seconds,)
    if name == "off":
        return NoSmoothing()
    if name == "ema":
        return Ema(*arguments)
    if name == "median":
        return Median(*arguments)
    raise InvalidInput(f"unknown smoothing {name!r}; expected {', '.join(SMOOTHINGS)}")


class Hysteresis(Stateful):
    """Which class leads, without flicker between two of nearly equal probability.

    Another class takes over when it has been ahead of the leading one by `margin` in every frame for `hold` seconds,
    or at once when it is ahead by `IMMEDIATE_LEAD` margins. Of several such classes the likeliest takes over.

    Behind `Ema` with both defaults, mini-xception's label over four videos of faces that talk and act changed 10
    times where that of single frames changed 64 times; a step from .8 for one class to .8 for another shows after
    .17 s. A step to half of that may take `hold` more.

        >>> leading = Hysteresis(margin=0.1, hold=0.2)
        >>> [leading(time, scores) for time, scores in [(0.0, [0.6, 0.4]), (0.1, [0.4, 0.6]), (0.3, [0.4, 0.6])]]
        [0, 0, 1]

    Args:
        margin: The difference of probabilities, 0 to 1.
        hold: The time in seconds, 0 or more.

    Raises:
        InvalidInput: A value is out of range.
    """

    _remembered = ("_leader", "_time", "_ahead_since")

    def __init__(self, margin: float = 0.1, hold: float = 0.2) -> None:
        self.margin = checked_number("margin", margin, kind="a difference of probabilities", most=1.0)
        self.hold = checked_number("hold", hold)
        self._leader = -1
        self._time = -math.inf
        self._ahead_since = np.empty(0)  # for each class; inf while it is not ahead by the margin

    def __call__(self, time: float, scores: ArrayLike) -> int:
        """The index of the leading class in this frame.

        Args:
            time: The frame's time in seconds, not before the last one's.
            scores: (K,) probabilities, smoothed or not.

        Raises:
            InvalidInput: The time goes back, the scores hold NaN, or K changes.
        """
        scores = _checked(time, self._time, scores, self._ahead_since, floor=0.0)
        self._time = time
        if not self._ahead_since.size:
            return self._lead(int(scores.argmax()), len(scores))
        lead = scores - scores[self._leader]
        ahead = (lead >= self.margin) & (lead > 0)
        self._ahead_since = np.where(ahead, np.minimum(self._ahead_since, time), np.inf)
        held = ahead & (time - self._ahead_since >= self.hold - TIME_TOLERANCE)
        due = held | (ahead & (lead >= IMMEDIATE_LEAD * self.margin))
        if not due.any():
            return self._leader
        return self._lead(int(np.where(due, lead, -np.inf).argmax()), len(scores))

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See `Stateful`."""
        super().restore(state)
        if not -1 <= self._leader < max(1, len(self._ahead_since)):
            raise InvalidInput(f"the saved state's leading class is {self._leader} of {len(self._ahead_since)}")

    def _lead(self, leader: int, num_classes: int) -> int:
        self._leader = leader
        self._ahead_since = np.full(num_classes, np.inf)
        return leader


class Baseline(Stateful):
    """Removes what a person's face reads as at rest.

    A face whose corners of the mouth hang by nature reads as sad all day. This learns the mean log scores of the first
    `seconds`, in which the person should be at rest, and afterwards subtracts each class's deviation from the mean over
    the classes. A score then says how much more of an expression there is than at rest. Until then scores pass
    unchanged. It goes before a smoother.

    Args:
        seconds: The time for which it learns, from the first frame on.
        resting: The index of the class that the resting face should read as, usually neutral's; it gets .8 of seven
            classes' probability. None: at rest all classes are equally likely, and noise decides which one leads.

    Raises:
        InvalidInput: A value is out of range.
    """

    _remembered = ("_start", "_time", "_num_frames", "_mean")

    def __init__(self, seconds: float, resting: int | None = None) -> None:
        if resting is not None and resting < 0:
            raise InvalidInput(f"resting is the index of a class, 0 or more; got {resting}")
        self.seconds = checked_number("seconds", seconds, positive=True)
        self.resting = resting
        self._start = math.inf
        self._time = -math.inf
        self._num_frames = 0
        self._mean = np.empty(0)

    @property
    def learned(self) -> bool:
        """Whether the resting face is known, and scores are changed by it."""
        return self._mean.size > 0 and self._time - self._start >= self.seconds - TIME_TOLERANCE

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """The scores relative to the resting face's; arguments, result and errors are a `Smoother`'s."""
        scores = _checked(time, self._time, log_scores, self._mean)
        self._time = time
        self._start = min(self._start, time)
        if not self.learned:
            self._learn(scores)
            return log_scores
        deviation = self._mean - self._mean.mean()
        if self.resting is not None:
            deviation[self.resting] -= math.log(RESTING_ODDS)
        result: Vector = scores - deviation
        return result

    def _learn(self, scores: Vector) -> None:
        if self.resting is not None and self.resting >= len(scores):
            raise InvalidInput(f"resting is the index of one of {len(scores)} classes; got {self.resting}")
        self._num_frames += 1
        mean = self._mean if self._mean.size else np.zeros_like(scores)
        self._mean = mean + (scores - mean) / self._num_frames


def _checked(time: float, last_time: float, scores: ArrayLike, last: Vector, floor: float = FLOOR) -> Vector:
    """A copy of the scores, none below `floor`, after checking that they can follow the last ones.

    Args:
        last: An array of the last frame's shape; empty before the first frame.
    """
    if not last_time <= time < math.inf:
        raise InvalidInput(f"times are in seconds and never go back; got {time} after {last_time}")
    values: Vector = np.maximum(np.asarray(scores, dtype=np.float64), floor)
    if values.ndim != 1 or not values.size or (last.size and values.shape != last.shape):
        expected = f"{last.shape}, as before" if last.size else "(K,)"
        raise InvalidInput(f"scores have the shape {expected}; got {values.shape}")
    if not np.isfinite(values).all():
        raise InvalidInput(f"scores are finite numbers; got {values}")
    return values
