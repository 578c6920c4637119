"""Weights in eight bits: within what every processor can add, and nearer to the network than each rounded by itself."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mien.recognition import OnnxClassifier, shipped_models

onnx = pytest.importorskip("onnx", reason="model files are written with onnx: pip install 'mien[train]'")

from mien.shipping.outliers import shapes  # noqa: E402 - after the skip
from mien.shipping.quantize import dequantize, in_eight_bits, quantize  # noqa: E402
from mien.shipping.rounding import LARGEST, LARGEST_PAIR, _limited, _nearest, _rounded_in_turn, _scales  # noqa: E402

WEIGHTS = arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(2, 30)), elements=st.floats(-9, 9))


@given(WEIGHTS)
def test_no_two_weights_of_a_channel_exceed_what_sixteen_bits_can_add(rows: np.ndarray) -> None:
    scales = _scales(rows, np.full(len(rows), 0.1))
    seen = np.random.default_rng(0).normal(size=(64, rows.shape[1]))
    for rounded in (_nearest(rows, scales), _limited(_rounded_in_turn(rows, scales, seen))):
        assert np.abs(rounded).max() <= LARGEST
        assert np.sort(np.abs(rounded), axis=1)[:, -2:].sum(axis=1).max() <= LARGEST_PAIR
        np.testing.assert_array_equal(rounded, np.rint(rounded))
    assert 255 * LARGEST_PAIR <= 2**15 - 1


def test_rounding_in_turn_changes_answers_less_than_rounding_to_the_nearest() -> None:
    random = np.random.default_rng(0)
    rows, mixed = random.normal(size=(12, 90)), random.normal(size=(90, 90))
    seen = np.maximum(random.normal(size=(2000, 90)) @ mixed, 0)  # inputs that are alike, as features are
    scales = _scales(rows, np.ones(12))
    errors = [
        np.square(seen @ (rounded * scales[:, None] - rows).T).mean()
        for rounded in (_rounded_in_turn(rows, scales, seen), _nearest(rows, scales))
    ]
    assert errors[0] < 0.7 * errors[1]


def test_a_quantized_file_is_safe_on_every_processor_and_can_be_made_whole(tmp_path: Path) -> None:
    random, blank = np.random.default_rng(0), np.zeros((48, 48), np.uint8)
    faces = np.stack([shapes(blank, random) for _ in range(64)])
    whole = dequantize(shipped_models()["rep-small"], tmp_path / "whole.onnx")
    assert not in_eight_bits(whole.path)
    small = quantize(whole.path, faces, tmp_path / "small.onnx")
    assert in_eight_bits(small.path)
    checked = 0
    for tensor in onnx.load(small.path).graph.initializer:
        if tensor.name.endswith("weight_quantized"):
            weights = np.abs(onnx.numpy_helper.to_array(tensor).astype(int)).reshape(tensor.dims[0], -1)
            assert np.sort(weights, axis=1)[:, -2:].sum(axis=1).max() <= LARGEST_PAIR
            checked += 1
    assert checked == 8
    again = dequantize(small.path, tmp_path / "again.onnx")
    assert np.abs(again.logits(faces) - whole.logits(faces)).mean() < 0.1
    assert np.abs(small.logits(faces) - whole.logits(faces)).mean() < 0.2
    assert isinstance(again, OnnxClassifier)
