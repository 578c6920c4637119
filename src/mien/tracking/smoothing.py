"""What one face shows over time: scores without tremble, a label without flicker, a person's resting face.

Everything here belongs to one track and is called once a frame, with times in seconds that never go back. It works in
seconds, not in frames, so that a video says the same at 10, 25 and 60 frames a second. Smoothers work on the
logarithms of probabilities, which a softmax turns into probabilities again. All state is plain numbers and arrays, and
so can be pickled.
"""

import math
from collections import deque
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import InvalidInput

Vector = NDArray[np.float64]

FLOOR: Final = math.log(1e-3)
"""The least log score that counts. Below one in a thousand the networks' probabilities mean nothing any more, and a
single frame's -30 would outweigh a second of the others in a mean."""

SMOOTHINGS: Final = ("ema", "median", "off")
"""The names that `make_smoother` knows."""

ROUNDING: Final = 1e-6
"""Seconds. Timestamps are rounded: a frame that is due now may carry a time a little short of it."""

AT_ONCE: Final = 4
"""How many margins ahead a class has to be to lead without having to hold. Noise of the size of a margin gets there
next to never; a real change of face, which would suffer from the delay, does in one or two frames."""

REST_ODDS: Final = 24.0
"""Of the class a resting face reads as to each other class: .8 for it and .2 for the other six."""


class Smoother(Protocol):
    """Takes the noise out of the scores of one face."""

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """The smoothed scores of this frame.

        Args:
            time: of the frame, in seconds; not before the last one's.
            log_scores: (K,) natural logarithms of probabilities; -inf counts as `FLOOR`.

        Returns:
            (K,) float64; their softmax is the smoothed probabilities.

        Raises:
            InvalidInput: the time goes back, the scores hold NaN, or K changes.
        """
        ...


class NoSmoothing:
    """Gives back what it gets."""

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """`log_scores`."""
        return log_scores


class Ema:
    """An exponential moving average.

    A frame that comes `dt` seconds after the last one weighs 1 - exp(-dt / `time_constant`), which makes it the same
    filter at any frame rate, even or not.

    Args:
        time_constant: seconds after which a step has been followed by 63 %; 50 % takes .69 of it.

    Raises:
        InvalidInput: it is not a positive number.
    """

    def __init__(self, time_constant: float = 0.15) -> None:
        self.time_constant = _positive("time_constant", time_constant)
        self._time = -math.inf
        self._mean: Vector | None = None

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """See `Smoother`."""
        scores = _checked(time, self._time, log_scores, self._mean)
        if self._mean is None:
            self._mean = scores
        else:
            weight = -math.expm1((self._time - time) / self.time_constant)
            self._mean = self._mean + weight * (scores - self._mean)
        self._time = time
        return self._mean.copy()


class Median:
    """The median of each class by itself over the frames of the last `window` seconds.

    It forgets a frame that is quite wrong, as a blink or a hand gives, where a mean would carry it on; a step it
    follows after half of the window.

    Args:
        window: seconds.

    Raises:
        InvalidInput: it is not a positive number.
    """

    def __init__(self, window: float = 0.4) -> None:
        self.window = _positive("window", window)
        self._frames: deque[tuple[float, Vector]] = deque()

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """See `Smoother`."""
        last_time, last = self._frames[-1] if self._frames else (-math.inf, None)
        scores = _checked(time, last_time, log_scores, last)
        self._frames.append((time, scores))
        while self._frames[0][0] <= time - self.window + ROUNDING and len(self._frames) > 1:
            self._frames.popleft()
        ordered: Vector = np.sort(
            np.array([scores for _, scores in self._frames]), axis=0
        )  # np.median takes 5 times it
        count = len(ordered)
        median: Vector = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
        return median


def make_smoother(name: str, seconds: float | None = None) -> Smoother:
    """A smoother by name.

    Args:
        name: `"off"`, `"ema"` or `"median"`.
        seconds: the time constant or the window; None for the default. Without meaning for `"off"`.

    Raises:
        InvalidInput: there is no such smoother, or `seconds` is not positive.
    """
    if name == "off":
        return NoSmoothing()
    if name == "ema":
        return Ema() if seconds is None else Ema(seconds)
    if name == "median":
        return Median() if seconds is None else Median(seconds)
    raise InvalidInput(f"unknown smoothing {name!r}; expected {', '.join(SMOOTHINGS)}")


