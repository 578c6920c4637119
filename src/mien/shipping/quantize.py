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

from mien.files import replacing
from mien.recognition import OnnxClassifier  # before onnxruntime's own: it turns the telemetry off
from mien.recognition.model_file import INPUT, VOTES
from mien.runtime import InferenceSession
from mien.shipping.calibrate import save
from mien.values import GreyFaces

LAYERS = ("Conv", "Gemm")
"""The operators that are quantized: convolutions and dense layers."""

HALF = "_half"
"""The suffix of a half-precision weight's name."""

WORTH_HALVING = 1024
"""Tensors with fewer numbers, such as biases, stay in float32: they take no space, and some values are large."""

CALIBRATION_FACES = 512
"""Faces on which the range of the activations is measured."""

PERCENTILE = 99.999
"""Percentile at which activations are clipped, so that a few large ones do not make all others coarse."""


def quantize(exported: Path, faces: GreyFaces, path: Path) -> OnnxClassifier:
    """Write the same model with weights and activations of convolutions and dense layers in eight bits.

    Static, with a scale for each channel (Jacob et al. 2018, arXiv:1712.05877); activations are clipped at their
    `PERCENTILE`. The first and the last layer stay as they are: they cost little and matter most. A logit is still the
    mean of its evidence map.

    Processors without VNNI saturate the sums of eight-bit weights. The GELU network lost more by that than by all else,
    and rep-small less than by weights of seven bits. So both are tried where sums saturate, and the one whose logits
    stay closer is taken; elsewhere weights have seven bits, which are safe on every processor.

    Args:
        exported: a model file.
        faces: (N, S, S) uint8, of the training split; `CALIBRATION_FACES` of them are used.
        path: `NAME.onnx`, which is opened.
    """
    chosen = faces[np.linspace(0, len(faces) - 1, min(CALIBRATION_FACES, len(faces))).astype(int)]
    with TemporaryDirectory() as folder, replacing(path) as partial:
        drafts = []
        for bits in (7, 8) if saturates() else (7,):
            drafts.append(Path(folder) / f"{bits}.onnx")
            _quantize(exported, chosen, drafts[-1], seven_bits=bits == 7)
        wanted = OnnxClassifier(exported).logits(chosen)
        errors = [float(np.square(OnnxClassifier(draft).logits(chosen) - wanted).mean()) for draft in drafts]
        partial.write_bytes(drafts[int(np.argmin(errors))].read_bytes())
    return OnnxClassifier(path)


def saturates() -> bool:
    """Whether sums of products of eight bits saturate on this processor, as on all x86 without VNNI."""
    model = onnx.parser.parse_model(
        f"""<ir_version: 8, opset_import: ["": 17]>
        largest (uint8[1, 64] x) => (int32[1, 8] y) <int8[64, 8] weights = {{{", ".join(["127"] * 64 * 8)}}}>
        {{ y = MatMulInteger (x, weights) }}"""
    )
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    largest = session.run(None, {"x": np.full((1, 64), 255, np.uint8)})[0]
    return bool((largest != 255 * 127 * 64).any())


def _quantize(exported: Path, faces: GreyFaces, path: Path, *, seven_bits: bool) -> None:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Faces(CalibrationDataReader):  # type: ignore[misc] # onnxruntime has no types
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
        quantize_static(
            str(exported),
            str(path),
            Faces(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(LAYERS),
            nodes_to_exclude=[names[0], *names[-num_heads:]],
            per_channel=True,
            reduce_range=seven_bits,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
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
