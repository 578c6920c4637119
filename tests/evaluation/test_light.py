import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from mien.errors import InvalidInput
from mien.evaluation import score_light
from mien.evaluation.answers import Answers
from mien.evaluation.light import CONTRASTS, STOPS, contrasted, exposed

FACES = arrays.arrays(np.uint8, (2, 5, 5))


@given(FACES)
def test_faces_stay_as_they_are_in_their_own_light(faces: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(exposed(faces, 0), faces)
    np.testing.assert_array_equal(contrasted(faces, 1), faces)


@given(FACES, st.floats(0.1, 4))
def test_more_light_is_brighter_and_less_is_darker(faces: NDArray[np.uint8], stops: float) -> None:
    assert (exposed(faces, stops) >= faces).all()
    assert (exposed(faces, -stops) <= faces).all()


@given(FACES)
def test_two_stops_are_twice_one_stop_where_nothing_is_cut_off(faces: NDArray[np.uint8]) -> None:
    twice, once = exposed(exposed(faces, -1), -1), exposed(faces, -2)
    assert np.abs(twice.astype(int) - once).max() <= 1


@given(FACES, st.floats(0, 1))
def test_less_contrast_keeps_the_mean(faces: NDArray[np.uint8], factor: float) -> None:
    flat = contrasted(faces, factor)
    np.testing.assert_allclose(flat.mean(axis=(1, 2)), faces.mean(axis=(1, 2)), atol=0.6)
    assert (flat.std(axis=(1, 2)) <= faces.std(axis=(1, 2)) + 0.6).all()


def brightness(faces: NDArray[np.uint8]) -> Answers:
    """Probabilities of dark and bright, uncertain where neither is .6."""
    bright = faces.mean(axis=(1, 2), dtype=np.float32) / 255
    scores = np.stack([1 - bright, bright], axis=1)
    return Answers(scores, scores.max(axis=1) < 0.6)


def test_answers_that_follow_the_light_change_with_it() -> None:
    faces = np.array([[[60]], [[200]]], np.uint8)
    report = score_light(np.array([0, 1]), faces, brightness)
    assert report.num_faces == 2
    assert [step.amount for step in report.exposure] == list(STOPS)
    assert [step.amount for step in report.contrast] == list(CONTRASTS)
    by_stops = {step.amount: step for step in report.exposure}
    assert (by_stops[0].accuracy, by_stops[0].changed, by_stops[0].standard_error) == (1, 0, 0)
    assert by_stops[0].confidence == pytest.approx((195 / 255 + 200 / 255) / 2)
    dark = by_stops[-6]
    assert [dark.accuracy, dark.changed, dark.standard_error] == pytest.approx([0.5, 0.5, 0.3536], abs=1e-4)
    assert (by_stops[3].changed, by_stops[0].uncertain, by_stops[-1].uncertain) == (0.5, 0, 0.5)
    assert all(step.changed == 0 for step in report.contrast)  # the mean stays
    never = score_light(np.array([0, 1]), faces, lambda lit: Answers(brightness(lit).scores))
    assert never.exposure[0].uncertain is None


def test_nothing_to_light_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="a label for each of one face or more"):
        score_light(np.zeros(0, np.int64), np.zeros((0, 4, 4), np.uint8), brightness)
