import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.data import Attribute, FaceSet, Groups
from mien.emotions import EMOTIONS, FER_PLUS_VOTES
from mien.errors import DataError, InvalidInput
from mien.evaluation import class_indices, evaluate, load_for
from mien.evaluation.answers import Run
from mien.evaluation.evaluate import score_votes
from mien.recognition import Reader, load_classifier
from mien.values import Image


class Halves:
    """A fake of two classes: how bright the left and the right half are."""

    def __init__(self, *labels: str, size: int = 8) -> None:
        self.labels = labels
        self.input_size = size

    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        half = self.input_size // 2
        sums = np.stack([faces[:, :, :half].sum((1, 2)), faces[:, :, half:].sum((1, 2))], axis=1) + 1.0
        return np.asarray(sums / sums.sum(axis=1, keepdims=True), dtype=np.float32)


def lit(*sides: str) -> NDArray[np.uint8]:
    faces = np.zeros((len(sides), 8, 8), np.uint8)
    for face, side in zip(faces, sides, strict=True):
        face[:, slice(0, 4) if side == "left" else slice(4, 8)] = 10
    return faces


@pytest.fixture
def faces() -> FaceSet:
    """Two to train on; four to validate: the first is in training too, the last is labelled wrongly."""
    pixels = lit("left", "right", "left", "right", "left", "left")
    pixels[3:, 0, 0] += np.arange(1, 4, dtype=np.uint8)
    return FaceSet(
        name="halves",
        faces=pixels,
        classes=("left", "right"),
        labels=np.array([0, 1, 0, 1, 0, 1]),
        splits=np.array(["train"] * 2 + ["val"] * 4),
        sources=[f"halves:{number}" for number in range(6)],
    )


def test_accuracy_with_and_without_trainings_duplicates(faces: FaceSet) -> None:
    result = evaluate(Halves("left", "right"), faces, "PublicTest")
    assert result["num_faces"] == 4
    assert result["accuracy"] == 3 / 4
    assert result["confusion"] == ((2, 0), (1, 1))
    assert result["per_class"]["right"] == {
        "num_faces": 2,
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
    }
    without = result["without_duplicates"]
    assert (without["num_faces"], without["accuracy"]) == (3, pytest.approx(2 / 3))
    assert {"data": "halves", "split": "PublicTest", "views": 1}.items() <= result.items()


def test_labels_in_another_order_give_the_same(faces: FaceSet) -> None:
    class Reversed(Halves):
        def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
            return super().__call__(faces)[:, ::-1]

    plain = evaluate(Halves("left", "right"), faces, "val")
    other = evaluate(Reversed("right", "left"), faces, "val")
    assert other["accuracy"] == plain["accuracy"]
    assert other["per_class"] == plain["per_class"]


def test_flip_averages_with_the_mirror_image() -> None:
    classifier = Halves("left", "right")
    scores = Run(classifier, lit("left", "right"), views=2).answers(classifier).scores
    np.testing.assert_allclose(scores, 0.5)


def test_a_model_may_know_more_than_the_data_but_not_less(faces: FaceSet) -> None:
    assert class_indices(faces, ("up", "right", "left")).tolist() == [2, 1, 2, 1, 2, 1]
    with pytest.raises(DataError, match="classes the model does not know: right"):
        class_indices(faces, ("left",))


