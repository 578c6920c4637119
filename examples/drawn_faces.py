"""Draws a small data set of faces, for trying `mien data`, `mien train` and `mien evaluate` before FER2013 is at hand.

    python examples/drawn_faces.py drawn

writes drawn/train, drawn/val and drawn/groups.csv. Each face is drawn by a made-up person, with a thick or a thin pen
and a hand that shakes; `groups.csv` says by whom and with which. A network learns these faces in a minute, and learns
nothing about people.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 48
SCALE = 4  # drawn four times as large, so that a pen may be thinner than a pixel
PEOPLE = {"train": 40, "val": 20}
FACES_EACH = 2  # of each expression, by each person

# Brows' outer and inner height and the eyes' height, then the mouth: how it is bent (down is positive), how far it
# opens, and how much higher its left corner is. In pixels of 48.
SHAPES = {
    "angry": (-2, 2, 2, 2, 0, 0),
    "disgust": (0, 1, 1, 1, 0, 4),
    "fear": (1, -2, 4, 1, 3, 0),
    "happy": (0, 0, 2, -4, 1, 0),
    "sad": (2, -1, 2, 4, 0, 0),
    "surprise": (-3, -3, 4, 0, 6, 0),
    "neutral": (0, 0, 2, 0, 0, 0),
}


def draw(expression: str, pen: float, hand: np.random.Generator) -> NDArray[np.uint8]:
    """A face, (48, 48) uint8, grey; `pen` is the width of its lines in pixels."""
    outer, inner, eye, bend, opening, tilt = np.array(SHAPES[expression]) + hand.normal(0, 0.6, 6)
    head, paper = 18 + hand.normal(0, 1), int(hand.integers(190, 256))
    middle = SIZE / 2 + hand.normal(0, 1.2, 2)
    image = np.full((SIZE * SCALE, SIZE * SCALE), paper, np.uint8)

    def line(points: list[tuple[float, float]]) -> None:
        corners = np.round((np.array(points) + middle) * SCALE).astype(np.int32)
        cv2.polylines(image, [corners], False, 40, max(1, round(pen * SCALE)), cv2.LINE_AA)

    def oval(x: float, y: float, width: float, height: float) -> None:
        turns = np.linspace(0, 2 * np.pi, 40)
        line([(x + width * np.cos(turn), y + height * np.sin(turn)) for turn in turns])

    oval(0, 0, head * 0.9, head * 1.1)
    for side in (-1, 1):
        oval(side * 7, -4, 2.5, max(0.5, abs(eye)))
        line([(side * 11, -10 + outer), (side * 3.5, -10 + inner)])
    for lip in (-0.5, 0.5):
        xs = np.linspace(-1, 1, 20)
        gap = lip * max(0.0, opening)
        line([(6 * x, 9 + bend * (x**2 - 0.5) + tilt * x / 2 + gap * np.sqrt(1 - x**2)) for x in xs])
    return np.asarray(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)


def faces() -> Iterator[tuple[str, str, str, str, NDArray[np.uint8]]]:
    """Split, person, pen, expression and picture of every face."""
    for split, number in PEOPLE.items():
        for person in range(number):
            hand = np.random.default_rng([len(split), person])
            pen = "thin" if person % 2 else "thick"
            for expression in SHAPES:
                for _ in range(FACES_EACH):
                    width = 0.7 if pen == "thin" else 2.0
                    yield split, f"{split}-{person:02d}", pen, expression, draw(expression, width, hand)


def main(folder: Path) -> None:
    """Write the faces below `folder`, and who drew each into its groups.csv."""
    rows = []
    for index, (split, person, pen, expression, face) in enumerate(faces()):
        name = f"{split}/{expression}/{index:04d}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), face)
        rows.append((name, person, pen))
    with (folder / "groups.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "subject", "pen"), *rows])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "drawn"))
