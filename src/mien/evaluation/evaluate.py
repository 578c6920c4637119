"""The scores of any classifier on labelled faces."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data import FaceSet, Groups, duplicates_of_training, hold_out, load, majority_of, parse_split, resized
from mien.emotions import EMOTIONS
from mien.errors import DataError, InvalidInput
from mien.evaluation import metrics
from mien.evaluation.abstention import score_abstention
from mien.evaluation.answers import Run
from mien.evaluation.groups import score_groups
from mien.evaluation.light import score_light
from mien.evaluation.readings import named_by_most, score_people, votes_for
from mien.recognition import Classifier, FileClassifier, ModelInfo, Reader
from mien.recognition.reader import OWN, READINGS, check_reading, readings_of
from mien.recognition.views import check_views


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
    are held out again: of any data for "val", and of data that have the training data's name for "train", which would
    otherwise hold faces that the model was not trained on.

    Args:
        info: the model's metadata.
        path: the data set; see `data.load`.
        split: the split that is wanted.
        leave_out: an audit's CSV; the faces that it marks are left out.

    Raises:
        DataError: as `data.load` and `data.hold_out`.
    """
    faces = load(path, size=info.input_size, leave_out=leave_out, own_classes=info.labels != EMOTIONS)
    share = info.trained_on.get("held_out")
    wanted = parse_split(split)
    held = wanted == "val" or (wanted == "train" and faces.name == info.trained_on["name"])
    if share and held and not (faces.splits == "val").any():
        return hold_out(faces, share)
    return faces


def evaluate(
    classifier: Classifier,
    faces: FaceSet,
    split: str,
    *,
    views: int = 1,
    whole: FaceSet | None = None,
    prior: str | Mapping[str, float] | None = None,
    max_error: float | None = None,
    sets: float | None = None,
    groups: Groups | None = None,
    light: bool = False,
    reading: str | None = None,
) -> dict[str, Any]:
    """Score a classifier on a split, with and without the faces that are in the training split too.

    Args:
        classifier: a classifier whose labels include every class of the data, in any order.
        faces: the data set; it is resized to the classifier's input if it has another size.
        split: the split's name, mien's or FER2013's.
        views: how many views of each face are averaged; see `mien.recognition.Reader`.
        whole: the data set before some of its faces were left out; duplicates are looked for in its training split.
            `faces` when left out.
        prior: of people's reading; see `mien.recognition.Reader`.
        max_error, sets: of all readings; see there.
        groups: who is on the faces of `whole`, from `data.read_groups`: scores by group are added.
        light: whether to add the answers to the same faces in other light.
        reading: whose answers are scored by group and in other light: "people" or "fer2013"; the classifier's own when
            left out. People's are scored against the majority of the votes where the data have votes, on the faces that
            have one.

    Returns:
        Plain values, ready for JSON: `data`, `split`, `views`, the fields of `Scorecard`;
        `without_duplicates`, the same fields without the faces that are pixel for pixel in the training split
        (None when there is none to compare with, or the split is the training split); and `fer_plus`, see
        `score_votes` (None when the data or the classifier have no votes). `readings` has a model file's both
        readings side by side: "people", see `score_people` (None without votes), and "fer2013", whose figures are among
        the others too (None for a file with labels of its own, which are "own"). Each has `abstention`, see
        `score_abstention`.
        `calibration_faces` says whether the file's thresholds were fitted on these very faces, which flatters its
        doubts and its calibration.
        `groups` and `light` are the fields of `GroupReport` and `LightReport` (None where not asked for), and `reading`
        says whose answers these are.

    Raises:
        DataError: the split is empty, or the classifier does not know one of the classes.
        InvalidInput: `groups` names no face of the split, or the classifier has no such reading.

    Example:
        >>> from mien.data import load
        >>> from mien.recognition import load_classifier
        >>> evaluate(load_classifier("rep-small"), load("fer2013.csv"), "PublicTest")["accuracy"]  # doctest: +SKIP
        0.704
    """
    others = " or ".join(f"--split {name}" for name in faces.split_names())
    chosen = resized(faces.split(split, hint=others and f"score it with {others}"), classifier.input_size)
    whole = faces if whole is None else whole
    labels = class_indices(chosen, classifier.labels)
    asked_for = {"max_error": max_error, "sets": sets, "views": check_views(views)}
    readers = _readers(classifier, chosen, reading, prior, asked_for)
    if prior is not None and "people" not in readers:
        raise InvalidInput(
            f"a prior is of people's reading, which is scored of data with votes, or where reading='people' asks for "
            f"it; {faces.name} has none, and got {reading=}"
        )
    own = readers.get("own", classifier)
    run = Run(own, chosen.faces, views=views)
    scores = run.answers(own).scores
    card = score(labels, scores, classifier.labels)
    asked = readers["people"] if reading == "people" else own
    right = _right(asked, chosen)
    clear = right >= 0
    if (groups is not None or light) and not clear.any():
        raise DataError(
            f"{faces.name}: of the {len(chosen):,} faces of {split} none has votes with a majority, which people's "
            "reading is scored against; score reading='fer2013', against the labels, instead"
        )
    by_group = in_light = None
    if groups is not None:
        answers, mine = run.answers(asked), groups.select(_places(chosen, whole)[clear])
        doubted = None if answers.uncertain is None else answers.uncertain[clear]
        by_group = score_groups(right[clear], answers.scores[clear], mine, asked.labels, uncertain=doubted)
    if light:
        in_light = score_light(
            right[clear], chosen.faces[clear], lambda lit: Run(asked, lit, views=views).answers(asked)
        )
    without = _without_duplicates(labels, scores, classifier.labels, chosen, whole)
    return {
        "data": faces.name,
        "split": split,
        "views": views,
        **dataclasses.asdict(card),
        "without_duplicates": without and dataclasses.asdict(without),
        "fer_plus": _fer_plus(run, own, chosen),
        "calibration_faces": _are_calibration_faces(classifier, faces, split),
        "readings": _score_readings(run, readers, chosen, _as_reading(card, scores)),
        "reading": reading,
        "groups": by_group and dataclasses.asdict(by_group),
        "light": in_light and dataclasses.asdict(in_light),
    }


