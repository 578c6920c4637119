"""How a head is turned, from five points of its face."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FACE: Final = np.array(
    [[-3.15, -2.62, 3.47], [3.15, -2.62, 3.47], [0.0, 1.13, 7.48], [-2.46, 4.34, 4.28], [2.46, 4.34, 4.28]]
)
"""The five points on a mean face, (5, 3), in centimetres: to the right, downward and towards the viewer. They are those
of MediaPipe's canonical face model (Apache-2.0), the eyes in the middle of their corners."""

_MODEL = FACE - FACE.mean(axis=0)
_FIT: Final = _MODEL @ np.linalg.inv(_MODEL.T @ _MODEL)


class Pose(NamedTuple):
    """How a head is turned, in degrees.

    >>> Pose(roll=10.0, yaw=-30.0, pitch=0.0).yaw
    -30.0

    Attributes:
        roll: Clockwise in the picture, -180 to 180.
        yaw: Towards the right of the picture.
        pitch: Upward. The shape of a face shifts it by several degrees.
    """

    roll: float
    yaw: float
    pitch: float


def yaw_and_pitch(landmarks: NDArray[np.float32]) -> tuple[float, float]:
    """Yaw and pitch, in degrees, in which a mean face shows its five points most nearly where they are.

    The least-squares affine map from the mean face to the points, and the rotation nearest to it, as if seen from far
    away (DeMenthon and Davis 1995, International Journal of Computer Vision 15:123). docs/detection.md has its errors.

        >>> points = np.array([[40, 40], [60, 40], [53, 52], [43, 62], [59, 62]], np.float32)
        >>> yaw_and_pitch(points)[0] > 10  # the nose is to the right of the middle
        True

    Args:
        landmarks: (5, 2), as `mien.values.Landmarks`. Both are NaN where the points lie on one line.
    """
    (right_x, right_y), (left_x, left_y) = landmarks[:2].tolist()
    roll = math.atan2(left_y - right_y, left_x - right_x)
    cos, sin = math.cos(roll), math.sin(roll)
    level = (landmarks - landmarks.mean(axis=0)).astype(np.float64) @ np.array([[cos, -sin], [sin, cos]])
    left, stretch, right = np.linalg.svd(level.T @ _FIT, full_matrices=False)
    if stretch[1] <= 1e-6 * stretch[0]:
        return math.nan, math.nan
    across, down = left @ right
    facing = float(np.cross(across, down)[2])
    return math.degrees(math.atan2(across[2], facing)), math.degrees(math.asin(min(1.0, max(-1.0, -down[2]))))
