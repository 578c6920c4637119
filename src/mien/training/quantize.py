"""Smaller files: weights in half precision, or everything in eight bits."""

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mien.faces import GreyFaces
from mien.files import replacing
from mien.recognition import OnnxClassifier  # before onnxruntime's own: it turns the telemetry off
from mien.recognition.model_file import INPUT, VOTES

LAYERS = ("Conv", "Gemm")
"""Convolutions and dense layers, in ONNX's words."""

HALF = "_half"
"""What the name of a weight in half precision ends in."""

WORTH_HALVING = 1024
"""Fewer numbers than these stay in float32: biases and such weigh nothing, and some are large."""

CALIBRATION_FACES = 512
"""How many faces show what range the activations take."""


def quantize(exported: Path, faces: GreyFaces, path: Path) -> OnnxClassifier:
    """The same model with weights and activations of convolutions and dense layers in eight bits.

    Static, with a scale for each channel (Jacob et al. 2018, arXiv:1712.05877). The first and the last layer stay
    as they are: they cost little and matter most. Weights use seven bits, since processors without VNNI
    saturate the sums of eight, which alone cost the GELU network most of what it lost. Evidence maps still mean
    their logits.

    Args:
        exported: a model file.
        faces: (N, S, S) uint8, of the training split; `CALIBRATION_FACES` of them are used.
        path: `NAME.onnx`.

    Returns:
        The file, opened.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Faces(CalibrationDataReader):  # type: ignore[misc] # onnxruntime has no types
        def __init__(self) -> None:
            self._batches = _batches(faces)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            return next(self._batches, None)

    with TemporaryDirectory() as folder, replacing(path) as partial:
        draft = Path(folder) / "draft.onnx"
        previous = logging.root.manager.disable
        logging.disable(logging.WARNING)  # it advises a pre-processing that our exporter has done
        try:
            quantize_static(
                str(exported),
                str(draft),
                Faces(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(LAYERS),
                nodes_to_exclude=_first_and_last(exported),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        finally:
            logging.disable(previous)
        partial.write_bytes(draft.read_bytes())
    return OnnxClassifier(path)


def halve(exported: Path, path: Path) -> OnnxClassifier:
    """The same model with its weights kept in half precision, in half the file.

    They are widened once, when the file is loaded, so that it computes in float32 as before and as fast.

    Args:
        exported: a model file.
        path: `NAME.onnx`.

    Returns:
        The file, opened.
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
    with replacing(path) as partial:
        partial.write_bytes(proto.SerializeToString())
    return OnnxClassifier(path)


def _first_and_last(exported: Path) -> list[str]:
    graph = onnx.load(exported).graph
    names = [node.name for node in graph.node if node.op_type in LAYERS]
    num_heads = 2 if any(output.name == VOTES for output in graph.output) else 1
    return [names[0], *names[-num_heads:]]


def _batches(faces: GreyFaces) -> Iterator[dict[str, NDArray[np.uint8]]]:
    chosen = np.linspace(0, len(faces) - 1, min(CALIBRATION_FACES, len(faces))).astype(int)
    for start in range(0, len(chosen), 64):
        yield {INPUT: faces[chosen[start : start + 64]]}
