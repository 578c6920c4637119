"""Clients of HTTP that a server should survive, and plain ones to see whether it does; no dependency but Python."""

import asyncio
import contextlib
import itertools
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any


class Client:
    """A connection that is kept open, and one request after another on it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The answer's status and body; an `OSError` where there is none.

        A connection that was kept may have been closed meanwhile; then, as clients do, it is asked once more.
        """
        if self._writer is not None:
            with contextlib.suppress(OSError):
                return await self._asked(request)
        return await self._asked(request)

    async def _asked(self, request: bytes) -> tuple[int, bytes]:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            self._writer.write(request)
            head = await self._reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            body = await self._reader.readexactly(length)
            if b"connection: close" in lines:
                await self.close()
            return int(head[9:12]), body
        except (OSError, asyncio.IncompleteReadError) as error:
            await self.close()
            raise ConnectionError("there is no whole answer") from error

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await aborted(writer)


async def aborted(writer: asyncio.StreamWriter) -> None:
    """End a connection at once."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def post(body: bytes, kind: str = "image/jpeg", path: str = "/v1/faces") -> bytes:
    """A whole request."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("utf-8") + body


HEAD = b"POST /v1/faces HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
GET = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"

# What each kind sends at first, and then every second.
SENT = {
    "half a request": (HEAD, b""),
    "a byte a second": (b"", b"G"),
    "a body of a byte a second": (HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
    "resets": (HEAD + b"Content-Length: 100000\r\n\r\n\xff\xd8\xff", b""),
    "never reads": (GET * 200, GET),
    "many headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-A: b\r\n" * 10),
}
SLOW = tuple(SENT)


async def slow_client(kind: str, port: int, until: float) -> str:
    """Do the server wrong until then; returns whether the server closed the connection, or keeps it."""
    first, every_second = SENT[kind]
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return "refused"
    raw: socket.socket = writer.get_extra_info("socket")
    reads = kind != "never reads"
    try:
        if not reads:
            writer.transport.pause_reading()  # type: ignore[attr-defined] # a socket's transport has it
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        writer.write(first)
        if kind == "resets":
            await writer.drain()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            return "left"
        while time.monotonic() < until:
            writer.write(every_second)
            if reads:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await reader.read(65_536)
            if writer.is_closing() or (reads and reader.at_eof()):
                return "closed"
            await asyncio.sleep(1)
    except OSError:
        return "closed"
    finally:
        await aborted(writer)
    return "kept"


async def under_slow_clients(
    port: int, request: bytes, num: int, seconds: float, memory: Callable[[], float]
) -> dict[str, Any]:
    """What a plain client sees while so many slow ones are at work, and what became of those."""
    memory_before, until = memory(), time.monotonic() + seconds
    kinds = list(itertools.islice(itertools.cycle(SLOW), num))
    tasks = [asyncio.create_task(slow_client(kind, port, until)) for kind in kinds]
    plain, times, unanswered = Client(port), [], 0
    while time.monotonic() < until:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(10):
                status, _ = await plain.ask(request)
            unanswered += status != 200
        except (OSError, TimeoutError):
            await plain.close()
            unanswered += 1
        else:
            times.append(time.monotonic() - begun)
        await asyncio.sleep(0.25)
    ends = await asyncio.gather(*tasks)
    await plain.close()
    return {
        "clients": num,
        "seconds": seconds,
        "plain": percentiles(times) | {"unanswered": unanswered},
        "slow": {kind: dict(Counter(end for each, end in zip(kinds, ends, strict=True) if each == kind))
                 for kind in SLOW},
        "megabytes": {"before": memory_before, "after": memory()},
    }  # fmt: skip


async def closed_loop(port: int, request: bytes, callers: int, seconds: float) -> dict[str, Any]:
    """Callers that ask again as soon as they are answered."""
    times: list[float] = []
    statuses: Counter[str] = Counter()
    begun = time.monotonic()

    async def caller() -> None:
        client = Client(port)
        while time.monotonic() < begun + seconds:
            start = time.monotonic()
            status, _ = await client.ask(request)
            statuses[str(status)] += 1
            times.append(time.monotonic() - start)
        await client.close()

    await asyncio.gather(*(caller() for _ in range(callers)))
    whole = time.monotonic() - begun
    return {"callers": callers, "a_second": round(len(times) / whole, 1), "statuses": dict(statuses)} | percentiles(
        times
    )


async def paced(port: int, request: bytes, callers: int, a_second: float, seconds: float) -> dict[str, Any]:
    """Callers that together ask so many times a second, if they get that much of the processor themselves."""
    times: dict[str, list[float]] = {}
    begun = time.monotonic()
    between = callers / a_second

    async def caller(number: int) -> None:
        client, due = Client(port), begun + number / a_second
        while due < begun + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            start = time.monotonic()
            try:
                status = str((await client.ask(request))[0])
            except OSError:
                status = "no answer"
            times.setdefault(status, []).append(time.monotonic() - start)
            due = max(due + between, time.monotonic())
        await client.close()

    await asyncio.gather(*(caller(number) for number in range(callers)))
    whole = time.monotonic() - begun
    return {
        "asked_a_second": round(sum(map(len, times.values())) / whole, 1),
        "answers": {status: {"num": len(each)} | percentiles(each) for status, each in sorted(times.items())},
    }


async def in_turn(tasks: list[Callable[[], Awaitable[None]]], at_once: int) -> None:
    """Do all tasks, so many at once."""
    rest = iter(tasks)

    async def worker() -> None:
        for task in rest:
            await task()

    await asyncio.gather(*(worker() for _ in range(at_once)))


def percentiles(times: list[float]) -> dict[str, float | None]:
    """Median, 95 % and 99 %, in milliseconds."""
    ordered = sorted(times)
    return {
        f"p{share}_ms": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 1)
        if ordered
        else None
        for share in (50, 95, 99)
    }
