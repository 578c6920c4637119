"""A model file made by hand: two classes, seen by which half of a face is brighter."""

from pathlib import Path

import numpy as np
import pytest

from .fakes import INFO, SIZE

onnx = pytest.importorskip("onnx", reason="model files for tests are made with onnx: pip install 'mien[train]'")


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
