"""Against a real server: slow, broken and hostile clients, and a graceful end."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from select import select

import pytest

from .conftest import Clock
from .fakes import READY, encoded, exchange, until

Server = Callable[..., int]

HEAD = b"POST /v1/faces HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"


def whole() -> bytes:
    content = encoded()
    return HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(content) + content


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET", HEAD, HEAD + b"Content-Length: 10\r\n\r\nxx", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nxx"],
    ids=["nothing", "a word", "half the headers", "half the body", "half a piece"],
)
def test_half_a_request_is_not_waited_for(server: Server, sent: bytes) -> None:
    port = server(header_seconds=0.3, body_seconds=0.3)
    begun = time.monotonic()
    answer = exchange(port, sent)
    assert time.monotonic() - begun > 0.2
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "slow"' in answer


def test_a_byte_now_and_then_is_too_slow(server: Server) -> None:
    port = server(header_seconds=0.5)
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as sock, pytest.raises(OSError):
        for byte in HEAD * 10:
            sock.sendall(bytes([byte]))
            time.sleep(0.05)


def test_a_connection_is_kept_between_requests_but_not_for_ever(server: Server, clock: Clock) -> None:
    port = server(header_seconds=100)
    get = READY.replace(b"Connection: close\r\n", b"")
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as sock:
        for _ in range(3):
            sock.sendall(get)
            answer = b""
            while b'"ok"' not in answer:
                piece = sock.recv(65_536)
                assert piece, answer
                answer += piece
            assert b"200 OK" in answer
            clock.forward(150)  # longer than headers may take: they have not begun
        sock.sendall(get[:20])
        while not select([sock], [], [], 0.05)[0]:
            clock.forward(150)  # once it has begun
        assert b"408" in b"".join(iter(lambda: sock.recv(65_536), b""))


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100,
     HEAD + b"Content-Length: -1\r\n\r\n",
     HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
     HEAD + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http_is_a_problem(server: Server, sent: bytes) -> None:
    try:
        answer = exchange(server(header_seconds=60), sent)
    except ConnectionResetError:  # what was sent on was not read
        return
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code": "malformed"' in answer


def test_a_body_of_bad_pieces_ends_the_connection(server: Server) -> None:
    port = server(body_seconds=60)
    try:
        answer = exchange(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")
    except ConnectionResetError:
        answer = b""
    assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""
    assert b" 200 " in exchange(port, READY)


def test_whoever_fetches_no_answer_is_given_up(server: Server) -> None:
    port = server(body_seconds=0.3, slowest=1_000_000, connections=3)
    with closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.connect(("127.0.0.1", port))
        sock.settimeout(60)
        with pytest.raises(ConnectionError):
            for _ in range(5_000):
                sock.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)


def test_the_longest_without_a_request_makes_room(server: Server) -> None:
    port = server(connections=3, header_seconds=30)
    idle = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(6)]
    assert b" 200 " in exchange(port, whole())
    with pytest.raises(OSError):
        if idle[0].recv(1) == b"":
            raise ConnectionResetError
    for sock in idle:
        sock.close()


HANDSHAKE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PING = b"\x89\xfd" + bytes(4) + b"x" * 125
EMPTY_PIECE = b"\x00\x80" + bytes(4)


@pytest.mark.parametrize("flood", [PING, EMPTY_PIECE], ids=["pings", "empty pieces"])
def test_a_flood_of_what_asks_for_no_answer_ends_a_stream(server: Server, flood: bytes) -> None:
    port = server()
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as sock:
        sock.sendall(HANDSHAKE)
        assert b" 101 " in sock.recv(65_536)
        sock.sendall(b"\x02\x80" + bytes(4))  # a message begins
        with pytest.raises(ConnectionError):
            for _ in range(3_000):
                sock.sendall(flood * 100)
            while sock.recv(65_536):
                pass
            raise ConnectionResetError
    assert b" 200 " in exchange(port, READY)


HELD = """
import time
from pathlib import Path
from mien.values import Box, Detection

class Held:
    def __call__(self, image):
        while image.any() and Path("held").exists():
            time.sleep(0.01)
        return [Detection(Box(0, 0, 16, 16), 0.9)]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process is told to end in another way there")
def test_what_was_accepted_is_answered_when_the_service_is_told_to_stop(tmp_path: Path) -> None:
    """Its detector waits, at the first of 20 pictures, until the service has stopped to listen."""
    (tmp_path / "held.py").write_text(HELD)
    (tmp_path / "held").touch()
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": path}
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", "--workers", "1", "--detector", "held:Held"]
    command += ["--answer-seconds", "100", "--header-seconds", "100"]
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process, ExitStack() as stack:  # fmt: skip
        stack.callback(process.kill)
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert found
        port = int(found[1])
        until(lambda: b" 200 " in exchange(port, READY))
        callers = [stack.enter_context(closing(socket.create_connection(("127.0.0.1", port)))) for _ in range(20)]
        for caller in callers:
            caller.sendall(whole())
        until(lambda: upload_bytes(port) == 20 * len(encoded()))
        process.send_signal(signal.SIGTERM)
        until(lambda: not listens(port))
        (tmp_path / "held").unlink()
        answers = [b"".join(iter(lambda: caller.recv(65_536), b"")) for caller in callers]  # noqa: B023 - used at once
        rest = process.stdout.read()
        assert process.wait(60) == 0
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 200"}
    assert "stopped" in rest
    assert "Traceback" not in rest


def upload_bytes(port: int) -> float:
    """The bytes of pictures that a service has got and not answered."""
    text = exchange(port, READY.replace(b"/health/ready", b"/metrics"))
    found = re.search(rb"^mien_upload_bytes (\S+)", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
