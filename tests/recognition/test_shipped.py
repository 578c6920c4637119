import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.errors import ModelError
from mien.recognition import load_classifier, shipped_models
from mien.recognition.shipped import WEIGHTS


def test_something_is_shipped_and_every_model_has_its_card() -> None:
    assert "mini-xception" in shipped_models()
    for path in shipped_models().values():
        assert path.with_suffix(".md").exists()
    assert {path.stem for path in WEIGHTS.glob("*.md")} == set(shipped_models())


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_says_what_it_is_and_works(name: str) -> None:
    classifier = load_classifier(name)
    info = classifier.info
    assert info.name == name
    assert info.labels == EMOTIONS
    assert info.licence == "Apache-2.0"
    assert info.measured["num_faces"] == 3589
    assert info.measured["accuracy"] > 0.6
    assert info.commit and not info.commit.endswith("+")
    scores = classifier(np.random.default_rng(0).integers(0, 256, (3, info.input_size, info.input_size), np.uint8))
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"unknown model 'mini-exception': did you mean mini-xception\?"):
        load_classifier("mini-exception")
    with pytest.raises(ModelError, match=r"no such model file"):
        load_classifier("missing.onnx")
