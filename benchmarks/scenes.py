"""Scenes with faces at known places: faces of FER2013 in photographs that hold none.

The photographs come with two packages, and each is in the public domain or under a Creative Commons licence. They are
read as files, so neither package needs what it depends on:

    pip install --no-deps scikit-image scikit-learn

Every scene follows from its random generator alone. A face gets a skin's tint and a part of its surroundings' colour
and brightness, and fades into them along an ellipse, so that a detector finds no pasted rectangle. What fades is
mirrored: FER2013's crops end at the forehead and the chin.
"""

import importlib.util
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.images import read_image
from mien.values import Box, GreyFaces, Image

SCENERY = {
    "sklearn/datasets/images": ("china.jpg", "flower.jpg"),
    "skimage/data": ("coffee.png", "rocket.jpg", "brick.png", "grass.png", "gravel.png", "hubble_deep_field.jpg"),
}
"""Photographs without a face, a statue or a poster (looked at one by one), in which faces are put."""

OTHERS = {"skimage/data": ("chelsea.png", "cell.png", "retina.jpg", "text.png")}
"""Pictures of a cat, a cell, the back of an eye and handwriting, in which nothing may be found."""

TILE = 800
"""Width from which a scene is put together from several photographs, in pixels: enlarged ones have no fine detail."""

MARGIN = 0.25
"""What is mirrored around a face's crop, in its sides."""

RADII = (0.60, 0.68)
"""Half width and half height of the ellipse that is pasted, in sides of the crop."""

OPAQUE = 0.72
"""Share of the ellipse's radius within which nothing of the photograph shows."""

LIGHTS = ("as it is", "dark", "bright", "low contrast", "from the side")


@dataclass(frozen=True)
class Pasted:
    """A face's crop in a scene: its middle, its side in pixels, and its turn counter-clockwise in degrees."""

    x: float
    y: float
    side: float
    turn: float = 0.0

    @property
    def square(self) -> Box:
        """The axis-parallel square with the crop's middle and side, whatever the turn."""
        half = self.side / 2
        return Box(self.x - half, self.y - half, self.x + half, self.y + half)

    @property
    def reach(self) -> float:
        """Distance from the middle to the farthest pixel that is painted."""
        return max(RADII) * self.side


@dataclass(frozen=True)
class Scene:
    image: Image
    faces: tuple[Box, ...]
    """The squares of all faces in it; those at the edge leave the picture."""


@dataclass(frozen=True)
class Kind:
    """How the scenes of one row of a table are made.

    Attributes:
        size: Width and height of the picture.
        side: Side of a face's crop, in pixels.
        turn: Degrees by which each face is turned, to either side.
        light: One of `LIGHTS`.
        outside: The share of a face's crop beyond the picture's edge.
        most: The most faces in one scene.
    """

    size: tuple[int, int]
    side: float
    turn: float = 0.0
    light: str = LIGHTS[0]
    outside: float = 0.0
    most: int = 6

    def scenes(self, faces: GreyFaces, photographs: Sequence[Image], seed: int) -> Iterator[Scene]:
        """Scenes that together hold each face once, in parts of the photographs."""
        random = np.random.default_rng(seed)
        start = 0
        while start < len(faces):
            places = self.places(random)[: len(faces) - start]
            canvas = background(photographs, *self.size, random)
            for face, place in zip(faces[start:], places, strict=False):
                paste(canvas, face, place, random, lit_from_the_side=self.light == "from the side")
            yield Scene(lit(canvas, self.light, random), tuple(place.square for place in places))
            start += len(places)

    def places(self, random: Generator) -> list[Pasted]:
        """Places for one scene's faces, no two of which touch."""
        found: list[Pasted] = []
        for _ in range(20 * self.most):
            place = self._place(random)
            apart = (math.hypot(place.x - other.x, place.y - other.y) - 2 * place.reach for other in found)
            if len(found) < self.most and all(distance > 0 for distance in apart):
                found.append(place)
        return found

    def _place(self, random: Generator) -> Pasted:
        turn = self.turn * random.choice((-1, 1))
        x, y = (_inside(random, length, max(RADII) * self.side) for length in self.size)
        place = Pasted(x, y, self.side, turn)
        if not self.outside:
            return place
        beyond = (self.outside - 0.5) * self.side  # from the edge outward to the middle
        edge = int(random.integers(4))
        length = self.size[edge % 2]
        at = -beyond if edge < 2 else length + beyond
        return replace(place, x=at) if edge % 2 == 0 else replace(place, y=at)


def _inside(random: Generator, length: float, reach: float) -> float:
    """A coordinate at least `reach` from both ends; the middle where that is impossible."""
    return float(random.uniform(reach, length - reach)) if length > 2 * reach else length / 2


