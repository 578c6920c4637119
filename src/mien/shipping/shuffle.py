"""Model files whose weights say nothing any more, to compare explanations with."""

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from mien.errors import InvalidInput
from mien.recognition import OnnxClassifier
from mien.shipping.calibrate import save


def shuffle_weights(model: Path, path: Path, *, share: float = 1.0, seed: int = 0) -> OnnxClassifier:
    """Write a model file with the weights of its last layers shuffled, and open it.

    What is learned is lost, and each layer's weights keep their distribution. Adebayo et al. 2018 (arXiv:1810.03292)
    begin with the last layer and go on towards the first: an explanation that stays as it was does not explain the
    network.

        >>> shuffled = shuffle_weights(Path("mini-xception.onnx"), Path("shuffled.onnx"))    # doctest: +SKIP

    Args:
        model: A model file in ONNX, with weights of any precision.
        path: The file to write.
        share: The share of the layers, above 0 up to 1, rounded up to whole layers.
        seed: Of the shuffling.

    Raises:
        InvalidInput: The share is out of its range.
        ModelError: `model` is not one of mien's, or not in ONNX.
    """
    if not 0 < share <= 1:
        raise InvalidInput(f"the share of layers is above 0 up to 1; got {share}")
    OnnxClassifier(model)  # says what is wrong with a file that onnx fails to read
    proto = onnx.load(model)
    weights = {each.name: each for each in proto.graph.initializer if sum(side > 1 for side in each.dims) > 1}
    ordered = _in_order(proto.graph, [*weights])
    generator = np.random.default_rng(seed)
    for name in ordered[-math.ceil(share * len(ordered)) :]:
        values = numpy_helper.to_array(weights[name])
        weights[name].CopyFrom(numpy_helper.from_array(generator.permuted(values.ravel()).reshape(values.shape), name))
    return save(proto, path)


def _in_order(graph: onnx.GraphProto, weights: list[str]) -> list[str]:
    """Weights from those that the most layers follow, one after another, to those that none follows."""
    of_faces, of_weights = {each.name for each in graph.input}, {*weights}
    for node in graph.node:
        for found in (of_faces, of_weights):
            if not found.isdisjoint(node.input):
                found.update(node.output)
    followed = dict.fromkeys(weights, 0)  # by so many layers, of each tensor that was met
    for node in reversed(graph.node):
        after = max(followed.get(name, 0) for name in node.output)
        # A layer computes with faces and weights; what unpacks weights, or parts them, has no faces.
        is_layer = any(name in of_weights - of_faces for name in node.input)
        for name in node.input:
            followed[name] = max(followed.get(name, 0), after + (is_layer and name in of_faces))
    return sorted(weights, key=lambda name: -followed[name])
