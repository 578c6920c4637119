"""The pictures that the peers are compared on, and where the faces in them are.

Faces of PublicTest in photographs that hold none (scenes.py), photographs without a face, and, where there is a folder
with them, the pictures of counted.json in ten sizes. The same for the same data.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from scenes import Kind, background, scenery

from mien.data import load
from mien.emotions import EMOTIONS
from mien.images import read_image
from mien.values import Image

COUNTED = Path(__file__).parents[1] / "counted.json"
LONGEST_SIDES = range(400, 1400, 100)
"""Sizes of the counted pictures, in pixels."""

KINDS: dict[str, tuple[Kind, int]] = {
    **{f"640×480, faces of {side}": (Kind((640, 480), side, most=3), 50) for side in (48, 64, 96, 128, 192)},
    "640×480, leaning by 20°": (Kind((640, 480), 96, turn=20, most=3), 40),
    "640×480, dark": (Kind((640, 480), 96, light="dark", most=3), 30),
    "1280×960, faces of 96": (Kind((1280, 960), 96), 50),
}
"""What is made, and how many scenes of it."""

EMPTY = {(640, 480): 40, (1280, 960): 20}
"""Photographs without a face, by their size."""


@dataclass(frozen=True)
class Truth:
    """What is in one picture.

    Attributes:
        kind: What it was made as.
        squares: (left, top, side) of each face, as FER2013 would crop it, in pixels.
        labels: FER2013's label of each; empty where it is not known.
    """

    kind: str
    squares: list[tuple[float, float, float]]
    labels: list[str]


def write_pictures(folder: Path, data: Path, counted: Path | None) -> dict[str, Truth]:
    """Write every picture as a JPEG, and truth.json beside them; by file name, in the order of `truth.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    truths = {}
    for number, (image, truth) in enumerate([*_scenes(data), *_empty(), *_counted(counted)]):
        name = f"{number:04}.jpg"
        Pillow.fromarray(image).save(folder / name, quality=90)
        truths[name] = truth
    text = json.dumps({name: asdict(truth) for name, truth in truths.items()}, ensure_ascii=False)
    (folder / "truth.json").write_text(text, encoding="utf-8")
    return truths


def _scenes(data: Path) -> Iterator[tuple[Image, Truth]]:
    public = load(data).split("val")
    order = iter(np.random.default_rng(0).permutation(len(public.faces)).tolist())
    photographs = scenery()
    for name, (kind, num) in KINDS.items():
        for seed in range(num):
            chosen = [next(order) for _ in range(kind.most)]
            scene = next(kind.scenes(public.faces[chosen], photographs, seed=seed))
            squares = [(face.left, face.top, face.width) for face in scene.faces]
            # Fewer faces than were chosen may find a place; they are the first ones.
            labels = [EMOTIONS[public.labels[index]] for index in chosen[: len(squares)]]
            yield scene.image, Truth(name, squares, labels)


def _empty() -> Iterator[tuple[Image, Truth]]:
    photographs, random = scenery(), np.random.default_rng(1)
    for (width, height), num in EMPTY.items():
        for _ in range(num):
            yield background(photographs, width, height, random), Truth("no face", [], [])


def _counted(folder: Path | None) -> Iterator[tuple[Image, Truth]]:
    if folder is None:
        return
    for name, content in json.loads(COUNTED.read_text(encoding="utf-8"))["pictures"].items():
        image = read_image(folder / name)
        for longest in LONGEST_SIDES:
            scale = longest / max(image.shape[:2])
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            squares = [((x - w / 2) * scale, (y - w / 2) * scale, w * scale) for x, y, w in content["faces"]]
            resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=how)
            yield np.asarray(resized, np.uint8), Truth("photographs", squares, [])
