"""WS /v1/stream: frames in, faces out, and the newest frame wins."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from textwrap import shorten
from typing import Any, Final

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from mien.analyzer import Analyzer
from mien.errors import InvalidInput, MienError
from mien.images import read_image
from mien.records.results import fields_of, json_text
from mien.serve.choices import Evidence, MaxError, Prior, Reading, Sets
from mien.serve.evidence import evidence_of
from mien.serve.problems import of_error
from mien.serve.service import Service, service_of
from mien.serve.video_work import Largest
from mien.tracking.smoothing import Smoother
from mien.tracking.stream import Stream
from mien.values import Failure, Frame, FrameResult, VideoInfo

router = APIRouter()

SUBPROTOCOL: Final = "mien"
REFUSED, TOO_LARGE, LATER = 1008, 1009, 1013  # codes with which a WebSocket is closed

_NAMES: Final = ("source", "index", "time", "width", "height", "faces", "drawing", "explanations", "error")
_SEND_SECONDS: Final = 20.0  # seconds that a client may take to fetch an answer
_REASON: Final = 110  # characters of a reason to close; its bytes may be 123
_BURST: Final = 2.0  # seconds over which the rate of frames is measured


class Newest:
    """The newest frame that came, for a thread that takes one after another; older ones are dropped, and counted."""

    def __init__(self) -> None:
        self.received = self.dropped = 0
        self._frame: tuple[int, float, bytes] | None = None
        self._ended = False
        self._changed = threading.Condition()

    def put(self, content: bytes) -> bool:
        """Add a frame that came now; says whether another one was dropped for it."""
        with self._changed:
            drops = self._frame is not None
            self.dropped += drops
            self._frame = self.received, time.monotonic(), content
            self.received += 1
            self._changed.notify()
        return drops

    def end(self) -> None:
        """No further frame comes, and one that waits is not wanted any more."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def __iter__(self) -> Iterator[tuple[int, float, bytes]]:
        """The number of each frame that is taken, the time at which it came, and its content."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frame or self._ended)
                if self._ended:
                    return
                frame, self._frame = self._frame, None
            assert frame is not None
            yield frame


@router.websocket("/v1/stream")
async def stream(
    socket: WebSocket,
    reading: Reading = None,
    prior: Prior = None,
    max_error: MaxError = None,
    sets: Sets = None,
    evidence: Evidence = False,
) -> None:
    """Answer the frames of one camera."""
    service = service_of(socket)
    offered = socket.scope.get("subprotocols", [])
    has_room = service.streams < service.limits.streams
    service.streams += has_room  # from now on: others come while this one is accepted
    try:
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        if service.state != "ready":
            await socket.close(LATER, f"the service is {service.state}")
        elif not has_room:
            service.metrics.rejected.labels("busy").inc()
            await socket.close(LATER, f"{service.limits.streams} streams are open already")
        else:
            settings = {"reading": reading, "prior": prior, "max_error": max_error, "sets": sets, "evidence": evidence}
            await _run(service, socket, settings)
    finally:
        service.streams -= has_room


async def _run(service: Service, socket: WebSocket, settings: dict[str, Any]) -> None:
    """Take frames and answer them until either side ends the stream."""
    try:
        variant = await asyncio.to_thread(service.variants.of, **settings)
    except InvalidInput as error:
        await socket.close(REFUSED, shorten(str(error), _REASON, placeholder=" …"))
        return
    newest = Newest()
    loop = asyncio.get_running_loop()
    ended: Future[None] = Future()
    thread = threading.Thread(
        target=_answer, args=(service, variant.analyzer, socket, newest, loop, ended), daemon=True
    )
    thread.start()
    try:
        code, why = await _receive(service, socket, newest, asyncio.wrap_future(ended))
        newest.end()
        if socket.application_state == WebSocketState.CONNECTED:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(code, why)
    finally:
        newest.end()


async def _receive(
    service: Service, socket: WebSocket, newest: Newest, ended: "asyncio.Future[None]"
) -> tuple[int, str]:
    """Take frames until the client goes or does what it may not; returns the code and the reason to close with."""
    limits, moments = service.limits, [time.monotonic()]
    most = max(2, int(limits.stream_rate * _BURST))
    while not ended.done():
        try:
            async with asyncio.timeout(limits.idle_seconds):
                message: dict[str, Any] = dict(await socket.receive())
        except TimeoutError:
            return 1000, f"no frame came for {limits.idle_seconds:g} s"
        if message["type"] == "websocket.disconnect":
            return 1000, ""
        content = message.get("bytes")
        if not content:
            return REFUSED, "expected a frame as a binary message"
        if len(content) > limits.picture_bytes:
            return TOO_LARGE, f"a frame has at most {limits.picture_bytes:,} bytes"
        moments = [*moments[-most + 1 :], time.monotonic()]
        if len(moments) == most and moments[-1] - moments[0] < most / limits.stream_rate:
            return REFUSED, f"more than {limits.stream_rate:g} frames a second came"
        if newest.put(content):
            service.metrics.frames.labels("dropped").inc()
    return 1011, "a fault in the service"


def _answer(
    service: Service,
    analyzer: Analyzer,
    socket: WebSocket,
    newest: Newest,
    loop: asyncio.AbstractEventLoop,
    ended: "Future[None]",
) -> None:
    """Analyse the newest frame again and again; runs in a thread of its own."""

    def send(record: dict[str, Any]) -> None:
        counted = {**record, "received": newest.received, "dropped": newest.dropped}
        asyncio.run_coroutine_threadsafe(socket.send_text(json_text(counted)), loop).result(_SEND_SECONDS)

    def frames() -> Iterator[Frame]:
        first: float | None = None
        for index, moment, content in newest:
            try:
                with service.metrics.stage("decode"):
                    image = read_image(content, name=f"frame {index}", max_pixels=service.limits.pixels)
            except MienError as error:
                service.metrics.frames.labels("failed").inc()
                problem = of_error(error)
                send({**fields_of(Failure("stream", problem.detail), _NAMES), "index": index})
                continue
            first = moment if first is None else first
            yield Frame(index, moment - first, image)

    def results() -> Iterator[FrameResult]:
        for frame in frames():
            with service.metrics.stage("frame"):
                yield follow(frame)

    detector = Largest(analyzer.detector, service.limits.faces)
    follow = Stream(
        detector, analyzer.classifier, source="stream", video=VideoInfo(live=True), explain=analyzer.explain
    )
    try:
        for result in Smoother(abstention=analyzer.abstention)(results()):
            service.metrics.frames.labels("answered").inc()
            service.metrics.faces.inc(len(result.faces))
            explained = {"evidence": evidence_of(result)} if analyzer.explain else {}
            send(fields_of(replace(result, image=None), _NAMES) | explained)
    except Exception as error:  # noqa: BLE001 - also that of a client who has gone
        ended.set_exception(error)
    else:
        ended.set_result(None)
