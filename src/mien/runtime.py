"""The runtimes of networks, with their telemetry switched off, and bounds on the model files that they are given.

The rest of mien imports them from here: onnxruntime always, OpenVINO and ncnn where a model file is theirs.

From 1.29 on, the official Linux wheels report their use and the machine to Microsoft as soon as they are imported. mien
opens no network connection that its user did not ask for. OpenVINO's package does the same with Google Analytics.
"""

import importlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from mien.errors import InvalidInput, MissingExtra, ModelError

_SWITCH = "ORT_DISABLE_TELEMETRY"  # read once, when onnxruntime is imported
_before = os.environ.get(_SWITCH)
os.environ[_SWITCH] = "1"
try:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as _state
finally:
    if _before is None:
        del os.environ[_SWITCH]
    else:
        os.environ[_SWITCH] = _before

onnxruntime.disable_telemetry_events()  # on Windows, and where it was imported before

InferenceSession: TypeAlias = onnxruntime.InferenceSession
RunOptions: TypeAlias = onnxruntime.RunOptions

ONNXRUNTIME_VERSION: Final = str(onnxruntime.__version__)
"""The same whichever package brings it, as for other processors."""

ONNX_ERRORS: Final[tuple[type[Exception], ...]] = (
    *(each for each in vars(_state).values() if isinstance(each, type) and issubclass(each, Exception)),
    MemoryError, RuntimeError, ValueError,
)  # fmt: skip
"""Raised for a file that is no model, that this build cannot run, or that fails when it runs. Those of onnxruntime
share no base class; where one of their messages quotes damaged names, there is a UnicodeDecodeError, a ValueError."""

MAX_BYTES: Final = 2**29
"""Size of the largest model file that is read, in bytes."""

MAX_NODES: Final = 10_000
"""Most operations in a model's graph."""

SECONDS_A_FACE: Final = 10.0
"""Seconds within which a model file has to classify its first face, or to search its first picture."""

# Numbers of fields in onnx.proto.
_GRAPH, _FUNCTIONS, _NODE, _ATTRIBUTE, _GRAPHS_OF_ATTRIBUTE = 7, 25, 1, 5, (6, 11)
_TENSORS_OF_GRAPH, _TENSORS_OF_ATTRIBUTE, _ELSEWHERE = (5, 15), (5, 10, 22, 23), 13
_SPARSE, _PARTS_OF_SPARSE = (15, 22, 23), (1, 2)


@dataclass(frozen=True, slots=True)
class Provider:
    """What can run a network for onnxruntime.

    Attributes:
        name: onnxruntime's name of it.
        runs_on: What it computes on, for people.
        wheel: The package that brings it, which takes the place of onnxruntime's own; None where that one brings it.
    """

    name: str
    runs_on: str
    wheel: str | None = None


PROVIDERS: Final = {
    "cpu": Provider("CPUExecutionProvider", "the processor"),
    "cuda": Provider("CUDAExecutionProvider", "NVIDIA's graphics processors", "onnxruntime-gpu"),
    "openvino": Provider("OpenVINOExecutionProvider", "Intel's processors and graphics", "onnxruntime-openvino"),
    "coreml": Provider("CoreMLExecutionProvider", "Apple's processors, under macOS"),
    "directml": Provider("DmlExecutionProvider", "graphics processors, under Windows", "onnxruntime-directml"),
}
"""What may run a network, by the name that `--provider` takes."""


