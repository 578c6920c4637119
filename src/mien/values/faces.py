"""A face: where it is, what it shows, why, and how well it can be read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mien.emotions import UNCLEAR, valence_arousal
from mien.errors import InvalidInput
from mien.pose import Pose, yaw
from mien.values.arrays import ByValue, Landmarks, Scores
from mien.values.as_json import box_from_dict, box_to_dict, number, numbers
from mien.values.geometry import Box, Crop


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Detection(ByValue):
    """Where a face is.

        >>> Detection(Box(10, 20, 60, 80), score=0.9).region  # the square around the box
        Crop(x=35.0, y=50.0, side=60, roll=0.0)

    Attributes:
        box: The face in the frame's pixels; it may touch the frame's edge but never leaves it.
        score: How sure the detector is, 0 to 1: about the share of such boxes that hold a face.
        landmarks: Five points, or None from a detector that gives none.
        crop: What a network should see: a square with the geometry of FER2013's crops, which are Haar's boxes, turned
            as the face is. None: the square around `box`.

    Raises:
        InvalidInput: A number is not finite, the box is empty or begins outside the frame, or the landmarks are of
            another shape.
    """

    box: Box
    score: float
    landmarks: Landmarks | None = None
    crop: Crop | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.box).all() or self.box.area <= 0 or min(self.box[:2]) < 0:
            raise InvalidInput(f"a detection's box has 0 ≤ left < right and 0 ≤ top < bottom; got {self.box}")
        if not 0 <= self.score <= 1:
            raise InvalidInput(f"a detection's score is from 0 to 1; got {self.score}")
        if self.landmarks is not None and not (self.landmarks.shape == (5, 2) and np.isfinite(self.landmarks).all()):
            raise InvalidInput(f"landmarks are five points of shape (5, 2); got {self.landmarks}")
        if self.crop is not None and not (np.isfinite(self.crop).all() and self.crop.side > 0):
            raise InvalidInput(f"a detection's crop has finite numbers and a side above 0; got {self.crop}")

    def __repr__(self) -> str:
        return f"Detection({_short(self.box)}, score {self.score:.3g})"

    @property
    def pose(self) -> Pose:
        """How the head is turned: the roll of `region`, and the yaw that the landmarks show, NaN without them."""
        return Pose(self.region.roll, math.nan if self.landmarks is None else yaw(self.landmarks))

    @property
    def region(self) -> Crop:
        """The square that a network should see."""
        return self.crop or Crop(*self.box.centre, max(self.box.width, self.box.height))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Prediction(ByValue):
    """What a face shows.

        >>> Prediction(("happy", "sad"), np.array([0.75, 0.25], np.float32)).by_label()
        {'happy': 0.75, 'sad': 0.25}

    Attributes:
        labels: K names of expressions, in the order of `scores`.
        scores: (K,) float32, the probability of each; they sum to 1 and are never rounded.

    Raises:
        InvalidInput: The scores are of another shape, or no probabilities.
    """

    labels: tuple[str, ...]
    scores: Scores

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.labels),):
            raise InvalidInput(
                f"{len(self.labels)} labels need scores of shape ({len(self.labels)},); got {self.scores.shape}"
            )
        if not np.isfinite(self.scores).all() or self.scores.min() < 0 or abs(float(self.scores.sum()) - 1) > 1e-3:
            raise InvalidInput(f"scores are probabilities that sum to 1; got {self.scores}")

    def __repr__(self) -> str:
        return f"Prediction({self.label:.40} {self.scores.max():.0%} of {len(self.labels)})"

    @property
    def label(self) -> str:
        """The likeliest expression; of equal ones, the first."""
        return self.labels[int(self.scores.argmax())]

    def by_label(self) -> dict[str, float]:
        """The probability of each expression by name, 0 to 1."""
        return dict(zip(self.labels, self.scores.tolist(), strict=True))


class Measure(NamedTuple):
    """One measure of a face's picture, as docs/detection.md describes each.

        >>> Measure(38.0, 21.0).score
        38.0

    Attributes:
        score: From 0, which speaks against the face, to 100.
        raw: What was measured, in the measure's own unit.
    """

    score: float
    raw: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Evidence(ByValue):
    """Which parts of a face speak for each expression, as the network saw it.

        >>> maps = np.array([[[4, 0], [0, 0]], [[0, 0], [-2, -2]]], np.float32)
        >>> evidence = Evidence(("happy", "sad"), maps, Crop(x=50, y=40, side=20), (80, 100))
        >>> evidence.logit("happy"), evidence.logit("happy", against="sad")
        (1.0, 2.0)
        >>> evidence.in_picture("happy").shape
        (80, 100)

    A map's mean is the logit of its expression; the softmax of all logits are the scores. A number that is added to
    all logits changes no score, so the zero of one map means little; the difference of two, `against`, is free of it,
    and its mean is the logarithm of how much likelier the one is than the other.

    Attributes:
        labels: K names of expressions, in the order of `maps`.
        maps: (K, h, w) float32, in logits, of the upright crop: all the resolution that there is.
        crop: What the network saw.
        shape: H and W of the picture, in pixels.

    Raises:
        InvalidInput: The maps are of another shape, or not finite.
    """

    labels: tuple[str, ...]
    maps: NDArray[np.float32]
    crop: Crop
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        if self.maps.ndim != 3 or len(self.maps) != len(self.labels) or 0 in self.maps.shape:
            raise InvalidInput(f"{len(self.labels)} labels need maps (K, h, w) of as many; got {self.maps.shape}")
        if not np.isfinite(self.maps).all():
            raise InvalidInput("evidence is finite; got infinity or NaN")

    def __repr__(self) -> str:
        return f"Evidence(for {len(self.labels)} expressions, {self.resolution})"

    @property
    def resolution(self) -> str:
        """Cells across and down, in words: "6 by 6 cells"."""
        return f"{self.maps.shape[2]} by {self.maps.shape[1]} cells"

    def map(self, label: str, against: str | None = None) -> NDArray[np.float32]:
        """(h, w) float32, in logits: what speaks for a label, or for it and against another.

        Raises:
            InvalidInput: There is no such label.
        """
        own = self.maps[self._place(label)]
        return np.asarray(own if against is None else own - self.maps[self._place(against)], np.float32)

    def logit(self, label: str, against: str | None = None) -> float:
        """The mean of `map`."""
        return float(self.map(label, against).mean(dtype=np.float64))

    def in_picture(self, label: str, against: str | None = None) -> NDArray[np.float32]:
        """`map` in the picture's own pixels: (H, W) float32, NaN outside of the crop; see `Crop.back`."""
        return self.crop.back(self.map(label, against), self.shape)

    def _place(self, label: str) -> int:
        if label not in self.labels:
            raise InvalidInput(f"there is no evidence for {label!r}; expected one of {', '.join(self.labels)}")
        return self.labels.index(label)


