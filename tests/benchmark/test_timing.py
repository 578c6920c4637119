"""Times by turns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.benchmark.timing import LEAST_ROUNDS, WARM_UP, Call, ratio, take_turns, timing

MILLISECONDS = st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=50).map(np.array)


class Clock:
    """Seconds that pass only while somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds


def test_calls_take_turns_and_the_warm_up_does_not_count() -> None:
    clock, order = Clock(), list[str]()

    def call(name: str, seconds: float) -> None:
        order.append(name)
        # The first calls of all are slow, as where code is loaded.
        clock.work(seconds if len(order) > 3 * WARM_UP else 100)

    groups = [(lambda: clock.work(9), {name: lambda n=name, s=s: call(n, s) for name, s in (("a", 1), ("b", 2))})]
    samples, _ = take_turns(groups, seconds=0, clock=clock)
    assert {name: set(each) for name, each in samples.items()} == {"a": {1000.0}, "b": {2000.0}}
    assert len(samples["a"]) == len(samples["b"]) == LEAST_ROUNDS
    rounds = [order[at : at + 3] for at in range(0, len(order), 3)]
    assert all(each[0] == "a" and sorted(each[1:]) == ["a", "b"] for each in rounds), "each once after an untimed one"
    assert len({tuple(each) for each in rounds}) == 2, "in either order"


def test_rounds_go_on_until_the_time_is_over() -> None:
    clock = Clock()
    samples, _ = take_turns([(lambda: None, {"a": lambda: clock.work(0.01)})], seconds=2, clock=clock)
    assert len(samples["a"]) == pytest.approx(100, abs=1)  # each round has an untimed call too


def test_the_share_of_the_processor_is_that_of_the_first_group() -> None:
    clock, processor = Clock(), Clock()

    def call(passing: float, using: float) -> None:
        clock.work(passing)
        processor.work(using)

    groups = [(lambda: None, {"one": lambda: call(4, 1)}), (lambda: call(7, 0), {"two": lambda: call(1, 1)})]
    assert take_turns(groups, seconds=0, least=3, clock=clock, processor=processor)[1] == 0.25


def test_each_group_is_prepared_before_its_turn() -> None:
    threads, seen = [0], set()

    def prepare(num: int) -> None:
        threads[0] = num

    groups = [
        (lambda n=num: prepare(n), {Call("whole", num): lambda n=num: seen.add((n, threads[0]))}) for num in (1, 4)
    ]
    take_turns(groups, seconds=0, least=1)
    assert seen == {(1, 1), (4, 4)}


@given(MILLISECONDS)
def test_quantiles_lie_within_the_samples(samples: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> None:
    found = timing(samples)
    assert samples.min() <= found.p50 <= found.p95 <= samples.max()
    assert found.num == len(samples)


@given(MILLISECONDS, st.floats(1.06, 50))
def test_what_takes_longer_in_every_round_is_slower(
    samples: "np.ndarray[tuple[int], np.dtype[np.float64]]", factor: float
) -> None:
    """However much the rounds differ from each other."""
    assert ratio(samples * factor, samples).is_slower
    assert ratio(samples, samples * factor).is_faster
    assert not ratio(samples, samples).is_slower
    assert not ratio(samples, samples).is_faster


def test_a_difference_that_rounds_disagree_about_is_none() -> None:
    found = ratio(np.array([1.0, 2.0] * 20), np.array([1.5] * 40))
    assert not found.is_slower
    assert not found.is_faster
