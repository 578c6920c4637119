"""Errors of the head's pose: faces on a curved surface, turned by known angles and found by YuNet.

    python benchmarks/pose.py --data fer2013.csv --json benchmarks/results/pose.json

A face is laid on an ellipsoid with a nose, turned and seen from far away; what the turn hides, the surface lacks.
Errors are those of the turn between the face as it is and the turned one, since FER2013's faces are turned already by
an angle that nobody measured. `--split Training` shows what `NOSE` of `mien.pose` is fitted to: the factor by which a
yaw of 15 and 30 degrees has to be stretched. One seed. Ends in one JSON line.
"""

import argparse
import math
from pathlib import Path

import cv2
import numpy as np
from measuring import hardware, write_result
from numpy.typing import NDArray
from through_detector import BORDER, SIDE, nearest, picture_of

from mien.data import load
from mien.detection import YuNet, detect
from mien.values import Detection, GreyFaces, Image

NUM_FACES = 300
TURNS = {"yaw": (-45, -30, -15, 15, 30, 45), "roll": (-45, -30, -15, 15, 30, 45)}


def depth() -> NDArray[np.float64]:
    """How far each pixel of a picture of `picture_of` is in front of the head's axis, in pixels."""
    size = SIDE + 2 * BORDER
    x, y = np.meshgrid(*[(np.arange(size) - (size - 1) / 2) / SIDE] * 2)
    head = np.sqrt(np.clip(1 - (x / 0.62) ** 2 - (y / 0.8) ** 2, 0, None)) * 0.6
    nose = 0.13 * np.exp(-((x / 0.08) ** 2) - ((y - 0.05) / 0.11) ** 2)
    return np.asarray((head + nose) * SIDE)


def turned(image: Image, surface: NDArray[np.float64], yaw: float) -> Image:
    """A face on the surface, turned to the right of the picture, in degrees."""
    size, angle = len(image), math.radians(yaw)
    middle = (size - 1) / 2
    goal, down = np.meshgrid(*[np.arange(size, dtype=np.float32)] * 2)
    across = goal
    for _ in range(12):  # the place on the surface that is seen at each pixel, by fixed-point iteration
        forward = cv2.remap(surface, across, down, cv2.INTER_LINEAR)
        across = (((goal - middle) - forward * math.sin(angle)) / math.cos(angle) + middle).astype(np.float32)
    return np.asarray(cv2.remap(image, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def leaning(image: Image, roll: float) -> Image:
    """The picture turned clockwise."""
    middle = (len(image) - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), -roll, 1)
    size = (len(image), len(image))
    return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def row(differences: list[float], angle: float) -> dict[str, float]:
    """How far the measured differences are from the turn, in degrees."""
    errors = np.array(differences) - angle
    return {
        "num": len(errors), "measured": float(np.median(differences)),
        "median_error": float(np.median(np.abs(errors))), "error_90": float(np.quantile(np.abs(errors), 0.9)),
    }  # fmt: skip


def measure(faces: GreyFaces) -> dict[str, dict[str, dict[str, float]]]:
    """The rows of yaw and roll, by the turn."""
    detector, surface = YuNet(turned=False), depth()

    def one(image: Image) -> list[Detection]:
        return nearest(detect(detector, image))

    differences: dict[tuple[str, int], list[float]] = {(name, angle): [] for name in TURNS for angle in TURNS[name]}
    for face in faces:
        image = picture_of(face)
        for level in one(image):
            for (name, angle), found in differences.items():
                changed = turned(image, surface, angle) if name == "yaw" else leaning(image, angle)
                found += [getattr(each.pose, name) - getattr(level.pose, name) for each in one(changed)]
    return {name: {str(angle): row(differences[name, angle], angle) for angle in TURNS[name]} for name in TURNS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="PublicTest")
    parser.add_argument("--num", type=int, default=NUM_FACES)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    faces = load(options.data).split(options.split).faces
    faces = faces[np.random.default_rng(0).choice(len(faces), options.num, replace=False)]
    rows = measure(faces)
    for name, by_angle in rows.items():
        for angle, each in by_angle.items():
            print(
                f"{name:6}{angle:>4}°: measured {each['measured']:6.1f}, median error {each['median_error']:5.1f}, "
                f"90 % within {each['error_90']:5.1f}, n = {each['num']}"
            )
    result = {
        "benchmark": "pose", "split": options.split, "num_faces": options.num, "seed": 0, "rows": rows, **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


if __name__ == "__main__":
    main()
