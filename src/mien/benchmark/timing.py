"""Times of calls that are compared, in turns."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

LEAST_ROUNDS, MOST_ROUNDS = 40, 2_000
WARM_UP: Final = 3
"""Rounds that are not counted: the first ones load code and fill caches."""

Key = TypeVar("Key", bound=Hashable)
Samples = NDArray[np.float64]
"""Milliseconds of one call, (N,), by round."""


class Call(NamedTuple):
    """What is timed: a stage by the name of a field of `mien.benchmark.Stages`, and what it depends on."""

    stage: str
    threads: int
    model: str = ""
    detector: str = ""


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one call.

    Attributes:
        p50: The median, in milliseconds.
        p95: What 19 of 20 calls do not exceed, in milliseconds.
        num: How often it was called.
    """

    p50: float
    p95: float
    num: int


def timing(samples: Samples) -> Timing:
    """The quantiles of (N,) milliseconds.

    >>> timing(np.array([2.0, 1.0, 9.0])).p50
    2.0
    """
    p50, p95 = np.quantile(samples, [0.5, 0.95]).tolist()
    return Timing(p50, p95, len(samples))


def take_turns(
    groups: Sequence[tuple[Callable[[], object], Mapping[Key, Callable[[], object]]]],
    seconds: float,
    *,
    least: int = LEAST_ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
    processor: Callable[[], float] = time.thread_time,
) -> tuple[dict[Key, Samples], float]:
    """The milliseconds of each call in many rounds, so that whatever slows the machine down slows all of them.

        >>> samples, share = take_turns([(lambda: None, {"sum": lambda: sum(range(9))})], seconds=0)
        >>> len(samples["sum"])
        40

    Args:
        groups: What to do before each turn of the calls, which is not timed, and the calls. The first of them is called
            once more, untimed; then all, in an order that changes from round to round.
        seconds: How long to measure, after the warm-up.
        least: The number of rounds that are made even if they take longer.
        clock: Gives seconds.
        processor: Gives the seconds in which this thread had the processor.

    Returns:
        As many samples of each call as there were rounds; and the share of the first group's time in which this thread
        had the processor, which is 1 where nothing else uses it and the calls need no other thread.
    """
    random = np.random.default_rng(0)
    times: dict[Key, list[float]] = {key: [] for _, calls in groups for key in calls}
    passed = used = 0.0

    def turn() -> None:
        nonlocal passed, used
        for number, (prepare, calls) in enumerate(groups):
            prepare()
            keys = list(calls)
            calls[keys[0]]()  # the first call after a change of the number of threads starts or ends some
            started, had = clock(), processor()
            for place in random.permutation(len(keys)):
                start = clock()
                calls[keys[place]]()
                times[keys[place]].append(1000 * (clock() - start))
            if number == 0:
                passed, used = passed + clock() - started, used + processor() - had

    for _ in range(WARM_UP):
        turn()
    for each in times.values():
        each.clear()
    passed = used = 0.0
    end = clock() + seconds
    for done in range(MOST_ROUNDS):
        if done >= least and clock() >= end:
            break
        turn()
    return {key: np.array(each) for key, each in times.items()}, min(1.0, used / passed) if passed else 1.0


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long one call takes as another one, round by round.

    Attributes:
        median: Of all rounds.
        low, high: The quartiles: half of the rounds lie between them.
    """

    median: float
    low: float
    high: float

    @property
    def is_slower(self) -> bool:
        """Whether it takes longer, by 5 % or more and in three of four rounds."""
        return self.median >= 1.05 and self.low > 1

    @property
    def is_faster(self) -> bool:
        """Whether it takes less time, likewise."""
        return self.median <= 1 / 1.05 and self.high < 1


def ratio(samples: Samples, other: Samples) -> Ratio:
    """How long one call takes, in multiples of another that had its turns in the same rounds.

    >>> ratio(np.array([2.0, 4.0, 9.0]), np.array([1.0, 2.0, 3.0])).median
    2.0
    """
    low, median, high = np.quantile(samples / np.maximum(other, 1e-9), [0.25, 0.5, 0.75]).tolist()
    return Ratio(median, low, high)
