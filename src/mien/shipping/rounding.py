"""Weights in eight bits that change a layer's answers least, and whose sums no processor cuts off."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx import numpy_helper

from mien.recognition.model_file import INPUT
from mien.runtime import open_session
from mien.values import GreyFaces

Array = NDArray[np.float64]

LAYERS: Final = ("Conv", "Gemm")
"""The operators that are quantized: convolutions and dense layers."""

LARGEST: Final = 127
LARGEST_PAIR: Final = 128
"""Most that the two largest weights of a channel may add up to. x86 processors without VNNI add two products of an
activation (0 to 255) and a weight in 16 bits, which end at 32,767; 255 · 128 is below it, whichever two meet. Seven
bits for all weights, the usual way, are safe too, and coarser."""

PLACES_A_FACE: Final = 24
"""Places of a feature map that are looked at, of each face."""

MOST_INPUTS: Final = 2048
"""Layers with more weights a channel are rounded to the nearest: the matrix below would be too large."""

DAMPING: Final = 0.01
"""Added to the diagonal of the inputs' second moments, as a share of its mean."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer of the network, and the nodes that give its weights and its bias from their eight and 32 bits."""

    node: onnx.NodeProto
    weights: onnx.NodeProto
    bias: onnx.NodeProto | None
    inputs: str

    @property
    def name(self) -> str:
        return str(self.weights.input[0]).removesuffix("_quantized")

    @property
    def transposed(self) -> bool:
        """Whether the weights' second axis is that of the channels."""
        return self.node.op_type == "Gemm" and not _attribute(self.node, "transB", 0)

    @property
    def group(self) -> int:
        return int(_attribute(self.node, "group", 1))


def round_weights(quantized: onnx.ModelProto, exported: onnx.ModelProto, faces: GreyFaces) -> None:
    """Round the weights of a quantized graph anew, in place, from those of the graph that it was made from.

    Each weight is rounded in turn, and what that changes is made up for by those that are still to be rounded, for
    the inputs that the layer has on these faces (GPTQ: Frantar et al. 2022, arXiv:2210.17323, after Hassibi and Stork's
    optimal brain surgeon). A channel's scale is chosen so that no two weights exceed `LARGEST_PAIR`.

    Args:
        quantized: What onnxruntime's `quantize_static` made, with a scale a channel.
        exported: The graph in float32.
        faces: (N, S, S) uint8.
    """
    tensors = {each.name: each for each in quantized.graph.initializer}
    whole = {each.name: numpy_helper.to_array(each) for each in exported.graph.initializer}
    layers = [*_layers(quantized, exported)]
    random = np.random.default_rng(0)
    for layer in layers:
        weights = whole[layer.name].astype(np.float64)
        rows = np.moveaxis(weights, 1 if layer.transposed else 0, 0)
        rows = rows.reshape(len(rows), -1)
        before = numpy_helper.to_array(tensors[layer.weights.input[1]]).astype(np.float64)
        scales = _scales(rows, before)
        shift = np.zeros(len(rows))
        if layer.group > 1 or rows.shape[1] > MOST_INPUTS:
            rounded = _nearest(rows, scales)
        else:
            seen = _inputs(exported, layer, weights.shape, faces, random)
            rounded = _limited(_rounded_in_turn(rows, scales, seen))
            shift = (rows - rounded * scales[:, None]) @ seen.mean(axis=0)
        shape = weights.T.shape if layer.transposed else weights.shape
        content = rounded.reshape(shape).astype(np.int8)
        _put(tensors[layer.weights.input[0]], content.T if layer.transposed else content)
        _put(tensors[layer.weights.input[1]], scales.astype(np.float32))
        if layer.bias is not None:
            units = numpy_helper.to_array(tensors[layer.bias.input[1]]) * scales / before
            bias = whole[layer.bias.input[0].removesuffix("_quantized")] + shift
            _put(tensors[layer.bias.input[0]], np.rint(bias / units).astype(np.int32))
            _put(tensors[layer.bias.input[1]], units.astype(np.float32))


