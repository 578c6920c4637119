"""Smaller model files: weights in half precision, or weights and activations in eight bits."""

import io
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mien.recognition import OnnxClassifier  # before onnxruntime's own: it turns the telemetry off
from mien.recognition.model_file import INPUT, VOTES
from mien.shipping.calibrate import save
from mien.shipping.rounding import LAYERS, round_weights
from mien.values import GreyFaces

BETWEEN = ("Relu", "MaxPool")
"""Operators between them that eight bits pass through. A ReLU becomes part of the rounding before it, which then spends
no level on values below 0."""

HALF = "_half"

WORTH_HALVING = 1024
"""Tensors with fewer numbers, such as biases, stay in float32: they take no space, and some values are large."""

CALIBRATION_FACES = 512
"""Faces of the training split on which the range of the activations is measured."""

PERCENTILE = 99.999
"""Percentile at which activations are clipped, so that a few large ones do not make all others coarse."""


def quantize(exported: Path, faces: GreyFaces, path: Path) -> OnnxClassifier:
    """Write the same model with weights and activations of convolutions and dense layers in eight bits.

    Static, with a scale for each channel (Jacob et al. 2018, arXiv:1712.05877), symmetric weights, and activations from
    0 to 255 that are clipped at their `PERCENTILE`. The first and the last layer stay as they are: they cost little and
    matter most. A logit is still the mean of its evidence map.

    One file suits every processor: `mien.shipping.rounding` keeps the weights' sums within what those without VNNI
    can add.
    """
    chosen = faces[np.linspace(0, len(faces) - 1, min(CALIBRATION_FACES, len(faces))).astype(int)]
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.onnx"
        _quantize(exported, chosen, draft)
        proto = onnx.load(draft)
    round_weights(proto, onnx.load(exported), chosen)
    return save(proto, path)


def in_eight_bits(exported: Path) -> bool:
    """Whether a model file's weights are in eight bits."""
    return any(node.op_type == "DequantizeLinear" for node in onnx.load(exported).graph.node)


def dequantize(exported: Path, path: Path) -> OnnxClassifier:
    """Write a model file in eight bits with its weights and activations in float32.

    The weights keep the values that eight bits can hold; what rounding them took away is not in the file.
    """
    proto = onnx.load(exported)
    graph = proto.graph
    constants = {each.name: each for each in graph.initializer}
    given = {node.output[0]: node for node in graph.node}
    renamed: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            continue
        if node.op_type != "DequantizeLinear":
            nodes.append(node)
        elif node.input[0] in constants:
            name = node.input[0].removesuffix("_quantized")
            values, scales = (numpy_helper.to_array(constants[each]) for each in node.input[:2])
            units = scales.reshape(-1, *[1] * (values.ndim - 1)) if scales.ndim else scales
            whole = values.astype(np.float32) * units
            graph.initializer.append(numpy_helper.from_array(np.asarray(whole, np.float32), name))
            renamed[node.output[0]] = name
        else:
            packed = given[node.input[0]]
            zero = numpy_helper.to_array(constants[packed.input[2]])
            maker = given.get(packed.input[0])
            if zero == np.iinfo(zero.dtype).min and maker is not None and maker.op_type in LAYERS:
                # The ReLU that became part of the rounding.
                renamed[node.output[0]] = f"{packed.input[0]}_cut_off"
                nodes.append(onnx.helper.make_node("Relu", [packed.input[0]], [renamed[node.output[0]]]))
            else:
                renamed[node.output[0]] = packed.input[0]
    for node in nodes:
        for at, name in enumerate(node.input):
            node.input[at] = renamed.get(name, name)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [each for each in graph.initializer if each.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return save(proto, path)


def _quantize(exported: Path, faces: GreyFaces, path: Path) -> None:
    from onnxruntime import quantization as onnx_quantization

    class Faces(onnx_quantization.CalibrationDataReader):  # type: ignore[misc] # onnxruntime has no types
        def __init__(self) -> None:
            # onnxruntime stacks the batches' results, so all batches have to have one size.
            count = math.ceil(len(faces) / 64)
            self._batches = iter(np.split(faces[: len(faces) // count * count], count))

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(self._batches, None)
            return None if batch is None else {INPUT: batch}

    graph = onnx.load(exported).graph
    names = [node.name for node in graph.node if node.op_type in LAYERS]
    num_heads = 2 if any(output.name == VOTES for output in graph.output) else 1
    with quietly():
        onnx_quantization.quantize_static(
            str(exported),
            str(path),
            Faces(),
            quant_format=onnx_quantization.QuantFormat.QDQ,
            op_types_to_quantize=[*LAYERS, *BETWEEN],
            nodes_to_exclude=[names[0], *names[-num_heads:]],
            per_channel=True,
            activation_type=onnx_quantization.QuantType.QUInt8,
            weight_type=onnx_quantization.QuantType.QInt8,
            calibrate_method=onnx_quantization.CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": PERCENTILE},
        )


@contextmanager
def quietly() -> Iterator[None]:
    """Within, what exporters print and warn of is not shown: progress, and advice on their own affairs."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)


def halve(exported: Path, path: Path) -> OnnxClassifier:
    """Write the same model as `NAME.onnx` with its weights in half precision, in half the size, and open it.

    They are converted back when the file is loaded, so that it computes in float32, as fast as before.
    """
    proto = onnx.load(exported)
    casts = []
    for tensor in proto.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < WORTH_HALVING:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + HALF))
        casts.append(onnx.helper.make_node("Cast", [name + HALF], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return save(proto, path)
