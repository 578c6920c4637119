import threading
import time
from collections.abc import Iterator

import pytest

from mien.video.background import in_background


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
    items = in_background(counted(1000, seen), ahead=5)
    assert next(items) == 0
    time.sleep(0.2)
    assert 5 <= len(seen) <= 8
    items.close()


class LiveNumbers:
    """Gives a number whenever it is asked, and remembers when."""

    live = True

    def __init__(self) -> None:
        self.given = 0

    def __iter__(self) -> Iterator[int]:
        while True:
            self.given += 1
            yield self.given


def test_a_live_source_is_not_read_ahead() -> None:
    source = LiveNumbers()
    for number in in_background(source):
        time.sleep(0.05)
        assert source.given == number
        if number == 5:
            break


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
    before = threading.active_count()
    seen: list[int] = []
    for number in in_background(in_background(counted(10**6, seen), ahead=2), ahead=2):
        if number == 3:
            break
    del number
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert len(seen) < 20
