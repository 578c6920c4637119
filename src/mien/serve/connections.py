"""uvicorn's connections with limits on time and number, which it has not: slow and broken clients give way.

benchmarks/serve.py compares servers under slow clients.
"""

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from mien.serve.limits import Limits
from mien.serve.problems import CONTENT_TYPE, Problem

_UNSENT: Final = 4_000_000  # bytes that may wait for a WebSocket's client, who does not fetch the answers to its pings
_PIECES: Final = 4_096  # pieces of one message of a WebSocket


def protocols(limits: Limits) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """Classes for uvicorn's `http` and `ws`."""

    class Connection(LimitedConnection):
        pass

    Connection.limits = limits
    return Connection, LimitedSocket


class LimitedConnection(H11Protocol):
    """A connection whose client has to send each request's headers, and to fetch each answer, in time."""

    limits: Limits
    _deadline: asyncio.TimerHandle | None = None
    _fetching: asyncio.TimerHandle | None = None
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        self.since = self.loop.time()
        if len(self.connections) >= self.limits.connections and not self._make_room():
            self.transport = transport
            transport.write(_raw(Problem(503, "not-ready", "too many connections are open", {"Retry-After": "1"})))
            transport.close()
            return
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset(headers=True, answer=True)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # what came is no HTTP, and an answer is on its way
            self.transport.abort()
            return
        self._watch()

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        super().on_response_complete()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._upgraded = True
        self._unset(headers=True, answer=True)
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        self.transport.write(_raw(Problem(400, "malformed", msg)))
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_fetching()

    def resume_writing(self) -> None:
        self._unset(answer=True)
        super().resume_writing()

    @property
    def is_idle(self) -> bool:
        """Whether no whole request is being answered."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _make_room(self) -> bool:
        """Close the connection that has been longest without a whole request; False where all have one."""
        idle = [each for each in self.connections if isinstance(each, LimitedConnection) and each.is_idle]
        if not idle:
            return False
        oldest = min(idle, key=lambda each: (each.cycle is not None, each.since))  # first who never sent a request
        self.connections.discard(oldest)
        oldest.transport.abort()
        return True

    def _watch(self) -> None:
        """Give the client its time for the headers of a request, from the first byte on."""
        if self._upgraded:
            return
        waits = self.cycle is None or self.cycle.response_complete
        if not waits:
            self._unset(headers=True)
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.header_seconds, self._too_late)

    def _too_late(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.write(_raw(Problem(408, "slow", "the headers came too slowly")))
            self.transport.close()
            self.loop.call_later(1, self.transport.abort)  # whoever does not read does not fetch this either

    def _expect_fetching(self, before: int | None = None) -> None:
        """Abort where less than the slowest rate was fetched since last time."""
        now = self.transport.get_write_buffer_size()
        wanted = int(self.limits.slowest * self.limits.body_seconds)
        if before is not None and before - now < min(wanted, before):
            self.transport.abort()
            return
        self._fetching = self.loop.call_later(self.limits.body_seconds, self._expect_fetching, now)

    def _unset(self, *, headers: bool = False, answer: bool = False) -> None:
        if headers and self._deadline:
            self._deadline.cancel()
            self._deadline = None
        if answer and self._fetching:
            self._fetching.cancel()
            self._fetching = None


class LimitedSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose client cannot fill the memory with pings that it takes no answer of, or with empty pieces."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.get_write_buffer_size() > _UNSENT or len(self.frames) > _PIECES:
            self.transport.abort()


def _raw(problem: Problem) -> bytes:
    """A problem as the bytes of an answer, after which the connection is closed."""
    body = problem.body()
    headers = {
        **problem.headers, "Content-Type": CONTENT_TYPE, "Content-Length": str(len(body)), "Connection": "close"
    }  # fmt: skip
    lines = [f"HTTP/1.1 {problem.status} {problem.fields()['title']}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
