from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mien.errors import InvalidInput, ModelError
from mien.recognition import shipped_models
from mien.shipping.shuffle import _in_order, shuffle_weights
from tests.conftest import each_model

FACES = np.random.default_rng(0).integers(0, 256, (4, 48, 48), dtype=np.uint8)


def weights(path: Path) -> dict[str, np.ndarray]:
    return {each.name: numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}


@pytest.mark.parametrize("name", each_model())
def test_shuffled_weights_are_the_same_numbers_in_other_places(name: str, tmp_path: Path) -> None:
    model = shipped_models()[name]
    shuffled = shuffle_weights(model, tmp_path / "shuffled.onnx")
    before, after = weights(model), weights(tmp_path / "shuffled.onnx")
    changed = [key for key, values in before.items() if (values != after[key]).any()]
    assert all(before[key].ndim > 1 for key in changed)
    assert len(changed) == sum(sum(side > 1 for side in values.shape) > 1 for values in before.values())
    for key in changed:
        np.testing.assert_array_equal(np.sort(before[key].ravel()), np.sort(after[key].ravel()))
    evidence = shuffled.evidence(FACES)
    np.testing.assert_allclose(evidence.mean((2, 3)), shuffled.logits(FACES), rtol=1e-3, atol=1e-3)


def test_the_last_layers_are_shuffled_first(tmp_path: Path) -> None:
    model = shipped_models()["mini-xception"]
    shuffle_weights(model, tmp_path / "a.onnx", share=0.01)
    shuffle_weights(model, tmp_path / "b.onnx", share=0.5)
    before, few, many = (weights(path) for path in (model, tmp_path / "a.onnx", tmp_path / "b.onnx"))
    changed = [{key for key in before if (before[key] != each[key]).any()} for each in (few, many)]
    assert len(changed[0]) == 1
    assert changed[0] < changed[1]
    assert not any("features.0" in key for key in changed[1])


@pytest.mark.parametrize("share", [0.0, 1.5, -1.0])
def test_a_share_that_is_none_is_refused(share: float, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="share of layers"):
        shuffle_weights(shipped_models()["mini-xception"], tmp_path / "x.onnx", share=share)


def test_of_an_ensemble_the_last_layers_of_all_members_are_shuffled_first(tmp_path: Path) -> None:
    """Though what the last one needs of its weights is computed before all layers: each member's share of them."""
    one, other, votes = (np.ones((2, count), np.float32) for count in (2, 2, 4))
    constants = [
        *(numpy_helper.from_array(value, name) for name, value in (("a1", one), ("b1", other), ("votes", votes))),
        numpy_helper.from_array(np.ones((2, 2), np.float32), "a2"),
        numpy_helper.from_array(np.array([2, 2]), "halves"),
    ]
    nodes = [
        onnx.helper.make_node("Split", ["votes", "halves"], ["votes_a", "votes_b"], axis=1),
        onnx.helper.make_node("MatMul", ["faces", "a1"], ["x1"]),
        onnx.helper.make_node("MatMul", ["x1", "a2"], ["x2"]),
        onnx.helper.make_node("MatMul", ["x2", "votes_a"], ["x3"]),
        onnx.helper.make_node("MatMul", ["faces", "b1"], ["y1"]),
        onnx.helper.make_node("MatMul", ["y1", "votes_b"], ["y2"]),
        onnx.helper.make_node("Add", ["x3", "y2"], ["logits"]),
    ]
    faces, logits = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("faces", "logits")
    )
    graph = onnx.helper.make_graph(nodes, "two", [faces], [logits], constants)
    assert _in_order(graph, ["a1", "b1", "votes", "a2"]) == ["a1", "b1", "a2", "votes"]


def test_another_form_than_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_text("<net/>")
    with pytest.raises(ModelError, match=r"model\.xml"):
        shuffle_weights(tmp_path / "model.xml", tmp_path / "shuffled.onnx")
    assert not (tmp_path / "shuffled.onnx").exists()
