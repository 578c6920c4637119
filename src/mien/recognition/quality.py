"""How much a face's picture can be trusted to show its expression."""

import math
from typing import Final, NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from mien.values import Box, Detection, Image, Landmarks, Quality, check_image

Grey = NDArray[np.uint8]


class Limits(NamedTuple):
    """A ramp: a measure is worth 0 at `useless` and beyond, 1 at `good` and beyond."""

    useless: float
    good: float

    def worth(self, measure: float) -> float:
        return min(1.0, max(0.0, (measure - self.useless) / (self.good - self.useless)))


REASON: Final = 0.5
"""The worth of a measure below which it is named as a reason."""

FACE: Final = 48
"""Pixels a side of the region when it is looked at: FER2013's faces, and so all that the networks can see."""

MIDDLE: Final = 2 / 3
"""The share of the region's side around its centre that is looked at: from the brows to the mouth, without the
background, whose light and sharpness are its own."""

SAMPLED: Final = 2 * FACE
"""Pixels a side of the region to which a larger one is about thinned out before it is averaged, since to average all of
a close-up takes milliseconds. The averaging by two takes out most of what the thinning aliases."""

SIZE: Final = Limits(useless=16, good=FACE)
"""Of the region's side, in pixels. Expressions hang on the corners of the mouth and the brows, which are 2 or 3 pixels
high in a face of 32."""

SHARPNESS: Final = Limits(useless=0.05, good=0.6)
"""Of `sharpness`. Faces in focus have .6 to 2; blurred by a Gaussian of a pixel (of 48 a face) about .2, of two .08."""

DARKNESS: Final = Limits(useless=15, good=55)
"""Of the mean grey, 0 to 255. Dark skin in good light has a mean of 60 and more."""

BRIGHTNESS: Final = Limits(useless=250, good=215)
"""Of the mean grey. Above it much of a face is clipped to white; fair skin in good light has 200 and less."""

CONTRAST: Final = Limits(useless=4, good=18)
"""Of the standard deviation of grey. Faces in even light have 25 and more; less is fog, a screen's glare or a night."""

TURN: Final = Limits(useless=1.1, good=0.3)
"""Of the way of the nose from the middle between the eyes, in halves of their distance: about 1.1 times the tangent of
the yaw, since a nose stands out by about half the distance of the eyes. So 15 to 45 degrees, named from 32."""

TILT: Final = Limits(useless=45, good=15)
"""Of the roll in degrees, either way. Crops are not turned upright, and FER2013's faces seldom lean by more than 20."""

INSIDE: Final = Limits(useless=0.5, good=0.95)
"""Of the share of the region inside the frame. A quarter gone is a mouth or an eye gone."""


def assess(image: Image, detection: Detection) -> Quality:
    """How well a face can be seen: the product of what each measure is worth, 0 to 1.

    The measures: the region's side in pixels; the variance of the Laplacian (Pech-Pacheco et al. 2000) at the
    networks' own size, relative to the variance of the grey, since it grows with contrast; mean and standard deviation
    of the grey; with landmarks the yaw and roll they show; the share of the region inside the frame. Strong noise
    passes for sharpness.

    Args:
        image: (H, W, 3) uint8, RGB.
        detection: the face, in the image's pixels.

    Raises:
        InvalidInput: it is not an image.
    """
    height, width = check_image(image).shape[:2]
    region = detection.region
    side = max(region.width, region.height)
    inside = region.clipped(width, height).area / region.area
    grey = _middle(image, region)
    if grey is None:
        return Quality(0.0, ("cut off",))
    mean, deviation = _moments(grey)
    contrast = CONTRAST.worth(deviation)
    flat = "dark" if mean < 128 else "bright"
    worth = {
        "small": SIZE.worth(side),
        "blurred": SHARPNESS.worth(sharpness(grey)),
        "dark": DARKNESS.worth(mean) * (contrast if flat == "dark" else 1),
        "bright": BRIGHTNESS.worth(mean) * (contrast if flat == "bright" else 1),
        "turned": 1.0 if detection.landmarks is None else TURN.worth(_turn(detection.landmarks)),
        "tilted": 1.0 if detection.landmarks is None else TILT.worth(_tilt(detection.landmarks)),
        "cut off": INSIDE.worth(inside),
    }
    return Quality(math.prod(worth.values()), tuple(name for name, value in worth.items() if value < REASON))


def sharpness(grey: Grey) -> float:
    """The variance of the Laplacian relative to that of the grey; 0 for a picture of one grey."""
    deviation = _moments(grey)[1]
    return (_moments(cv2.Laplacian(grey, cv2.CV_32F))[1] / deviation) ** 2 if deviation > 0 else 0.0


def _moments(grey: MatLike) -> tuple[float, float]:
    """Mean and standard deviation; numpy takes ten times as long for so few pixels."""
    mean, deviation = cv2.meanStdDev(grey)
    return float(mean[0, 0]), float(deviation[0, 0])


def _middle(image: Image, region: Box) -> Grey | None:
    """The middle of the region at the scale at which its side is `FACE` pixels, or None where the frame ends before."""
    height, width = image.shape[:2]
    x, y = region.centre
    side = max(region.width, region.height)
    half = side * MIDDLE / 2
    middle = Box(x - half, y - half, x + half, y + half).clipped(width, height)
    left, top, right, bottom = (round(edge) for edge in middle)
    seen = image[top:bottom, left:right]
    if 0 in seen.shape:
        return None
    step = round(side / SAMPLED)
    if step > 1:
        thinned = max(1, (right - left) // step), max(1, (bottom - top) // step)
        seen = np.asarray(cv2.resize(seen, thinned, interpolation=cv2.INTER_NEAREST), np.uint8)
    size = max(1, round((right - left) * FACE / side)), max(1, round((bottom - top) * FACE / side))
    # Grey before it shrinks: a third of the bytes to average.
    grey = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)
    shrunk = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if side > FACE else cv2.INTER_LINEAR)
    return np.asarray(shrunk, np.uint8)


def _turn(landmarks: Landmarks) -> float:
    """How far the nose is from the middle between the eyes along their line: 0 there, 1 below an eye."""
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y) = landmarks[:3].tolist()
    x, y = left_x - right_x, left_y - right_y
    squared = x * x + y * y
    along = (nose_x - right_x) * x + (nose_y - right_y) * y
    return abs(2 * along / squared - 1) if squared > 0 else math.inf


def _tilt(landmarks: Landmarks) -> float:
    """How far the line of the eyes is from level, 0 to 180 degrees."""
    (right_x, right_y), (left_x, left_y) = landmarks[:2].tolist()
    return abs(math.degrees(math.atan2(left_y - right_y, left_x - right_x)))
