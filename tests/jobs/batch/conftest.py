"""What the tests of batches share: small pictures, a detector that may end its process, and an executor right here."""

import importlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.images import write_image

DETECTOR = '''
"""A fake detector: every picture is a face; a black one ends its process, as a lack of memory does."""
import os, threading
from mien.values import Box, Detection

begun, go_on = threading.Event(), threading.Event()
seen = []  # the means of all pictures, in this process

def find(image):
    if not image.any():
        os._exit(9)
    return [Detection(Box(0, 0, image.shape[1], image.shape[0]), 1.0)]

class Deadly:
    def __call__(self, image):
        return find(image)

class Here:
    """The same where the tests' own process does the work."""
    def __call__(self, image):
        seen.append(int(image.mean()))
        if not image.any():
            raise SystemExit(9)
        return find(image)

class Replacing(Here):
    """The same, and replaces the sixth file meanwhile."""
    def __call__(self, image):
        if 115 < image.mean() < 125:
            os.replace("new.png", "album/5.png")
        return super().__call__(image)

class Touching(Here):
    """The same, and changes a video meanwhile."""
    def __call__(self, image):
        os.utime("talk.mp4", ns=(1, 1))
        return super().__call__(image)

class Held(Here):
    """The same, but it goes on after its first picture when it is told to."""
    def __call__(self, image):
        found = super().__call__(image)
        begun.set()
        go_on.wait(60)
        return found

class Fifth:
    """Ends its process at every fifth picture that it sees."""
    def __init__(self):
        self.num = 0

    def __call__(self, image):
        self.num += 1
        if self.num % 5 == 0:
            raise SystemExit(9)
        return find(image)

class Uneven:
    """Ends its process at a picture that is not of one colour."""
    def __call__(self, image):
        if image.std() > 5:
            raise SystemExit(9)
        return find(image)
'''


class _Death:
    """Ends a process just before it renames or removes a file. Python calls it, and never forgets it."""

    def __init__(self) -> None:
        self.steps_left: int | None = None

    def __call__(self, event: str, _: tuple[Any, ...]) -> None:
        if self.steps_left is None or event not in ("os.rename", "os.remove"):
            return
        self.steps_left = self.steps_left - 1 if self.steps_left else None
        if self.steps_left is None:
            raise SystemExit(9)


class Here:
    """An executor that does everything at once in this process; one that is ended is said to have died.

    Attributes:
        num_tasks: How many it was given.
        num_died: How many of them died.
        dies_after: So many renamed or removed files of the next task, which dies then; None: it does not.
    """

    num = 1

    def __init__(self) -> None:
        self.num_tasks = self.num_died = 0
        self.dies_after: int | None = None
        self._death: _Death | None = None

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        self.num_tasks += 1
        future: Future[Any] = Future()
        try:
            with self._dying():
                future.set_result(function(*arguments))
        except SystemExit:
            self.num_died += 1
            future.set_exception(BrokenExecutor("it died"))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            future.set_exception(error)
        return future

    @contextmanager
    def _dying(self) -> Iterator[None]:
        if self.dies_after is not None and self._death is None:
            self._death = _Death()
            sys.addaudithook(self._death)
        if self._death:
            self._death.steps_left, self.dies_after = self.dies_after, None
        try:
            yield
        finally:
            if self._death:
                self._death.steps_left = None


@pytest.fixture
def here() -> Here:
    return Here()


@pytest.fixture
def detectors(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of fake detectors, which other processes can import."""
    folder = tmp_path_factory.mktemp("detectors")
    (folder / "mien_test_batch.py").write_text(DETECTOR)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    yield importlib.import_module("mien_test_batch")
    sys.modules.pop("mien_test_batch", None)


@pytest.fixture
def analyzer(detectors: ModuleType) -> Analyzer:
    """Reads every picture as one face; made of names, so that a batch's records can make it anew."""
    return Analyzer("mini-xception", f"{detectors.__name__}:Here")


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten grey pictures, 8×8, none black, as `album/0.png` to `album/9.png`; the working folder is beside them."""
    folder = tmp_path / "album"
    for number in range(10):
        write_image(folder / f"{number}.png", np.full((8, 8, 3), 20 + number * 20, np.uint8))
    monkeypatch.chdir(tmp_path)
    return folder
