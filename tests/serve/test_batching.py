from concurrent.futures import CancelledError
from threading import Event
from typing import Any

import pytest

from mien.analyzer import Analyzer
from mien.serve.batching import Batcher, Work
from mien.serve.limits import Limits
from mien.serve.metrics import Metrics
from mien.serve.problems import Problem
from mien.values import Detection, FrameResult, Image

from .fakes import Grey, encoded, top_left


class Held:
    """A detector that waits until it may go on."""

    def __init__(self) -> None:
        self.entered, self.release = Event(), Event()

    def __call__(self, image: Image) -> list[Detection]:
        self.entered.set()
        assert self.release.wait(60)
        return top_left(image)


class Counting(Grey):
    """Counts how many faces come together, and refuses white ones."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, faces: Any) -> Any:
        self.batches.append(len(faces))
        if len(faces) and faces.max() == 255:
            raise KeyError("white")
        return super().__call__(faces)


def work(analyzer: Analyzer, value: int = 200, content: bytes | None = None) -> Work[FrameResult]:
    return Work(analyzer, content or encoded("PNG", value=value), "a.png", lambda result: result)


def batcher(**limits: Any) -> Batcher:
    return Batcher(Limits(**limits), Metrics(), workers=1)


def test_pictures_that_came_meanwhile_share_a_run_of_the_network() -> None:
    held, network = Held(), Counting()
    analyzer, under_test = Analyzer(network, held), batcher(batch=3)
    works = [work(analyzer) for _ in range(5)]
    under_test.submit(works[:1])
    held.entered.wait(60)
    under_test.submit(works[1:])
    held.release.set()
    results = [each.done.result(60) for each in works]
    assert network.batches == [3, 2]
    assert all(len(result.faces) == 1 for result in results)
    under_test.close()


def test_a_picture_fails_alone() -> None:
    held, network = Held(), Counting()
    analyzer, under_test = Analyzer(network, held), batcher(batch=8)
    good, damaged, white = work(analyzer), work(analyzer, content=b"nonsense"), work(analyzer, 255)
    under_test.submit([good])
    held.entered.wait(60)
    under_test.submit([damaged, white])
    held.release.set()
    assert good.done.result(60).faces
    assert isinstance(damaged.done.exception(60), ValueError)
    assert isinstance(white.done.exception(60), KeyError)
    under_test.close()


def test_what_may_not_wait_is_refused_as_a_whole() -> None:
    held = Held()
    analyzer, under_test = Analyzer(Grey(), held), batcher(waiting=2)
    under_test.submit([work(analyzer)])
    held.entered.wait(60)
    under_test.submit([work(analyzer)])
    with pytest.raises(Problem) as caught:
        under_test.submit([work(analyzer), work(analyzer)])
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})
    assert len(under_test) == 1
    held.release.set()
    under_test.close()


def test_a_picture_that_nobody_waits_for_is_left_out() -> None:
    held, network = Held(), Counting()
    analyzer, under_test = Analyzer(network, held), batcher()
    first, gone = work(analyzer), work(analyzer)
    under_test.submit([first])
    held.entered.wait(60)
    under_test.submit([gone])
    gone.done.cancel()
    held.release.set()
    first.done.result(60)
    under_test.close()
    with pytest.raises(CancelledError):
        gone.done.result()
    assert network.batches == [1]


def test_closing_does_what_waits() -> None:
    analyzer, under_test = Analyzer(Grey(), top_left), batcher()
    works = [work(analyzer) for _ in range(20)]
    under_test.submit(works)
    under_test.close()
    assert all(each.done.result(0).faces for each in works)


def test_only_pictures_of_one_reading_go_together() -> None:
    held, network = Held(), Counting()
    one, other, under_test = Analyzer(network, held), Analyzer(network, held), batcher()
    works = [work(analyzer) for analyzer in (one, one, other, other, one)]
    under_test.submit(works[:1])
    held.entered.wait(60)
    under_test.submit(works[1:])
    held.release.set()
    assert all(each.done.result(60).faces for each in works)
    assert network.batches == [2, 2, 1]
    under_test.close()
