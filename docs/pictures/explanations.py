"""Draw the README's first picture and those of docs/explanations.md.

    python docs/pictures/explanations.py --solvay solvay_1927_whole.jpg

Of NASA's portrait of Eileen Collins and the 1927 Solvay photograph. Both are in the public domain; the second is not
part of the project.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

import mien
from mien.drawing import explain
from mien.images import DRAWN_COMMENT, write_image
from mien.values import Face, Image

FOLDER = Path(__file__).parent


def mouth_covered(image: Image, face: Face) -> Image:
    """The picture with an ellipse of the chin's colour over a face's mouth."""
    points = face.detection.landmarks
    assert points is not None
    corners = points[3:]
    width = float(np.hypot(*(corners[1] - corners[0])))
    x, y = corners.mean(axis=0)
    tip = points[2]
    colour = np.median(image[int(tip[1]) - 2 : int(tip[1]) + 2, int(tip[0]) - 6 : int(tip[0]) + 6], axis=(0, 1))
    covered = image.copy()
    axes = (round(0.72 * width), round(0.42 * width))
    angle = float(np.degrees(np.arctan2(*(corners[0] - corners[1])[::-1]))) % 180
    cv2.ellipse(covered, (round(float(x)), round(float(y))), axes, angle, 0, 360, colour.tolist(), -1, cv2.LINE_AA)
    return covered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--solvay", type=Path, required=True)
    options = parser.parse_args()
    analyzer = mien.Analyzer(explain=True)
    portrait = mien.read_image(FOLDER / "astronaut.jpg")
    [face] = analyzer(portrait)
    # Marked, so that `mien batch` passes it over, as docs/tutorials/engineer.md shows.
    write_image(FOLDER / "astronaut-annotated.jpg", mien.annotate(portrait, [face]), comment=DRAWN_COMMENT)
    write_image(FOLDER / "evidence.jpg", explain(portrait, face))
    covered = mouth_covered(portrait, face)
    [same] = analyzer.classify([covered], [[face.detection]])[0]
    write_image(FOLDER / "evidence-covered.jpg", explain(covered, same, label="happy"))
    coarse = mien.Analyzer("gelu-cnn", explain=True).explained(portrait, [face])[0]
    write_image(FOLDER / "evidence-coarse.jpg", explain(portrait, coarse, label="happy"))
    group = mien.read_image(options.solvay)
    height, width = group.shape[:2]
    part = np.ascontiguousarray(group[: round(0.7 * height), : round(0.62 * width)])
    write_image(FOLDER / "evidence-solvay.jpg", mien.annotate(part, analyzer(part), panels=False, evidence=True))


if __name__ == "__main__":
    main()
