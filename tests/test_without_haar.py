"""Everything but `--detector haar` works where OpenCV has no cascades and nothing can be reached."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import cv2
import pytest

from mien import Analyzer
from mien.errors import MienError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV as it is from version 5 on, and a machine without a network."""

    def unplugged(*_: Any) -> NoReturn:
        raise AssertionError("a connection was opened")

    monkeypatch.delattr(cv2, "CascadeClassifier")
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, unplugged)


def test_pictures_and_videos_are_analysed(
    run_mien: Callable[..., tuple[int, str, str]], astronaut: Path, clip: Path, tmp_path: Path
) -> None:
    status, _, err = run_mien("analyze", astronaut, clip, "--json", tmp_path / "r.json", "--annotate", tmp_path / "out")
    assert (status, err) == (0, "")
    picture, video = json.loads((tmp_path / "r.json").read_text())["results"]
    assert [face["label"] for face in picture["faces"]] == ["happy"]
    assert video["frames"][-1]["faces"][0]["track_id"] == 1


def test_haar_says_what_is_missing() -> None:
    with pytest.raises(MienError, match=r"has no Haar cascades.*pip install 'opencv-python-headless>=4.13,<5'"):
        Analyzer(detector="haar")
