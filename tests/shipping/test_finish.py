"""What finishes an exported file, on a file made by hand: two classes, seen by which half of a face is brighter."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.data import FaceSet
from mien.errors import DataError, InvalidInput
from mien.evaluation.metrics import negative_log_likelihood
from mien.recognition import ModelInfo, OnnxClassifier
from mien.shipping.finish import Form, describe, finish

onnx = pytest.importorskip("onnx", reason="model files for tests are made with onnx: pip install 'mien[train]'")

SIZE = 8
INFO = ModelInfo(
    name="halves", architecture="halves", labels=("left", "right"), input_size=SIZE, num_parameters=0,
    size_class="nano", measured={"epoch": 3},
)  # fmt: skip


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A chain of three 1x1 convolutions, the last of which gives two maps: the brightness and its negative."""
    helper, Type = onnx.helper, onnx.TensorProto
    rng = np.random.default_rng(0)
    ramp = np.where(np.arange(SIZE) < SIZE // 2, 1, -1).astype(np.float32) / 255
    weights = {
        "ramp": ramp.reshape(1, 1, 1, SIZE),
        "w1": np.abs(rng.normal(1, 0.1, (40, 1, 1, 1))).astype(np.float32),
        "w2": (np.eye(40) + rng.normal(0, 0.01, (40, 40))).astype(np.float32).reshape(40, 40, 1, 1),
        "w3": np.stack([np.full(40, 0.025), np.full(40, -0.025)]).astype(np.float32).reshape(2, 40, 1, 1),
    }
    nodes = [
        helper.make_node("Cast", ["faces"], ["floats"], to=Type.FLOAT),
        helper.make_node("Unsqueeze", ["floats", "one"], ["image"]),
        helper.make_node("Mul", ["image", "ramp"], ["contrast"]),
        helper.make_node("Conv", ["contrast", "w1"], ["h1"], name="first"),
        helper.make_node("Conv", ["h1", "w2"], ["h2"], name="second"),
        helper.make_node("Conv", ["h2", "w3"], ["cam"], name="third"),
        helper.make_node("ReduceMean", ["cam", "two_three"], ["logits"], keepdims=0),
    ]
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    constants.append(onnx.numpy_helper.from_array(np.array([1]), "one"))
    constants.append(onnx.numpy_helper.from_array(np.array([2, 3]), "two_three"))
    graph = helper.make_graph(
        nodes,
        "halves",
        [helper.make_tensor_value_info("faces", Type.UINT8, ["N", SIZE, SIZE])],
        [
            helper.make_tensor_value_info("logits", Type.FLOAT, ["N", 2]),
            helper.make_tensor_value_info("cam", Type.FLOAT, ["N", 2, SIZE, SIZE]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {"mien": INFO.to_json()})
    path = tmp_path / "exported.onnx"
    path.write_bytes(model.SerializeToString())
    return path


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


@pytest.mark.parametrize("form", ["whole", "half", "eight bits"])
def test_a_file_is_calibrated_measured_and_says_so(exported: Path, faces: FaceSet, tmp_path: Path, form: Form) -> None:
    model = finish(exported, tmp_path / "done.onnx", faces=faces, form=form)
    measured = model.info.measured
    assert {"data": "lit", "split": "val", "num_faces": 60, "epoch": 3}.items() <= measured.items()
    val = faces.split("val")
    assert measured["accuracy"] == pytest.approx(float((model(val.faces).argmax(axis=1) == val.labels).mean()))
    assert measured["nll"] < negative_log_likelihood(val.labels, OnnxClassifier(exported)(val.faces)) - 0.01
    assert ("accuracy_before_quantization" in measured) == (form != "whole")
    assert OnnxClassifier(tmp_path / "done.onnx").info == model.info


def test_without_data_the_answers_stay(exported: Path, faces: FaceSet, tmp_path: Path) -> None:
    model = finish(exported, tmp_path / "done.onnx")
    assert model.info == INFO
    np.testing.assert_array_equal(model.logits(faces.faces), OnnxClassifier(exported).logits(faces.faces))
    half = finish(exported, tmp_path / "half.onnx", form="half")
    assert half.info == INFO


def test_data_without_a_face_are_not_taken_for_none(exported: Path, faces: FaceSet, tmp_path: Path) -> None:
    nothing = faces.select(np.zeros(len(faces), np.bool_))
    with pytest.raises(DataError, match=r"no faces in the split 'val'.*leave the data out"):
        finish(exported, tmp_path / "done.onnx", faces=nothing)
    with pytest.raises(InvalidInput, match="eight bits need data"):
        finish(exported, tmp_path / "done.onnx", form="eight bits")
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
