"""What `mien evaluate` says of a shipped file's doubts, on faces whose answers are known."""

import numpy as np
import pytest

from mien.evaluation.abstention import score_abstention, score_sets
from mien.recognition import Reader, load_classifier
from mien.recognition.abstention import lead

NETWORK = load_classifier("mini-xception")
FACES = np.random.default_rng(0).integers(60, 200, (200, 6, 6), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)


def test_the_figures_are_those_of_the_answers() -> None:
    reader = Reader(NETWORK, "fer2013", max_error=0.3, sets=0.8)
    assert reader.abstention is not None
    readings = reader.read(FACES)
    answered = readings.scores.argmax(axis=1)
    right = np.where(np.arange(200) % 4 == 0, (answered + 1) % 7, answered)
    right[::10] = -1
    found = score_abstention(reader, readings, right)
    known = right >= 0
    assert found["num_faces"] == 180
    uncertain = reader.abstention.are_uncertain(readings.scores, readings.outputs)
    assert found["uncertain"] == pytest.approx(uncertain.mean())
    wrong = (answered != right)[known & ~uncertain]
    if wrong.size:
        assert found["error_kept"] == pytest.approx(wrong.mean())
        assert found["error_kept_bound"] > found["error_kept"]
    order = np.argsort(-lead(readings.scores, reader.abstention.runner_up)[known])
    errors = (answered != right)[known][order]
    assert found["surest"]["50%"] == pytest.approx(1 - errors[:90].mean())
    assert found["curve"][-1] == pytest.approx(errors.mean())
    assert len(found["curve"]) == 20
    assert found["sets"]["coverage"] == pytest.approx(
        reader.abstention.sets(readings.scores)[known, right[known]].mean()
    )


def test_sets_are_counted_by_label() -> None:
    sets = np.array([[True, False], [True, True], [False, True], [True, False]])
    found = score_sets(("happy", "sad"), sets, np.array([0, 0, 0, 1]))
    assert (found["coverage"], found["size"], found["single"]) == (0.5, 1.25, 0.75)
    assert found["per_class"] == {
        "happy": {"coverage": pytest.approx(2 / 3), "size": pytest.approx(4 / 3)},
        "sad": {"coverage": 0.0, "size": 1.0},
    }
    assert set(score_sets(("happy", "sad"), sets, np.zeros(4, np.int64))["per_class"]) == {"happy"}
