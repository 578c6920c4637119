"""Fit the two constants of `detection/yunet.py` that turn YuNet's box into the square that Haar would draw.

    python benchmarks/fit_yunet_crop.py --data fer2013.csv --json benchmarks/results/yunet_crop.json

FER2013's crops are Haar's boxes, so the square is known for a training face that is enlarged to 192 pixels with a
mirrored border. Several ways to estimate its side and its centre from YuNet's detection are compared by their spread.
Medians are fitted, because a few detections are a face in the mirrored border. Ends in one JSON line.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from measuring import hardware, write_result
from numpy.typing import NDArray
from through_detector import SIDE, TRUTH, nearest, picture_of

from mien.data import load
from mien.detection import YuNet

NUM_FACES = 2000


def spread(values: NDArray[np.float64]) -> float:
    """The median distance from the median."""
    return float(np.median(np.abs(values - np.median(values))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    faces = load(options.data).split("Training").faces
    chosen = np.random.default_rng(0).choice(len(faces), NUM_FACES, replace=False)
    detector = YuNet()
    found = [detection for place in chosen for detection in nearest(detector(picture_of(faces[place])))]
    boxes = np.array([detection.box for detection in found])
    points = np.array([detection.landmarks for detection in found], dtype=np.float64)
    eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]

    lengths = {
        "width of the box": width,
        "height of the box": height,
        "root of its area": np.sqrt(width * height),
        "between the eyes": np.linalg.norm(points[:, 1] - points[:, 0], axis=1),
        "eyes to mouth": np.linalg.norm(mouth - eyes, axis=1),
    }
    sides = {
        name: {"factor": float(np.median(SIDE / length)), "spread": spread(np.log(SIDE / length))}
        for name, length in lengths.items()
    }
    places = {
        "middle of the box": (boxes[:, :2] + boxes[:, 2:]) / 2,
        "between the eyes": eyes,
        "tip of the nose": points[:, 2],
        "between eyes and mouth": (eyes + mouth) / 2,
    }
    side = sides["root of its area"]["factor"] * np.sqrt(width * height)
    centres = {}
    for name, place in places.items():
        right, down = ((np.array(TRUTH.centre) - place) / side[:, None]).T
        centres[name] = {
            "right": float(np.median(right)), "down": float(np.median(down)),
            "spread": float(np.hypot(spread(right), spread(down))),
        }  # fmt: skip
    for name, row in sides.items():
        print(f"side from {name:20} × {row['factor']:.4f}   spread {row['spread']:.4f}")
    for name, row in centres.items():
        print(f"centre from {name:24} {row['right']:+.4f} {row['down']:+.4f} sides   spread {row['spread']:.4f}")
    result = {
        "benchmark": "fit_yunet_crop", "num_faces": NUM_FACES, "num_found": len(found),
        "side": sides, "centre": centres, **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


if __name__ == "__main__":
    main()
