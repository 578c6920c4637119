"""Model files of OpenVINO: `NAME.xml` with mien's metadata, and its weights beside it, `NAME.bin`."""

import os
import queue
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import ModelError
from mien.recognition.classifier import FileClassifier
from mien.recognition.model_file import METADATA_KEY, check_sums, parse_model_info
from mien.runtime import MAX_NODES, SECONDS_A_FACE, first_line, import_openvino, read_model
from mien.values import GreyFaces, checked_threads

INFO: Final = [METADATA_KEY, "info"]
SUMS: Final = [METADATA_KEY, "sha256"]
"""Places in the file's `rt_info` of `ModelInfo` and of the weights' SHA-256, both as JSON."""

_ENDLESS: Final = ("Loop", "TensorIterator", "If")


class OpenvinoClassifier(FileClassifier):
    """A model file in OpenVINO's format.

    Numbers are computed in float32, or in eight bits where the file says so, on any processor: OpenVINO's own choice,
    bfloat16 where there is some, gives other answers on other machines.

    Args:
        path: `NAME.xml`; `NAME.bin` lies beside it.
        num_threads: Processor threads for one call. Calls in several threads run side by side.

    Raises:
        ModelError: A file is missing, damaged, not one of mien's or not of the other one; it has loops or branches; or
            it fails with a first face, or takes longer than ten seconds for it.
        MissingExtra: OpenVINO is not installed.
    """

    def __init__(self, path: Path, *, num_threads: int = 1) -> None:
        if not path.is_file():
            raise ModelError(f"{path}: there is no such model file")
        num_threads = checked_threads(num_threads)
        weights = read_model(path.with_suffix(".bin"))
        openvino = import_openvino()
        # Threads that are bound to a core, as is OpenVINO's way, would bind several processes to the same one.
        streams = max(1, (os.cpu_count() or 1) // num_threads)
        settings = {
            "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False, "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams * num_threads,
        }  # fmt: skip
        try:
            model = openvino.Core().read_model(read_model(path), weights)
            info, sums = (model.get_rt_info(place).astype(str) for place in (INFO, SUMS))
        except Exception as error:
            raise ModelError(f"{path} is no model of mien's for OpenVINO: {first_line(error)}") from error
        super().__init__(path, parse_model_info(info, str(path)))
        check_sums(sums, {path.with_suffix(".bin").name: weights}, path)
        kinds = [node.get_type_name() for node in model.get_ops()]
        if len(kinds) > MAX_NODES or any(kind in _ENDLESS for kind in kinds):
            raise ModelError(f"{path}: its graph has loops or branches, or more than {MAX_NODES:,} operations")
        try:
            self._compiled = openvino.Core().compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise ModelError(f"{path} is no model that OpenVINO can run: {first_line(error)}") from error
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._num_threads = num_threads
        self._check_first_face(partial(self._run, seconds=SECONDS_A_FACE))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(OpenvinoClassifier, num_threads=self._num_threads), (self.path,)

    def _run(
        self, faces: GreyFaces, outputs: Sequence[str], *, seconds: float | None = None
    ) -> list[NDArray[np.float32]]:
        try:
            request = self._idle.get_nowait()  # one request serves one thread at a time
        except queue.Empty:
            request = self._compiled.create_infer_request()
        try:
            request.start_async({0: np.ascontiguousarray(faces)})
            if seconds is not None and not request.wait_for(round(1000 * seconds)):
                request.cancel()
                raise ModelError(f"{self.path} cannot classify one face: it takes longer than {seconds:g} s")
            request.wait()
            results = [np.array(request.get_tensor(name).data) for name in outputs]
        except RuntimeError as error:
            raise ModelError(f"{self.path} fails with {len(faces)} faces: {first_line(error)}") from error
        self._idle.put(request)
        return results
