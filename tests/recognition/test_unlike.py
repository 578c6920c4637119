import numpy as np
import pytest

from mien.errors import ModelError
from mien.recognition.unlike import Unlike, features, fit_unlike

RANDOM = np.random.default_rng(0)
FACES = np.abs(RANDOM.normal(0, 3, (600, 5))).astype(np.float32)
OTHERS = RANDOM.normal(0, 0.7, (600, 5)).astype(np.float32)


def test_other_pictures_are_told_from_faces_at_few_false_alarms() -> None:
    unlike = fit_unlike(FACES[:300], OTHERS[:300], [3, 2], false_alarms=0.05)
    assert (unlike(FACES[:300]) > 0).mean() == pytest.approx(0.05, abs=0.005)
    assert (unlike(FACES[300:]) > 0).mean() < 0.12
    assert (unlike(OTHERS[300:]) > 0).mean() > 0.8


def test_features_are_logits_squares_and_energies_head_by_head() -> None:
    [row] = features(np.array([[1.0, 2.0, 1000.0]], np.float32), [2, 1])
    np.testing.assert_allclose(row, [1, 2, 1, 4, np.log(np.exp(1) + np.exp(2)), 1000, 1e6, 1000], rtol=1e-6)


def test_it_survives_the_file() -> None:
    unlike = fit_unlike(FACES, OTHERS, [3, 2])
    again = Unlike.from_dict(unlike.to_dict(), [3, 2], "a.onnx")
    np.testing.assert_allclose(again(FACES), unlike(FACES), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("changes", [
    {"heads": [5]}, {"weights": [1.0]}, {"weights": None}, {"offset": None}, {"offset": "1"},
    {"weights": ["1"] * 12},
])  # fmt: skip
def test_what_does_not_fit_the_file_is_an_error_that_names_it(changes: dict[str, object]) -> None:
    entry = fit_unlike(FACES, OTHERS, [3, 2]).to_dict() | changes
    with pytest.raises(ModelError, match=r"a\.onnx: what is unlike its training"):
        Unlike.from_dict(entry, [3, 2], "a.onnx")
