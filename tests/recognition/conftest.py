"""Model files made by hand, so that recognition is tested without torch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="model files for tests are made with onnx: pip install 'mien[train]'")

from mien.recognition.model_file import METADATA_KEY, ModelInfo  # noqa: E402 - after the skip

INFO = ModelInfo(
    name="means",
    architecture="means",
    labels=("left", "right"),
    input_size=8,
    num_parameters=0,
    size_class="nano",
)


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """A network of two classes whose evidence is the brightness of the left and of the right half, 0 to 255."""

    def make(info: ModelInfo | None = INFO, *, metadata: str | None = None, **names: Any) -> Path:
        helper, Type = onnx.helper, onnx.TensorProto
        given, logits, cam = (
            names.get("given", "faces"),
            names.get("logits", "logits"),
            names.get("cam", "cam"),
        )
        size = names.get("size", 8)
        nodes = [
            helper.make_node("Cast", [given], ["floats"], to=Type.FLOAT),
            helper.make_node("Split", ["floats"], ["left", "right"], axis=2, num_outputs=2),
            helper.make_node("Unsqueeze", ["left", "one"], ["left1"]),
            helper.make_node("Unsqueeze", ["right", "one"], ["right1"]),
            helper.make_node("Concat", ["left1", "right1"], [cam], axis=1),
            helper.make_node("ReduceMean", [cam, "two_three"], [logits], keepdims=0),
        ]
        constants = [
            onnx.numpy_helper.from_array(np.array([1]), "one"),
            onnx.numpy_helper.from_array(np.array([2, 3]), "two_three"),
        ]
        graph = helper.make_graph(
            nodes,
            "means",
            [helper.make_tensor_value_info(given, names.get("type", Type.UINT8), ["N", size, size])],
            [
                helper.make_tensor_value_info(logits, Type.FLOAT, ["N", 2]),
                helper.make_tensor_value_info(cam, Type.FLOAT, ["N", 2, size, size // 2]),
            ],
            constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        text = metadata if metadata is not None else info and info.to_json()
        if text:
            helper.set_model_props(model, {METADATA_KEY: text})
        path = tmp_path / "means.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return make
