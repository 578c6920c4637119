import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mien.detection.fetching import LARGEST, YUNET, Source, fetch, fetched
from mien.errors import DownloadError

CONTENT = b"a model" * 1000


class Shelf(BaseHTTPRequestHandler):
    """Serves the content at /model, nothing at /missing, too much at /endless, and at /slow a byte of the header until
    `released`; counts what was asked."""

    released = threading.Event()
    asked: list[str] = []  # noqa: RUF012 - one list for the server, emptied by the fixture

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path == "/slow":
            self.wfile.write(b"H")
            self.released.wait(30)
            return
        content = b"x" * (LARGEST + 100) if self.path == "/endless" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) + (500 if self.path == "/cut" else 0)))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # the client had enough

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    Shelf.asked.clear()
    with HTTPServer(("127.0.0.1", 0), Shelf) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def source(url: str, content: bytes = CONTENT) -> Source:
    return Source("test.onnx", url, hashlib.sha256(content).hexdigest(), "MIEN_TEST_URL")


def test_it_is_fetched_once_and_kept(address: str, tmp_path: Path) -> None:
    wanted = source(f"{address}/model")
    for _ in range(2):
        assert fetch(wanted).read_bytes() == CONTENT
    assert Shelf.asked == ["/model"]
    assert fetched(wanted) == tmp_path / "cache" / "models" / "test.onnx"


def test_a_damaged_copy_is_fetched_again(address: str) -> None:
    wanted = source(f"{address}/model")
    fetch(wanted).write_bytes(b"damaged")
    assert fetch(wanted).read_bytes() == CONTENT


def test_a_mirror_may_be_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_TEST_URL", f"{address}/mirror")
    fetch(source(f"{address}/missing"))
    assert Shelf.asked == ["/mirror"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing", "could not be fetched.*Not Found"),
        ("wrong", "its SHA-256 is"),
        ("endless", "its SHA-256 is"),
        ("cut", "could not be fetched|its SHA"),
    ],
)
def test_anything_else_is_refused_and_leaves_nothing(address: str, tmp_path: Path, path: str, message: str) -> None:
    content = b"another model" if path == "wrong" else CONTENT
    with pytest.raises(DownloadError, match=message):
        fetch(source(f"{address}/{path}", content if path != "cut" else b"whole"))
    assert not list((tmp_path / "cache").rglob("*.onnx*")) if (tmp_path / "cache").exists() else True


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/model", "nonsense", "http://127.0.0.1:9/a b", "file:///etc/hostname"]
)
def test_no_answer_says_how_to_do_without(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    with pytest.raises(DownloadError, match=r"--detector-model FILE"):
        fetch(source(url))


def test_the_whole_download_has_a_limit(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 57: a server that sent a byte a second held the command for ever."""
    monkeypatch.setattr("mien.detection.fetching.LONGEST", 0.2)
    try:
        with pytest.raises(DownloadError, match=r"test\.onnx could not be fetched from .*it took longer than 0\.2 s"):
            fetch(source(f"{address}/slow"))
    finally:
        Shelf.released.set()
        Shelf.released = threading.Event()


def test_yunet_is_the_file_that_was_measured(yunet_model: Path) -> None:
    assert hashlib.sha256(yunet_model.read_bytes()).hexdigest() == YUNET.sha256
    assert YUNET.url.startswith("https://github.com/opencv/opencv_zoo/")
