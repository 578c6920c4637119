"""What finishes an exported file, on a file made by hand: two classes, seen by which half of a face is brighter."""

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mien.data import FaceSet
from mien.errors import DataError, InvalidInput, ModelError
from mien.evaluation.metrics import negative_log_likelihood
from mien.recognition import OnnxClassifier
from mien.recognition.model_file import LEAST_SHARE
from mien.shipping.calibrate import save
from mien.shipping.convert import describe
from mien.shipping.finish import finish, fit_readings

from .fakes import INFO, SIZE

onnx = pytest.importorskip("onnx", reason="model files for tests are made with onnx: pip install 'mien[train]'")


@pytest.fixture
def faces() -> FaceSet:
    """120 faces of noise, brighter on the side that is their class; every tenth is labelled wrongly."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    pixels = rng.integers(0, 100, (120, SIZE, SIZE), dtype=np.uint8)
    for face, label in zip(pixels, labels, strict=True):
        face[:, slice(0, SIZE // 2) if label == 0 else slice(SIZE // 2, SIZE)] += 100
    labels = np.where(np.arange(120) % 10 == 0, 1 - labels, labels)
    return FaceSet(
        name="lit", faces=pixels, classes=INFO.labels, labels=labels,
        splits=np.where(np.arange(120) < 60, "train", "val"), sources=[f"lit:{number}" for number in range(120)],
    )  # fmt: skip


@pytest.mark.parametrize("form", [None, "onnx", "onnx-fp16", "onnx-int8"])
def test_a_file_is_calibrated_measured_and_says_so(
    exported: Path, faces: FaceSet, tmp_path: Path, form: str | None
) -> None:
    model = finish(exported, tmp_path / "done.onnx", faces=faces, form=form)
    measured = model.info.measured
    assert {"data": "lit", "split": "val", "num_faces": 60, "epoch": 3}.items() <= measured.items()
    val = faces.split("val")
    assert measured["accuracy"] == pytest.approx(float((model(val.faces).argmax(axis=1) == val.labels).mean()))
    assert measured["nll"] < negative_log_likelihood(val.labels, OnnxClassifier(exported)(val.faces)) - 0.01
    parity = model.info.parity
    assert (parity["format"], parity["faces"], parity["num_faces"]) == (form or "onnx", "lit", 60)
    assert parity["accuracy"] == measured["accuracy"]
    assert parity["accuracy_interval"][0] < parity["accuracy"] < parity["accuracy_interval"][1]
    assert (parity["largest_difference"] > 0) == (form in ("onnx-fp16", "onnx-int8"))
    assert OnnxClassifier(tmp_path / "done.onnx").info == model.info


def test_without_data_the_answers_stay(exported: Path, faces: FaceSet, tmp_path: Path) -> None:
    model = finish(exported, tmp_path / "done.onnx")
    assert dataclasses.replace(model.info, parity={}) == dataclasses.replace(INFO, name="done")
    assert {"faces": "made pictures", "agreement": 1.0, "largest_difference": 0.0}.items() <= model.info.parity.items()
    np.testing.assert_array_equal(model.logits(faces.faces), OnnxClassifier(exported).logits(faces.faces))
    half = finish(exported, tmp_path / "half.onnx", form="onnx-fp16")
    assert dataclasses.replace(half.info, parity={}) == dataclasses.replace(INFO, name="half")


def test_data_without_a_face_are_not_taken_for_none(exported: Path, faces: FaceSet, tmp_path: Path) -> None:
    nothing = faces.select(np.zeros(len(faces), np.bool_))
    with pytest.raises(DataError, match=r"no faces in the split 'val'.*leave the data out"):
        finish(exported, tmp_path / "done.onnx", faces=nothing)
    with pytest.raises(InvalidInput, match="eight bits need data"):
        finish(exported, tmp_path / "done.onnx", form="onnx-int8")
    assert not (tmp_path / "done.onnx").exists()


def test_another_description_changes_nothing_else(exported: Path, faces: FaceSet, tmp_path: Path) -> None:
    other = dataclasses.replace(INFO, measured={"accuracy": 0.7})
    after = describe(exported, other, tmp_path / "after.onnx")
    assert after.info == other
    np.testing.assert_array_equal(after.logits(faces.faces), OnnxClassifier(exported).logits(faces.faces))


def test_finishing_needs_no_torch() -> None:
    code = "import mien.shipping.finish, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_is_no_model_file_is_reported_by_name(tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"\x08\x0a\x12")
    with pytest.raises(ModelError, match=r"damaged\.onnx"):
        finish(tmp_path / "damaged.onnx", tmp_path / "done.onnx")


def test_a_file_that_cannot_be_opened_replaces_none(exported: Path, tmp_path: Path) -> None:
    done = finish(exported, tmp_path / "done.onnx").path
    before = done.read_bytes()
    damaged = onnx.load(exported)
    del damaged.metadata_props[:]
    with pytest.raises(ModelError):
        save(damaged, done)
    assert done.read_bytes() == before


@pytest.mark.parametrize(("named", "num_unnamed"), [(range(8), 0), (range(7), 1), ([3], 7)])
def test_an_expression_that_nobody_named_is_rare(faces: FaceSet, named: Sequence[int], num_unnamed: int) -> None:
    votes = np.zeros((len(faces), 10), np.uint8)
    votes[np.arange(len(faces)), np.resize(named, len(faces))] = 10
    natural = fit_readings(dataclasses.replace(faces, votes=votes))["people"]["natural"]
    shares = np.array([*natural.values()])
    assert shares.sum() == pytest.approx(1)
    assert (shares < 1 / len(faces)).sum() == num_unnamed
    assert shares.min() >= LEAST_SHARE
