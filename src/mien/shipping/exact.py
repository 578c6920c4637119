"""A first layer without rounding errors, so that a network in eight bits says the same on every machine."""

import math
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mien.recognition import OnnxClassifier
from mien.shipping.calibrate import save

EXACT_BITS: Final = 24
"""Whole numbers of so many bits are exact in float32, and so are their sums in any order."""

INPUT_BITS: Final = 7
"""Bits after the point to which normalised pixels are rounded: less than half a grey level in most faces."""

MOST: Final = 8.0
"""Normalised pixels for which the sums are exact, in standard deviations. Those beyond are as correct as before."""

PART: Final = 2.0**12
"""What the sum of the squares in a row is divided by. Whole parts and the rest are summed by themselves, both exactly:
together they would have more than `EXACT_BITS`."""

PREFIX: Final = "exact_"


def make_exact(exported: Path, path: Path) -> OnnxClassifier:
    """Write a model file whose pixels are normalised, and whose first convolution is computed, without rounding errors.

    Processors and runtimes add in their own order, and round differently. In eight bits the last digit of a float
    decides between two of 256 values, and the layers that follow make a hundredth of a probability of it. Here pixels
    are summed as whole numbers, and the normalised pixels, the weights and the biases of the first convolution are
    rounded to fractions of powers of two, so few that every sum of their products is exact. All further layers but the
    last add whole numbers.

    A file without activations in eight bits, or whose first layers are others, is written as it is.

    Args:
        exported: A model file.
        path: The new file.
    """
    proto = onnx.load(exported)
    graph = proto.graph
    if any(node.op_type == "QuantizeLinear" for node in graph.node):
        found = _normalisation(graph)
        if found:
            cast, last = found
            _normalise_exactly(graph, cast, last)
            _round_weights(graph, next(node for node in graph.node if last.output[0] in node.input))
            _remove_unused(graph)
    return save(proto, path)


def _normalisation(graph: onnx.GraphProto) -> tuple[onnx.NodeProto, onnx.NodeProto] | None:
    """The nodes that make floats of pixels, and that divide by their deviation; None where there are no such."""
    by_output = {name: node for node in graph.node for name in node.output}
    conv = next((node for node in graph.node if node.op_type == "Conv"), None)

    def before(node: onnx.NodeProto | None, kind: str, place: int = 0) -> onnx.NodeProto | None:
        found = by_output.get(node.input[place]) if node else None
        return found if found and found.op_type == kind else None

    last = before(conv, "Div")
    cast = before(before(before(last, "Sub"), "Div"), "Cast")
    deviation = before(before(last, "Clip", 1), "Sqrt")
    return (cast, last) if cast and last and deviation else None


def _normalise_exactly(graph: onnx.GraphProto, cast: onnx.NodeProto, last: onnx.NodeProto) -> None:
    """Put nodes that do the same, without sums that round, before the one that divides by the deviation."""
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    by_output = {name: node for node in graph.node for name in node.output}
    clip, scaled = by_output[last.input[1]], by_output[by_output[last.input[0]].input[0]]
    pixel = float(constants[scaled.input[1]].item())
    side = graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    values: dict[str, NDArray[np.float32] | NDArray[np.int64]] = {
        "zero": np.array(0, np.float32), "pixels": np.array(side**2, np.float32), "part": np.array(PART, np.float32),
        "grid": np.array(2.0**INPUT_BITS, np.float32), "all": np.array([1, 2, 3], np.int64),
        "row": np.array([3], np.int64), "least": np.asarray(constants[clip.input[1]] * pixel, np.float32),
    }  # fmt: skip
    graph.initializer.extend(numpy_helper.from_array(value, PREFIX + name) for name, value in values.items())
    steps = (
        ("ReduceSum", (cast.output[0], "all"), "sum"),
        ("Div", ("sum", "pixels"), "mean"),
        ("Round", ("mean",), "middle"),
        ("Sub", (cast.output[0], "middle"), "around"),  # whole numbers
        ("ReduceSum", ("around", "all"), "rest"),
        ("Div", ("rest", "pixels"), "off"),  # of the mean from the whole number beside it
        ("Mul", ("around", "around"), "squares"),
        ("ReduceSum", ("squares", "row"), "rows"),
        ("Div", ("rows", "part"), "parts"),
        ("Floor", ("parts",), "whole_parts"),
        ("Mul", ("whole_parts", "part"), "in_parts"),
        ("Sub", ("rows", "in_parts"), "left"),
        ("ReduceSum", ("whole_parts", "all"), "sum_of_parts"),
        ("ReduceSum", ("left", "all"), "sum_left"),
        ("Mul", ("sum_of_parts", "part"), "sum_in_parts"),
        ("Add", ("sum_in_parts", "sum_left"), "sum_of_squares"),
        ("Div", ("sum_of_squares", "pixels"), "second_moment"),
        ("Mul", ("off", "off"), "off_squared"),
        ("Sub", ("second_moment", "off_squared"), "variance"),
        ("Max", ("variance", "zero"), "not_negative"),
        ("Sqrt", ("not_negative",), "deviation"),
        ("Max", ("deviation", "least"), "divisor"),
        ("Sub", ("around", "off"), "centred"),
        ("Div", ("centred", "divisor"), "normalised"),
        ("Mul", ("normalised", "grid"), "on_grid"),
        ("Round", ("on_grid",), "whole"),
    )
    named = {cast.output[0]: cast.output[0]}
    nodes = [
        onnx.helper.make_node(kind, [named.get(name, PREFIX + name) for name in inputs], [PREFIX + output])
        for kind, inputs, output in steps
    ]
    nodes.append(onnx.helper.make_node("Div", [PREFIX + "whole", PREFIX + "grid"], [last.output[0]]))
    place = [*graph.node].index(last)
    rest = [*graph.node[:place], *nodes, *graph.node[place + 1 :]]
    del graph.node[:]
    graph.node.extend(rest)


def _round_weights(graph: onnx.GraphProto, conv: onnx.NodeProto) -> None:
    """Round weights and biases of the first convolution, as finely as its sums stay exact."""
    tensors = {each.name: each for each in graph.initializer}
    weights, biases = (numpy_helper.to_array(tensors[name]).astype(np.float64) for name in conv.input[1:3])
    largest = MOST * np.abs(weights).sum(axis=(1, 2, 3)).max() + np.abs(biases).max()
    bits = EXACT_BITS - math.ceil(math.log2(largest))
    for name, values, fine in ((conv.input[1], weights, bits - INPUT_BITS), (conv.input[2], biases, bits)):
        rounded = (np.rint(values * 2.0**fine) / 2.0**fine).astype(np.float32)
        tensors[name].CopyFrom(numpy_helper.from_array(rounded, name))


def _remove_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes and constants that lead to no output."""
    used = {output.name for output in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if used & {*node.output}:
            used |= {*node.input}
            nodes.append(node)
    kept = [each for each in graph.initializer if each.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(kept)