def test_classes_without_a_face_do_not_count_in_macro_f1(faces: FaceSet) -> None:
    two, three = (evaluate(Halves("left", "right", *more), faces, "val") for more in ((), ("up",)))
    assert three["per_class"]["up"] == {"num_faces": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert three["macro_f1"] == two["macro_f1"]


def test_duplicates_are_looked_for_in_the_whole_set_when_some_was_left_out(faces: FaceSet) -> None:
    part = faces.select(np.array([False, True, True, True, True, True]))  # the training copy is left out
    result = evaluate(Halves("left", "right"), part, "val", whole=faces)
    assert (result["num_faces"], result["without_duplicates"]["num_faces"]) == (4, 3)


def test_a_whole_set_that_is_empty_is_not_taken_for_one_that_was_left_out(faces: FaceSet) -> None:
    nothing = faces.select(np.zeros(len(faces), np.bool_))
    assert evaluate(Halves("left", "right"), faces, "val", whole=nothing)["without_duplicates"] is None


def test_without_a_training_split_there_is_nothing_to_compare(faces: FaceSet) -> None:
    assert evaluate(Halves("left", "right"), faces.split("val"), "val")["without_duplicates"] is None
    assert evaluate(Halves("left", "right"), faces, "train")["without_duplicates"] is None


def test_faces_of_another_size_are_resized(faces: FaceSet) -> None:
    assert evaluate(Halves("left", "right", size=4), faces, "val")["accuracy"] == 3 / 4


def test_a_missing_split_is_named(faces: FaceSet) -> None:
    message = "no faces in the split 'PrivateTest'; it has: train, val; score it with --split train or --split val"
    with pytest.raises(DataError, match=message):
        evaluate(Halves("left", "right"), faces, "PrivateTest")


def test_votes_are_scored_where_there_is_a_majority() -> None:
    votes = np.zeros((4, 10), np.uint8)
    votes[0, [0, 1]] = 8, 2  # neutral
    votes[1, [1, 2, 3]] = 5, 4, 1  # happiness: who is alone does not count
    votes[2, [1, 2]] = 5, 5  # nobody
    votes[3, [9, 0]] = 7, 3  # not a face
    scores = np.eye(8, dtype=np.float32)[[0, 2, 1, 0]]
    assert score_votes(votes, scores) == {
        "num_faces": 2,
        "accuracy": 0.5,
        "standard_error": pytest.approx(0.3536, abs=1e-4),
    }
    assert score_votes(votes[2:], scores[2:]) == {"num_faces": 0, "accuracy": None, "standard_error": None}


def test_groups_are_those_of_the_faces_that_are_scored(faces: FaceSet) -> None:
    """The table is about the whole set; of the split, one face was left out."""
    groups = Groups("groups.csv", np.arange(6), (Attribute("side", ("a", "b"), np.array([0, 0, 0, 1, 0, 1])),))
    part = faces.select(np.array([True, True, False, True, True, True]))
    result = evaluate(Halves("left", "right"), part, "val", whole=faces, groups=groups, light=True)
    assert result["groups"]["overall"]["num_faces"] == 3
    assert result["groups"]["by_attribute"][0]["too_small"] == ("a", "b")
    assert result["light"]["num_faces"] == 3
    assert result["reading"] is None


def test_people_are_scored_against_the_votes_where_these_have_a_majority() -> None:
    votes = np.zeros((8, len(FER_PLUS_VOTES)), np.uint8)
    votes[:5, FER_PLUS_VOTES.index("happiness")] = 10
    votes[5:, 0], votes[5:, 1] = 5, 5
    pixels = np.random.default_rng(0).integers(0, 256, (8, 48, 48)).astype(np.uint8)
    data = FaceSet("votes", pixels, EMOTIONS, np.zeros(8, np.int64), np.full(8, "val"), list("abcdefgh"), votes)
    groups = Groups("groups.csv", np.arange(8), (Attribute("side", ("a",), np.zeros(8, np.int64)),))
    classifier = load_classifier("mini-xception")
    counts = {
        reading: evaluate(classifier, data, "val", groups=groups, reading=reading)["groups"]["overall"]["num_faces"]
        for reading in (None, "fer2013", "people")
    }
    assert counts == {None: 8, "fer2013": 8, "people": 5}


@pytest.mark.parametrize("reading", [None, "people"])
def test_groups_and_light_know_what_is_left_uncertain(reading: str | None, portrait: Image) -> None:
    """Half of the faces can be read, and half are noise."""
    readable = np.asarray(cv2.resize(cv2.cvtColor(portrait[30:170, 35:175], cv2.COLOR_RGB2GRAY), (48, 48)), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (30, 48, 48)).astype(np.uint8)
    pixels = np.concatenate([np.repeat(readable[None], 30, axis=0), noise])
    data = FaceSet("faces", pixels, EMOTIONS, np.full(60, 3), np.full(60, "val"), list(map(str, range(60))))
    kinds = np.repeat([0, 1], 30)
    groups = Groups("groups.csv", np.arange(60), (Attribute("kind", ("face", "noise"), kinds),))
    classifier = load_classifier("mini-xception")
    reader = Reader(classifier, reading or "fer2013", max_error=0.1)
    read = reader.read(pixels)
    assert reader.abstention
    doubts = reader.abstention.are_uncertain(read.scores, read.outputs)
    assert not doubts[0] and doubts.any()
    result = evaluate(classifier, data, "val", groups=groups, light=True, reading=reading, max_error=0.1)
    [attribute] = result["groups"]["by_attribute"]
    shares = [attribute["by_group"][name]["uncertain"]["value"] for name in ("face", "noise")]
    assert shares == pytest.approx([doubts[:30].mean(), doubts[30:].mean()])
    [as_they_are] = [step["uncertain"] for step in result["light"]["exposure"] if step["amount"] == 0]
    assert as_they_are == pytest.approx(doubts.mean())


def test_a_classifier_without_readings_is_not_asked_for_one(faces: FaceSet) -> None:
    with pytest.raises(InvalidInput, match="only a model file has readings; got reading='people' for Halves"):
        evaluate(Halves("left", "right"), faces, "val", reading="people")


def test_a_prior_that_nothing_would_use_is_refused(faces: FaceSet) -> None:
    """The data have no votes."""
    data = dataclasses.replace(faces, faces=np.repeat(np.repeat(faces.faces, 6, 1), 6, 2), classes=EMOTIONS)
    with pytest.raises(InvalidInput, match=r"a prior is of people's reading.*halves has none, and got reading=None"):
        evaluate(load_classifier("mini-xception"), data, "val", prior="even")
    evaluate(load_classifier("mini-xception"), data, "val", prior="even", reading="people")


def test_without_a_majority_people_score_neither_groups_nor_light(faces: FaceSet) -> None:
    divided = np.zeros((len(faces), len(FER_PLUS_VOTES)), np.uint8)
    divided[:, :2] = 5
    data = dataclasses.replace(
        faces, faces=np.repeat(np.repeat(faces.faces, 6, 1), 6, 2), classes=EMOTIONS, votes=divided
    )
    with pytest.raises(DataError, match=r"halves: of the 4 faces of val none has votes with a majority"):
        evaluate(load_classifier("mini-xception"), data, "val", reading="people", light=True)


def test_what_training_held_out_is_no_training_face(tmp_path: Path) -> None:
    """Of the data that it was trained on, in a folder without splits; all of another one's faces may be wanted."""
    random = np.random.default_rng(0)
    for folder in ("mine", "yours"):
        for number in range(40):
            path = tmp_path / folder / ("happy", "sad")[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), random.integers(0, 256, (48, 48), np.uint8))
    info = load_classifier("mini-xception").info
    info = dataclasses.replace(info, trained_on={"name": "mine", "held_out": 0.3})
    trained, held_out = (len(load_for(info, tmp_path / "mine", split=each).split(each)) for each in ("train", "val"))
    assert trained + held_out == 40
    assert 0 < held_out < 30
    assert len(load_for(info, tmp_path / "yours", split="train").split("train")) == 40
