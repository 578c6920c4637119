from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mien
from mien.errors import InvalidInput, MienError
from mien.faces import Box, Detection, Image


class Brightness:
    """A fake of two classes that remembers how many faces came at once."""

    labels = ("dark", "bright")
    input_size = 4

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(faces))
        bright = faces.reshape(len(faces), 16).mean(axis=1, dtype=np.float32) / 255
        return np.stack([1 - bright, bright], axis=1)


def quarters(image: Image) -> list[Detection]:
    """A fake that finds a face in the upper left quarter of every picture wider than 10 pixels."""
    return [Detection(Box(0, 0, 10, 10), 1.0)] if image.shape[1] > 10 else []


def grey(value: int, width: int = 20) -> Image:
    return np.full((20, width, 3), value, np.uint8)


def test_faces_of_several_pictures_go_through_the_network_together() -> None:
    classifier = Brightness()
    results = mien.Analyzer(classifier, quarters).analyze([grey(0), grey(255, width=5), grey(255)])
    assert [[face.label for face in faces] for faces in results] == [["dark"], [], ["bright"]]
    assert classifier.batches == [2]


def test_no_pictures_and_no_faces() -> None:
    analyzer = mien.Analyzer(Brightness(), quarters)
    assert analyzer.analyze([]) == []
    assert analyzer(grey(0, width=5)) == []


def test_the_region_decides_what_the_network_sees() -> None:
    image = grey(0)
    image[:, 10:] = 255

    def right_half(image: Image) -> list[Detection]:
        return [Detection(Box(0, 0, 10, 10), 1.0, crop=Box(10, 0, 20, 10))]

    assert mien.Analyzer(Brightness(), right_half)(image)[0].label == "bright"


def test_one_instance_serves_many_threads() -> None:
    analyzer = mien.Analyzer(Brightness(), quarters)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda value: analyzer(grey(value))[0].scores["bright"], range(200)))
    np.testing.assert_allclose(results, np.arange(200) / 255, atol=1e-6)


@pytest.mark.parametrize("picture", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), 3, None])
def test_what_is_no_picture_is_refused(picture: Image) -> None:
    with pytest.raises(InvalidInput, match="an image is"):
        mien.Analyzer(Brightness(), quarters)(picture)


@pytest.mark.parametrize(
    "make", [lambda: mien.Analyzer("unheard-of"), lambda: mien.Analyzer(Brightness(), "unheard-of")]
)
def test_unknown_names_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(MienError, match="unheard-of"):
        make()


def test_the_astronaut_smiles() -> None:
    picture = Path(__file__).parents[1] / "docs" / "pictures" / "astronaut.jpg"
    (face,) = mien.Analyzer()(picture)
    assert face.label == "happy"
    assert sum(face.scores.values()) == pytest.approx(1, abs=1e-5)
    assert face.box.overlap(Box(170, 65, 280, 175)) > 0.5
