"""A first layer whose sums are exact in any order."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.recognition import OnnxClassifier, load_classifier, shipped_models
from mien.runtime import InferenceSession, open_session
from mien.shipping.exact import INPUT_BITS, PREFIX, make_exact
from tests.conftest import each_model

SIDE = 48


def session_up_to(path: Path, output: str) -> InferenceSession:
    """The part of a model file that ends in a float output."""
    proto = onnx.load(path)
    proto.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None))
    return open_session(proto.SerializeToString(), str(path))


@pytest.fixture(scope="module")
def conv() -> onnx.NodeProto:
    """The first convolution of the shipped network, which was made exact."""
    found: onnx.NodeProto
    [found, *_] = [node for node in onnx.load(shipped_models()["rep-small"]).graph.node if node.op_type == "Conv"]
    return found


@given(arrays(np.uint8, (1, SIDE, SIDE), elements=st.integers(0, 255)))
def test_pixels_are_normalised_to_the_nearest_step(face: np.ndarray) -> None:
    path = shipped_models()["rep-small"]
    name = next(node for node in onnx.load(path).graph.node if node.op_type == "Conv").input[0]
    [found] = session_up_to(path, name).run([name], {"faces": face})
    pixels = face.astype(np.float64)
    wanted = (pixels - pixels.mean()) / max(4.0, pixels.std())
    assert (found * 2**INPUT_BITS % 1 == 0).all()
    assert (np.abs(found[0, 0] - wanted[0]) <= 0.5 / 2**INPUT_BITS + 1e-4 * np.abs(wanted[0])).all()


def test_every_sum_of_the_first_layer_is_exact(conv: onnx.NodeProto) -> None:
    """In float32 it is what it is in float64, whatever the order: so on every machine."""
    path = shipped_models()["rep-small"]
    faces = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE), dtype=np.uint8)
    tensors = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}
    weights, biases = tensors[conv.input[1]].astype(np.float64), tensors[conv.input[2]].astype(np.float64)
    found = session_up_to(path, conv.output[0]).run([conv.output[0]], {"faces": faces})[0]
    pixels = session_up_to(path, conv.input[0]).run([conv.input[0]], {"faces": faces})[0].astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(pixels[:, 0], ((0, 0), (1, 1), (1, 1))), (3, 3), (1, 2))
    wanted = np.einsum("nyxij,cij->ncyx", windows, weights[:, 0]) + biases[:, None, None]
    np.testing.assert_array_equal(found, wanted)


def test_a_file_is_made_exact_once(tmp_path: Path) -> None:
    path = shipped_models()["rep-small"]
    again = make_exact(path, tmp_path / "again.onnx")
    assert onnx.load(again.path) == onnx.load(path)
    assert any(name.startswith(PREFIX) for node in onnx.load(path).graph.node for name in node.output)


def test_a_file_of_floats_stays_as_it_is(tmp_path: Path) -> None:
    path = shipped_models()["mini-xception"]
    assert onnx.load(make_exact(path, tmp_path / "same.onnx").path) == onnx.load(path)


@pytest.mark.parametrize("name", each_model("gelu-cnn"))
def test_it_says_nearly_what_it_said(name: str, tmp_path: Path) -> None:
    """GELU's network has another first layer, whose sums stay as they were; its pixels are normalised exactly."""
    before = load_classifier(name)
    after: OnnxClassifier = make_exact(before.path, tmp_path / "exact.onnx")
    faces = np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE), dtype=np.uint8)
    np.testing.assert_allclose(after(faces), before(faces), atol=0.05)
