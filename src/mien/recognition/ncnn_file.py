"""Model files of ncnn: `NAME.ncnn.param` with mien's metadata, and its weights beside it, `NAME.ncnn.bin`."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import ModelError
from mien.recognition.classifier import FileClassifier
from mien.recognition.model_file import ModelInfo, check_sums, outputs_of, parse_model_info, sums_of
from mien.runtime import import_ncnn, read_model
from mien.values import GreyFaces, checked_threads

SUFFIX: Final = ".ncnn.param"
INPUT_BLOB: Final = "in0"
OUTPUT_BLOB: Final = "out{}"
"""pnnx's names of inputs and outputs, which are numbered in the order of the ONNX file's."""

_DESCRIBED: Final = b"# mien "
"""Begin of the last line, which ncnn does not read: it holds as JSON what describes the file."""


def weights_of(path: Path) -> Path:
    """The file beside `NAME.ncnn.param`."""
    return path.with_suffix(".bin")


def described(param: bytes, info: ModelInfo, weights: bytes) -> bytes:
    """What pnnx wrote as a graph, with a last line that describes it."""
    text = f'{{"info": {info.to_json()}, "sha256": {sums_of({".bin": weights})}}}'
    return param.rstrip() + b"\n" + _DESCRIBED + text.encode() + b"\n"


class NcnnClassifier(FileClassifier):
    """A model file in ncnn's format, as pnnx writes it. ncnn takes one face at a time.

    Args:
        path: `NAME.ncnn.param`; `NAME.ncnn.bin` lies beside it.
        num_threads: Processor threads for one call.

    Raises:
        ModelError: A file is missing, damaged, not one of mien's or not of the other ones, or it fails with a first
            face. ncnn's reader is not made for strangers' files: a damaged one may end the process.
        MissingExtra: ncnn is not installed.
    """

    def __init__(self, path: Path, *, num_threads: int = 1) -> None:
        if not path.is_file():
            raise ModelError(f"{path}: there is no such model file")
        num_threads = checked_threads(num_threads)
        weights, last = weights_of(path), read_model(path).rstrip().rpartition(b"\n")[2]
        if not last.startswith(_DESCRIBED):
            raise ModelError(f"{path} is not one that `mien export` wrote: it lacks mien's metadata")
        try:
            content = json.loads(last.removeprefix(_DESCRIBED))
            info, sums = json.dumps(content["info"]), json.dumps(content["sha256"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ModelError(f"{path}: its metadata is no JSON of mien's: {error}") from error
        super().__init__(path, parse_model_info(info, str(path)))
        check_sums(sums, {weights.name: read_model(weights)}, path)
        ncnn = import_ncnn()
        self._ncnn, self._net = ncnn, ncnn.Net()
        self._net.opt.num_threads = num_threads
        self._net.opt.use_fp16_arithmetic = False  # where there is some, answers would be other ones
        if self._net.load_param(str(path)) or self._net.load_model(str(weights)):
            raise ModelError(f"{path} is no model that ncnn can run")
        self._num_threads = num_threads
        self._names = outputs_of(self.info)
        self._check_first_face(self._run)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(NcnnClassifier, num_threads=self._num_threads), (self.path,)

    def _run(self, faces: GreyFaces, outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        rows = [self._read(face, outputs) for face in faces.astype(np.float32)]
        return [np.stack(column) for column in zip(*rows, strict=True)]

    def _read(self, face: NDArray[np.float32], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        extractor = self._net.create_extractor()
        # A copy: operations that work in place crash on memory of numpy's.
        extractor.input(INPUT_BLOB, self._ncnn.Mat(np.ascontiguousarray(face[None])).clone())
        found = []
        for name in outputs:
            failed, blob = extractor.extract(OUTPUT_BLOB.format(self._names.index(name)))
            if failed:
                raise ModelError(f"{self.path} fails: ncnn gives no {name}")
            found.append(np.array(blob, np.float32))
        return found
