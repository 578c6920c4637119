import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.drift import Comparison, Reference, parse_profile
from mien.emotions import EMOTIONS
from mien.errors import InvalidInput
from mien.evaluation.drift import find_drift
from mien.evaluation.profile import answers_of, profile_of
from mien.recognition import ModelInfo, load_classifier
from mien.recognition.quality import appearance, rated
from mien.recognition.reader import Reader
from mien.recognition.reference import reference_of
from mien.values import Box, Detection, Face, FrameResult, GreyFaces, Prediction


@pytest.fixture(scope="module")
def faces() -> GreyFaces:
    """Sixty faces of noise, each of its own brightness and contrast."""
    random = np.random.default_rng(0)
    noise = [random.normal(random.uniform(40, 200), random.uniform(5, 60), (48, 48)) for _ in range(60)]
    return np.array(noise).clip(0, 255).astype(np.uint8)


def test_the_same_faces_have_not_drifted_at_all(faces: GreyFaces) -> None:
    """Their shares are those of the profile exactly, also where many faces have the same value."""
    network = load_classifier("mini-xception")
    profile = profile_of(network, faces, "noise")
    assert parse_profile(json.loads(json.dumps(profile.to_dict()))) == profile
    assert (profile.data, profile.num_faces, [*profile.answers]) == ("noise", 60, ["people", "fer2013"])
    reader = Reader(network)
    where = Detection(Box(0, 0, 48, 48), 1.0)
    comparison = Comparison(Reference("mini-xception", profile, "people"))
    for number, (face, scores) in enumerate(zip(faces, reader(faces), strict=True)):
        found = Face(where, Prediction(reader.labels, scores), quality=rated(appearance(face)))
        comparison.add(FrameResult(source=str(number), width=48, height=48, faces=(found,)))
    drift = comparison.conclude()
    for each in drift.compared[:-1]:
        np.testing.assert_allclose(each.here.shares, each.reference.shares, atol=1e-6)
        assert each.here.mean == pytest.approx(each.reference.mean, rel=1e-4)
    assert all(here == pytest.approx(there) for here, there in drift.shares.values())
    assert drift.texts == []


def test_answers_are_counted_by_label() -> None:
    scores = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]], np.float32)
    answers = answers_of(("left", "right"), scores)
    assert answers.counts == (2, 1)
    assert [each.mean for each in answers.confidence] == pytest.approx([0.8, 0.6])
    # Who never leads has the confidence of all.
    assert answers_of(("left", "right"), scores[:2]).confidence[1].mean == pytest.approx(0.8)


class Small:
    """A fake of a model file for faces of 8 pixels, with labels of its own."""

    info = ModelInfo(
        name="small", architecture="none", labels=("left", "right"), input_size=8, num_parameters=0, size_class="nano"
    )
    input_size = 8

    def run(self, faces: GreyFaces, outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        return [np.zeros((len(faces), 2), np.float32) for _ in outputs]


def test_faces_smaller_than_what_is_measured_have_answers_alone() -> None:
    network: Any = Small()
    profile = profile_of(network, np.zeros((3, 8, 8), np.uint8), "three")
    assert (profile.num_faces, profile.measures, [*profile.answers]) == (3, {}, ["own"])


def test_a_model_file_without_a_profile_gives_none(brightness: object) -> None:
    network = load_classifier("mini-xception")
    network.info = replace(network.info, profile={})
    assert reference_of(network) is None
    assert reference_of(brightness) is None  # type: ignore[arg-type] # a fake


def test_the_reference_is_that_of_the_reading_and_its_prior(faces: GreyFaces) -> None:
    network = load_classifier("mini-xception")
    network.info = replace(network.info, profile=profile_of(network, faces, "noise").to_dict())
    usual, other = reference_of(Reader(network)), reference_of(Reader(network, prior={"happy": 1.0, "neutral": 1.0}))
    assert usual is not None
    assert other is not None
    assert usual.reading == "people"
    assert [*usual.factors.values()] == pytest.approx([1.0] * 7)
    scores = Reader(network, prior={"happy": 1.0, "neutral": 1.0})(faces)
    undone = scores * np.array([other.factors[label] for label in EMOTIONS])
    np.testing.assert_allclose(undone / undone.sum(axis=1, keepdims=True), Reader(network)(faces), atol=1e-5)
    old = reference_of(Reader(network, "fer2013"))
    assert old is not None
    assert (old.reading, old.factors) == ("fer2013", {})
    plain = reference_of(network)
    assert plain is not None
    assert plain.reading == "fer2013"
    eight = reference_of(Reader(network, labels="ferplus"))
    assert eight is not None
    assert [*eight.factors.values()] == pytest.approx([1.0] * 8)


def test_no_profile_is_an_error_that_says_what_to_do(brightness: object) -> None:
    from mien.analyzer import Analyzer

    analyzer = Analyzer(brightness, lambda image: [])  # type: ignore[arg-type] # fakes
    with pytest.raises(InvalidInput, match="mien export"):
        find_drift([], analyzer)
