import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.detection import DETECTORS, Haar, load_detector
from mien.errors import InvalidInput
from mien.images import read_image
from mien.values import Detection


def test_a_detector_by_name_with_its_options() -> None:
    detector = load_detector("haar", neighbours=5)
    assert isinstance(detector, Haar)
    assert detector.neighbours == 5


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"unknown detector 'har'; did you mean haar\? Known are: yunet, haar"):
        load_detector("har")
    for name in DETECTORS:
        with pytest.raises(InvalidInput, match=f"the detector {name} has no option colour; its options are: "):
            load_detector(name, colour="red")


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_keeps_to_the_protocol(name: str, astronaut: Path) -> None:
    detector, image = load_detector(name), read_image(astronaut)
    height, width = image.shape[:2]
    found = detector(image)
    assert found
    for each in found:
        assert isinstance(each, Detection)
        assert 0 <= each.box.left < each.box.right <= width
        assert 0 <= each.box.top < each.box.bottom <= height
        assert 0 <= each.score <= 1
    areas = [each.box.area for each in found]
    assert areas == sorted(areas, reverse=True)
    assert pickle.loads(pickle.dumps(detector))(image) == found
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(detector, [image] * 4)) == [found] * 4
    for shape in ((1, 1, 3), (1, 300, 3), (300, 1, 3)):
        assert isinstance(detector(np.zeros(shape, np.uint8)), list)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("wrong", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32), "party.jpg"])
def test_every_detector_refuses_what_is_no_image(name: str, wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        load_detector(name)(wrong)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("verb", ["analyze", "batch", "benchmark"])
def test_the_help_names_every_detector(name: str, verb: str, run_mien: Callable[..., Any]) -> None:
    assert name in run_mien(verb, "--help").out.partition("--detector")[2]


@pytest.fixture
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package `ownfaces` with detectors, and a module that does not compile."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "ownfaces").mkdir()
    (tmp_path / "ownfaces" / "__init__.py").touch()
    (tmp_path / "ownfaces" / "broken.py").write_text("def")
    (tmp_path / "ownfaces" / "needy.py").write_text("import a_package_that_nobody_has")
    (tmp_path / "ownfaces" / "corner.py").write_text(
        """
from mien.values import Box, Detection

SIDE = 5

class Corner:
    def __init__(self, side=SIDE):
        self.side = side

    def __call__(self, image):
        return [Detection(Box(0, 0, self.side, self.side), 1.0)]

def corner(**options):
    return Corner(**options)

def faces(image):
    return []
"""
    )


@pytest.mark.usefixtures("own_modules")
@pytest.mark.parametrize("name", ["Corner", "corner"])
def test_ones_own_detector_is_imported(name: str) -> None:
    image = np.zeros((9, 9, 3), np.uint8)
    assert load_detector(f"ownfaces.corner:{name}")(image)[0].box == (0, 0, 5, 5)
    assert load_detector(f"ownfaces.corner:{name}", side=7)(image)[0].box == (0, 0, 7, 7)


@pytest.mark.usefixtures("own_modules")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.at_all:Corner", "cannot be imported: No module named 'nowhere'.*PYTHONPATH"),
        ("ownfaces.nothing:Corner", r"cannot be imported: No module named 'ownfaces\.nothing'"),
        ("ownfaces.needy:Corner", "cannot be imported: No module named 'a_package_that_nobody_has'"),
        ("ownfaces.broken:Corner", "cannot be imported: invalid syntax|cannot be imported: expected"),
        ("ownfaces.corner:Edge", r"is not there: the module ownfaces\.corner has no Edge"),
        ("ownfaces.corner:SIDE", r"the module ownfaces\.corner holds no class or function SIDE"),
        ("ownfaces.corner:faces", "cannot be made: missing a required argument: 'image'"),
        ("ownfaces.corner", r"unknown detector 'ownfaces\.corner'.*package\.module:Name"),
        ("ownfaces..corner:Corner", "unknown detector"),
        (":Corner", "unknown detector"),
        ("", "unknown detector"),
    ],
)
def test_ones_own_detector_that_is_not_there_is_named(name: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        load_detector(name)


@pytest.mark.usefixtures("own_modules")
def test_an_option_that_ones_own_detector_lacks_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"ownfaces\.corner:Corner has no option colour; its options are: side"):
        load_detector("ownfaces.corner:Corner", colour="red")
