"""Pictures that a network of faces should not be asked, of kinds that it was not taught to tell; and faces as they are.

They show what `mien.recognition.unlike` says of what it has not seen. The photographs are those of `scenes`. Kinds in
`TAUGHT` are like those of `mien.shipping.outliers`, which teach it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from robustness import blurred, covered, cropped, gamma, noisy, rotated
from scenes import without_faces

from mien.values import GreyFaces, Image

Random = np.random.Generator
Grey = NDArray[np.uint8]

PER_KIND: Final = 400
ORDINARY: Final = ("crop -15 %", "crop +15 %", "rotation 20°", "gamma 0.4", "20 pixels", "sunglasses")
"""Faces that are a little unlike the training, and are answered nearly as well."""

TAUGHT: Final = ("noise", "rotation 90°", "rotation 180°", "8 pixels", "negative", "noise of 40 %", "contours")


def strangers(faces: GreyFaces, seed: int = 0) -> dict[str, GreyFaces]:
    """By kind: (`PER_KIND`, 48, 48) uint8, of (N, 48, 48) faces or of none; the same for the same seed."""
    random = np.random.default_rng(seed)
    photographs = [np.asarray(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), np.uint8) for each in without_faces().values()]
    chosen = faces[random.choice(len(faces), PER_KIND, replace=False)]
    made = {name: np.array([draw(random) for _ in range(PER_KIND)], np.uint8) for name, draw in NO_FACES.items()}
    made |= {
        "parts of photographs": np.array([part_of(photographs, random) for _ in range(PER_KIND)], np.uint8),
        "Haar's false boxes": false_boxes(photographs, random),
    }
    made |= {name: np.array([change(face, random) for face in chosen], np.uint8) for name, change in DRAWN.items()}
    made["part of a photograph before it"] = np.array([_before(face, photographs, random) for face in chosen])
    for share in (0.6, 1.5):
        made[f"{share:.0%} too wide, in a photograph"] = np.array(
            [_within(face, part_of(photographs, random), 1 + share) for face in chosen]
        )
    return made | {name: np.asarray(distort(chosen), np.uint8) for name, distort in DISTORTED.items()}


def part_of(photographs: list[Grey], random: Random) -> Grey:
    """A square part of a photograph, from 32 pixels up."""
    grey = photographs[int(random.integers(len(photographs)))]
    side = int(np.exp(random.uniform(np.log(32), np.log(0.8 * min(grey.shape)))))
    top, left = (int(random.integers(length - side + 1)) for length in grey.shape)
    return _resized(grey[top : top + side, left : left + side])


def false_boxes(photographs: list[Grey], random: Random) -> GreyFaces:
    """Where Haar's cascade, asked to find everything, sees faces in photographs that have none."""
    cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))
    found = []
    for grey in photographs:
        for scale in (0.6, 1.0, 1.7):
            scaled = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale), np.uint8)
            for left, top, width, height in cascade.detectMultiScale(scaled, 1.05, 0, minSize=(24, 24)):
                found.append(_resized(scaled[top : top + height, left : left + width]))
    return np.array(found, np.uint8)[random.permutation(len(found))[:PER_KIND]]


def stripes(random: Random) -> Grey:
    down, across = np.mgrid[:48, :48]
    turn, frequency = random.uniform(0, np.pi), random.uniform(0.05, 0.8)
    waves = np.sin(frequency * (across * np.cos(turn) + down * np.sin(turn)) + random.uniform(0, 6))
    return np.asarray(127 + 120 * waves, np.uint8)


def chequered(random: Random) -> Grey:
    down, across = np.mgrid[:48, :48] // int(random.integers(3, 16))
    return np.asarray(255 * ((down + across) % 2), np.uint8)


def flat(random: Random) -> Grey:
    """One grey, or a slope of greys."""
    down, across = np.mgrid[-24:24, -24:24]
    turn, steep = random.uniform(0, 2 * np.pi), random.choice((0, 4))
    return _levels(random.uniform(30, 225) + steep * (across * np.cos(turn) + down * np.sin(turn)))


def noise(random: Random) -> Grey:
    return random.integers(0, 256, (48, 48), dtype=np.uint8)


