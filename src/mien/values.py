"""The values that flow from a picture to every output. Frozen, and checked once, when they are made."""

import math
import numbers
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.emotions import valence_arousal
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
        raw: In a video, what this frame alone shows; else None.
        leading: In a video, the label that holds until another has led for a while; None in a picture.
        interpolated: Whether the tracker found the place, as the detector did not run or missed the face.
        quality: How well the face can be read; None where it was not measured.
        uncertain: Why the answer should not be relied on; empty when nothing speaks against it.
        prediction_set: The labels that hold the right one with a stated probability; None where none was computed.

    Raises:
        InvalidInput: `leading` is none of the prediction's labels.
    """

    detection: Detection
    prediction: Prediction
    track_id: int | None = None
    raw: Prediction | None = None
    leading: str | None = None
    interpolated: bool = False
    quality: Quality | None = None
    uncertain: tuple[str, ...] = ()
    prediction_set: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.leading is not None and self.leading not in self.prediction.labels:
            raise InvalidInput(f"a face's leading label is one of {self.prediction.labels}; got {self.leading!r}")

    def __repr__(self) -> str:
        person = "" if self.track_id is None else f", track_id={self.track_id}"
        return f"Face({self.label:.40} {self.scores[self.label]:.0%}, {_short(self.box)}{person})"

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
        """The likeliest expression; in a video, the leading one."""
        return self.leading or self.prediction.label

    @property
    def scores(self) -> Mapping[str, float]:
        """The probability of each expression by name, 0 to 1: `face.scores["happy"]`."""
        return self.prediction.by_label()

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
            "quality": number(quality.score),
            "quality_reasons": list(quality.reasons),
            "quality_measures": {name: _numbers(each._asdict()) for name, each in quality.measures.items()},
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
            leading = record["label"] if record["track_id"] is not None else None
            return cls(
                Detection(
                    box_from_dict(record["box"]),
                    record["detector_score"],
                    None if landmarks is None else np.array(landmarks, np.float32),
                    None if record["crop"] is None else Crop(**record["crop"]),
                ),
                _prediction(record["scores"]),
                track_id=record["track_id"],
                raw=None if record["raw_scores"] is None else _prediction(record["raw_scores"]),
                leading=leading,
                interpolated=record["interpolated"],
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

    Raises:
        InvalidInput: `image` is not an image.
    """

    index: int
    time: float
    image: Image

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
    """

    rate: float | None = None
    num_frames: int | None = None
    started_at: str | None = None
    sound: Path | None = None


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
        drawing: The file with the drawn picture; None where none was asked for.
        error: What went wrong after the faces were found, such as a drawing that could not be written.
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
    drawing: str | None = None
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
    limits = f"above {least:,}" if above else f"{least:,} or more" if most == math.inf else f"{least:,} to {most:,}"
    raise InvalidInput(f"{name} is {kind}, {limits}; got {value!r}")


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