def background(photographs: Sequence[Image], width: int, height: int, random: Generator) -> Image:
    """One of the photographs, or several side by side, each cut, mirrored and enlarged at random."""
    columns, rows = -(-width // TILE), -(-height // TILE)
    across, down = -(-width // columns), -(-height // rows)
    canvas = np.empty((down * rows, across * columns, 3), np.uint8)
    for top in range(0, down * rows, down):
        for left in range(0, across * columns, across):
            photograph = photographs[int(random.integers(len(photographs)))]
            canvas[top : top + down, left : left + across] = _cut(photograph, across, down, random)
    return np.ascontiguousarray(canvas[:height, :width])


def _cut(photograph: Image, width: int, height: int, random: Generator) -> Image:
    """A random part of a photograph in that size, enlarged no more than it has to be and half as much again."""
    least = max(width / photograph.shape[1], height / photograph.shape[0])
    scale = least * random.uniform(1.0, 1.5)
    across, down = width / scale, height / scale
    left = round(random.uniform(0, photograph.shape[1] - across))
    top = round(random.uniform(0, photograph.shape[0] - down))
    part = photograph[top : top + max(1, int(down)), left : left + max(1, int(across))]
    large = cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    return np.asarray(large[:, ::-1] if random.random() < 0.5 else large, dtype=np.uint8)


def paste(canvas: Image, face: GreyFaces, place: Pasted, random: Generator, *, lit_from_the_side: bool = False) -> None:
    """Blend a face's crop into the canvas; what leaves the canvas is left out."""
    height, width = canvas.shape[:2]
    reach = place.reach + 1
    left, top = max(0, math.floor(place.x - reach)), max(0, math.floor(place.y - reach))
    right, bottom = min(width, math.ceil(place.x + reach)), min(height, math.ceil(place.y + reach))
    part = canvas[top:bottom, left:right]
    grey, opaque = _turned(face, replace(place, x=place.x - left, y=place.y - top), part.shape[1], part.shape[0])
    if lit_from_the_side:
        across = (np.arange(part.shape[1]) + left - place.x) / place.side * random.choice((-1, 1))
        grey = grey * np.clip(0.65 + 1.1 * across, 0.12, 1.2).astype(np.float32)
    surroundings = np.array(cv2.mean(part)[:3])
    grey += np.float32(0.25 * (surroundings.mean() - grey.mean()))
    for channel, factor in enumerate(_tint(surroundings, random)):  # one at a time, since a face can be 3,000 px wide
        mixed = part[:, :, channel] + opaque * (np.float32(factor) * grey - part[:, :, channel])
        part[:, :, channel] = np.clip(mixed + np.float32(0.5), 0, 255).astype(np.uint8)


def _tint(surroundings: NDArray[np.float64], random: Generator) -> NDArray[np.float64]:
    """Factors of red, green and blue with a mean of 1: a skin's, a quarter of the way to the surroundings' cast."""
    skin = 1 + random.uniform(0.3, 1.0) * np.array([0.28, -0.05, -0.23])
    cast = np.clip((surroundings + 20) / (surroundings.mean() + 20), 0.6, 1.6)
    return np.asarray(skin**0.75 * cast**0.25)


def _turned(face: GreyFaces, place: Pasted, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The face's crop and its mirrored margin at its place in a patch of that size, and how opaque each pixel is."""
    side = max(1, round(place.side))
    resize = cv2.INTER_AREA if side < face.shape[0] else cv2.INTER_CUBIC
    crop = cv2.resize(face, (side, side), interpolation=resize)
    rim = round(MARGIN * side)
    framed = cv2.copyMakeBorder(crop, rim, rim, rim, rim, cv2.BORDER_REFLECT)
    middle = side / 2 + rim - 0.5
    matrix = cv2.getRotationMatrix2D((middle, middle), place.turn, place.side / side)
    matrix[0, 2] += place.x - 0.5 - middle
    matrix[1, 2] += place.y - 0.5 - middle
    patch = cv2.warpAffine(framed, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    x = ((np.arange(width, dtype=np.float32) + 0.5 - place.x) / place.side)[None, :]
    y = ((np.arange(height, dtype=np.float32) + 0.5 - place.y) / place.side)[:, None]
    sine, cosine = math.sin(math.radians(place.turn)), math.cos(math.radians(place.turn))
    radius = np.hypot((x * cosine - y * sine) / RADII[0], (x * sine + y * cosine) / RADII[1])
    opaque = np.clip((1 - radius) / (1 - OPAQUE), 0, 1).astype(np.float32)
    return patch.astype(np.float32), opaque * opaque * (3 - 2 * opaque)


def lit(image: Image, light: str, random: Generator) -> Image:
    """The whole picture in another light."""
    if light in ("as it is", "from the side"):
        return image
    values = image.astype(np.float32)
    if light == "dark":
        noise = random.standard_normal(image.shape, dtype=np.float32)
        changed = 0.15 * values + 3 * noise
    elif light == "bright":
        changed = 1.5 * values + 90
    else:
        changed = 128 + 0.15 * (values - 128)
    return np.asarray(np.clip(changed + 0.5, 0, 255), dtype=np.uint8)


def scenery() -> list[Image]:
    """The photographs in which faces are put."""
    return [read_image(path) for path in _files(SCENERY)]


def without_faces() -> dict[str, Image]:
    """All pictures without faces by name, as they are."""
    return {path.name: read_image(path) for path in (*_files(SCENERY), *_files(OTHERS))}


def _files(folders: Mapping[str, tuple[str, ...]]) -> list[Path]:
    """The pictures' paths in the installed packages, found without importing them."""
    paths = []
    for folder, names in folders.items():
        package, _, rest = folder.partition("/")
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise SystemExit(
                f"the photographs of {package} are needed: pip install --no-deps scikit-image scikit-learn"
            )
        paths += [Path(found.submodule_search_locations[0]) / rest / name for name in names]
    for path in paths:
        if not path.is_file():
            raise SystemExit(f"{path} is not there: another version of the package; 0.26 and 1.9 have it")
    return paths
