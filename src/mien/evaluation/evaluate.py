"""The scores of any classifier on labelled faces."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data import FaceSet, duplicates_of_training, hold_out, load, majority_of, parse_split, resized
from mien.emotions import EMOTIONS
from mien.errors import DataError
from mien.evaluation import metrics
from mien.recognition import Classifier, ModelInfo, OnnxClassifier
from mien.values import GreyFaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The scores of a classifier on N faces.

    Attributes:
        num_faces: N.
        accuracy: The share of correctly classified faces, 0 to 1.
        standard_error: The standard error of the accuracy, from N alone; differences below twice this are noise.
        macro_f1: The mean of F1 over the classes that are among the labels, 0 to 1.
        ece: The expected calibration error over 15 bins, 0 to 1.
        nll: The mean negative log-likelihood, in nats.
        labels: The K class names, in the order of `confusion`.
        per_class: The number of faces, precision, recall and F1 of each class, by name.
        confusion: K rows of K counts: a row for each true class, a column for each predicted one.
    """

    num_faces: int
    accuracy: float
    standard_error: float
    macro_f1: float
    ece: float
    nll: float
    labels: tuple[str, ...]
    per_class: Mapping[str, Mapping[str, float]]
    confusion: tuple[tuple[int, ...], ...]


def score(labels: NDArray[np.int64], scores: NDArray[np.float32], names: tuple[str, ...]) -> Scorecard:
    """The scores of (N, K) probabilities against (N,) labels; `names` are the K classes."""
    predicted = scores.argmax(axis=1)
    confusion = metrics.confusion_matrix(labels, predicted, len(names))
    columns = [column.tolist() for column in (confusion.sum(axis=1), *metrics.precision_recall_f1(confusion))]
    accuracy, standard_error = _accuracy(predicted == labels)
    return Scorecard(
        num_faces=len(labels),
        accuracy=accuracy,
        standard_error=standard_error,
        macro_f1=metrics.macro_f1(confusion),
        ece=metrics.expected_calibration_error(labels, scores),
        nll=metrics.negative_log_likelihood(labels, scores),
        labels=names,
        per_class={
            name: {"num_faces": count, "precision": precision, "recall": recall, "f1": f1}
            for name, count, precision, recall, f1 in zip(names, *columns, strict=True)
        },
        confusion=tuple(map(tuple, confusion.tolist())),
    )


def load_for(info: ModelInfo, path: Path, *, split: str = "val", leave_out: Path | None = None) -> FaceSet:
    """A data set as a model takes it: faces of its input size, and folders of its own classes if it has such.

    Where the model's training held faces out to validate on, and the data have no validation split, the same faces
    are held out again.

    Args:
        info: the model's metadata.
        path: the data set; see `data.load`.
        split: the split that is wanted; faces are held out for "val" only.
        leave_out: an audit's CSV; the faces that it marks are left out.

    Raises:
        DataError: as `data.load` and `data.hold_out`.
    """
    faces = load(path, size=info.input_size, leave_out=leave_out, own_classes=info.labels != EMOTIONS)
    share = info.trained_on.get("held_out")
    if share and parse_split(split) == "val" and not (faces.splits == "val").any():
        return hold_out(faces, share)
    return faces


def evaluate(
    classifier: Classifier, faces: FaceSet, split: str, *, flip: bool = False, whole: FaceSet | None = None
) -> dict[str, Any]:
    """Score a classifier on a split, with and without the faces that are in the training split too.

    Args:
        classifier: a classifier whose labels include every class of the data, in any order.
        faces: the data set; it is resized to the classifier's input if it has another size.
        split: the split's name, mien's or FER2013's.
        flip: whether to average the probabilities of a face and its mirror image.
        whole: the data set before some of its faces were left out; duplicates are looked for in its training split.
            `faces` when left out.

    Returns:
        Plain values, ready for JSON: `data`, `split`, `flip`, the fields of `Scorecard`;
        `without_duplicates`, the same fields without the faces that are pixel for pixel in the training split
        (None when there is none to compare with, or the split is the training split); and `fer_plus`, see
        `score_votes` (None when the data or the classifier have no votes).

    Raises:
        DataError: the split is empty, or the classifier does not know one of the classes.

    Example:
        >>> from mien.data import load
        >>> from mien.recognition import load_classifier
        >>> evaluate(load_classifier("rep-small"), load("fer2013.csv"), "PublicTest")["accuracy"]  # doctest: +SKIP
        0.704
    """
    others = " or ".join(f"--split {name}" for name in faces.split_names())
    chosen = resized(faces.split(split, hint=others and f"score it with {others}"), classifier.input_size)
    labels = class_indices(chosen, classifier.labels)
    scores = predict_scores(classifier, chosen.faces, flip=flip)
    whole = faces if whole is None else whole
    duplicates = {source for source, seen in zip(whole.sources, duplicates_of_training(whole), strict=True) if seen}
    seen = np.array([source in duplicates for source in chosen.sources])
    comparable = (whole.splits == "train").any() and parse_split(split) != "train"
    without = score(labels[~seen], scores[~seen], classifier.labels) if comparable and not seen.all() else None
    fer_plus = None
    if chosen.votes is not None and isinstance(classifier, OnnxClassifier) and classifier.info.vote_labels:
        fer_plus = score_votes(chosen.votes, predict_scores(classifier.votes, chosen.faces, flip=flip))
    return {
        "data": faces.name,
        "split": split,
        "flip": flip,
        **dataclasses.asdict(score(labels, scores, classifier.labels)),
        "without_duplicates": without and dataclasses.asdict(without),
        "fer_plus": fer_plus,
    }


def score_votes(votes: NDArray[np.uint8], scores: NDArray[np.float32]) -> dict[str, Any]:
    """The accuracy of (N, 8) probabilities on faces whose votes, (N, 10), have a majority; None without such a face.

    See `data.majority_of`; accuracies on other selections do not compare.
    """
    majority = majority_of(votes)
    clear = majority >= 0
    correct = scores[clear].argmax(axis=1) == majority[clear]
    accuracy, standard_error = _accuracy(correct) if correct.size else (None, None)
    return {"num_faces": correct.size, "accuracy": accuracy, "standard_error": standard_error}


def _accuracy(correct: NDArray[np.bool_]) -> tuple[float, float]:
    """The share of correctly classified faces, and its standard error."""
    accuracy = float(correct.mean())
    return accuracy, float(np.sqrt(accuracy * (1 - accuracy) / len(correct)))


def predict_scores(
    classifier: Callable[[GreyFaces], NDArray[np.float32]], faces: GreyFaces, *, flip: bool = False
) -> NDArray[np.float32]:
    """(N, S, S) uint8 → (N, K) probabilities; with `flip`, the mean over each face and its mirror image."""
    scores = classifier(faces)
    return (scores + classifier(np.ascontiguousarray(faces[:, :, ::-1]))) / np.float32(2) if flip else scores


def class_indices(faces: FaceSet, names: tuple[str, ...]) -> NDArray[np.int64]:
    """The labels of `faces` as indices into `names`; a `DataError` if a class is not among these."""
    unknown = [name for name in faces.classes if name not in names]
    if unknown:
        raise DataError(
            f"{faces.name} has classes the model does not know: {', '.join(unknown)}; it knows {', '.join(names)}"
        )
    return np.array([names.index(name) for name in faces.classes], dtype=np.int64)[faces.labels]