class Hysteresis:
    """Which class leads, without flicker between two that are about equal.

    Another class takes over when it has been ahead of the leading one by `margin` in every frame for `hold` seconds,
    or at once when it is ahead by `AT_ONCE` margins. Of several the likeliest does.

    Behind `Ema` with both defaults, mini-xception's label over four videos of faces that talk and act changed 10
    times where that of single frames changed 64 times; a step from .8 for one class to .8 for another shows after
    .17 s. A step to half of that may take `hold` more.

    Args:
        margin: of probability, 0 to 1.
        hold: seconds, 0 or more.

    Raises:
        InvalidInput: a value is out of range.
    """

    def __init__(self, margin: float = 0.1, hold: float = 0.2) -> None:
        if not 0 <= margin <= 1:
            raise InvalidInput(f"margin is a difference of probabilities, 0 to 1; got {margin}")
        if not 0 <= hold < math.inf:
            raise InvalidInput(f"hold is in seconds, 0 or more; got {hold}")
        self.margin = margin
        self.hold = hold
        self._leader = -1
        self._time = -math.inf
        self._ahead_since: Vector | None = None  # of each class; inf while it is not ahead by the margin

    def __call__(self, time: float, scores: ArrayLike) -> int:
        """The leading class of this frame.

        Args:
            time: of the frame, in seconds; not before the last one's.
            scores: (K,) probabilities, smoothed or not.

        Raises:
            InvalidInput: the time goes back, the scores hold NaN, or K changes.
        """
        scores = _checked(time, self._time, scores, self._ahead_since, floor=0.0)
        self._time = time
        if self._ahead_since is None:
            return self._lead(int(scores.argmax()), len(scores))
        lead = scores - scores[self._leader]
        ahead = (lead >= self.margin) & (lead > 0)
        self._ahead_since = np.where(ahead, np.minimum(self._ahead_since, time), np.inf)
        held = ahead & (time - self._ahead_since >= self.hold - ROUNDING)
        due = held | (ahead & (lead >= AT_ONCE * self.margin))
        if not due.any():
            return self._leader
        return self._lead(int(np.where(due, lead, -np.inf).argmax()), len(scores))

    def _lead(self, leader: int, num_classes: int) -> int:
        self._leader = leader
        self._ahead_since = np.full(num_classes, np.inf)
        return leader


class Baseline:
    """Takes out what a person's resting face looks like.

    A face whose corners of the mouth hang by nature reads as sad all day. This learns the mean log scores of the first
    `seconds`, in which the person should be at rest, and afterwards subtracts each class's deviation from the mean over
    the classes. So a score then tells how much more of an expression there is than at rest. Until then scores pass
    unchanged. It goes before a smoother.

    Args:
        seconds: of learning, from the first frame.
        resting: the class that the resting face should read as, in general neutral's index: with .8 of seven classes'
            probability. None: at rest all classes are equally likely, and which one leads is up to noise.

    Raises:
        InvalidInput: a value is out of range.
    """

    def __init__(self, seconds: float, resting: int | None = None) -> None:
        if resting is not None and resting < 0:
            raise InvalidInput(f"resting is the index of a class, 0 or more; got {resting}")
        self.seconds = _positive("seconds", seconds)
        self.resting = resting
        self._start = math.inf
        self._time = -math.inf
        self._num_frames = 0
        self._mean: Vector | None = None
        self._deviation: Vector | None = None

    @property
    def learned(self) -> bool:
        """Whether the resting face is known, and scores are being changed."""
        return self._deviation is not None

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """The scores relative to the resting face's; arguments, result and errors are a `Smoother`'s."""
        scores = _checked(time, self._time, log_scores, self._mean)
        self._time = time
        self._start = min(self._start, time)
        if self._deviation is None and self._mean is not None and time - self._start >= self.seconds - ROUNDING:
            self._deviation = self._mean - self._mean.mean()
            if self.resting is not None:
                self._deviation[self.resting] -= math.log(REST_ODDS)
        if self._deviation is not None:
            return scores - self._deviation
        self._learn(scores)
        return log_scores

    def _learn(self, scores: Vector) -> None:
        if self.resting is not None and self.resting >= len(scores):
            raise InvalidInput(f"resting is the index of one of {len(scores)} classes; got {self.resting}")
        self._num_frames += 1
        mean = np.zeros_like(scores) if self._mean is None else self._mean
        self._mean = mean + (scores - mean) / self._num_frames


def _positive(name: str, seconds: float) -> float:
    if not 0 < seconds < math.inf:
        raise InvalidInput(f"{name} is in seconds, more than 0; got {seconds}")
    return seconds


def _checked(time: float, last_time: float, scores: ArrayLike, like: Vector | None, floor: float = FLOOR) -> Vector:
    """A copy of the scores, none below `floor`, once they and their time are found to follow the last ones."""
    if not last_time <= time < math.inf:
        raise InvalidInput(f"times are in seconds and never go back; got {time} after {last_time}")
    values: Vector = np.maximum(np.asarray(scores, dtype=np.float64), floor)
    if values.ndim != 1 or not len(values) or (like is not None and values.shape != like.shape):
        expected = "(K,)" if like is None else f"{like.shape}, as before"
        raise InvalidInput(f"scores have the shape {expected}; got {values.shape}")
    if not np.isfinite(values).all():
        raise InvalidInput(f"scores are finite numbers; got {values}")
    return values
