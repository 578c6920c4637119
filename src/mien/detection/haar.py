"""The cascade of boosted Haar features (Viola and Jones 2001), as OpenCV ships it."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.detection.detector import merged
from mien.errors import InvalidInput, MienError
from mien.values import Box, Detection, Image, check_image, checked_number

FRONTAL = "haarcascade_frontalface_default.xml"
PROFILE = "haarcascade_profileface.xml"

WINDOW = 24
"""Side of the smallest face that the frontal cascade can find, in pixels."""

EVEN_HITS = 3
"""Number of hits with which a box is as often a face as not, in the scenes of benchmarks/detection.py; with 8 or more
nearly every box is one."""

LONGEST_SIDE = 800
"""Longest side of the copy that is searched, in pixels, unless `min_face` asks for more."""


class Haar:
    """Finds upright faces seen from the front. One instance serves many threads.

    The picture is searched in a copy just large enough for the smallest face to fill the cascade's window. That is
    where most of the time is saved: in the two octaves above its window OpenCV's search skips every other position.

        >>> faces = Haar(min_face=40)(read_image("party.jpg"))

    A detection's score grows with the number of the cascade's hits that were merged into its box. FER2013's faces were
    cropped to such boxes, so they need no margin.

    Args:
        min_face: Side of the smallest face to find, in the picture's pixels, 24 or more. None: a seventh of the
            picture's shorter side, but no more than 70 pixels, or than a copy of 800 pixels allows.
        scale_step: Ratio of one searched size to the next, 1.01 to 2; smaller finds a little more and takes longer.
        neighbours: Number of hits that make a face, 1 or more; fewer find more faces, and more false ones.
        profile: Whether to search for faces in profile too, which takes about three times as long.

    Raises:
        InvalidInput: A value is out of range.
        MienError: This build of OpenCV has no cascades.
    """

    def __init__(
        self, *, min_face: float | None = None, scale_step: float = 1.15, neighbours: int = 2, profile: bool = False
    ) -> None:
        if min_face is not None:
            checked_number("min_face", min_face, WINDOW)
        checked_number("scale_step", scale_step, 1.01, 2)
        checked_number("neighbours", neighbours, 1, 1000, kind="a whole number")
        if not isinstance(profile, bool):
            raise InvalidInput(f"profile is True or False; got {profile!r}")
        self.min_face, self.scale_step, self.neighbours, self.profile = min_face, scale_step, neighbours, profile
        self._cascades = _Cascades(FRONTAL, PROFILE) if profile else _Cascades(FRONTAL)

    def __reduce__(self) -> tuple[Any, ...]:
        # Cascades cannot be pickled.
        options = {name: getattr(self, name) for name in ("min_face", "scale_step", "neighbours", "profile")}
        return partial(Haar, **options), ()

    def __call__(self, image: Image) -> list[Detection]:
        """(H, W, 3) uint8 RGB → the faces, from the largest to the smallest.

        Raises:
            InvalidInput: It is not an image.
        """
        height, width = check_image(image).shape[:2]
        copy = self._search_copy(image)
        frontal, *profile = self._cascades.each
        found = self._hits(frontal, copy)
        for cascade in profile:  # finds faces that look to the left, and the others in the mirror image
            found += self._hits(cascade, copy)
            found += [
                (Box(copy.shape[1] - box.right, box.top, copy.shape[1] - box.left, box.bottom), score)
                for box, score in self._hits(cascade, np.ascontiguousarray(copy[:, ::-1]))
            ]
        x, y = width / copy.shape[1], height / copy.shape[0]
        return merged([Detection(box.scaled(x, y).clipped(width, height), score) for box, score in found])

    def _search_copy(self, image: Image) -> NDArray[np.uint8]:
        """A grey copy in which the smallest face just fills the cascade's window."""
        height, width = image.shape[:2]
        smallest = self.min_face
        if smallest is None:
            smallest = max(WINDOW, min(70, min(height, width) / 7), WINDOW * max(height, width) / LONGEST_SIDE)
        scale = WINDOW / smallest
        size = max(1, round(width * scale)), max(1, round(height * scale))
        # Shrinking three channels and then turning a small picture grey is quicker than the other way round.
        copy = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(copy, cv2.COLOR_RGB2GRAY), dtype=np.uint8)

    def _hits(self, cascade: Any, grey: NDArray[np.uint8]) -> list[tuple[Box, float]]:
        boxes, counts = cascade.detectMultiScale2(
            grey, scaleFactor=self.scale_step, minNeighbors=self.neighbours, minSize=(WINDOW, WINDOW)
        )
        return [
            (Box(float(left), float(top), float(left + side), float(top + high)), 1 - 0.5 ** (float(count) / EVEN_HITS))
            for (left, top, side, high), count in zip(boxes, np.ravel(counts), strict=True)
        ]


class _Cascades(threading.local):
    """Cascades of the calling thread alone, since each holds the picture that it searches."""

    def __init__(self, *names: str) -> None:
        files = [str(cascade_file(name)) for name in names]
        self.each = [cv2.CascadeClassifier(file) for file in files]


def cascade_file(name: str) -> Path:
    """The path of a cascade in OpenCV's package.

    Raises:
        MienError: This build has none; OpenCV 5 has neither the files nor, outside contrib, the class.
    """
    folder = getattr(getattr(cv2, "data", None), "haarcascades", None)
    if folder and hasattr(cv2, "CascadeClassifier") and (Path(folder) / name).is_file():
        return Path(folder) / name
    raise MienError(
        f"OpenCV {cv2.__version__} here has no Haar cascades ({name}); install a build that has, and no other beside "
        "it: pip install 'opencv-python-headless>=4.13,<5'"
    )
