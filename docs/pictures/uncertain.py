"""Draw uncertain.jpg: NASA's portrait of Eileen Collins spoilt in seven ways, and what mien says of each.

python docs/pictures/uncertain.py
"""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np

import mien
from mien.drawing.patches import DARK, PALE, WHITE, Rectangle, blend, draw_outline, text
from mien.emotions import UNCLEAR_COLOUR, colours_of
from mien.images import write_image
from mien.values import Face, Image

FOLDER = Path(__file__).parent
PART = (slice(20, 200), slice(130, 310))
TILE, GAP, FONT, LINES = 270, 14, 19, 3


def small(image: Image) -> Image:
    tiny = cv2.resize(image, (18, 18), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(tiny, image.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 11), np.uint8)


def dark(image: Image) -> Image:
    return np.asarray(image.astype(np.float32) * 0.012, np.uint8)


def bright(image: Image) -> Image:
    return np.clip(image.astype(np.float32) * 3.6, 0, 255).astype(np.uint8)


def covered(image: Image) -> Image:
    changed = image.copy()
    cv2.rectangle(changed, (50, 92), (142, 168), (96, 120, 150), -1)
    return changed


def drawn(image: Image) -> Image:
    large = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    lines = cv2.Canny(cv2.GaussianBlur(large, (0, 0), 2), 20, 50)
    thick = 255 - cv2.dilate(lines, np.ones((4, 4), np.uint8))
    return np.repeat(cv2.resize(thick, image.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None], 3, axis=2)


def noisy(image: Image) -> Image:
    noise = np.random.default_rng(0).normal(0, 170, image.shape[:2])[..., None]
    return np.clip(image + noise, 0, 255).astype(np.uint8)


WAYS: Final[dict[str, Callable[[Image], Image]]] = {
    "as it is": lambda image: image,
    "blurred": blurred, "few pixels": small, "dark": dark, "bright": bright, "covered": covered,
    "noise": noisy, "a drawing": drawn,
}  # fmt: skip


def tile(name: str, image: Image, face: Face) -> Image:
    """One picture with the face's outline, and beneath it what mien says."""
    scale = TILE / image.shape[0]
    picture = np.asarray(cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_CUBIC), np.uint8)
    left, top, right, bottom = (round(scale * side) for side in face.box.clipped(*image.shape[1::-1]))
    colour = UNCLEAR_COLOUR if face.uncertain else colours_of(face.prediction.labels)[face.label]
    draw_outline(picture, Rectangle(left, top, right, bottom), colour, FONT)
    reasons = ", ".join(reason for reason in face.uncertain if reason != "unclear")
    unclear = f"{face.shown}: {reasons}" if reasons else face.shown
    shown = unclear if face.uncertain else f"{face.label} {face.scores[face.label]:.0%}"
    words = [(name, PALE)] + [(each, WHITE) for each in textwrap.wrap(shown, 26)]
    line = text("x", FONT, WHITE).shape[0]
    whole = np.full((TILE + LINES * line + GAP, TILE, 3), DARK, np.uint8)
    whole[:TILE] = picture
    for row, (each, shade) in enumerate(words):
        blend(whole, text(each, FONT, shade), 0, TILE + 6 + row * line)
    return whole


def main() -> None:
    portrait = mien.read_image(FOLDER / "astronaut.jpg")
    part = np.ascontiguousarray(portrait[PART])
    analyzer = mien.Analyzer()
    [detection] = [face.detection for face in analyzer(part)][:1]
    tiles = []
    for name, change in WAYS.items():
        spoilt = change(part)
        # Where the face was: a detector would not find it in some of these.
        [[face]] = analyzer.classify([spoilt], [[detection]])
        tiles.append(tile(name, spoilt, face))
    width = 4 * TILE + 5 * GAP
    sheet = np.full((2 * (tiles[0].shape[0] + GAP) + GAP, width, 3), DARK, np.uint8)
    for number, each in enumerate(tiles):
        top, left = GAP + number // 4 * (each.shape[0] + GAP), GAP + number % 4 * (TILE + GAP)
        sheet[top : top + each.shape[0], left : left + TILE] = each
    write_image(FOLDER / "uncertain.jpg", sheet)


if __name__ == "__main__":
    main()
