import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.emotions import EMOTIONS, EMOTIONS_AND_CONTEMPT, parse_vote
from mien.errors import InvalidInput
from mien.recognition import OnnxClassifier, Reader, load_classifier, softmax
from mien.recognition.abstention import packed
from mien.recognition.reader import PRIORS, READINGS, readings_of
from tests.conftest import each_model

FACES = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
NETWORK = load_classifier("mini-xception")


@pytest.mark.parametrize("name", each_model())
def test_shipped_models_answer_as_people_would_unless_asked(name: str) -> None:
    network = load_classifier(name)
    assert readings_of(network.info) == READINGS
    assert Reader(network).reading == "people"


@pytest.mark.parametrize("name", each_model())
@pytest.mark.parametrize("reading", READINGS)
def test_logits_are_the_means_of_their_maps(name: str, reading: str) -> None:
    readings = Reader(load_classifier(name), reading).read(FACES, maps=True)
    assert readings.maps is not None
    np.testing.assert_allclose(readings.maps.mean((2, 3)), readings.logits, atol=1e-4)
    np.testing.assert_allclose(softmax(readings.logits), readings.scores)
    assert readings.outputs.shape == (5, 15)


def test_the_reading_of_fer2013_is_the_files_own() -> None:
    reader = Reader(NETWORK, "fer2013")
    np.testing.assert_array_equal(reader(FACES), NETWORK(FACES))
    assert (reader.labels, reader.prior, reader.natural) == (NETWORK.labels, None, None)


def test_the_natural_prior_leaves_the_votes_as_they_are() -> None:
    eight = Reader(NETWORK, prior="natural", labels="ferplus")
    names = ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"]
    order = [names.index(label) for label in EMOTIONS_AND_CONTEMPT]
    np.testing.assert_allclose(eight(FACES), NETWORK.votes(FACES)[:, order], atol=1e-6)
    seven = Reader(NETWORK, prior="natural")(FACES)
    without = eight(FACES)[:, :7]
    np.testing.assert_allclose(seven, without / without.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("prior", [[1, 2], 3, "evan"])
def test_what_is_no_prior_is_refused(prior: Any) -> None:
    with pytest.raises(InvalidInput, match="prior is halfway, natural, even, or a share for each label; got "):
        Reader(NETWORK, prior=prior)


@pytest.mark.parametrize("prior", PRIORS)
def test_a_prior_multiplies_the_odds(prior: str) -> None:
    natural, reader = Reader(NETWORK, prior="natural"), Reader(NETWORK, prior=prior)
    assert natural.prior is not None
    assert reader.prior is not None
    ratio = np.array([reader.prior[label] / natural.prior[label] for label in EMOTIONS])
    expected = natural(FACES) * ratio
    np.testing.assert_allclose(reader(FACES), expected / expected.sum(axis=1, keepdims=True), rtol=1e-4)
    assert sum(reader.prior.values()) == pytest.approx(1)


def test_an_even_prior_is_even_and_halfway_goes_with_the_roots() -> None:
    even, halfway, natural = (Reader(NETWORK, prior=prior).prior for prior in ("even", "halfway", "natural"))
    assert even is not None
    assert halfway is not None
    assert natural is not None
    assert list(even.values()) == pytest.approx([1 / 7] * 7)
    squares = [halfway[label] ** 2 / natural[label] for label in EMOTIONS]
    assert squares == pytest.approx([squares[0]] * 7)


@given(st.dictionaries(st.sampled_from(EMOTIONS), st.floats(1e-3, 1e6), min_size=1))
def test_shares_of_ones_own_are_taken_as_they_are(shares: dict[str, float]) -> None:
    reader = Reader(NETWORK, prior=shares)
    assert reader.prior is not None
    for label in EMOTIONS:
        assert reader.prior[label] == pytest.approx(shares.get(label, 0) / sum(shares.values()), abs=1e-8)
    scores = reader(FACES)
    assert np.isfinite(scores).all()
    assert scores[:, [label not in shares for label in EMOTIONS]].max(initial=0) < 1e-2


def test_spellings_of_labels_are_known() -> None:
    assert Reader(NETWORK, prior={"Joy": 1, "sadness": 1}).prior == Reader(NETWORK, prior={"happy": 1, "sad": 1}).prior


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ({"reading": "mine"}, "reading is one of people, fer2013; got 'mine'"),
        ({"prior": "odd"}, "prior is halfway, natural, even, or a share for each label; got 'odd'"),
        ({"prior": {"happy": 0}}, "a share above 0"),
        ({"prior": {"happy": -1}}, "prior of happy is a number, 0 or more; got -1"),
        ({"prior": {"bored": 1}}, "'bored', which is none of angry"),
        ({"prior": {"contempt": 1}}, "'contempt', which is none of angry.*; labels='ferplus' adds contempt$"),
        ({"prior": {"happy": 1, "joy": 3}}, "two shares for the same label; got happy, joy"),
        ({"labels": "nine"}, "labels are seven or ferplus; got 'nine'"),
        ({"reading": "fer2013", "prior": "even"}, "belongs to people's reading, and here the reading is fer2013$"),
        ({"reading": "fer2013", "labels": "ferplus"}, "labels='ferplus' belongs to people's reading"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, object], fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        Reader(NETWORK, **asked)  # type: ignore[arg-type]


def test_a_file_with_labels_of_its_own_answers_for_these(make_model: Callable[..., Path]) -> None:
    network = OnnxClassifier(make_model())
    reader = Reader(network)
    assert (reader.reading, reader.labels) == (None, ("left", "right"))
    faces = FACES[:, :8, :8]
    np.testing.assert_array_equal(reader(faces), network(faces))
    with pytest.raises(InvalidInput, match="has no reading 'people': it has one, its own labels"):
        Reader(network, "people")
    with pytest.raises(InvalidInput, match=r"people's reading, and here .* has labels of its own$"):
        Reader(network, prior="even")


@pytest.mark.parametrize("asked", [{"max_error": 0.1}, {"sets": 0.9}])
def test_a_file_without_calibration_faces_is_named_by_its_path(
    make_model: Callable[..., Path], asked: dict[str, float]
) -> None:
    """It was called by the name in its metadata, which may be that of a shipped model, or of no file at all."""
    file = make_model()
    with pytest.raises(InvalidInput, match=re.escape(f"`mien export {file} --data …`")):
        Reader(OnnxClassifier(file), **asked)  # type: ignore[arg-type]


def test_a_file_without_votes_has_one_reading() -> None:
    assert readings_of(replace(NETWORK.info, readings={}, vote_labels=())) == ("fer2013",)


def test_it_survives_pickle() -> None:
    reader = Reader(NETWORK, "people", {"happy": 1, "sad": 3})
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader))(FACES), reader(FACES))


def test_calibration_faces_that_show_contempt_alone_calibrate_the_eight_alone() -> None:
    network = load_classifier("mini-xception")
    contempt = [parse_vote(name) for name in network.info.vote_labels].index("contempt")
    faces = packed(np.zeros((4, 8), np.float32), np.full(4, contempt))
    people = {**network.info.readings["people"], "calibration": faces}
    network.info = replace(network.info, readings={**network.info.readings, "people": people})
    assert Reader(network).calibration is None
    assert Reader(network, labels="ferplus").calibration is not None
