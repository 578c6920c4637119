"""Chromium, without a window, on the page or the app, with a camera that plays given pictures.

For the tests, the benchmark and the pictures of the documents. Needs Chromium, Playwright (the extra `browser`), and
for the app Node with what `npm ci` installs.
"""

import functools
import http.server
import math
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

import mien
from mien.values import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WEB: Final = Path(__file__).parent

SIZE: Final = 640, 480
"""Width and height of the camera's picture, in pixels."""


def missing(*, chromium: bool = True, node: bool = True) -> str:
    """What of this is not installed; "" if everything is."""
    if chromium and not browser():
        return "Chromium"
    if chromium and not find_spec("playwright"):
        return "Playwright"
    if node and not shutil.which("node"):
        return "Node"
    if node and not (WEB / "node_modules").is_dir():
        return "web/node_modules (npm ci --prefix web)"
    return ""


def browser() -> str | None:
    """Chromium's path."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def build(what: str, folder: Path) -> None:
    """`node build.mjs WHAT FOLDER`; for the app with its networks."""
    if what in ("app", "test"):
        networks = folder / "models" if what == "app" else folder
        subprocess.run([sys.executable, WEB / "networks.py", networks], check=True)
    subprocess.run(["node", WEB / "build.mjs", what, folder], check=True)


def write_golden(folder: Path, *pictures: Path) -> None:
    """What Python finds in pictures, in a folder that `build("test", folder)` has filled."""
    subprocess.run([sys.executable, WEB / "golden.py", folder, *pictures], check=True)


def run_parity(folder: Path) -> subprocess.CompletedProcess[str]:
    """Compare what the browser's code finds in them, in Node."""
    environment = os.environ | {"MIEN_GOLDEN": str(folder)}
    command = ["node", "--test", "--test-reporter=tap", str(folder / "parity.mjs")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def write_camera(path: Path, images: Iterable[Image], rate: int = 25) -> None:
    """Write pictures of any size as the YUV4MPEG2 that Chromium's fake camera plays, again and again.

    Each is fitted into `SIZE`, with black around it.
    """
    width, height = SIZE
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for image in images:
            scale = min(width / image.shape[1], height / image.shape[0])
            inside = cv2.resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)))
            left, top = (width - inside.shape[1]) // 2, (height - inside.shape[0]) // 2
            frame = np.zeros((height, width, 3), np.uint8)
            frame[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
            file.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())


def moving_portrait(num: int, rate: int = 25) -> Iterator[Image]:
    """NASA's portrait of Eileen Collins, which sways, leans and comes nearer: one face in each frame."""
    portrait = mien.read_image(WEB.parent / "docs" / "pictures" / "astronaut.jpg")
    width, height = SIZE
    for index in range(num):
        time = index / rate
        x, y = width / 2 + 70 * math.sin(time * 0.9), height / 2 + 15 * math.sin(time * 1.7)
        to_frame = cv2.getRotationMatrix2D((225, 110), 12 * math.sin(time * 1.1), 1.3 + 0.3 * math.sin(time * 0.6))
        to_frame += np.array([[0, 0, x - 225], [0, 0, y - 110]])
        yield np.asarray(cv2.warpAffine(portrait, to_frame, SIZE, borderMode=cv2.BORDER_REPLICATE), np.uint8)


@contextmanager
def chromium(camera: Path | None = None) -> Iterator["Browser"]:
    """Chromium, whose camera plays a file of `write_camera` and asks nobody."""
    from playwright.sync_api import sync_playwright

    words = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    if camera:
        words.append(f"--use-file-for-fake-video-capture={camera}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser(), args=words)
        try:
            yield started
        finally:
            started.close()


class Host(http.server.SimpleHTTPRequestHandler):
    """A static host that remembers what it was asked for."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def send_head(self) -> Any:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        return super().send_head()


class StaticHost(http.server.ThreadingHTTPServer):
    """Serves the files of a folder on this machine.

    Attributes:
        asked: The paths of all requests so far.
        address: Its URL.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Host, directory=str(folder)))
        self.asked: list[str] = []
        self.address = f"http://127.0.0.1:{self.server_port}/"


@contextmanager
def static_host(folder: Path) -> Iterator[StaticHost]:
    """A static host, until the block ends."""
    host = StaticHost(folder)
    thread = threading.Thread(target=host.serve_forever)
    thread.start()
    try:
        yield host
    finally:
        host.shutdown()
        thread.join()
        host.server_close()


@contextmanager
def service(*options: str) -> Iterator[str]:
    """`mien serve` on a port that is free; gives its URL."""
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        line = ""
        while not (found := re.search(r"http://[\d.]+:\d+", line)):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("mien serve ended before it said its address")
        yield f"{found.group()}/"
    finally:
        process.terminate()
        process.communicate()
