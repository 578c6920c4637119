import threading
import time
from collections.abc import Callable, Iterator

import pytest

from mien.video.background import in_background


def until(holds: Callable[[], bool]) -> None:
    """Return as soon as something holds; the bound is for faults only."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def counted(num: int, seen: list[int]) -> Iterator[int]:
    for number in range(num):
        seen.append(number)
        yield number


@pytest.mark.parametrize("ahead", [1, 3, 100])
@pytest.mark.parametrize("stages", [1, 3])
def test_nothing_is_lost_doubled_or_out_of_order(ahead: int, stages: int) -> None:
    items: Iterator[int] = iter(range(500))
    for _ in range(stages):
        items = in_background(items, ahead=ahead)
    assert list(items) == list(range(500))


def test_it_runs_ahead_but_not_far() -> None:
    seen: list[int] = []
    items = in_background(counted(10**6, seen), ahead=5)
    assert next(items) == 0
    until(lambda: len(seen) >= 5)
    items.close()
    assert len(seen) <= 8


class LiveNumbers:
    """Gives a number whenever it is asked, and remembers how many it gave, and by whom it was asked."""

    live = True

    def __init__(self) -> None:
        self.given = 0
        self.asked_by: set[threading.Thread] = set()

    def __iter__(self) -> Iterator[int]:
        while True:
            self.asked_by.add(threading.current_thread())
            self.given += 1
            yield self.given


def test_a_live_source_is_not_read_ahead() -> None:
    source = LiveNumbers()
    for number in in_background(source):
        assert source.given == number
        if number == 5:
            break
    assert source.asked_by == {threading.current_thread()}


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("broken")

    items = in_background(failing())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(OSError, match="broken"):
        next(items)


def test_leaving_early_ends_the_thread() -> None:
    before = set(threading.enumerate())
    seen: list[int] = []
    for number in in_background(in_background(counted(10**6, seen), ahead=2), ahead=2):
        if number == 3:
            break
    del number
    until(lambda: set(threading.enumerate()) <= before)
    assert len(seen) < 20
