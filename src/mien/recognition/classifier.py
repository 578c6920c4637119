"""Classifying faces: the protocol of a classifier, and model files run with onnxruntime."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput, ModelError
from mien.recognition.model_file import (
    EVIDENCE,
    INPUT,
    LOGITS,
    METADATA_KEY,
    VOTES,
    VOTES_EVIDENCE,
    ModelInfo,
    parse_model_info,
)
from mien.runtime import (
    ONNX_ERRORS,
    SECONDS_A_FACE,
    InferenceSession,
    first_line,
    open_session,
    read_model,
    stopped_after,
)
from mien.values import GreyFaces, checked_threads

MAPS: Final = (EVIDENCE, VOTES_EVIDENCE)

FACES_A_RUN: Final = 32  # faces in one batch; larger ones take more memory, and more time on most processors


class Classifier(Protocol):
    """Any object that turns faces into probabilities."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The K names of the classes, in the order of the scores."""
        ...

    @property
    def input_size(self) -> int:
        """S, the side of the input faces in pixels."""
        ...

    def __call__(self, faces: GreyFaces) -> NDArray[np.float32]:
        """(N, S, S) uint8, grey → (N, K) float32 probabilities; N may be 0."""
        ...


def checked_scores(classifier: Classifier, faces: GreyFaces) -> NDArray[np.float32]:
    """(N, K) float32; without faces the classifier is not called. Whatever is no probabilities is an `InvalidInput`."""
    expected = len(faces), len(classifier.labels)
    if not len(faces):
        return np.empty(expected, np.float32)
    scores = classifier(faces)
    if not isinstance(scores, np.ndarray) or scores.dtype.kind != "f":
        got = f"{getattr(scores, 'dtype', type(scores).__name__)}"
    elif scores.shape != expected:
        got = f"the shape {scores.shape}"
    else:
        valid = (scores >= 0).all(axis=1) & (np.abs(scores.sum(axis=1) - 1) <= 1e-3)
        if valid.all():
            return np.asarray(scores, np.float32)
        got = f"the row {scores[~valid][0]}"
    raise InvalidInput(
        f"{type(classifier).__name__} has to return an array of floats of shape {expected}: for each face a row of "
        f"probabilities that sum to 1; got {got}"
    )


