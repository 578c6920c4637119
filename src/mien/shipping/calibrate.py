"""Vector scaling of a model file's logits, written into its graph."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mien.errors import ModelError
from mien.files import replacing
from mien.recognition import OnnxClassifier
from mien.recognition.model_file import EVIDENCE, LOGITS, VOTES, VOTES_EVIDENCE

RAW: Final = "_uncalibrated"
FACTORS: Final = "_factors"
OFFSETS: Final = "_offsets"

MAPS: Final = {LOGITS: EVIDENCE, VOTES: VOTES_EVIDENCE}
"""The maps whose means an output's values are."""

Scaling: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Factors and offsets, one each for every class."""


def rescale(exported: Path, scalings: Mapping[str, Scaling], path: Path) -> OnnxClassifier:
    """Write a model with each value of some outputs, and its evidence map, scaled and shifted.

    A logit stays the mean of its map, so that the maps explain the calibrated probabilities.

    Args:
        exported: A model file; an earlier scaling of the same outputs is taken back.
        scalings: By the output's name, `LOGITS` or `VOTES`.
        path: The new file.
    """
    proto = onnx.load(exported)
    for name, (factors, offsets) in scalings.items():
        for output, shape in ((name, (1, -1)), (MAPS[name], (1, -1, 1, 1))):
            _rescale(proto.graph, output, factors.reshape(shape), offsets.reshape(shape))
    return save(proto, path)


def unscaled(exported: Path, output: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """An output's (N, K) values of a model file as they were before `rescale`; themselves, if it never was."""
    constants = {each.name: numpy_helper.to_array(each) for each in onnx.load(exported).graph.initializer}
    if output + FACTORS not in constants:
        return values
    return np.asarray((values - constants[output + OFFSETS]) / constants[output + FACTORS])


def _rescale(graph: onnx.GraphProto, output: str, factors: NDArray[np.float64], offsets: NDArray[np.float64]) -> None:
    earlier = [each for each in graph.initializer if each.name in (output + FACTORS, output + OFFSETS)]
    for tensor in earlier:
        graph.initializer.remove(tensor)
    for suffix, values in ((FACTORS, factors), (OFFSETS, offsets)):
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), output + suffix))
    if earlier:
        return
    for node in graph.node:
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                if name == output:
                    names[at] = name + RAW
    graph.node.append(onnx.helper.make_node("Mul", [output + RAW, output + FACTORS], [output + "_scaled"]))
    graph.node.append(onnx.helper.make_node("Add", [output + "_scaled", output + OFFSETS], [output]))


def save(proto: onnx.ModelProto, path: Path) -> OnnxClassifier:
    """Write a model file, and open it; one that cannot be opened replaces none."""
    with replacing(path) as partial:
        partial.write_bytes(proto.SerializeToString())
        try:
            OnnxClassifier(partial)
        except ModelError as error:
            raise ModelError(str(error).replace(str(partial), str(path))) from error
    return OnnxClassifier(path)
