"""Pictures that a network should not be asked: what is no face, or hardly one any more.

They teach the score of `mien.recognition.unlike` where the training ends, and come from the training's own faces and a
random generator, so that no other data are needed. benchmarks/abstention.py measures the score on others.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from mien.values import GreyFaces

Random = np.random.Generator
Grey = NDArray[np.uint8]

PER_KIND: Final = 350  # pictures of each kind


def outliers(faces: GreyFaces, seed: int = 0, per_kind: int = PER_KIND) -> GreyFaces:
    """(N, S, S) faces → (L, S, S) uint8: as many pictures of each of `KINDS`, the same for the same seed."""
    random = np.random.default_rng(seed)
    chosen = faces[random.integers(len(faces), size=(len(KINDS), per_kind))]
    return np.array([kind(face, random) for kind, part in zip(KINDS, chosen, strict=True) for face in part], np.uint8)


def shapes(face: Grey, random: Random) -> Grey:
    """No face: ellipses and polygons over one another, with a texture, in or out of focus."""
    side = face.shape[0]
    canvas = np.full((side, side), random.uniform(0, 255), np.float32)
    for _ in range(int(random.integers(3, 80))):
        level, size = float(random.uniform(0, 255)), side * random.uniform(0.05, 0.45)
        corners = random.uniform(-0.2, 1.2, 2) * side + random.uniform(-size, size, (int(random.integers(3, 6)), 2))
        if random.random() < 0.5:
            axes = int(size / 2) + 1, int(size * random.uniform(0.2, 0.5)) + 1
            middle = int(random.integers(side)), int(random.integers(side))
            cv2.ellipse(canvas, middle, axes, random.uniform(0, 180), 0, 360, level, -1)
        else:
            cv2.fillPoly(canvas, [corners.astype(np.int32)], level)
    canvas += random.uniform(0, 50) * _fractal(side, random.uniform(0, 2), random)
    return _levels(cv2.GaussianBlur(canvas, (0, 0), random.uniform(0.15, 2) * side / 48))


def texture(face: Grey, random: Random) -> Grey:
    """No face: a random texture, from white noise to clouds."""
    noise = _fractal(face.shape[0], random.uniform(0, 2.5), random)
    return _levels(random.uniform(60, 190) + random.uniform(5, 80) * noise)


def shuffled(face: Grey, random: Random) -> Grey:
    """Four, nine or sixteen parts of a face in another order."""
    number = int(random.integers(2, 5))
    rows = [np.array_split(row, number, axis=1) for row in np.array_split(face, number)]
    parts = [part for row in rows for part in row]
    order, smallest = random.permutation(len(parts)), min(part.shape for part in parts)
    grid = [parts[at][: smallest[0], : smallest[1]] for at in order]
    joined = np.vstack([np.hstack(grid[start : start + number]) for start in range(0, len(grid), number)])
    return _resized(joined, face.shape[0])


def upside_down(face: Grey, random: Random) -> Grey:
    """A face on its head."""
    return face[::-1]


def lying(face: Grey, random: Random) -> Grey:
    """A face on its side."""
    return np.rot90(face, random.choice((1, 3)))


def too_near(face: Grey, random: Random) -> Grey:
    """A quarter to a half of a face's side."""
    side = int(face.shape[0] * random.uniform(0.25, 0.55))
    left, top = random.integers(face.shape[0] - side + 1, size=2)
    return _resized(face[top : top + side, left : left + side], face.shape[0])


def too_far(face: Grey, random: Random) -> Grey:
    """A face that is a quarter to a half as large as it should be, among shapes."""
    canvas, side = shapes(face, random), int(face.shape[0] * random.uniform(0.25, 0.55))
    left, top = random.integers(face.shape[0] - side + 1, size=2)
    canvas[top : top + side, left : left + side] = _resized(face, side)
    return canvas


def covered(face: Grey, random: Random) -> Grey:
    """Something plain, or shapes, before two fifths of a face or more."""
    canvas = face.copy()
    width, height = (random.uniform(0.42, 0.95, 2) * face.shape[0]).astype(int)
    left, top = int(random.integers(face.shape[0] - width + 1)), int(random.integers(face.shape[0] - height + 1))
    before = shapes(face, random) if random.random() < 0.5 else np.full_like(face, random.uniform(0, 255))
    canvas[top : top + height, left : left + width] = before[:height, :width]
    return canvas


def coarse(face: Grey, random: Random) -> Grey:
    """A face of four to ten pixels, enlarged."""
    return _resized(_resized(face, int(random.integers(4, 11))), face.shape[0])


def noisy(face: Grey, random: Random) -> Grey:
    """A face in noise, whose deviation is 40 to 130 levels."""
    return _levels(face + random.normal(0, random.uniform(40, 130), face.shape))


def negative(face: Grey, random: Random) -> Grey:
    """Black for white."""
    return 255 - face


def outlined(face: Grey, random: Random) -> Grey:
    """A line drawing: black or dark edges on white or on paper."""
    large = _resized(face, 4 * face.shape[0])
    low = random.uniform(20, 60)
    lines = cv2.dilate(cv2.Canny(large, low, 2.5 * low), np.ones((int(random.integers(1, 5)),) * 2, np.uint8))
    paper, ink = random.uniform(150, 255), random.uniform(0, 90)
    return _resized(np.where(lines > 0, ink, paper).astype(np.uint8), face.shape[0])


KINDS: Final[tuple[Callable[[Grey, Random], Grey], ...]] = (
    shapes, texture, shuffled, upside_down, lying, too_near, too_far, covered, coarse, noisy, negative, outlined,
)  # fmt: skip
"""The kinds of outliers: functions of a face and a random generator; both are (S, S) uint8."""


def _fractal(side: int, exponent: float, random: Random) -> NDArray[np.float32]:
    """(S, S) with a mean of 0 and a deviation of 1, whose amplitude falls with the frequency to that power."""
    frequencies = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    spectrum = np.fft.fft2(random.standard_normal((side, side))) / np.maximum(frequencies, 1 / side) ** exponent
    values = np.real(np.fft.ifft2(spectrum))
    return np.asarray((values - values.mean()) / values.std(), np.float32)


def _resized(picture: Grey, side: int) -> Grey:
    way = cv2.INTER_AREA if side < picture.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), (side, side), interpolation=way), np.uint8)


def _levels(values: MatLike) -> Grey:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