MEASURES: Final = (
    "size", "sharpness", "brightness", "overexposure", "underexposure", "contrast", "uniformity", "turned", "tilted",
    "cut_off", "covered",
)  # fmt: skip
"""The names of all measures of a quality, in their order."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a face can be read.

        >>> Quality(40.0, ("small",), {"size": Measure(38.0, 21.0)}).measures["size"].raw
        21.0

    Attributes:
        score: From 0, not at all, to 100.
        reasons: What speaks against it: "small", "blurred", "dark", "bright", "low contrast", "turned", "cut off",
            "covered".
        measures: What was measured, by the names of `MEASURES`; without those that need landmarks where there are none.
    """

    score: float
    reasons: tuple[str, ...] = ()
    measures: Mapping[str, Measure] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Face(ByValue):
    """One face of a picture or of a video's frame: where it is and what it shows.

        >>> detection = Detection(Box(10, 20, 60, 80), score=0.9)
        >>> face = Face(detection, Prediction(("happy", "sad"), np.array([0.75, 0.25], np.float32)))
        >>> face.label, face.scores["sad"], face.box.left
        ('happy', 0.25, 10)

    Faces compare by value, survive pickle, and are recorded by `to_dict`.

    Attributes:
        detection: Where the face is.
        prediction: What it shows; in a video, smoothed over time.
        track_id: The same number for the same person through a video; None in a picture.
        reading: Whose answer it is: "people" for how likely people would name each expression, "fer2013" for how
            likely each is the label of that data set; None where a model answers only for labels of its own.
        raw: In a video, what this frame alone shows; else None.
        interpolated: Whether the tracker found the place, as the detector did not run or missed the face.
        returned: In a video, where the number is that of somebody who had left: how alike their looks are, up to 1;
            None where the face has been followed since it got the number.
        quality: How well the face can be read; None where it was not measured.
        uncertain: Why the answer should not be relied on; empty when nothing speaks against it.
        prediction_set: The labels that hold the right one with a stated probability; None where none was computed.
        explanation: Which parts of the face speak for what, in a video in this frame alone; None where it was not
            asked for (`Analyzer(explain=True)`). It is not recorded.
    """

    detection: Detection
    prediction: Prediction
    track_id: int | None = None
    reading: str | None = None
    raw: Prediction | None = None
    interpolated: bool = False
    returned: float | None = None
    quality: Quality | None = None
    uncertain: tuple[str, ...] = ()
    prediction_set: tuple[str, ...] | None = None
    explanation: Evidence | None = None

    def __repr__(self) -> str:
        person = "" if self.track_id is None else f", track_id={self.track_id}"
        doubt = f"{UNCLEAR}: " if self.uncertain else ""
        return f"Face({doubt}{self.label:.40} {self.scores[self.label]:.0%}, {_short(self.box)}{person})"

    @property
    def box(self) -> Box:
        """The face in the picture's pixels."""
        return self.detection.box

    @property
    def pose(self) -> Pose:
        """How the head is turned, in degrees; the yaw is NaN without landmarks."""
        return self.detection.pose

    @property
    def label(self) -> str:
        """The likeliest expression, which has the highest of the scores."""
        return self.prediction.label

    @property
    def shown(self) -> str:
        """What outputs show: the label, or "unclear" where there is a reason not to rely on it."""
        return UNCLEAR if self.uncertain else self.label

    @property
    def scores(self) -> Mapping[str, float]:
        """The probability of each expression by name, 0 to 1: `face.scores["happy"]`."""
        return self.prediction.by_label()

    def evidence(self, label: str, against: str | None = None) -> NDArray[np.float32]:
        """Where in the picture something speaks for an expression, or for it and against another.

            >>> face.evidence("happy").shape                    # doctest: +SKIP
            (512, 512)
            >>> face.evidence("fear", against="surprise")       # doctest: +SKIP

        It is the network's own map, enlarged; `explanation.map` is the map itself, whose mean is the logit, and
        `explanation.resolution` says how coarse it is.

        Returns:
            (H, W) float32, in logits: above 0 what speaks for the label, below 0 what speaks against it. NaN outside of
            what the network saw.

        Raises:
            InvalidInput: There is no such label, or the face carries no explanation.
        """
        if self.explanation is None:
            raise InvalidInput("the face carries no explanation; Analyzer(explain=True) gives faces that do")
        return self.explanation.in_picture(label, against)

    def to_dict(self) -> dict[str, Any]:
        """The face as JSON has it, field by field as docs/output.md describes them.

            >>> face.to_dict()
            {'track_id': None, 'box': {'left': ...}, ..., 'label': 'happy', 'scores': {...}, ...}

        Numbers have the fewest digits that give back the same 32-bit float.
        """
        valence, arousal = valence_arousal(self.prediction.labels, self.prediction.scores) or (None, None)
        landmarks, crop = self.detection.landmarks, self.detection.crop
        quality = self.quality or Quality(math.nan)
        return {
            "track_id": self.track_id,
            "box": box_to_dict(self.box),
            "crop": crop and numbers(crop._asdict()),
            "pose": numbers(self.detection.pose._asdict()),
            "detector_score": number(self.detection.score),
            "landmarks": None if landmarks is None else [[*map(number, point)] for point in landmarks.tolist()],
            "interpolated": self.interpolated,
            "returned": number(self.returned),
            "quality": number(quality.score),
            "quality_reasons": list(quality.reasons),
            "quality_measures": {name: numbers(each._asdict()) for name, each in quality.measures.items()},
            "reading": self.reading,
            "label": self.label,
            "scores": numbers(self.scores),
            "raw_scores": None if self.raw is None else numbers(self.raw.by_label()),
            "valence": number(valence),
            "arousal": number(arousal),
            "uncertain": list(self.uncertain),
            "prediction_set": None if self.prediction_set is None else list(self.prediction_set),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """The face that `to_dict` recorded, its numbers to 32 bits.

        Raises:
            InvalidInput: A field is missing, or holds what it cannot.
        """
        try:
            landmarks = record["landmarks"]
            return cls(
                Detection(
                    box_from_dict(record["box"]),
                    record["detector_score"],
                    None if landmarks is None else np.array(landmarks, np.float32),
                    None if record["crop"] is None else Crop(**record["crop"]),
                ),
                _prediction(record["scores"]),
                track_id=record["track_id"],
                reading=record.get("reading"),  # which records of earlier versions lack
                raw=None if record["raw_scores"] is None else _prediction(record["raw_scores"]),
                interpolated=record["interpolated"],
                returned=record["returned"],
                quality=None if record["quality"] is None else _quality(record),
                uncertain=tuple(record["uncertain"]),
                prediction_set=None if record["prediction_set"] is None else tuple(record["prediction_set"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidInput(f"no record of a face: {type(error).__name__} {error}") from error


def _prediction(scores: Mapping[str, float]) -> Prediction:
    return Prediction(tuple(scores), np.array(list(scores.values()), np.float32))


def _quality(record: Mapping[str, Any]) -> Quality:
    measures = {name: Measure(each["score"], each["raw"]) for name, each in record["quality_measures"].items()}
    return Quality(record["quality"], tuple(record["quality_reasons"]), measures)


def _short(box: Box) -> str:
    return "box " + ", ".join(f"{side:.0f}" for side in box)
