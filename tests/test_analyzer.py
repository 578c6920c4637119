from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien
from mien.errors import InvalidInput, MienError
from mien.values import Box, Detection, Image


def quarters(image: Image) -> list[Detection]:
    """A fake that finds a face in the upper left quarter of every picture wider than 10 pixels."""
    return [Detection(Box(0, 0, 10, 10), 1.0)] if image.shape[1] > 10 else []


def grey(value: int, width: int = 20) -> Image:
    return np.full((20, width, 3), value, np.uint8)


def test_faces_of_several_pictures_go_through_the_network_together(brightness: Any) -> None:
    results = mien.Analyzer(brightness, quarters).analyze([grey(0), grey(255, width=5), grey(255)])
    assert [[face.label for face in faces] for faces in results] == [["dark"], [], ["bright"]]
    assert brightness.batches == [2]


def test_no_pictures_and_no_faces(brightness: Any) -> None:
    analyzer = mien.Analyzer(brightness, quarters)
    assert analyzer.analyze([]) == []
    assert analyzer(grey(0, width=5)) == []


def test_the_region_decides_what_the_network_sees(brightness: Any) -> None:
    image = grey(0)
    image[:, 10:] = 255

    def right_half(image: Image) -> list[Detection]:
        return [Detection(Box(0, 0, 10, 10), 1.0, crop=Box(10, 0, 20, 10))]

    assert mien.Analyzer(brightness, right_half)(image)[0].label == "bright"


def test_one_instance_serves_many_threads(brightness: Any) -> None:
    analyzer = mien.Analyzer(brightness, quarters)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda value: analyzer(grey(value))[0].scores["bright"], range(200)))
    np.testing.assert_allclose(results, np.arange(200) / 255, atol=1e-6)


@pytest.mark.parametrize("picture", [np.zeros((5, 5, 3)), 3, None])
def test_what_is_no_picture_is_refused(brightness: Any, picture: Image) -> None:
    with pytest.raises(InvalidInput, match="a picture is"):
        mien.Analyzer(brightness, quarters)(picture)


@pytest.mark.parametrize("names", [{"model": "unheard-of"}, {"detector": "unheard-of"}])
def test_unknown_names_are_refused(names: dict[str, str]) -> None:
    with pytest.raises(MienError, match="unheard-of"):
        mien.Analyzer(**names)


def test_the_astronaut_smiles() -> None:
    picture = Path(__file__).parents[1] / "docs" / "pictures" / "astronaut.jpg"
    (face,) = mien.Analyzer()(picture)
    assert face.label == "happy"
    assert sum(face.scores.values()) == pytest.approx(1, abs=1e-5)
    assert face.box.overlap(Box(170, 65, 280, 175)) > 0.5


def test_the_file_of_yunet_can_be_named(tmp_path: Path) -> None:
    with pytest.raises(MienError, match=r"elsewhere\.onnx.*mien models fetch yunet"):
        mien.Analyzer(detector="yunet", model_file=tmp_path / "elsewhere.onnx")
