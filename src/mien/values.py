"""The values that flow from a picture to a report. Frozen, checked once, at birth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput

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
    """A rectangle in the frame's pixels: x to the right, y downward, right and bottom exclusive."""

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
        x, y = self.centre
        half = max(self.width, self.height) / 2
        return Box(x - half, y - half, x + half, y + half)

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


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """Where a face is.

    Attributes:
        box: the face in the frame's pixels; it may touch the frame's edge but never leaves it.
        score: the detector's own confidence; its meaning stands in the detector's docstring.
        landmarks: five points, or None from a detector that gives none.
        crop: what a network should see: a square with the geometry of FER2013's crops, which are Haar's boxes.
            It may leave the frame. None: the square around `box`.
    """

    box: Box
    score: float
    landmarks: Landmarks | None = None
    crop: Box | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.box).all() or self.box.area <= 0 or min(self.box[:2]) < 0:
            raise InvalidInput(f"a detection's box has 0 ≤ left < right and 0 ≤ top < bottom; got {self.box}")
        if not np.isfinite(self.score):
            raise InvalidInput(f"a detection's score is a number; got {self.score}")
        if self.landmarks is not None and not (self.landmarks.shape == (5, 2) and np.isfinite(self.landmarks).all()):
            raise InvalidInput(f"landmarks are five points of shape (5, 2); got {self.landmarks}")
        if self.crop is not None and not (np.isfinite(self.crop).all() and self.crop.area > 0):
            raise InvalidInput(f"a detection's crop has left < right and top < bottom; got {self.crop}")

    @property
    def region(self) -> Box:
        """The square a network should see, in the frame's pixels; it may leave the frame."""
        return self.box.squared() if self.crop is None else self.crop


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a face shows.

    Attributes:
        labels: K names of expressions, in the order of `scores`.
        scores: (K,) float32, the probability of each; they sum to 1 and are never rounded.
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

    @property
    def label(self) -> str:
        """The likeliest expression; of equal ones, the first."""
        return self.labels[int(self.scores.argmax())]


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a picture: where it is and what it shows.

    Attributes:
        detection: where.
        prediction: what; in a video, smoothed over time.
        track_id: the same number for the same person through a video; None in a picture.
        raw: in a video, what this frame alone shows; else None.
        leading: in a video, the label that holds until another has led for a while; None in a picture.
        interpolated: in a video, whether the tracker found the place, as the detector did not run or missed the face.
        quality: in a video, how well the face can be read, 0 to 1; else None.
        quality_reasons: what speaks against it: "small", "blurred", "dark", "bright", "turned", "tilted", "cut off".
    """

    detection: Detection
    prediction: Prediction
    track_id: int | None = None
    raw: Prediction | None = None
    leading: str | None = None
    interpolated: bool = False
    quality: float | None = None
    quality_reasons: tuple[str, ...] = ()

    @property
    def box(self) -> Box:
        """The face in the picture's pixels."""
        return self.detection.box

    @property
    def label(self) -> str:
        """The likeliest expression; in a video, the leading one."""
        return self.leading or self.prediction.label

    @property
    def scores(self) -> Mapping[str, float]:
        """The probability of each expression by name, 0 to 1: `face.scores["happy"]`."""
        return dict(zip(self.prediction.labels, self.prediction.scores.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
        index: 0 for the first.
        time: seconds from the start, by the container's own timestamps; 0 for a still picture.
        image: (H, W, 3) uint8, RGB.
    """

    index: int
    time: float
    image: Image

    def __post_init__(self) -> None:
        check_image(self.image)


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """What was found in one frame; there is one for every frame, faces or none.

    Attributes:
        index: the frame's.
        time: the frame's, in seconds.
        faces: from the largest to the smallest.
        doubtful: in a video, where else there may be a face: found but once, or out of sight just now.
    """

    index: int
    time: float
    faces: tuple[Face, ...]
    doubtful: tuple[Box, ...] = ()


def check_image(image: object) -> Image:
    """`image` itself, if it is one.

    Raises:
        InvalidInput: it is not a (H, W, 3) uint8 array with at least one pixel.
    """
    if not isinstance(image, np.ndarray):
        raise InvalidInput(f"an image is a numpy array of shape (H, W, 3), uint8, RGB; got {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InvalidInput(f"an image is (H, W, 3) uint8, RGB; got {image.shape} {image.dtype}")
    return image
