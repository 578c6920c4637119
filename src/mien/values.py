"""The values that flow from a picture to every output. Frozen, and checked once, when they are made."""

import math
import numbers
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.emotions import UNCLEAR, valence_arousal
from mien.errors import InvalidInput
from mien.pose import Pose, yaw

Image: TypeAlias = NDArray[np.uint8]
"""A picture: (H, W, 3) uint8, RGB."""

GreyFaces: TypeAlias = NDArray[np.uint8]
"""Faces as networks take them: (N, S, S) uint8, grey, 0 black to 255 white."""

Scores: TypeAlias = NDArray[np.float32]
"""Probabilities: (K,) float32, each 0 to 1, together 1."""

Landmarks: TypeAlias = NDArray[np.float32]
"""Points of a face: (5, 2) float32, x and y in the frame's pixels; its right eye (left in the picture),
left eye, nose tip, right and left corner of the mouth."""


class Box(NamedTuple):
    """A rectangle in the frame's pixels: x to the right, y downward, right and bottom exclusive.

    >>> Box(10, 20, 60, 80).area, Box(0, 0, 10, 10).overlap(Box(5, 0, 15, 10))
    (3000, 0.3333333333333333)
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        """x and y, in pixels."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def area(self) -> float:
        """Square pixels; 0 for a box that is empty or inside out."""
        return max(0.0, self.width) * max(0.0, self.height)

    def clipped(self, width: float, height: float) -> "Box":
        """The part of the box inside a frame of that size in pixels."""
        return Box(
            min(max(self.left, 0.0), width),
            min(max(self.top, 0.0), height),
            min(max(self.right, 0.0), width),
            min(max(self.bottom, 0.0), height),
        )

    def scaled(self, x: float, y: float) -> "Box":
        """The box in a frame stretched by `x` and `y`."""
        return Box(self.left * x, self.top * y, self.right * x, self.bottom * y)

    def squared(self) -> "Box":
        """The square around the same centre whose side is the longer of the two; it may leave the frame."""
        return Crop(*self.centre, max(self.width, self.height)).box

    def intersection(self, other: "Box") -> "Box":
        """The part of the box inside another; empty or inside out where they are apart."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        shared = self.intersection(other).area
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def overlap_of_smaller(self, other: "Box") -> float:
        """Intersection over the area of the smaller box, 0 to 1: 1 where one box lies inside the other."""
        smaller = min(self.area, other.area)
        return self.intersection(other).area / smaller if smaller > 0 else 0.0


class Crop(NamedTuple):
    """The square that a network should see, in the frame's pixels; it may leave the frame.

        >>> Crop(x=50, y=40, side=20).box
        Box(left=40.0, top=30.0, right=60.0, bottom=50.0)

    Attributes:
        x: Its centre, to the right.
        y: Its centre, downward.
        side: The length of a side, in pixels.
        roll: How far its upper side is turned clockwise, in degrees; the face in it is upright.
    """

    x: float
    y: float
    side: float
    roll: float = 0.0

    @property
    def box(self) -> Box:
        """The level square of the same centre and side."""
        half = self.side / 2
        return Box(self.x - half, self.y - half, self.x + half, self.y + half)

    @property
    def corners(self) -> NDArray[np.float64]:
        """(2, 2), x and y of its upper left and its lower right corner, as the face sees them upright."""
        cos, sin = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        half = np.array([cos - sin, sin + cos]) * (self.side / 2)
        centre = np.array([self.x, self.y])
        return np.stack([centre - half, centre + half])

    @classmethod
    def between(cls, corners: NDArray[np.float64]) -> "Crop":
        """The square with these two `corners`."""
        (x, y), diagonal = corners.mean(axis=0).tolist(), corners[1] - corners[0]
        roll = math.degrees(math.atan2(diagonal[1], diagonal[0])) - 45
        return cls(x, y, math.hypot(*diagonal) / math.sqrt(2), (roll + 180) % 360 - 180)

    @property
    def enclosing(self) -> Box:
        """The smallest level square around the same centre that holds the whole crop."""
        turned = math.radians(self.roll)
        return self._replace(side=self.side * (abs(math.cos(turned)) + abs(math.sin(turned)))).box

    def back(self, maps: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
        """Maps of the crop, laid back onto the picture that it was cut from.

            >>> Crop(x=2, y=2, side=2).back(np.array([[1, 2], [3, 4]], np.float32), (4, 4))
            array([[nan, nan, nan, nan],
                   [nan,  1.,  2., nan],
                   [nan,  3.,  4., nan],
                   [nan, nan, nan, nan]], dtype=float32)

        The centres of a map's cells keep their values. Between them values are interpolated linearly, and from the
        outer ones to the crop's edge they stay the same, so no pixel exceeds the cells around it.

        Args:
            maps: (..., h, w), the upper row first, as the face stands upright in the crop.
            shape: H and W of the picture in pixels.

        Returns:
            (..., H, W) float32. NaN outside of the crop: the network saw nothing there, and 0 would be a value. What
            the crop holds beyond the picture's edge, a mirror image, is left out.

        Raises:
            InvalidInput: `maps` has fewer than two dimensions or no cell, or `shape` is not two numbers above 0.
        """
        maps = np.asarray(maps, np.float32)
        if maps.ndim < 2 or 0 in maps.shape:
            raise InvalidInput(f"maps of a crop are (..., h, w) with a cell or more; got {maps.shape}")
        if len(shape) != 2 or min(shape) < 1:
            raise InvalidInput(f"the shape of a picture is its height and width; got {shape}")
        whole = np.full((*maps.shape[:-2], *shape), np.nan, np.float32)
        left, top, right, bottom = map(round, self.enclosing.clipped(shape[1], shape[0]))
        x = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - self.x)
        # Some rows at a time, as a face may fill a picture of 200 megapixels.
        step = max(1, 2**20 // max(1, right - left))
        for first in range(top, bottom, step):
            rows = slice(first, min(first + step, bottom))
            y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + np.float32(0.5 - self.y)
            whole[..., rows, left:right] = self._sampled(maps, x, y)
        return whole

    def _sampled(
        self, maps: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(..., h, w) at pixels x (W,) to the right and y (H, 1) below the centre: (..., H, W), NaN outside."""
        cos, sin = (np.float32(part) for part in (math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))))
        # -0.5 to 0.5 inside the crop
        across = np.asarray((x * cos + y * sin) / np.float32(self.side), np.float32)
        down = np.asarray((y * cos - x * sin) / np.float32(self.side), np.float32)
        (first, second, rest), (upper, lower, below) = (
            _neighbours(place, size) for place, size in ((across, maps.shape[-1]), (down, maps.shape[-2]))
        )
        above = maps[..., upper, first] * (1 - rest) + maps[..., upper, second] * rest
        beneath = maps[..., lower, first] * (1 - rest) + maps[..., lower, second] * rest
        sampled = np.asarray(above * (1 - below) + beneath * below, np.float32)
        sampled[..., np.maximum(abs(across), abs(down)) > 0.5] = np.nan
        return sampled


