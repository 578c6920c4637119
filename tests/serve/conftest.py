"""A service whose detector and network are fakes, asked without a network, or through a server of its own."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

import uvicorn
from starlette.testclient import TestClient

from mien.analyzer import Analyzer
from mien.serve.app import make_app
from mien.serve.connections import protocols
from mien.serve.guard import Access
from mien.serve.limits import Limits

from .fakes import READY, Ask, Grey, exchange, top_left, until, when_ready


@pytest.fixture
def fake() -> Analyzer:
    return Analyzer(Grey(), top_left)


@pytest.fixture
def ask(fake: Analyzer) -> Iterator[Ask]:
    """`ask(waiting=2, token="…")`: a client of a service, which is ready, with these limits or another analyzer."""
    clients: list[TestClient] = []

    def make(
        analyzer: Analyzer | None = None, *, token: str | None = None, hosts: tuple[str, ...] = (),
        origins: tuple[str, ...] = (), **limits: Any,
    ) -> TestClient:  # fmt: skip
        app = make_app(analyzer or fake, Limits(**limits), Access(token, hosts, origins), workers=1)
        client = TestClient(app, base_url="http://localhost")
        client.__enter__()
        clients.append(client)
        when_ready(client)
        return client

    yield make
    for client in clients:
        client.__exit__(None, None, None)


class Clock(asyncio.SelectorEventLoop):
    """A loop of events whose time can be put forward, so that a test waits for no limit on time."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    def forward(self, seconds: float) -> None:
        """Have all that was to come within so many seconds come now; called by another thread."""
        passed = threading.Event()

        def step() -> None:
            self.ahead += seconds
            self.call_later(0, passed.set)  # after whatever was to come earlier

        self.call_soon_threadsafe(step)
        assert passed.wait(60)


@pytest.fixture
def clock() -> Clock:
    """The time of the next server that is started."""
    return Clock()


@pytest.fixture
def server(fake: Analyzer, clock: Clock) -> Iterator[Callable[..., int]]:
    """`server(header_seconds=1)`: the port of a real server with these limits."""
    running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []

    def start(**limits: Any) -> int:
        bounds = Limits(**limits)
        http, ws = protocols(bounds)
        config = uvicorn.Config(
            make_app(fake, bounds, workers=1), http=http, ws=ws, ws_max_size=bounds.picture_bytes, lifespan="on",
            ws_per_message_deflate=False, log_config=None, timeout_graceful_shutdown=5,
            timeout_keep_alive=1_000_000,
        )  # fmt: skip
        sock = socket.create_server(("127.0.0.1", 0))
        used = uvicorn.Server(config)

        def run() -> None:
            with asyncio.Runner(loop_factory=lambda: clock) as runner:
                runner.run(used.serve([sock]))

        thread = threading.Thread(target=run)
        thread.start()
        running.append((used, thread, sock))
        port: int = sock.getsockname()[1]
        until(lambda: b" 200 " in exchange(port, READY))
        return port

    yield start
    for used, thread, sock in running:
        used.should_exit = True
        thread.join()
        sock.close()