def read_model(path: Path) -> bytes:
    """The content of a model file, if it is no larger than `MAX_BYTES`.

    Raises:
        ModelError: It is larger, or cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelError(f"{path} has {size:,} bytes; a model file has at most {MAX_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error


def open_session(content: bytes, source: str, *, num_threads: int = 1, provider: str = "cpu") -> InferenceSession:
    """A session for a model file's content; `source` names the file in errors.

    A provider that cannot be had is an error: the network never runs on the processor instead without a word. Single
    operations that a provider cannot compute are left to the processor, as onnxruntime decides.

    Raises:
        ModelError: It is no model that onnxruntime can run, or out of the bounds of `check_bounds`.
        InvalidInput: The provider is unknown, this installation of onnxruntime lacks it, or it cannot be started.
    """
    wanted = _provider(provider)
    check_bounds(content, source)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised, and need not be logged too
    # A model may name other files to read its weights from; in this "folder" there are none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    try:
        # Operations on constants are left to each run, which can be stopped; opening cannot. And without the second
        # try, which onnxruntime announces on standard output.
        session = InferenceSession(
            content, options, providers=[wanted.name], disabled_optimizers=["ConstantFolding"], enable_fallback=0
        )
    except ONNX_ERRORS as error:
        hint = "" if provider == "cpu" else f" by the provider {provider}"
        raise ModelError(f"{source} is no model that onnxruntime can run{hint}: {first_line(error)}") from error
    # onnxruntime itself goes on without a provider whose libraries or device are missing.
    if wanted.name not in session.get_providers():
        raise InvalidInput(
            f"provider {provider} is in this onnxruntime, and could not be started: its device, driver or libraries "
            f"are missing ({wanted.runs_on})"
        )
    return session


def _provider(name: str) -> Provider:
    if name not in PROVIDERS:
        raise InvalidInput(f"provider is one of {', '.join(PROVIDERS)}; got {name!r}")
    available = onnxruntime.get_available_providers()
    wanted = PROVIDERS[name]
    if wanted.name not in available:
        has = ", ".join(key for key, each in PROVIDERS.items() if each.name in available)
        raise InvalidInput(
            f"provider {name} is not in this installation of onnxruntime, which has: {has}. It runs on "
            f"{wanted.runs_on}"
            + (f"; to have it: pip uninstall onnxruntime, then pip install {wanted.wheel}" if wanted.wheel else "")
        )
    return wanted


def import_openvino() -> Any:
    """The module `openvino`, which without this reports its import to its makers.

    Raises:
        MissingExtra: It is not installed.
    """
    telemetry = "openvino_telemetry"
    if "openvino" in sys.modules or telemetry in sys.modules:
        return _imported("openvino", "openvino")
    sys.modules[telemetry] = None  # type: ignore[assignment] # as if it were not installed; OpenVINO expects that
    try:
        return _imported("openvino", "openvino")
    finally:
        del sys.modules[telemetry]


def import_ncnn() -> Any:
    """The module `ncnn`; a `MissingExtra` where it is not installed."""
    return _imported("ncnn", "ncnn")


def _imported(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(f"A model file for {module}", extra, error) from error


@contextmanager
def stopped_after(seconds: float) -> Iterator[RunOptions]:
    """Options of a session's run, which then fails at its next operation after so many seconds."""
    options = RunOptions()
    timer = threading.Timer(seconds, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield options
    finally:
        timer.cancel()


def first_line(error: Exception) -> str:
    """The first line of one of `ONNX_ERRORS`, for messages."""
    if isinstance(error, UnicodeDecodeError):
        return "it has names that are no text"
    line = str(error).strip().partition("\n")[0]
    # Before what went wrong onnxruntime puts the number and name of its status.
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line)[:500] or type(error).__name__


def check_bounds(content: bytes, source: str) -> None:
    """Check that an ONNX file has no loops, no functions, not too many operations, and its weights in itself.

    Loops, scans and branches are operations with graphs of their own, and functions call one another; a few bytes of
    either can keep a processor busy for ever. Networks need neither. Weights in other files would be read from wherever
    the file says, and written into what is exported from it.

    Args:
        content: The file's content.
        source: The file's name in errors.

    Raises:
        ModelError: The file has one of these. What is no ONNX file passes: onnxruntime says more of it.
    """
    num_nodes = num_parts = 0
    for number, part in _parts_of_graphs(memoryview(content), source):
        num_parts += 1
        num_nodes += number == _NODE
        if num_nodes > MAX_NODES or num_parts > 10 * MAX_NODES:
            raise ModelError(f"{source}: its graph has more than {MAX_NODES:,} operations, which are not run")
        tensors = [(number, part)] if number in _TENSORS_OF_GRAPH else []
        for _, attribute in _named(part, _ATTRIBUTE) if number == _NODE else ():
            num_parts += 1
            for kind, value in _fields(attribute):
                if kind in _GRAPHS_OF_ATTRIBUTE:
                    raise ModelError(
                        f"{source}: its graph has loops or branches, which are not run; export it again without them"
                    )
                if kind in _TENSORS_OF_ATTRIBUTE:
                    tensors.append((kind, value))
        if any(_is_elsewhere(kind, tensor) for kind, tensor in tensors):
            raise ModelError(
                f"{source}: its weights are in other files, which are not read; export it again as one file"
            )


def _parts_of_graphs(message: memoryview, source: str) -> Iterator[tuple[int, memoryview]]:
    for number, part in _fields(message):
        if number == _FUNCTIONS:
            raise ModelError(f"{source}: its graph has functions, which are not run; export it again without them")
        if number == _GRAPH:
            yield from _fields(part)


def _is_elsewhere(kind: int, tensor: memoryview) -> bool:
    """Whether a tensor, or one of the two in a sparse one, is kept in another file."""
    if kind in _SPARSE:
        return any(number in _PARTS_OF_SPARSE and _is_elsewhere(0, part) for number, part in _fields(tensor))
    return any(number == _ELSEWHERE for number, _ in _fields(tensor))


def _named(message: memoryview, wanted: int) -> Iterator[tuple[int, memoryview]]:
    return ((number, part) for number, part in _fields(message) if number == wanted)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The number and content of each field of a protobuf message that has a length; ends where it is damaged.

    Groups, an old kind of field that parsers pass over, only open and close: what is in one counts as outside of it.
    """
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        key &= 0xFFFFFFFF  # as onnxruntime reads it: bits beyond these would hide a field
        kind = key & 7
        if kind == 2:
            length, at = _number(message, at)
            yield key >> 3, message[at : at + length]
            at += length
        elif kind == 0:
            _, at = _number(message, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4


def _number(message: memoryview, at: int) -> tuple[int, int]:
    """A number in seven bits a byte, and the place after it."""
    number = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at
    return 0, len(message)
