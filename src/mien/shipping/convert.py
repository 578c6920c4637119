"""Writing a model file in each format, from one in ONNX."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import onnx

from mien.errors import ExportError, MissingExtra, ModelError
from mien.files import replacing
from mien.recognition import FileClassifier, ModelInfo, OnnxClassifier
from mien.recognition.formats import FORMATS
from mien.recognition.model_file import INPUT, METADATA_KEY, outputs_of, sums_of
from mien.recognition.ncnn_file import NcnnClassifier, described, weights_of
from mien.recognition.openvino_file import INFO, SUMS, OpenvinoClassifier
from mien.runtime import first_line, import_ncnn, import_openvino
from mien.shipping.calibrate import save

Writer = Callable[[Path, ModelInfo, Path], FileClassifier]
"""Takes a model file in ONNX, its description and the file to write; gives what was written, opened."""

SECONDS: Final = 300
"""Seconds after which pnnx is taken to hang."""

_NEW_TELEMETRY: Final = {"ORT_DISABLE_TELEMETRY": "1"}  # there is an onnxruntime in pnnx, too


def describe(exported: Path, info: ModelInfo, path: Path) -> OnnxClassifier:
    """Write the same model file with another description, under another name or the same."""
    proto = onnx.load(exported)
    onnx.helper.set_model_props(proto, {METADATA_KEY: info.to_json()})
    return save(proto, path)


def write_openvino(exported: Path, info: ModelInfo, path: Path) -> OpenvinoClassifier:
    """Write `NAME.xml` and `NAME.bin`; weights in 16 bits, unless they are in eight. What is eight bits stays so."""
    openvino = import_openvino()
    with TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        try:
            model = openvino.Core().read_model(exported.read_bytes())
            openvino.save_model(model, draft, compress_to_fp16=True)
        except RuntimeError as error:
            raise ExportError(f"OpenVINO cannot convert {exported.name}: {first_line(error)}") from error
        weights = draft.with_suffix(".bin").read_bytes()
        model = openvino.Core().read_model(draft.read_bytes(), weights)
        model.set_rt_info(info.to_json(), INFO)
        model.set_rt_info(sums_of({draft.with_suffix(".bin").name: weights}), SUMS)
        openvino.serialize(model, draft, Path(folder) / "again.bin")
        _write_all({path.with_suffix(".bin"): weights, path: draft.read_bytes()})
    return OpenvinoClassifier(path)


def write_ncnn(exported: Path, info: ModelInfo, path: Path) -> NcnnClassifier:
    """Write `NAME.ncnn.param` and `NAME.ncnn.bin`, by pnnx; weights in 16 bits."""
    import_ncnn()
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "model.onnx"
        onnx.save(_for_one_face(onnx.load(exported), info), draft)
        size = info.input_size
        _run_pnnx([draft.name, f"inputshape=[1,1,{size},{size}]f32"], Path(folder))
        graph = draft.with_suffix(".ncnn.param")
        if not (graph.is_file() and weights_of(graph).is_file()):
            raise ExportError(f"pnnx cannot convert {exported.name}: it wrote no file")
        left = _not_in_ncnn(graph.read_text(encoding="utf-8"))
        if left:
            raise ExportError(f"ncnn has no operation for {', '.join(left)} of {exported.name}; choose another format")
        weights = weights_of(graph).read_bytes()
        _write_all({weights_of(path): weights, path: described(graph.read_bytes(), info, weights)})
    try:
        return NcnnClassifier(path)
    except ModelError as error:
        raise ExportError(
            f"{info.name} cannot be written for ncnn, for pnnx gives it other outputs; choose another format"
        ) from error


WRITERS: Final[Mapping[str, Writer]] = {
    "onnx": describe, "onnx-fp16": describe, "onnx-int8": describe, "openvino": write_openvino, "ncnn": write_ncnn,
}  # fmt: skip
"""What writes each of `FORMATS`."""


def check_path(path: Path, name: str) -> None:
    """Check that a file's name ends as those of a format do; an `ExportError` says how."""
    suffix = FORMATS[name].suffix
    if not path.name.endswith(suffix) or path.name == suffix:
        raise ExportError(f"a model file in the format {name} is called NAME{suffix}; got {path.name}")


def name_of(path: Path) -> str:
    """The model's name in a model file's."""
    return next(path.name[: -len(each.suffix)] for each in FORMATS.values() if path.name.endswith(each.suffix))


def _write_all(contents: Mapping[Path, bytes]) -> None:
    """Write the parts of a model file; only when all are on the disk do they take their places."""
    with ExitStack() as stack:
        for place, content in contents.items():
            stack.enter_context(replacing(place)).write_bytes(content)


def _for_one_face(proto: onnx.ModelProto, info: ModelInfo) -> onnx.ModelProto:
    """The graph from `(1, 1, S, S)` float32 on: ncnn knows neither batches nor whole numbers."""
    graph = proto.graph
    size = info.input_size
    channel = next((node for node in graph.node if node.input and node.input[0] == INPUT), None)
    cast = next((node for node in graph.node if channel and channel.output[0] in node.input), None)
    if channel is None or cast is None or {channel.op_type, cast.op_type} != {"Unsqueeze", "Cast"}:
        raise ExportError(f"{info.name} does not begin as the networks of mien do, and cannot be converted for ncnn")
    for node in (channel, cast):
        graph.node.remove(node)
    for node in graph.node:
        for at, name in enumerate(node.input):
            node.input[at] = INPUT if name == cast.output[0] else name
    names = [name for name in outputs_of(info) if name in {output.name for output in graph.output}]
    del graph.input[:], graph.output[:], graph.value_info[:], proto.metadata_props[:]
    graph.input.append(onnx.helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, [1, 1, size, size]))
    for name in names:
        rank = 4 if name.endswith("cam") else 2
        shape = [1, *[None] * (rank - 1)]
        graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    return proto


def _run_pnnx(words: Sequence[str], folder: Path) -> None:
    # The package is not imported: that needs torch, and the program in it does not.
    package = find_spec("pnnx")
    if package is None or not package.submodule_search_locations:
        raise MissingExtra("Converting for ncnn", "pnnx")
    program = Path(package.submodule_search_locations[0]) / ("pnnx.exe" if sys.platform == "win32" else "pnnx")
    try:
        done = subprocess.run(
            [str(program), *words], cwd=folder, capture_output=True, text=True, errors="replace", timeout=SECONDS,
            check=False, env=os.environ | _NEW_TELEMETRY,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportError(f"pnnx cannot convert it: {error}") from error
    if done.returncode:
        raise ExportError(f"pnnx cannot convert it: {(done.stderr or done.stdout).strip()[-300:]}")


def _not_in_ncnn(param: str) -> list[str]:
    """Operations of a graph in ncnn's format that pnnx could not translate; it leaves them under their torch names."""
    kinds = [line.split(maxsplit=1)[0] for line in param.splitlines()[2:] if line.strip()]
    return sorted({kind for kind in kinds if re.search(r"[.:]", kind)})
