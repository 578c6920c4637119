from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.crop import crop_face
from mien.errors import InvalidInput
from mien.recognition import Reader, load_classifier, read_faces, softmax
from mien.values import Box, Crop, Detection, Image
from tests.conftest import each_model

ERROR = 1e-4
"""How far a logit may be from the mean of its map: the shipped files, in eight bits and in half precision, included."""


@pytest.fixture
def found(portrait: Image) -> list[Detection]:
    """Two places in the portrait: the face, turned a little, and a corner."""
    return [
        Detection(Box(50, 30, 150, 150), 1.0, crop=Crop(100, 95, 110, 4)),
        Detection(Box(0, 0, 40, 40), 0.5),
    ]


@pytest.mark.parametrize("reading", ["people", "fer2013"])
@pytest.mark.parametrize("name", each_model())
def test_the_mean_of_a_map_is_the_logit_whose_softmax_is_the_score(
    name: str, reading: str, portrait: Image, found: list[Detection]
) -> None:
    reader = Reader(load_classifier(name), reading)
    [faces] = read_faces(reader, [portrait], [found], explain=True)
    cut = np.stack([crop_face(portrait, each.region, reader.input_size) for each in found])
    logits = reader.read(cut).logits
    for face, own in zip(faces, logits, strict=True):
        assert face.explanation is not None
        means = np.array([face.explanation.logit(label) for label in reader.labels], np.float32)
        np.testing.assert_allclose(means, own, atol=ERROR)
        np.testing.assert_allclose(softmax(means[None])[0], face.prediction.scores, atol=ERROR)
        assert face.explanation.crop == face.detection.region
        assert face.explanation.shape == portrait.shape[:2]
        ratio = np.log(face.scores["happy"] / face.scores["sad"])
        assert face.explanation.logit("happy", against="sad") == pytest.approx(ratio, abs=10 * ERROR)


class CountedRuns(Reader):
    """A reader that counts how often its network runs."""

    runs = 0

    def read(self, faces: NDArray[np.uint8], *, maps: bool = False) -> Any:
        self.runs += 1
        return super().read(faces, maps=maps)


def test_scores_and_maps_come_from_one_run(portrait: Image, found: list[Detection]) -> None:
    reader = CountedRuns(load_classifier("mini-xception"))
    [explained] = read_faces(reader, [portrait], [found], explain=True)
    assert reader.runs == 1
    [plain] = read_faces(reader, [portrait], [found])
    assert [face.explanation for face in plain] == [None, None]
    for one, other in zip(explained, plain, strict=True):
        np.testing.assert_array_equal(one.prediction.scores, other.prediction.scores)
    assert read_faces(reader, [portrait], [[]], explain=True) == [[]]


def test_a_classifier_without_maps_cannot_explain(brightness: Any, portrait: Image, found: list[Detection]) -> None:
    with pytest.raises(InvalidInput, match="only a model file explains what it says"):
        read_faces(brightness, [portrait], [found], explain=True)
