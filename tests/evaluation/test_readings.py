import numpy as np
import pytest

from mien.emotions import EMOTIONS, FER_PLUS_VOTES
from mien.evaluation.readings import named_by_most, score_people, votes_for
from mien.recognition import Reader, load_classifier

NETWORK = load_classifier("mini-xception")


def votes(**counts: int) -> list[int]:
    return [counts.get(name, 0) for name in FER_PLUS_VOTES]


VOTES = np.array(
    [
        votes(happiness=9, neutral=1),
        votes(sadness=6, neutral=4),
        votes(sadness=5, neutral=5),
        votes(contempt=8, neutral=2),
        votes(anger=7, unknown=3),
        votes(NF=10),
    ],
    np.uint8,
)


def certain(*labels: str) -> np.ndarray:
    """Scores of 0.94 for a label and 0.01 for each other."""
    scores = np.full((len(labels), 7), 0.01, np.float32)
    scores[np.arange(len(labels)), [EMOTIONS.index(label) for label in labels]] = 0.94
    return scores


def test_a_majority_is_more_than_half_of_ten_votes_for_one_of_the_labels() -> None:
    named = named_by_most(votes_for(VOTES, EMOTIONS))
    assert [EMOTIONS[label] if label >= 0 else None for label in named] == ["happy", "sad", None, None, "angry", None]


def test_accuracy_is_of_clear_faces_and_loss_of_all_that_were_rated() -> None:
    reader = Reader(NETWORK, prior="natural")
    scores = certain("happy", "neutral", "sad", "neutral", "angry", "happy")
    result = score_people(VOTES, scores, reader)
    assert result is not None
    assert (result["num_faces"], result["num_rated"]) == (3, 5)
    assert result["accuracy"] == pytest.approx(2 / 3)
    assert result["mean_recall"] == pytest.approx(2 / 3)
    assert {label: recall for label, recall in result["recall"].items() if recall is not None} == {
        "happy": 1, "sad": 0, "angry": 1,
    }  # fmt: skip
    agreed = [0.9, 0.4, 0.5, 1.0, 1.0]
    assert result["nll"] == pytest.approx(
        float(np.mean([-share * np.log(0.94) - (1 - share) * np.log(0.01) for share in agreed])), rel=1e-5
    )
    assert result["ece"] == pytest.approx(0.94 - np.mean(agreed), abs=1e-6)


def test_for_another_prior_votes_count_by_the_ratio_of_the_shares() -> None:
    reader = Reader(NETWORK, prior="even")
    assert reader.prior is not None
    assert reader.natural is not None
    twice = np.array([votes(happiness=10), votes(disgust=10)], np.uint8)
    result = score_people(twice, certain("happy", "neutral"), reader)
    assert result is not None
    ratio = {label: reader.prior[label] / reader.natural[label] for label in ("happy", "disgust")}
    wrong = ratio["disgust"] / sum(ratio.values())
    assert result["nll"] == pytest.approx(-(1 - wrong) * np.log(0.94) - wrong * np.log(0.01), rel=1e-5)
    assert result["ece"] == pytest.approx(abs(0.94 - (1 - wrong)), abs=1e-6)


def test_without_a_clear_face_there_is_no_score() -> None:
    assert score_people(VOTES[2:4], certain("sad", "sad"), Reader(NETWORK)) is None


def test_votes_drawn_from_the_scores_are_calibrated_to_chance() -> None:
    rng = np.random.default_rng(0)
    reader = Reader(NETWORK, prior="natural")
    scores = rng.dirichlet(np.ones(7) / 2, 4000).astype(np.float32)
    drawn = np.zeros((4000, 10), np.uint8)
    columns = [["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"].index(name)
               for name in FER_PLUS_VOTES[:7]]  # fmt: skip
    wide = scores.astype(np.float64)
    drawn[:, :7] = rng.multinomial(10, wide / wide.sum(axis=1, keepdims=True))[:, columns]
    result = score_people(drawn, scores, reader)
    assert result is not None
    chance = result["ece_by_chance"]
    assert abs(result["ece"] - chance["mean"]) < 5 * chance["std"]
    assert result["ece"] < 0.02
