"""Recognising what mien drew."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.images import DRAWN_COMMENT
from mien.video import VideoWriter, drawn_by_mien, open_video


def write(path: Path, backend: Any, comment: str | None, num_frames: int = 3) -> None:
    with VideoWriter(path, rate=25, backend=backend, comment=comment) as writer:
        for index in range(num_frames):
            writer.write(np.full((16, 16, 3), index % 200, np.uint8), index / 25)


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv"])
@pytest.mark.parametrize("backend", ["pyav", "opencv"])
def test_a_drawing_is_recognised_and_plays_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: Any, suffix: str
) -> None:
    if backend == "pyav":
        pytest.importorskip("av")
    write(tmp_path / f"drawn{suffix}", backend, DRAWN_COMMENT)
    write(tmp_path / f"other{suffix}", backend, None)
    for reader in ("auto", "opencv"):
        with open_video(tmp_path / f"drawn{suffix}", backend=reader) as video:
            assert [frame.index for frame in video] == [0, 1, 2]
        assert video.damage is None
    monkeypatch.setitem(sys.modules, "av", None)
    assert drawn_by_mien(tmp_path / f"drawn{suffix}")
    assert not drawn_by_mien(tmp_path / f"other{suffix}")


def test_a_long_drawing_is_recognised(tmp_path: Path) -> None:
    """Its index is longer than what is searched of the file, and its comment stands behind the index."""
    pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    write(path, "pyav", DRAWN_COMMENT, 6_000)
    assert path.read_bytes().index(DRAWN_COMMENT.encode()) > 20_000
    assert drawn_by_mien(path)


def test_other_programs_see_the_comment(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    write(tmp_path / "a.mp4", "pyav", DRAWN_COMMENT)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.metadata["comment"] == "drawn by mien"


@pytest.mark.parametrize("content", [b"", b"drawn by somebody else", None])
def test_what_is_no_drawing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    assert not drawn_by_mien(path)
    assert not drawn_by_mien(tmp_path)
    assert not drawn_by_mien("a\0b.mp4")
