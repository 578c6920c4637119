"""What a network says of faces, by the question it is asked and what is assumed of the faces."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.defaults import DEFAULT_PRIOR
from mien.emotions import EMOTIONS, EMOTIONS_AND_CONTEMPT, parse_emotion, parse_vote
from mien.errors import InvalidInput
from mien.recognition.abstention import Abstention, Calibration, unpacked
from mien.recognition.classifier import FileClassifier, softmax
from mien.recognition.model_file import EVIDENCE, LOGITS, VOTES, VOTES_EVIDENCE, ModelInfo
from mien.recognition.unlike import Unlike
from mien.recognition.views import check_views, mean_map, views_of
from mien.values import GreyFaces, checked_number

READINGS: Final = ("people", "fer2013")
"""The questions that a network may answer: which expression would people name, and which does FER2013 say?"""

PRIORS: Final = ("halfway", "natural", "even")
"""How frequent the expressions are assumed to be: as in FER+'s votes ("natural"), all alike ("even"), or halfway: in
proportion to the roots of the natural frequencies."""

OWN: Final = "own"
"""The name, in a model file, of the reading of a file with labels of its own."""

LABEL_SETS: Final = {"seven": EMOTIONS, "ferplus": EMOTIONS_AND_CONTEMPT}
"""What people's reading may tell apart: the seven expressions, or FER+'s eight."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What one run of a network says of N faces.

    Attributes:
        scores: (N, K) float32, probabilities by the reading and its prior.
        logits: (N, K) float32, whose softmax the scores are.
        maps: (N, K, h, w) float32, the evidence, whose means are the logits; None where it was not asked for.
        outputs: (N, M) float32, all logits of the file side by side, whatever the reading: those of its labels, then
            those of the votes.
    """

    scores: NDArray[np.float32]
    logits: NDArray[np.float32]
    maps: NDArray[np.float32] | None
    outputs: NDArray[np.float32]


class Reader:
    """A model file that is asked one question; a `Classifier`. One instance serves many threads.

        >>> from mien.recognition import load_classifier
        >>> reader = Reader(load_classifier("rep-small"), "people", {"happy": 3, "neutral": 1})
        >>> round(reader.prior["happy"], 2)
        0.75

    Reading "people" is how likely a person who is shown the face would name each expression: FER+'s ten annotators, as
    the network learned them, calibrated on faces that it was not trained on. Its prior says how frequent each
    expression is where the faces come from. Reading "fer2013" is how likely each is FER2013's label, one a face, which
    comes from a search engine's results; annotators agree with it on two of three faces.

    Another prior is applied by Bayes' rule: probabilities are multiplied by the ratio of the shares, which adds a
    constant to each logit and to its map (Saerens et al. 2002, Neural Computation 14:21).

    Args:
        network: The model file.
        reading: "people" or "fer2013"; None for people's where the file has it, else for its own labels.
        prior: One of `PRIORS`, or the share of each label, for people's reading. Shares are divided by their sum;
            labels without one get none. None for the default.
        labels: What people's reading tells apart: "seven" leaves contempt out, as if nobody had named it; "ferplus"
            keeps it, as an eighth label.
        max_error: The share of wrong answers that is accepted, above 0 and up to 1: as many faces are kept as have no
            more, with a confidence of 90 %, where faces are as the calibration faces but for the prior. The others are
            uncertain. None keeps about nine of ten; 1 keeps all. By people's reading it is the share among faces of
            which most people name the same: where they differ, no answer counts as right or wrong. Under another prior
            than the natural one the confidence is approximate; and it is of single faces, not of smoothed scores.
        sets: The share of faces whose prediction set is to hold the right label, between 0 and 1; None for no sets.
        views: How many views of each face are averaged, 1 to 10: the face, its mirror image, and both moved by a pixel.
            The network runs as often. The means are of logits, so that the maps still explain them; what is uncertain
            is decided by thresholds for one view.

    Attributes:
        network: The model file.
        info: Its metadata.
        reading: As above; None where the file has labels of its own, and answers nothing else.
        natural: The share of each label in the votes that people's reading was calibrated on; else None.
        prior: The share of each label that is assumed; None where none is.
        labels: K names, in the order of the scores.
        input_size: S, the side of the input faces in pixels.
        views: As above.
        calibration: What the network says of the file's calibration faces, by the reading and its prior; None of a
            file without.
        abstention: What makes an answer uncertain; None of a file without calibration faces.

    Raises:
        InvalidInput: The file has no such reading, the prior is none, no threshold has so low an error, or the file has
            no calibration faces and something is asked for that needs them.
        ModelError: What the file holds of its calibration cannot be read.
    """

    def __init__(
        self,
        network: FileClassifier,
        reading: str | None = None,
        prior: str | Mapping[str, float] | None = None,
        labels: str = "seven",
        max_error: float | None = None,
        sets: float | None = None,
        views: int = 1,
    ) -> None:
        self._arguments = reading, prior, labels, max_error, sets, views
        self.views = check_views(views)
        self.network, self.info, self.input_size = network, network.info, network.input_size
        self.reading = check_reading(network.info, reading)
        if labels not in LABEL_SETS:
            raise InvalidInput(f"labels are {' or '.join(LABEL_SETS)}; got {labels!r}")
        if self.reading == "people":
            self.labels: tuple[str, ...] = LABEL_SETS[labels]
            natural = {label: self.info.readings["people"]["natural"][label] for label in self.labels}
            total = sum(natural.values())
            natural = {label: share / total for label, share in natural.items()}
            self.natural: Mapping[str, float] | None = natural
            self.prior: Mapping[str, float] | None = prior_shares(prior, natural)
            names = [parse_vote(name) for name in self.info.vote_labels]
            self._columns = [names.index(label) for label in self.labels]
            self._offsets = np.array(
                [np.log(self.prior[label]) - np.log(natural[label]) for label in self.labels], np.float32
            )
        elif prior is not None or labels != "seven":
            setting = f"prior={prior!r}" if prior is not None else f"labels={labels!r}"
            asked = f"the reading is {self.reading}" if self.reading else f"{self.info.name} has labels of its own"
            raise InvalidInput(f"{setting} belongs to people's reading, and here {asked}")
        else:
            self.labels, self.natural, self.prior = self.info.labels, None, None
            self._columns, self._offsets = list(range(len(self.labels))), np.zeros(len(self.labels), np.float32)
        self.calibration = self._calibration()
        self.abstention = self._abstention(max_error, sets)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Reader, self.network), self._arguments

    def __call__(self, faces: GreyFaces) -> NDArray[np.float32]:
        """(N, S, S) uint8, grey → (N, K) float32 probabilities; N may be 0."""
        return self.read(faces).scores

    def read(self, faces: GreyFaces, *, maps: bool = False) -> Readings:
        """All that is known of the faces, (N, S, S) uint8, grey, from one run; with the evidence, if `maps`.

        With several views it is one run of all of them.

        Raises:
            InvalidInput: The faces are another array.
            ModelError: The network fails.
        """
        heads = [LOGITS, *([VOTES] if self.info.vote_labels else [])]
        evidence = VOTES_EVIDENCE if self.reading == "people" else EVIDENCE
        several = self.views > 1 and len(faces) > 0
        seen = np.concatenate(views_of(faces, self.views)) if several else faces
        outputs = self.network.run(seen, [*heads, *([evidence] if maps else [])])
        every = np.concatenate(outputs[: len(heads)], axis=1)
        read = self.answer(every.reshape(self.views, len(faces), -1).mean(axis=0) if several else every)
        if not maps:
            return read
        found = mean_map(outputs[-1], self.views) if several else outputs[-1]
        return replace(read, maps=found[:, self._columns] + self._offsets[:, None, None])

    def answer(self, outputs: NDArray[np.float32]) -> Readings:
        """The answers in what a run of the network gave already, (N, M) `Readings.outputs` of any reading; no maps."""
        first = len(self.info.labels) if self.reading == "people" else 0
        logits = outputs[:, [first + column for column in self._columns]] + self._offsets
        return Readings(softmax(logits), logits, None, outputs)

    def _calibration(self) -> Calibration | None:
        entry = self.info.readings.get(self.reading or OWN, {}).get("calibration")
        if entry is None:
            return None
        head = self.info.vote_labels if self.reading == "people" else self.info.labels
        logits, labels = unpacked(entry, len(head), self.info.name)
        logits = logits[:, self._columns]
        right = np.array([self._columns.index(each) if each in self._columns else -1 for each in labels.tolist()])
        if (right < 0).all():  # as of a file whose faces all show contempt, which the seven leave out
            return None
        return Calibration(logits + self._offsets, right, np.exp(self._offsets.astype(np.float64)))

    def _abstention(self, max_error: float | None, sets: float | None) -> Abstention | None:
        if max_error is not None:
            checked_number("max_error", max_error, most=1, kind="a share of the answers", above=True)
        if sets is not None and checked_number("sets", sets, most=1, kind="a share of the faces", above=True) == 1:
            raise InvalidInput("sets is a share of the faces below 1, as 0.9: only a set of all labels is always right")
        if self.calibration is None:
            if max_error is not None or sets is not None:
                raise InvalidInput(
                    f"{'sets' if max_error is None else 'max_error'} needs a model file with calibration faces, and "
                    f"{self.network.path} has none: export it again with `mien export {self.network.path} --data …`"
                )
            return None
        least_share = None if sets is None else self.calibration.least_share(sets)
        if max_error is not None and max_error >= 1:
            return Abstention(-np.inf, self.calibration.runner_up, least_share, least_quality=0.0)
        heads = [len(self.info.labels), *([len(self.info.vote_labels)] if self.info.vote_labels else [])]
        unlike = Unlike.from_dict(self.info.unlike, heads, self.info.name) if self.info.unlike else None
        least_lead = self.calibration.least_lead(max_error)
        return Abstention(least_lead, self.calibration.runner_up, least_share, unlike=unlike)


def readings_of(info: ModelInfo) -> tuple[str, ...]:
    """The readings of a model file, the first of which is its default; () for one with labels of its own."""
    if set(info.labels) != set(EMOTIONS):
        return ()
    return tuple(reading for reading in READINGS if reading != "people" or "people" in info.readings)


def check_reading(info: ModelInfo, reading: str | None) -> str | None:
    """The reading that a model file is asked for, its default for None; an `InvalidInput` where it has no such one."""
    known = readings_of(info)
    if reading is None:
        return known[0] if known else None
    if reading not in READINGS:
        raise InvalidInput(f"reading is one of {', '.join(READINGS)}; got {reading!r}")
    if reading not in known:
        only = f"that of FER2013's labels (reading={known[0]!r})" if known else "its own labels"
        raise InvalidInput(f"{info.name} has no reading {reading!r}: it has one, {only}")
    return reading


def prior_shares(prior: str | Mapping[str, float] | None, natural: Mapping[str, float]) -> dict[str, float]:
    """What a prior, as a `Reader` takes it, says of each label: shares that sum to 1."""
    if isinstance(prior, Mapping):
        given = {_label(name, natural): checked_number(f"prior of {name}", value) for name, value in prior.items()}
        if len(given) < len(prior):
            raise InvalidInput(f"prior has two shares for the same label; got {', '.join(map(str, prior))}")
        if sum(given.values()) <= 0:
            raise InvalidInput("prior needs a share above 0 for at least one label")
        shares = {label: given.get(label, 0.0) for label in natural}
    else:
        powers = {"natural": 1.0, "halfway": 0.5, "even": 0.0}
        name = DEFAULT_PRIOR if prior is None else prior
        if not isinstance(name, str) or name not in powers:
            raise InvalidInput(f"prior is {', '.join(PRIORS)}, or a share for each label; got {prior!r:.80}")
        power = powers[name]
        shares = {label: share**power for label, share in natural.items()}
    total = sum(shares.values())
    # Never exactly 0, whose logarithm is infinite.
    return {label: max(share / total, 1e-9) for label, share in shares.items()}


def _label(name: object, natural: Mapping[str, float]) -> str:
    if isinstance(name, str) and name.strip().casefold() in natural:
        return name.strip().casefold()
    try:
        label = parse_emotion(str(name))
    except InvalidInput:
        label = ""
    if label not in natural:
        contempt = str(name).strip().casefold() in EMOTIONS_AND_CONTEMPT
        hint = "; labels='ferplus' adds contempt" if contempt else ""
        raise InvalidInput(f"prior has a share for {name!r}, which is none of {', '.join(natural)}{hint}")
    return label
