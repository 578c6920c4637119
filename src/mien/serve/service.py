"""What the parts of a running service share."""

from dataclasses import dataclass, field
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
from starlette.requests import HTTPConnection
from starlette.types import Scope

from mien.analyzer import Analyzer
from mien.drawing import Anonymization
from mien.jobs.hiding import Hiding
from mien.serve.batching import Batcher
from mien.serve.choices import Variants
from mien.serve.limits import Limits
from mien.serve.metrics import Metrics
from mien.serve.problems import not_ready
from mien.serve.uploads import Memory
from mien.video.decoder import cores

State: TypeAlias = Literal["starting", "ready", "stopping"]


@dataclass(eq=False)
class Service:
    """One analyzer, and everything that keeps its callers apart.

    Attributes:
        analyzer: Finds and reads the faces.
        limits: What is taken at most.
        variants: The analyzer, and those that requests ask for by its settings.
        metrics: What is counted.
        memory: The bytes of uploads that are in memory.
        workers: Threads that analyse pictures.
        state: Whether it takes requests yet, or no longer.
        streams: How many streams are open.
    """

    analyzer: Analyzer
    limits: Limits
    workers: int = field(default_factory=cores)
    metrics: Metrics = field(default_factory=Metrics)
    state: State = "starting"
    streams: int = 0
    variants: Variants = field(init=False)
    memory: Memory = field(init=False)
    batcher: Batcher = field(init=False)

    def __post_init__(self) -> None:
        self.variants = Variants(self.analyzer)
        self.memory = Memory(self.limits.upload_bytes)
        self.batcher = Batcher(self.limits, self.metrics, workers=self.workers)
        self.metrics.watch("mien_waiting_pictures", "Pictures that wait.", lambda: len(self.batcher))
        self.metrics.watch("mien_upload_bytes", "Bytes of uploads in memory.", lambda: self.memory.used)
        self.metrics.watch("mien_streams", "Streams that are open.", lambda: self.streams)

    def warm_up(self) -> None:
        """Analyse a picture, so that the first caller does not wait for what is only made when it is needed."""
        self.analyzer.analyze([np.zeros((480, 640, 3), np.uint8)])

    def admit(self, scope: Scope) -> None:
        """Raise a `Problem`, 429, for a picture that would have to wait too long, before a byte of it is read."""
        if scope["path"] == "/v1/faces" and scope["type"] == "http":
            self.batcher.refuse_when_full()

    def check_ready(self) -> None:
        """Raise a `Problem`, 503, where the service takes no requests."""
        if self.state != "ready":
            raise not_ready(f"the service is {self.state}")


def service_of(connection: HTTPConnection) -> Service:
    """The service that a request or a WebSocket is for."""
    service: Service = connection.app.state.service
    return service


@cache
def hiding(how: Anonymization) -> Hiding:
    """What hides faces; it is made when it is first asked for."""
    return Hiding(how)