def _readers(
    classifier: Classifier,
    chosen: FaceSet,
    reading: str | None,
    prior: str | Mapping[str, float] | None,
    asked_for: dict[str, Any],
) -> dict[str, Reader]:
    """A model file's readings that are scored: "own", of the file's labels, and "people", if asked for or if the data
    have votes; none of another classifier."""
    if not isinstance(classifier, FileClassifier):
        if reading is not None:
            raise InvalidInput(f"only a model file has readings; got {reading=} for {type(classifier).__name__}")
        return {}
    if reading is not None:
        check_reading(classifier.info, reading)
    known = readings_of(classifier.info)
    readers = {"own": Reader(classifier, "fer2013" if known else None, **asked_for)}
    if reading == "people" or ("people" in known and chosen.votes is not None):
        readers["people"] = Reader(classifier, "people", prior, **asked_for)
    return readers


def _right(asked: Classifier, chosen: FaceSet) -> NDArray[np.int64]:
    """The (N,) right answers of whom is asked; -1 where the votes have no majority."""
    if isinstance(asked, Reader) and asked.reading == "people" and chosen.votes is not None:
        return named_by_most(votes_for(chosen.votes, asked.labels))
    return class_indices(chosen, asked.labels)


def _as_reading(card: Scorecard, scores: NDArray[np.float32]) -> dict[str, Any]:
    """A scorecard by the names that `score_people` uses."""
    recall = {name: row["recall"] if row["num_faces"] else None for name, row in card.per_class.items()}
    present = [each for each in recall.values() if each is not None]
    figures = {name: getattr(card, name) for name in ("num_faces", "accuracy", "standard_error", "nll", "ece")}
    return {
        **figures,
        "mean_recall": float(np.mean(present)),
        "ece_by_chance": metrics.calibration_error_by_chance(scores),
        "prior": None,
        "recall": recall,
    }


def _places(chosen: FaceSet, whole: FaceSet) -> NDArray[np.int64]:
    """Where in the whole data set each of the chosen faces is."""
    place_of = {source: place for place, source in enumerate(whole.sources)}
    return np.array([place_of[source] for source in chosen.sources], np.int64)


def _without_duplicates(
    labels: NDArray[np.int64], scores: NDArray[np.float32], names: tuple[str, ...], chosen: FaceSet, whole: FaceSet
) -> Scorecard | None:
    """The scores without the faces that are in the training split too; None where there is nothing to compare with."""
    duplicates = {source for source, seen in zip(whole.sources, duplicates_of_training(whole), strict=True) if seen}
    seen = np.array([source in duplicates for source in chosen.sources])
    comparable = (whole.splits == "train").any() and (chosen.splits != "train").all()
    return score(labels[~seen], scores[~seen], names) if comparable and not seen.all() else None


def _score_readings(run: Run, readers: Mapping[str, Reader], chosen: FaceSet, own: dict[str, Any]) -> dict[str, Any]:
    """Both readings of a model file, or its own one, each with its doubts; `own` are the figures of its labels."""
    readings: dict[str, Any] = dict.fromkeys(READINGS)
    if not readers or run.outputs is None:
        return readings
    readings[readers["own"].reading or OWN] = own
    if "people" in readers and chosen.votes is not None:
        readings["people"] = score_people(chosen.votes, run.answers(readers["people"]).scores, readers["people"])
    for reader in readers.values():
        scored = readings[reader.reading or OWN]
        if scored:
            scored["abstention"] = score_abstention(reader, reader.answer(run.outputs), _right(reader, chosen))
    return readings


def _fer_plus(run: Run, own: Classifier, chosen: FaceSet) -> dict[str, Any] | None:
    """The score of the votes' head as its authors count; None without votes, in the data or in the file."""
    if chosen.votes is None or run.outputs is None or not isinstance(own, Reader) or not own.info.vote_labels:
        return None
    return score_votes(chosen.votes, run.outputs[:, len(own.labels) :])


def _are_calibration_faces(classifier: Classifier, faces: FaceSet, split: str) -> bool:
    """Whether a model file's thresholds were fitted on these very faces, as far as their names tell."""
    measured = classifier.info.measured if isinstance(classifier, FileClassifier) else {}
    return (measured.get("data"), measured.get("split")) == (faces.name, parse_split(split))


def score_votes(votes: NDArray[np.uint8], scores: NDArray[np.float32]) -> dict[str, Any]:
    """The accuracy of (N, 8) probabilities on faces whose votes, (N, 10), have a majority; None without such a face.

    Logits do as well. See `data.majority_of`; accuracies on other selections do not compare.
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


def class_indices(faces: FaceSet, names: tuple[str, ...]) -> NDArray[np.int64]:
    """The labels of `faces` as indices into `names`; a `DataError` if a class is not among these."""
    unknown = [name for name in faces.classes if name not in names]
    if unknown:
        raise DataError(
            f"{faces.name} has classes the model does not know: {', '.join(unknown)}; it knows {', '.join(names)}"
        )
    return np.array([names.index(name) for name in faces.classes], dtype=np.int64)[faces.labels]
