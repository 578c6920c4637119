"""What Prometheus is told: how much was done, how long it took, what waits, and what was refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends of the classes that times are counted in."""


class Metrics:
    """The figures of one service.

    >>> metrics = Metrics()
    >>> metrics.faces.inc(3)
    >>> b"mien_faces_total 3.0" in metrics.text()
    True
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "mien_requests", "Requests that were answered.", ("route", "method", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "mien_request_seconds", "Seconds from a request's headers to the end of its answer.", ("route",),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.pictures = Counter("mien_pictures", "Pictures that were analysed.", registry=registry)
        self.faces = Counter("mien_faces", "Faces in pictures, videos and streams.", registry=registry)
        self.stage_seconds = Histogram(
            "mien_stage_seconds", "Seconds of a picture in each stage.", ("stage",), buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self.batch = Histogram(
            "mien_batch_pictures", "Pictures whose faces went through the network together.",
            buckets=(1, 2, 4, 8, 16, 32), registry=registry,
        )  # fmt: skip
        self.rejected = Counter("mien_rejected", "Requests that were refused.", ("code",), registry=registry)
        self.frames = Counter("mien_stream_frames", "Frames of streams.", ("outcome",), registry=registry)
        self.jobs = Counter("mien_jobs", "Videos that ended.", ("state",), registry=registry)
        self._gauges = registry

    def watch(self, name: str, help: str, value: Callable[[], float]) -> None:  # noqa: A002 - Prometheus' own word
        """Report what `value` gives at the time."""
        Gauge(name, help, registry=self._gauges).set_function(value)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the seconds of the block as a stage's."""
        begun = perf_counter()
        yield
        self.stage_seconds.labels(name).observe(perf_counter() - begun)

    def text(self) -> bytes:
        """All figures in Prometheus' own format."""
        return generate_latest(self._registry)