class FileClassifier(ABC):
    """A model file that `mien export` wrote, in any format. One instance serves many threads.

    `load_classifier` gives the class that runs a file. Each method takes faces as (N, S, S) uint8, grey, where N may be
    0, and raises InvalidInput for any other array, and ModelError where the network fails.

    Attributes:
        path: The model file.
        info: The file's metadata.
        labels: The K names of the classes, in the order of the scores.
        input_size: S, the side of the input faces in pixels.
    """

    def __init__(self, path: Path, info: ModelInfo) -> None:
        self.path, self.info = path, info
        self.labels, self.input_size = info.labels, info.input_size

    def described(self, info: ModelInfo) -> Self:
        """The same network with another description."""
        other = copy.copy(self)
        FileClassifier.__init__(other, self.path, info)
        return other

    def __call__(self, faces: GreyFaces) -> NDArray[np.float32]:
        """(N, K) float32 probabilities, the softmax of the logits."""
        return softmax(self.logits(faces))

    def logits(self, faces: GreyFaces) -> NDArray[np.float32]:
        """(N, K) float32, before the softmax."""
        return self.run(faces, [LOGITS])[0]

    def evidence(self, faces: GreyFaces) -> NDArray[np.float32]:
        """Class activation maps: (N, K, h, w) float32, whose means are the logits."""
        return self.run(faces, [EVIDENCE])[0]

    def votes(self, faces: GreyFaces) -> NDArray[np.float32]:
        """The votes of FER+'s annotators, as predicted: (N, 8) float32 probabilities of `info.vote_labels`.

        Raises:
            InvalidInput: The network was not trained on FER+'s votes.
        """
        return softmax(self.vote_logits(faces))

    def vote_logits(self, faces: GreyFaces) -> NDArray[np.float32]:
        """As `votes`, before the softmax."""
        if not self.info.vote_labels:
            raise InvalidInput(f"{self.info.name} gives no votes: it was trained without FER+")
        return self.run(faces, [VOTES])[0]

    def run(self, faces: GreyFaces, outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Several outputs of one run, by their names in `mien.recognition.model_file`, N rows each."""
        size = self.input_size
        if faces.ndim != 3 or faces.shape[1:] != (size, size) or faces.dtype != np.uint8:
            raise InvalidInput(
                f"{self.info.name} takes (N, {size}, {size}) uint8, grey; got {faces.shape} {faces.dtype}"
            )
        if not len(faces):  # a blank face shows the shapes of the outputs
            return [output[:0] for output in self.run(np.zeros((1, size, size), np.uint8), outputs)]
        parts = [self._run(faces[at : at + FACES_A_RUN], outputs) for at in range(0, len(faces), FACES_A_RUN)]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    @abstractmethod
    def _run(self, faces: GreyFaces, outputs: Sequence[str]) -> Sequence[NDArray[np.float32]]:
        """As `run`, for one face up to `FACES_A_RUN`."""

    def _check_first_face(self, run: Callable[[GreyFaces, Sequence[str]], Sequence[NDArray[np.float32]]]) -> None:
        """Check that one face gives numbers of the promised shapes."""
        sizes = promised_sizes(self.info)
        outputs = run(np.zeros((1, self.input_size, self.input_size), np.uint8), [*sizes])
        shapes = {name: np.shape(output) for name, output in zip(sizes, outputs, strict=True)}
        if any(
            shape[:2] != (1, sizes[name]) or len(shape) != (4 if name in MAPS else 2) for name, shape in shapes.items()
        ):
            raise ModelError(f"{self.path} gives outputs of other shapes for one face than it promises: {shapes}")
        # As a runtime's older version has done for the maps of the GELU network.
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelError(
                f"{self.path} gives no numbers for a blank face by what runs it here; choose another runtime"
            )


class OnnxClassifier(FileClassifier):
    """A model file in ONNX, run by onnxruntime.

        >>> classifier = OnnxClassifier(Path("mini-xception.onnx"))
        >>> classifier(faces).shape
        (12, 7)

    Args:
        path: The model file.
        num_threads: Processor threads for one call. Networks this small gain little from a second one; run more
            processes instead.
        provider: What runs the network, a key of `mien.runtime.PROVIDERS`.

    Raises:
        ModelError: The file is missing, damaged, or not one of mien's; it has loops, branches or functions; or it fails
            with a first face, or takes longer than ten seconds for it. Later calls raise it where the network fails.
        InvalidInput: The provider is unknown, or this installation of onnxruntime lacks it.
    """

    def __init__(self, path: Path, *, num_threads: int = 1, provider: str = "cpu") -> None:
        if not path.is_file():
            raise ModelError(f"{path}: there is no such model file")
        num_threads = checked_threads(num_threads)
        self._session = open_session(read_model(path), str(path), num_threads=num_threads, provider=provider)
        try:
            super().__init__(path, _checked_info(self._session, path))
        except UnicodeDecodeError as error:
            raise ModelError(f"{path}: {first_line(error)}") from error
        self._num_threads, self._provider = num_threads, provider
        self._check_first_face(self._run_in_time)

    def __reduce__(self) -> tuple[Any, ...]:
        # A session cannot be pickled; the file is read again.
        return partial(OnnxClassifier, num_threads=self._num_threads, provider=self._provider), (self.path,)

    def _run(self, faces: GreyFaces, outputs: Sequence[str]) -> Sequence[NDArray[np.float32]]:
        try:
            return self._session.run([*outputs], {INPUT: faces})  # type: ignore[no-any-return] # onnxruntime has no types
        except ONNX_ERRORS as error:
            raise ModelError(f"{self.path} fails with {len(faces)} faces: {first_line(error)}") from error

    def _run_in_time(self, faces: GreyFaces, outputs: Sequence[str]) -> Sequence[NDArray[np.float32]]:
        with stopped_after(SECONDS_A_FACE) as options:
            try:
                return self._session.run([*outputs], {INPUT: faces}, options)  # type: ignore[no-any-return]
            except ONNX_ERRORS as error:
                slow = f": it takes longer than {SECONDS_A_FACE:g} s" if options.terminate else ""
                raise ModelError(f"{self.path} cannot classify one face{slow}: {first_line(error)}") from error


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (N, K) of any magnitude → probabilities that sum to 1 along the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), dtype=np.float32)


def _checked_info(session: InferenceSession, path: Path) -> ModelInfo:
    """The metadata, if the graph's inputs and outputs are as it says."""
    metadata = session.get_modelmeta().custom_metadata_map
    if METADATA_KEY not in metadata:
        raise ModelError(f"{path} is an ONNX file, but not one that `mien export` wrote: it lacks mien's metadata")
    info = parse_model_info(metadata[METADATA_KEY], str(path))
    inputs = {node.name: (node.type, node.shape[1:]) for node in session.get_inputs()}
    outputs = {node.name: (len(node.shape), node.shape[1:2]) for node in session.get_outputs()}
    promised = {name: (4 if name in MAPS else 2, [size]) for name, size in promised_sizes(info).items()}
    if (
        inputs != {INPUT: ("tensor(uint8)", [info.input_size, info.input_size])}
        or not promised.items() <= outputs.items()
    ):
        raise ModelError(
            f"{path}: its graph takes {inputs} and gives {outputs}, which does not fit its metadata "
            f"({len(info.labels)} labels, faces of {info.input_size} pixels). Export it again"
        )
    return info


def promised_sizes(info: ModelInfo) -> dict[str, int]:
    """How many values, or maps, each output has for a face."""
    sizes = {LOGITS: len(info.labels), EVIDENCE: len(info.labels)}
    if info.vote_labels:
        sizes[VOTES] = len(info.vote_labels)
    if "people" in info.readings:
        sizes[VOTES_EVIDENCE] = len(info.vote_labels)
    return sizes
