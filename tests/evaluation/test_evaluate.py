import numpy as np
import pytest
from numpy.typing import NDArray

from mien.data import FaceSet
from mien.errors import DataError
from mien.evaluation import class_indices, evaluate, predict_scores
from mien.evaluation.evaluate import score_votes


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
    assert {"data": "halves", "split": "PublicTest", "flip": False}.items() <= result.items()


def test_labels_in_another_order_give_the_same(faces: FaceSet) -> None:
    class Reversed(Halves):
        def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
            return super().__call__(faces)[:, ::-1]

    plain = evaluate(Halves("left", "right"), faces, "val")
    other = evaluate(Reversed("right", "left"), faces, "val")
    assert other["accuracy"] == plain["accuracy"]
    assert other["per_class"] == plain["per_class"]


def test_flip_averages_with_the_mirror_image() -> None:
    scores = predict_scores(Halves("left", "right"), lit("left", "right"), flip=True)
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