def _neighbours(
    place: NDArray[np.float32], num: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The two of `num` cells in a row between whose centres each place lies, and how near it is to the second.

    Places are from -0.5, the first cell's outer edge, to 0.5, that of the last one.
    """
    cell = np.clip((place + np.float32(0.5)) * num - np.float32(0.5), 0, num - 1)
    whole = np.floor(cell)
    first = whole.astype(np.int64)
    return first, np.minimum(first + 1, num - 1), np.asarray(cell - whole, np.float32)


class ByValue:
    """Equality and hash by the values of all fields, arrays among them, which a dataclass cannot compare by itself."""

    __slots__ = ()

    def _key(self) -> tuple[object, ...]:
        values = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type] # used by dataclasses
        return tuple((each.shape, each.tobytes()) if isinstance(each, np.ndarray) else each for each in values)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


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
            "crop": crop and _numbers(crop._asdict()),
            "pose": _numbers(self.detection.pose._asdict()),
            "detector_score": number(self.detection.score),
            "landmarks": None if landmarks is None else [[*map(number, point)] for point in landmarks.tolist()],
            "interpolated": self.interpolated,
            "returned": number(self.returned),
            "quality": number(quality.score),
            "quality_reasons": list(quality.reasons),
            "quality_measures": {name: _numbers(each._asdict()) for name, each in quality.measures.items()},
            "reading": self.reading,
            "label": self.label,
            "scores": _numbers(self.scores),
            "raw_scores": None if self.raw is None else _numbers(self.raw.by_label()),
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frame(ByValue):
    """One picture of a source.

        >>> Frame(0, 0.0, np.zeros((360, 640, 3), np.uint8))
        Frame(0 at 0.000 s, 640×360)

    Attributes:
        index: The frame's number in its source, 0 for the first.
        time: Seconds from the start, by the container's own timestamps; 0 for a still picture.
        image: (H, W, 3) uint8, RGB.
        gap: Which frames right before this one are missing, and why, where the source is damaged there; else None.

    Raises:
        InvalidInput: `image` is not an image.
    """

    index: int
    time: float
    image: Image
    gap: str | None = None

    def __post_init__(self) -> None:
        check_image(self.image)

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"Frame({self.index} at {self.time:.3f} s, {width}×{height})"


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a whole video or camera.

    Attributes:
        rate: Mean frames a second; None when unknown.
        num_frames: An estimate of how many frames there are; None when unknown.
        started_at: The time of day at the first frame, as ISO 8601; None except for a camera.
        sound: The file whose sound belongs to the frames; None when there is none.
        live: Whether frames come as they are recorded, and results must not wait for later ones.
    """

    rate: float | None = None
    num_frames: int | None = None
    started_at: str | None = None
    sound: Path | None = None
    live: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class FrameResult(ByValue):
    """What was found in one frame; there is one for every frame, faces or none. A picture is frame 0 at 0 s.

        >>> FrameResult(source="talk.mp4", index=25, time=1.0, width=640, height=360)
        FrameResult('talk.mp4', frame 25 at 1.000 s, no face)

    Attributes:
        source: The picture or video, as it was named.
        index: The frame's number in its source.
        time: The frame's time, in seconds.
        width: The frame's width in pixels.
        height: The frame's height in pixels.
        faces: From the largest to the smallest.
        doubtful: In a video, where else there may be a face: found but once, or out of sight just now.
        video: What is known of the video; None for a picture.
        image: (H, W, 3) uint8 RGB, the frame itself, where it was asked to be kept; else None.
        portraits: A small JPEG of each face, hidden if faces are to be, where a page shows those of pictures; else ().
        drawing: The file with the drawn picture; None where none was asked for.
        explanations: For each face the file that explains it; () where none were asked for.
        error: What went wrong though the faces were found: a drawing that could not be written, or frames right
            before this one that are damaged.
    """

    source: str
    index: int = 0
    time: float = 0.0
    width: int
    height: int
    faces: tuple[Face, ...] = ()
    doubtful: tuple[Box, ...] = ()
    video: VideoInfo | None = None
    image: Image | None = None
    portraits: tuple[bytes, ...] = ()
    drawing: str | None = None
    explanations: tuple[str, ...] = ()
    error: str | None = None

    def __repr__(self) -> str:
        num = {0: "no face", 1: "1 face"}.get(len(self.faces), f"{len(self.faces)} faces")
        return f"FrameResult({self.source[-80:]!r}, frame {self.index} at {self.time:.3f} s, {num})"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a source could not be analysed, or a video not to its end.

        >>> Failure("party.jpg", "party.jpg is empty (0 bytes); expected a picture").source
        'party.jpg'

    Attributes:
        source: The picture or video, as it was named.
        error: What went wrong, for people.
    """

    source: str
    error: str


_FLOAT32_LIMIT: Final = 2.0**128 - 2.0**103  # the least number that becomes infinite when it is rounded to 32 bits


def number(value: float | None) -> float | None:
    """The fewest digits that give back the same 32-bit number; None for infinity and NaN, which JSON cannot hold."""
    return float(str(np.float32(value))) if value is not None and abs(float(value)) < _FLOAT32_LIMIT else None


def box_to_dict(box: Box) -> dict[str, float | None]:
    """A box as JSON has it: its four sides by name, in pixels."""
    return _numbers(box._asdict())


def box_from_dict(record: Mapping[str, float]) -> Box:
    """The box that `box_to_dict` recorded."""
    return Box(record["left"], record["top"], record["right"], record["bottom"])


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: number(value) for name, value in values.items()}


def _prediction(scores: Mapping[str, float]) -> Prediction:
    return Prediction(tuple(scores), np.array(list(scores.values()), np.float32))


def _quality(record: Mapping[str, Any]) -> Quality:
    measures = {name: Measure(each["score"], each["raw"]) for name, each in record["quality_measures"].items()}
    return Quality(record["quality"], tuple(record["quality_reasons"]), measures)


def _short(box: Box) -> str:
    return "box " + ", ".join(f"{side:.0f}" for side in box)


def checked_number(
    name: str, value: object, least: float = 0, most: float = math.inf, *, kind: str = "a number", above: bool = False
) -> float:
    """`value` as a float, if it is a number from `least` to `most`, and not beyond the integers of C code.

    A bool is not taken for a number, and with `above` `least` itself is refused. The message calls the setting `name`,
    and what it stands for `kind`; "a whole number" refuses fractions.
    """
    accepted = numbers.Integral if kind == "a whole number" else numbers.Real
    if isinstance(value, accepted) and not isinstance(value, bool):
        number = float(value)
        if least <= number <= min(most, sys.maxsize) and not (above and number == least):
            return number
    limits = f"{least:,} or more" if most == math.inf else f"{least:,} to {most:,}"
    if above:
        limits = f"above {least:,}" + ("" if most == math.inf else f", at most {most:,}")
    raise InvalidInput(f"{name} is {kind}, {limits}; got {value!r}")


def checked_threads(number: object) -> int:
    """A number of processor threads for one run of a network, 1 to 256; an `InvalidInput` for anything else."""
    return int(checked_number("num_threads", number, 1, 256, kind="a whole number"))


def parse_share(text: str | float) -> float:
    """The share that a text means, as 5% or 0.05; above 0 and up to 1.

        >>> parse_share("5%")
        0.05

    Raises:
        InvalidInput: It means none.
    """
    parts = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*", str(text), re.ASCII)
    value = float(parts[1]) / (100 if parts[2] else 1) if parts else 0.0
    if not 0 < value <= 1:
        raise InvalidInput(f"expected a share, as 5% or 0.05; got {str(text)[:80]}")
    return value


def check_image(image: object) -> Image:
    """`image` itself, if it is one, a (H, W, 3) uint8 array with at least one pixel; else an `InvalidInput`."""
    if not isinstance(image, np.ndarray):
        raise InvalidInput(f"an image is a numpy array of shape (H, W, 3), uint8, RGB; got {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InvalidInput(
            f"an image is (H, W, 3) uint8, RGB; got {image.shape} {image.dtype}. mien.read_image converts grey and "
            "RGBA, and says how to convert others"
        )
    return image
