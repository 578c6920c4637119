"""Chromium, its camera, and the app as a static host has it."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import driving
import pytest

import mien
from mien.values import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def node() -> None:
    """Skips where Node and its packages are not installed."""
    if lacks := driving.missing(chromium=False):
        pytest.skip(f"needs {lacks}: make test-browser")


@pytest.fixture(scope="session")
def clip_frames(shared: Path) -> list[Image]:
    """The first four seconds of a woman who talks."""
    with mien.open_video(shared / "media" / "woman.mp4") as video:
        return [frame.image for frame in islice(video, 100)]


@pytest.fixture(scope="session")
def camera(clip_frames: list[Image], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those frames as a file that Chromium's camera plays."""
    path = tmp_path_factory.mktemp("camera") / "woman.y4m"
    driving.write_camera(path, clip_frames)
    return path


@pytest.fixture(scope="session")
def browser(camera: Path) -> Iterator["Browser"]:
    """Chromium, which sees them."""
    if lacks := driving.missing(node=False):
        pytest.skip(f"needs {lacks}: make test-browser")
    with driving.chromium(camera) as started:
        yield started


@pytest.fixture(scope="session")
def app(node: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's folder, built anew."""
    folder = tmp_path_factory.mktemp("app")
    driving.build("app", folder)
    return folder
