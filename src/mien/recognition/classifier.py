"""Classifying faces: the protocol of a classifier, and model files run with onnxruntime."""

import os
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput, ModelError
from mien.recognition.model_file import EVIDENCE, INPUT, LOGITS, METADATA_KEY, VOTES, ModelInfo, parse_model_info
from mien.runtime import LOADING_ERRORS, InferenceSession, SessionOptions
from mien.values import GreyFaces

FACES_A_RUN = 256  # faces in one batch; larger batches take more memory and are no faster


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


class OnnxClassifier:
    """A model file that `mien export` wrote. One instance serves many threads.

    Each method takes faces as (N, S, S) uint8, grey, where N may be 0, and raises InvalidInput for any other array.

        >>> classifier = OnnxClassifier(Path("mini-xception.onnx"))
        >>> classifier(faces).shape
        (12, 7)

    Args:
        path: The model file.
        num_threads: Processor threads for one call. Networks this small gain nothing from a second one; run more
            processes instead.

    Raises:
        ModelError: The file is missing, damaged, or not one of mien's.

    Attributes:
        info: The file's metadata.
        labels: The K names of the classes, in the order of the scores.
        input_size: S, the side of the input faces in pixels.
    """

    def __init__(self, path: Path, *, num_threads: int = 1) -> None:
        if not path.is_file():
            raise ModelError(f"{path}: there is no such model file")
        options = SessionOptions()
        options.intra_op_num_threads = num_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors are raised, and need not be logged too
        # A model may name other files to read its weights from; in this "folder" there are none.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
        try:
            self._session = InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except LOADING_ERRORS as error:
            first_line = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ModelError(f"{path} is no model that onnxruntime can run: {first_line}") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in metadata:
            raise ModelError(f"{path} is an ONNX file, but not one that `mien export` wrote: it lacks mien's metadata")
        self.info = parse_model_info(metadata[METADATA_KEY], str(path))
        self.labels, self.input_size = self.info.labels, self.info.input_size
        _check_graph(self._session, self.info, path)
        self._path, self._num_threads = path, num_threads

    def __reduce__(self) -> tuple[Any, ...]:
        # A session cannot be pickled; the file is read again.
        return partial(OnnxClassifier, num_threads=self._num_threads), (self._path,)

    def __call__(self, faces: GreyFaces) -> NDArray[np.float32]:
        """(N, K) float32 probabilities, the softmax of the logits."""
        return softmax(self.logits(faces))

    def logits(self, faces: GreyFaces) -> NDArray[np.float32]:
        """(N, K) float32, before the softmax."""
        return self._run(LOGITS, faces)

    def evidence(self, faces: GreyFaces) -> NDArray[np.float32]:
        """Class activation maps: (N, K, h, w) float32, whose means are the logits."""
        return self._run(EVIDENCE, faces)

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
        return self._run(VOTES, faces)

    def _run(self, output: str, faces: GreyFaces) -> NDArray[np.float32]:
        size = self.input_size
        if faces.ndim != 3 or faces.shape[1:] != (size, size) or faces.dtype != np.uint8:
            raise InvalidInput(
                f"{self.info.name} takes (N, {size}, {size}) uint8, grey; got {faces.shape} {faces.dtype}"
            )
        # An empty array is run once too, for the shape of the output.
        starts = range(0, max(1, len(faces)), FACES_A_RUN)
        parts = [self._session.run([output], {INPUT: faces[at : at + FACES_A_RUN]})[0] for at in starts]
        return np.concatenate(parts)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (N, K) of any magnitude → probabilities that sum to 1 along the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), dtype=np.float32)


def _check_graph(session: InferenceSession, info: ModelInfo, path: Path) -> None:
    """Check that the graph's inputs and outputs are those of the metadata."""
    inputs = {node.name: (node.type, node.shape[1:]) for node in session.get_inputs()}
    outputs = {node.name: (len(node.shape), node.shape[1:2]) for node in session.get_outputs()}
    num = len(info.labels)
    if inputs != {INPUT: ("tensor(uint8)", [info.input_size, info.input_size])} or not (
        outputs.get(LOGITS) == (2, [num])
        and outputs.get(EVIDENCE) == (4, [num])
        and (not info.vote_labels or outputs.get(VOTES) == (2, [len(info.vote_labels)]))
    ):
        raise ModelError(
            f"{path}: its graph takes {inputs} and gives {outputs}, which does not fit its metadata ({num} labels, "
            f"faces of {info.input_size} pixels). Export it again"
        )
