"""A fake detector and a fake network, pictures for them, and how a server is asked."""

import io
import socket
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
from PIL import Image as Pillow
from starlette.testclient import TestClient

from mien.values import Box, Detection, Image

Ask = Callable[..., TestClient]

STREAM = "ws://localhost/v1/stream"


def top_left(image: Image) -> list[Detection]:
    """A fake detector: a face in the upper left corner of every picture that is not black."""
    return [Detection(Box(0, 0, 8, 8), 0.9)] if image.any() else []


def never_done(image: Image) -> list[Detection]:
    """A fake detector that never comes to an end, except with the black picture by which a service gets ready."""
    while image.any():
        time.sleep(0.1)
    return []


class Grey:
    """A fake network of two labels that can be pickled."""

    labels = ("dark", "bright")
    input_size = 4

    def __call__(self, faces: Any) -> Any:
        bright = faces.reshape(len(faces), 16).mean(axis=1, dtype=np.float32) / 255
        return np.stack([1 - bright, bright], axis=1)


def encoded(kind: str = "JPEG", side: int = 16, value: int = 200) -> bytes:
    """A grey picture as a file."""
    content = io.BytesIO()
    Pillow.fromarray(np.full((side, side, 3), value, np.uint8)).save(content, kind)
    return content.getvalue()


def until(holds: Callable[[], object], seconds: float = 90) -> None:
    """Return as soon as something holds. The bound is for faults only: a loaded machine may take its time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def when_ready(client: TestClient) -> None:
    """Return when the service behind a client takes requests."""
    until(lambda: client.get("/health/ready").status_code == 200)


READY = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def exchange(port: int, request: bytes, seconds: float = 60) -> bytes:
    """All that a server answers until it closes the connection."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=seconds)) as sock:
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(65_536), b""))
