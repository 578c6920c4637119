"""What `finish` writes about a file's doubts, on files made by hand; and what the shipped files hold."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.data import FaceSet
from mien.errors import InvalidInput, ModelError
from mien.recognition import OnnxClassifier, Reader, load_classifier
from mien.recognition.abstention import KEPT, lead
from mien.recognition.reader import readings_of
from mien.shipping.convert import describe
from mien.shipping.finish import finish
from mien.values import GreyFaces
from tests.conftest import each_model

pytest.importorskip("onnx", reason="model files for tests are made with onnx: pip install 'mien[train]'")


SHARES = {"happy": 3.0, "neutral": 3.0, "sad": 2.0, "angry": 1.0, "fear": 1.0, "surprise": 1.0, "disgust": 0.5}


@pytest.fixture
def faces() -> FaceSet:
    """400 validation faces, brighter in the half that is their class; the less so, the more often labelled wrongly."""
    random = np.random.default_rng(0)
    labels, differences = random.integers(0, 2, 400), random.uniform(0, 100, 400)
    pixels = np.full((400, 8, 8), 100.0)
    for face, label, difference in zip(pixels, labels, differences, strict=True):
        face[:, :4] += (difference if label == 0 else -difference) / 2
    labels = np.where(random.random(400) < 1 / (1 + np.exp(differences / 16)), 1 - labels, labels)
    return FaceSet(
        name="lit", faces=np.rint(pixels).astype(np.uint8), classes=("left", "right"), labels=labels,
        splits=np.full(400, "val"), sources=[f"lit:{number}" for number in range(400)],
    )  # fmt: skip


@pytest.fixture
def finished(exported: Path, faces: FaceSet, tmp_path: Path) -> Path:
    finish(exported, tmp_path / "finished.onnx", faces=faces)
    return tmp_path / "finished.onnx"


def test_a_file_of_own_classes_can_abstain(finished: Path, faces: FaceSet) -> None:
    reader = Reader(OnnxClassifier(finished), max_error=0.1, sets=0.9)
    assert reader.reading is None
    assert reader.abstention is not None
    assert reader.abstention.unlike is not None
    assert reader.calibration is not None
    readings = reader.read(faces.faces)
    assert (reader.abstention.unlike(readings.outputs) > 0).mean() == pytest.approx(0.02, abs=0.02)
    kept = lead(readings.scores, reader.abstention.runner_up) >= reader.abstention.least_lead
    wrong = readings.scores.argmax(axis=1) != faces.labels
    assert 0.2 < kept.mean() < 0.95
    assert wrong[kept].mean() < 0.1 < wrong.mean()


def test_a_file_without_calibration_faces_answers_as_before_and_says_so_when_asked(
    exported: Path, faces: FaceSet
) -> None:
    network = OnnxClassifier(exported)
    reader = Reader(network)
    assert reader.abstention is None
    np.testing.assert_array_equal(reader(faces.faces), network(faces.faces))
    for asked, name in (({"max_error": 0.1}, "max_error"), ({"sets": 0.9}, "sets")):
        message = f"{name} needs a model file with calibration faces, and {exported} has none"
        with pytest.raises(InvalidInput, match=f"^{re.escape(message)}"):
            Reader(network, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [{"max_error": 0}, {"max_error": 1.1}, {"max_error": "5%"}, {"sets": 0}, {"sets": 1}])
def test_a_share_is_a_share(finished: Path, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"^{next(iter(asked))} is a share"):
        Reader(OnnxClassifier(finished), **asked)


def test_everything_can_be_kept(finished: Path) -> None:
    abstention = Reader(OnnxClassifier(finished), max_error=1).abstention
    assert abstention is not None
    assert (abstention.least_lead, abstention.least_quality, abstention.unlike) == (-np.inf, 0, None)


@pytest.mark.parametrize("changes", [
    {"readings": {"own": {"calibration": {}}}}, {"readings": {"own": {"calibration": 3}}}, {"readings": {"own": 3}},
    {"unlike": {"heads": [9]}},
])  # fmt: skip
def test_a_damaged_file_is_an_error_that_names_it(finished: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    info = OnnxClassifier(finished).info
    with pytest.raises(ModelError, match=r"(finished|damaged\.onnx): "):
        Reader(describe(finished, dataclasses.replace(info, **changes), tmp_path / "damaged.onnx"))


@pytest.mark.parametrize("name", each_model())
def test_every_shipped_file_can_abstain_in_each_reading_and_prior(name: str) -> None:
    network = load_classifier(name)
    noise: GreyFaces = np.random.default_rng(0).integers(0, 256, (64, *(network.input_size,) * 2), dtype=np.uint8)
    assert readings_of(network.info) == ("people", "fer2013")
    for reading, prior in (("fer2013", None), *(("people", each) for each in (None, "natural", "even", SHARES))):
        reader = Reader(network, reading, prior, max_error=0.2, sets=0.9)
        assert reader.calibration is not None
        assert reader.abstention is not None
        default = reader.calibration.least_lead()
        weights = reader.calibration.weights
        assert weights[reader.calibration.lead >= default].sum() / weights.sum() == pytest.approx(KEPT, abs=0.02)
        assert reader.abstention.unlike is not None
        assert (reader.abstention.unlike(reader.read(noise).outputs) > 0).mean() > 0.2  # of faces, one in fifty
