import pytest

from mien.detection import DETECTORS, Haar, load_detector
from mien.errors import InvalidInput


def test_a_detector_by_name_with_its_options() -> None:
    detector = load_detector("haar", neighbours=5)
    assert isinstance(detector, Haar)
    assert detector.neighbours == 5


def test_unknown_names_and_options_are_told() -> None:
    with pytest.raises(InvalidInput, match=r"unknown detector 'har'; did you mean haar\? Known are: haar, yunet"):
        load_detector("har")
    for name in DETECTORS:
        with pytest.raises(InvalidInput, match=f"the detector {name} has no option colour; it has: "):
            load_detector(name, colour="red")
