"""Vector scaling of a model file's logits, written into its graph."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mien.files import replacing
from mien.recognition import OnnxClassifier
from mien.recognition.model_file import EVIDENCE, LOGITS

RAW = "_uncalibrated"


def rescale(exported: Path, factors: NDArray[np.float64], offsets: NDArray[np.float64], path: Path) -> OnnxClassifier:
    """Write a model, not rescaled yet, with each class's logit, and its evidence map, scaled and shifted.

    A logit stays the mean of its map, so that the maps explain the calibrated probabilities.
    """
    proto = onnx.load(exported)
    graph = proto.graph
    for node in graph.node:
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                if name in (LOGITS, EVIDENCE):
                    names[at] = name + RAW
    for output, shape in ((LOGITS, (1, -1)), (EVIDENCE, (1, -1, 1, 1))):
        for suffix, values in (("_factors", factors), ("_offsets", offsets)):
            array = values.astype(np.float32).reshape(shape)
            graph.initializer.append(numpy_helper.from_array(array, output + suffix))
        graph.node.append(onnx.helper.make_node("Mul", [output + RAW, output + "_factors"], [output + "_scaled"]))
        graph.node.append(onnx.helper.make_node("Add", [output + "_scaled", output + "_offsets"], [output]))
    return save(proto, path)


def save(proto: onnx.ModelProto, path: Path) -> OnnxClassifier:
    """Write a model file, and open it."""
    with replacing(path) as partial:
        partial.write_bytes(proto.SerializeToString())
    return OnnxClassifier(path)
