"""How a head is turned."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

NOSE: Final = 0.28
"""How far the tip of the nose is from the middle of eyes and mouth, along the line through the eyes and in distances
between them, when a head is turned by 45 degrees. Fitted to YuNet's points by benchmarks/pose.py; on a mean face it
would be .57, but YuNet's points stay nearer to those of a face seen from the front."""


class Pose(NamedTuple):
    """How a head is turned, in degrees. How far it is lifted is left out, as five points do not show it.

    >>> Pose(roll=10.0, yaw=-30.0).yaw
    -30.0

    Attributes:
        roll: Clockwise in the picture, -180 to 180.
        yaw: Towards the right of the upright crop, -90 to 90; NaN where it is not known.
    """

    roll: float
    yaw: float


def yaw(landmarks: NDArray[np.float32]) -> float:
    """How far a head is turned towards the right, seen upright, in degrees; docs/detection.md has the errors.

        >>> yaw(np.array([[40, 40], [60, 40], [53, 52], [42, 62], [62, 62]], np.float32)) > 10
        True

    Args:
        landmarks: (5, 2), as `mien.values.Landmarks`; NaN where both eyes are at one place.
    """
    points = landmarks.astype(np.float64)
    across = points[1] - points[0]
    between = float(across @ across)
    if between == 0:
        return math.nan
    aside = float((points[2] - points[[0, 1, 3, 4]].mean(axis=0)) @ across) / between
    return math.degrees(math.atan(aside / NOSE))
