"""YuNet's model on its way from an address into the cache and to the faces of a picture."""

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


def test_analyze_fetches_it_once_when_asked(run_mien: Run, mirror: Path, astronaut: Path) -> None:
    status, out, _ = run_mien("analyze", astronaut)
    assert status == 0
    assert not mirror.exists()  # nobody asked
    status, out, err = run_mien("analyze", astronaut, "--detector", "yunet")
    assert (status, err) == (0, "")
    assert "1 face" in out
    (file,) = (path for path in mirror.rglob("*") if path.is_file())
    before = file.stat().st_mtime_ns
    assert run_mien("analyze", astronaut, "--detector", "yunet")[0] == 0
    assert file.stat().st_mtime_ns == before


def test_it_can_be_fetched_beforehand(run_mien: Run, mirror: Path) -> None:
    status, out, _ = run_mien("models", "fetch", "yunet")
    assert status == 0
    assert "face_detection_yunet_2023mar.onnx" in out


def test_an_address_that_does_not_answer_is_told_with_the_other_way(
    run_mien: Run, mirror: Path, astronaut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_YUNET_URL", "http://127.0.0.1:9/nothing")
    status, _, err = run_mien("analyze", astronaut, "--detector", "yunet")
    assert status == 1
    assert "--detector-model FILE" in err
    assert not mirror.exists()