def _layers(quantized: onnx.ModelProto, exported: onnx.ModelProto) -> Iterator[_Layer]:
    unpacked = {node.output[0]: node for node in quantized.graph.node if node.op_type == "DequantizeLinear"}
    inputs = {node.input[1]: node.input[0] for node in exported.graph.node if node.op_type in LAYERS}
    for node in quantized.graph.node:
        if node.op_type in LAYERS and node.input[1] in unpacked:
            weights = unpacked[node.input[1]]
            bias = unpacked.get(node.input[2]) if len(node.input) > 2 else None
            yield _Layer(node, weights, bias, inputs[weights.input[0].removesuffix("_quantized")])


def _scales(rows: Array, before: Array) -> Array:
    """The scale of each channel; a channel of zeros keeps its own."""
    largest = np.sort(np.abs(rows), axis=1)[:, -2:]
    # Half a step less than the limit, for rounding.
    scales = np.maximum(largest[:, -1] / LARGEST, largest.sum(axis=1) / (LARGEST_PAIR - 0.5))
    return np.where(scales > 0, scales, before)


def _nearest(rows: Array, scales: Array) -> Array:
    return _limited(np.clip(np.rint(rows / scales[:, None]), -LARGEST, LARGEST))


def _rounded_in_turn(rows: Array, scales: Array, seen: Array) -> Array:
    """(channels, inputs) weights as whole numbers; `seen` are (n, inputs)."""
    moments = seen.T @ seen / len(seen)
    moments += DAMPING * np.diag(moments).mean() * np.eye(len(moments)) + 1e-9 * np.eye(len(moments))
    passed_on = np.linalg.cholesky(np.linalg.inv(moments)).T
    left, rounded = rows.copy(), np.empty_like(rows)
    for at in range(rows.shape[1]):
        rounded[:, at] = np.clip(np.rint(left[:, at] / scales), -LARGEST, LARGEST)
        error = (left[:, at] - rounded[:, at] * scales) / passed_on[at, at]
        left[:, at + 1 :] -= np.outer(error, passed_on[at, at + 1 :])
    return rounded


def _limited(rounded: Array) -> Array:
    """The same, with the largest weight of a channel made smaller where two exceed `LARGEST_PAIR`."""
    if rounded.shape[1] > 1:
        for row in rounded:
            while (over := np.sort(np.abs(row))[-2:].sum() - LARGEST_PAIR) > 0:
                largest = np.abs(row).argmax()
                row[largest] -= np.sign(row[largest]) * over
    return rounded


def _inputs(
    exported: onnx.ModelProto, layer: _Layer, shape: tuple[int, ...], faces: GreyFaces, random: np.random.Generator
) -> Array:
    """(n, inputs): what a layer's channels are multiplied with on the faces, at places chosen at random."""
    maps = _outputs(exported, layer.inputs, faces)
    if layer.node.op_type == "Gemm":
        return maps.reshape(len(maps), -1).astype(np.float64)
    top, left, bottom, right = _attribute(layer.node, "pads", [0, 0, 0, 0])
    down, across = _attribute(layer.node, "strides", [1, 1])
    padded = np.pad(maps, ((0, 0), (0, 0), (top, bottom), (left, right)))
    windows = sliding_window_view(padded, shape[2:], axis=(2, 3))[:, :, ::down, ::across].transpose(0, 2, 3, 1, 4, 5)
    places = windows.shape[0] * windows.shape[1] * windows.shape[2]
    chosen = np.sort(random.permutation(places)[: len(faces) * PLACES_A_FACE])
    picked = windows[np.unravel_index(chosen, windows.shape[:3])]
    return np.asarray(picked.reshape(len(chosen), -1), np.float64)


def _outputs(exported: onnx.ModelProto, tensor: str, faces: GreyFaces) -> NDArray[np.float32]:
    """A tensor inside of a graph, on the faces."""
    proto = onnx.ModelProto()
    proto.CopyFrom(exported)
    proto.graph.output.append(onnx.helper.make_empty_tensor_value_info(tensor))
    proto.graph.output[-1].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    session = open_session(proto.SerializeToString(), tensor)
    parts = [session.run([tensor], {INPUT: faces[at : at + 64]})[0] for at in range(0, len(faces), 64)]
    return np.concatenate(parts)


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    return next((onnx.helper.get_attribute_value(each) for each in node.attribute if each.name == name), default)


def _put(tensor: onnx.TensorProto, values: NDArray[Any]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
