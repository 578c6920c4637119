"""Pictures of many callers, analysed by a few threads: a bounded queue, and faces that share the network's runs."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from io import BytesIO
from time import perf_counter
from typing import Final, Generic, TypeVar

from mien.analyzer import Analyzer
from mien.detection import detect
from mien.images import read_image
from mien.serve.limits import Limits
from mien.serve.metrics import Metrics
from mien.serve.problems import busy
from mien.values import Detection, Face, FrameResult, Image

T = TypeVar("T")

_BATCH_PIXELS: Final = 8_000_000  # pixels after which a batch takes no further picture: they are in memory together


@dataclass(eq=False)
class Work(Generic[T]):
    """One picture to be analysed.

    Attributes:
        analyzer: Finds and reads its faces.
        content: The picture's file.
        name: What results and errors call it.
        finish: Makes what is asked for of the picture's result, which carries its image; runs in a worker's thread.
        done: What `finish` returned, or what was raised; may be cancelled while the picture waits.
    """

    analyzer: Analyzer
    content: bytes | bytearray
    name: str
    finish: Callable[[FrameResult], T]
    done: Future[T] = field(default_factory=Future)
    since: float = field(default_factory=perf_counter)


@dataclass(eq=False)
class _Decoded:
    work: Work[object]
    image: Image
    found: Sequence[Detection]
    cut: str | None


class Batcher:
    """Threads that analyse pictures in the order in which they came.

    A thread that has decoded a picture takes those that came meanwhile along, so that their faces go through the
    network together; no picture waits for others to come.

        >>> from mien.serve.limits import Limits
        >>> from mien.serve.metrics import Metrics
        >>> batcher = Batcher(Limits(), Metrics(), workers=1)
        >>> work = Work(analyzer, Path("party.jpg").read_bytes(), "party.jpg", lambda result: len(result.faces))
        >>> batcher.submit([work])
        >>> work.done.result()
        1
        >>> batcher.close()

    Args:
        limits: How large a picture may be, how many faces are read, how many pictures wait and go together.
        metrics: Is told what takes how long.
        workers: Threads.
    """

    def __init__(self, limits: Limits, metrics: Metrics, *, workers: int) -> None:
        self._limits, self._metrics = limits, metrics
        self._waiting: deque[Work[object]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._mean = 0.02  # seconds of a picture in a thread; a moving mean
        self._threads = [
            threading.Thread(target=self._run, name=f"mien-serve-{n}", daemon=True) for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def __len__(self) -> int:
        """Pictures that wait."""
        return len(self._waiting)

    def refuse_when_full(self, num: int = 1) -> None:
        """Raise a `Problem`, 429, where so many more pictures may not wait."""
        if len(self._waiting) + num > self._limits.waiting:
            seconds = len(self._waiting) * self._mean / len(self._threads)
            raise busy(f"{len(self._waiting)} pictures wait already", seconds)

    def submit(self, works: Sequence[Work[T]]) -> None:
        """Take in all of these pictures; or raise a `Problem` and take none, where they may not wait."""
        with self._changed:
            self.refuse_when_full(len(works))
            self._waiting.extend(works)  # type: ignore[arg-type] # each result goes to its own future
            self._changed.notify(len(works))

    def close(self) -> None:
        """Do what waits, and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                work = self._waiting.popleft()
            begun = perf_counter()
            num = self._work_through(work)
            if num:
                self._mean += 0.1 * ((perf_counter() - begun) / num - self._mean)

    def _work_through(self, first: Work[object]) -> int:
        """Analyse a picture together with those that come meanwhile; returns how many they were."""
        batch = [decoded for decoded in [self._decode(first)] if decoded]
        while len(batch) < self._limits.batch and sum(each.image.size // 3 for each in batch) < _BATCH_PIXELS:
            with self._changed:
                if not (self._waiting and self._waiting[0].analyzer is first.analyzer):
                    break
                work = self._waiting.popleft()
            decoded = self._decode(work)
            batch += [decoded] if decoded else []
        if batch:
            self._metrics.batch.observe(len(batch))
            self._read(batch)
        return len(batch)

    def _decode(self, work: Work[object]) -> _Decoded | None:
        """The picture's pixels and where its faces are; None where the caller has gone or it cannot be read."""
        if not work.done.set_running_or_notify_cancel():
            return None
        self._metrics.stage_seconds.labels("queue").observe(perf_counter() - work.since)
        try:
            with self._metrics.stage("decode"):
                image = read_image(BytesIO(work.content), name=work.name, max_pixels=self._limits.pixels)
            with self._metrics.stage("detect"):
                found = detect(work.analyzer.detector, image)
        except Exception as error:  # noqa: BLE001 - goes to the caller
            work.done.set_exception(error)
            return None
        return _Decoded(work, image, found[: self._limits.faces], _cut(found, self._limits.faces))

    def _read(self, batch: Sequence[_Decoded]) -> None:
        try:
            with self._metrics.stage("classify"):
                read = batch[0].work.analyzer.classify([each.image for each in batch], [each.found for each in batch])
        except Exception as error:  # noqa: BLE001 - goes to the caller
            if len(batch) == 1:
                batch[0].work.done.set_exception(error)
                return
            for each in batch:  # so that no picture fails with another
                self._read([each])
            return
        for each, faces in zip(batch, read, strict=True):
            self._finish(each, faces)

    def _finish(self, decoded: _Decoded, faces: Iterable[Face]) -> None:
        height, width = decoded.image.shape[:2]
        result = FrameResult(
            source=decoded.work.name, width=width, height=height, faces=tuple(faces), image=decoded.image,
            error=decoded.cut,
        )  # fmt: skip
        self._metrics.pictures.inc()
        self._metrics.faces.inc(len(result.faces))
        try:
            with self._metrics.stage("answer"):
                answer = decoded.work.finish(result)
        except Exception as error:  # noqa: BLE001 - goes to the caller
            decoded.work.done.set_exception(error)
        else:
            decoded.work.done.set_result(answer)


def _cut(found: Sequence[Detection], most: int) -> str | None:
    return f"the {most} largest of {len(found)} faces were read" if len(found) > most else None
