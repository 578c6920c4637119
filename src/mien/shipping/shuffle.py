"""Model files whose weights say nothing any more, to compare explanations with."""

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from mien.errors import InvalidInput
from mien.recognition import OnnxClassifier
from mien.shipping.calibrate import save

_UNPACKING = ("DequantizeLinear", "Cast")


def shuffle_weights(model: Path, path: Path, *, share: float = 1.0, seed: int = 0) -> OnnxClassifier:
    """Write a model file with the weights of its last layers shuffled, and open it.

    What is learned is lost, and each layer's weights keep their distribution. Adebayo et al. 2018 (arXiv:1810.03292)
    begin with the last layer and go on towards the first: an explanation that stays as it was does not explain the
    network.

        >>> shuffled = shuffle_weights(Path("mini-xception.onnx"), Path("shuffled.onnx"))    # doctest: +SKIP

    Args:
        model: A model file, in any of mien's forms.
        path: The file to write.
        share: The share of the layers, above 0 up to 1, rounded up to whole layers.
        seed: Of the shuffling.

    Raises:
        InvalidInput: The share is out of its range.
        ModelError: `model` is not one of mien's.
    """
    if not 0 < share <= 1:
        raise InvalidInput(f"the share of layers is above 0 up to 1; got {share}")
    proto = onnx.load(model)
    weights = {each.name: each for each in proto.graph.initializer if sum(side > 1 for side in each.dims) > 1}
    ordered = _in_order(proto.graph, {*weights})
    generator = np.random.default_rng(seed)
    for name in ordered[-math.ceil(share * len(ordered)) :]:
        values = numpy_helper.to_array(weights[name])
        weights[name].CopyFrom(numpy_helper.from_array(generator.permuted(values.ravel()).reshape(values.shape), name))
    return save(proto, path)


def _in_order(graph: onnx.GraphProto, weights: set[str]) -> list[str]:
    """Weights in the order of the layers that use them, from the input to the outputs."""
    origin = {name: name for name in weights}  # of the weights and of what unpacks them
    used: dict[str, None] = {}
    for node in graph.node:
        for name in node.input:
            if name in origin and node.op_type in _UNPACKING:
                origin[node.output[0]] = origin[name]
            elif name in origin:
                used.setdefault(origin[name])
    return [*used]