def cartoon(random: Random) -> Grey:
    """A face of a few lines: an ellipse with eyes, brows, perhaps a nose, and a mouth."""
    image = np.full((256, 256), int(random.uniform(150, 255)), np.uint8)
    ink, skin, line = int(random.uniform(0, 60)), int(random.uniform(160, 255)), int(random.integers(2, 9))
    x, y = (int(128 + each) for each in random.integers(-8, 8, 2))
    axes = int(random.uniform(80, 118)), int(random.uniform(95, 124))
    cv2.ellipse(image, (x, y), axes, 0, 0, 360, skin, -1)
    cv2.ellipse(image, (x, y), axes, 0, 0, 360, ink, line)
    for side in (-1, 1):
        eye, radius = (
            (int(x + side * random.uniform(32, 45)), int(y - random.uniform(15, 35))),
            int(random.integers(6, 22)),
        )
        if random.random() < 0.5:
            cv2.circle(image, eye, radius, 255, -1)
            cv2.circle(image, eye, radius, ink, line)
        cv2.circle(image, eye, max(3, radius // 2), ink, -1)
        inner, outer = ((eye[0] + at, eye[1] - int(random.uniform(20, 35))) for at in (-20, 20))
        cv2.line(image, inner, outer, ink, line)
    if random.random() < 0.6:
        cv2.line(image, (x, y), (int(x + random.uniform(-12, 12)), y + 25), ink, line)
    bend = random.uniform(-24, 24)
    mouth = [[x + at, y + 60 + bend * (1 - (at / 50) ** 2)] for at in range(-45, 46, 5)]
    cv2.polylines(image, [np.array(mouth, np.int32)], False, ink, line)
    return _resized(image)


def sketched(face: Grey, random: Random) -> Grey:
    """As with a soft pencil: bright but where it is darker than around."""
    large = _enlarged(face)
    around = cv2.GaussianBlur(255 - large, (0, 0), 8)
    return _resized(np.asarray(cv2.divide(large, 255 - around, scale=256), np.uint8))


def contours(face: Grey, random: Random) -> Grey:
    return _resized(np.asarray(255 - cv2.Canny(_enlarged(face), 40, 110), np.uint8))


def posterised(face: Grey, random: Random) -> Grey:
    """In three greys."""
    return np.asarray(face // 86 * 100 + 20, np.uint8)


def negative(face: Grey, random: Random) -> Grey:
    return 255 - face


def masked(face: Grey, random: Random) -> Grey:
    """A surgical mask over nose, mouth and chin."""
    large, level = _enlarged(face), int(random.uniform(120, 250))
    edge = np.array([[30, 100], [96, 88], [162, 100], [150, 170], [96, 195], [42, 170]], float)
    cv2.fillPoly(large, [np.asarray(edge + random.uniform(-9, 9, edge.shape), np.int32)], level)
    for height in range(110, 180, 18):
        cv2.line(large, (40, height), (152, height), max(0, level - 25), 2)
    return _resized(large)


def sunglasses(face: Grey, random: Random) -> Grey:
    large, level = _enlarged(face), int(random.uniform(0, 40))
    for middle in (58, 134):
        cv2.ellipse(large, (middle, 72), (34, 24), 0, 0, 360, level, -1)
    cv2.line(large, (80, 66), (112, 66), level, 5)
    return _resized(large)


def coarse(pixels: int) -> Callable[[GreyFaces], GreyFaces]:
    """Shrunk to so many pixels, and enlarged again."""

    def shrink(faces: GreyFaces) -> GreyFaces:
        small = (cv2.resize(face, (pixels, pixels), interpolation=cv2.INTER_AREA) for face in faces)
        return np.array([_resized(np.asarray(each, np.uint8)) for each in small])

    return shrink


NO_FACES: Final[Mapping[str, Callable[[Random], Grey]]] = {
    "stripes": stripes, "chequered": chequered, "flat": flat, "noise": noise, "cartoons": cartoon,
}  # fmt: skip
DRAWN: Final[Mapping[str, Callable[[Grey, Random], Grey]]] = {
    "pencil sketches": sketched, "contours": contours, "posterised": posterised, "negative": negative,
    "surgical masks": masked, "sunglasses": sunglasses,
}  # fmt: skip
DISTORTED: Final[Mapping[str, Callable[[GreyFaces], GreyFaces]]] = {
    "right half covered": covered(0, 1, 0.5, 1), "crop -15 %": cropped(-0.15), "crop -30 %": cropped(-0.3),
    "crop -50 %": cropped(-0.5), "crop +15 %": cropped(0.15), "crop +30 %": cropped(0.3),
    "rotation 20°": rotated(20), "rotation 45°": rotated(45), "rotation 90°": rotated(90),
    "rotation 180°": rotated(180), "20 pixels": coarse(20), "12 pixels": coarse(12), "8 pixels": coarse(8),
    "noise of 10 %": noisy(0.1), "noise of 20 %": noisy(0.2), "noise of 40 %": noisy(0.4),
    "blur of 3 pixels": blurred(3), "gamma 0.4": gamma(0.4),
}  # fmt: skip


def _before(face: Grey, photographs: list[Grey], random: Random) -> Grey:
    changed, side = face.copy(), int(random.integers(18, 34))
    top, left = (int(each) for each in random.integers(0, 48 - side, 2))
    changed[top : top + side, left : left + side] = cv2.resize(part_of(photographs, random), (side, side))
    return changed


def _within(face: Grey, around: Grey, factor: float) -> Grey:
    side = int(48 / factor)
    start, changed = (48 - side) // 2, around.copy()
    changed[start : start + side, start : start + side] = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    return changed


def sheet(faces: GreyFaces, columns: int = 18) -> Image:
    """The first pictures of every kind, a row a kind, to be looked at: (H, W, 3) uint8."""
    rows = [np.hstack(list(pictures[:columns])) for pictures in strangers(faces).values()]
    return np.repeat(np.vstack(rows)[..., None], 3, axis=2)


def _enlarged(face: Grey) -> Grey:
    return np.asarray(cv2.resize(face, (192, 192), interpolation=cv2.INTER_CUBIC), np.uint8)


def _resized(picture: Grey) -> Grey:
    way = cv2.INTER_AREA if picture.shape[0] > 48 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (48, 48), interpolation=way), np.uint8)


def _levels(values: NDArray[np.float64]) -> Grey:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
