"""How much a face's picture can be trusted to show its expression."""

import math
from typing import Final, NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from mien.values import Box, Detection, Image, Landmarks, Quality, check_image

Grey = NDArray[np.uint8]


class Ramp(NamedTuple):
    """The score of a measure: 0 at `useless` and beyond, 1 at `good` and beyond, linear between them."""

    useless: float
    good: float

    def score(self, measure: float) -> float:
        return min(1.0, max(0.0, (measure - self.useless) / (self.good - self.useless)))


REASON: Final = 0.5
"""A measure with a score below this is named as a reason."""

FACE_SIDE: Final = 48
"""Side in pixels to which the region is scaled before it is measured: that of FER2013's faces, which is all the detail
that the networks were trained on."""

MIDDLE: Final = 2 / 3
"""Share of the region's side, around its centre, that is measured: from the brows to the mouth, without the background,
whose light and sharpness differ from the face's."""

SAMPLED_SIDE: Final = 2 * FACE_SIDE
"""Approximate side in pixels to which a larger region is subsampled before it is averaged, since averaging all of a
close-up takes milliseconds. The average over two by two pixels removes most of the aliasing."""

SIZE: Final = Ramp(useless=16, good=FACE_SIDE)
"""Ramp for the region's side in pixels. Expressions depend on the corners of the mouth and on the brows, which are 2 or
3 pixels high in a face of 32."""

SHARPNESS: Final = Ramp(useless=0.05, good=0.6)
"""Ramp for `sharpness`. Faces in focus have .6 to 2; blurred by a Gaussian of one pixel (of 48 a face) about .2, of two
pixels .08."""

DARKNESS: Final = Ramp(useless=15, good=55)
"""Ramp for the mean grey, 0 to 255, of dark faces. Dark skin in good light has a mean of 60 or more."""

BRIGHTNESS: Final = Ramp(useless=250, good=215)
"""Ramp for the mean grey of bright faces. Above it much of a face is clipped to white; fair skin in good light has 200
or less."""

CONTRAST: Final = Ramp(useless=4, good=18)
"""Ramp for the standard deviation of the grey. Faces in even light have 25 or more; fog, glare on a screen and night
have less."""

TURN: Final = Ramp(useless=1.1, good=0.3)
"""Ramp for the distance of the nose from the midpoint of the eyes, in halves of the distance between the eyes. It is
about 1.1 times the tangent of the yaw, as a nose stands out by about half the distance between the eyes. So the ramp
spans 15 to 45 degrees, and "turned" is named from 32."""

TILT: Final = Ramp(useless=45, good=15)
"""Ramp for the roll in degrees, either way. Crops are not rotated upright, and FER2013's faces seldom lean by more than
20 degrees."""

INSIDE: Final = Ramp(useless=0.5, good=0.95)
"""Ramp for the share of the region inside the frame. Where a quarter is cut off, the mouth or an eye is."""


def assess(image: Image, detection: Detection) -> Quality:
    """How reliably a face's expression can be read: the product of the scores of several measures.

    The measures are the region's side in pixels; the variance of the Laplacian (Pech-Pacheco et al. 2000) at the size
    of a network's input, relative to the variance of the grey, as it grows with contrast; mean and standard deviation
    of the grey; the yaw and roll that landmarks show, where there are any; the share of the region inside the frame.
    Strong noise is mistaken for sharpness.

        >>> night = np.zeros((90, 90, 3), np.uint8)
        >>> assess(night, Detection(Box(0, 0, 30, 30), score=1.0))
        Quality(score=0.0, reasons=('small', 'blurred', 'dark'))

    Args:
        image: (H, W, 3) uint8, RGB.
        detection: The face, in the image's pixels.

    Raises:
        InvalidInput: `image` is not an image.
    """
    height, width = check_image(image).shape[:2]
    region = detection.region.box
    side = max(region.width, region.height)
    inside = region.clipped(width, height).area / region.area
    grey = _middle(image, region)
    if grey is None:
        return Quality(0.0, ("cut off",))
    mean, deviation = _moments(grey)
    contrast = CONTRAST.score(deviation)
    flat = "dark" if mean < 128 else "bright"
    scores = {
        "small": SIZE.score(side),
        "blurred": SHARPNESS.score(sharpness(grey)),
        "dark": DARKNESS.score(mean) * (contrast if flat == "dark" else 1),
        "bright": BRIGHTNESS.score(mean) * (contrast if flat == "bright" else 1),
        "turned": 1.0 if detection.landmarks is None else TURN.score(_turn(detection.landmarks)),
        "tilted": 1.0 if detection.landmarks is None else TILT.score(_tilt(detection.landmarks)),
        "cut off": INSIDE.score(inside),
    }
    return Quality(math.prod(scores.values()), tuple(name for name, score in scores.items() if score < REASON))


def sharpness(grey: Grey) -> float:
    """The variance of the Laplacian relative to that of the grey; 0 for a uniform picture."""
    deviation = _moments(grey)[1]
    return (_moments(cv2.Laplacian(grey, cv2.CV_32F))[1] / deviation) ** 2 if deviation > 0 else 0.0


def _moments(grey: MatLike) -> tuple[float, float]:
    """Mean and standard deviation; numpy's take ten times as long for so few pixels."""
    mean, deviation = cv2.meanStdDev(grey)
    return float(mean[0, 0]), float(deviation[0, 0])


def _middle(image: Image, region: Box) -> Grey | None:
    """The middle of the region, scaled so that the region's side is `FACE_SIDE`; None where it is outside the frame."""
    height, width = image.shape[:2]
    x, y = region.centre
    side = max(region.width, region.height)
    half = side * MIDDLE / 2
    middle = Box(x - half, y - half, x + half, y + half).clipped(width, height)
    left, top, right, bottom = (round(edge) for edge in middle)
    inside = image[top:bottom, left:right]
    if 0 in inside.shape:
        return None
    step = round(side / SAMPLED_SIDE)
    if step > 1:
        sampled = max(1, (right - left) // step), max(1, (bottom - top) // step)
        inside = np.asarray(cv2.resize(inside, sampled, interpolation=cv2.INTER_NEAREST), np.uint8)
    size = max(1, round((right - left) * FACE_SIDE / side)), max(1, round((bottom - top) * FACE_SIDE / side))
    # Converted to grey before it shrinks, so that there is a third of the bytes to average.
    grey = cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY)
    shrunk = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if side > FACE_SIDE else cv2.INTER_LINEAR)
    return np.asarray(shrunk, np.uint8)


def _turn(landmarks: Landmarks) -> float:
    """How far the nose is from the midpoint of the eyes along the line through them: 0 at the midpoint, 1 at an eye."""
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y) = landmarks[:3].tolist()
    x, y = left_x - right_x, left_y - right_y
    squared = x * x + y * y
    along = (nose_x - right_x) * x + (nose_y - right_y) * y
    return abs(2 * along / squared - 1) if squared > 0 else math.inf


def _tilt(landmarks: Landmarks) -> float:
    """The angle between the line through the eyes and the horizontal, 0 to 180 degrees."""
    (right_x, right_y), (left_x, left_y) = landmarks[:2].tolist()
    return abs(math.degrees(math.atan2(left_y - right_y, left_x - right_x)))
