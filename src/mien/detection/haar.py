"""The cascade of boosted Haar features (Viola and Jones 2001), as OpenCV ships it: the default detector."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.detection.merging import merged
from mien.errors import InvalidInput, MienError
from mien.values import Box, Detection, Image, check_image

FRONTAL = "haarcascade_frontalface_default.xml"
PROFILE = "haarcascade_profileface.xml"

WINDOW = 24
"""Pixels a side of the smallest face the frontal cascade knows."""

LONGEST_SIDE = 800
"""Of the copy that is searched, in pixels, unless a smallest face is asked for."""


class Haar:
    """Finds upright faces seen from the front. One instance serves many threads.

    The picture is searched in a copy just large enough for the smallest face to fill the cascade's window. That is
    where most of the time is saved: in the two octaves above its window OpenCV's search skips every other place.

    A detection's score is the number of hits of the cascade that were merged into its box. Its box is cut as
    FER2013's faces were, so it needs no margin.

    Args:
        min_face: the smallest face to find, in the picture's pixels, 24 or more. None: a seventh of the picture's
            shorter side, but no more than 70 pixels, or than a copy of 800 pixels allows.
        scale_step: from one size searched to the next, above 1; smaller finds a little more and takes longer.
        neighbours: hits that a face needs; fewer find more faces, and more that are none.
        profile: whether to look for faces from the side too; takes about three times as long.

    Raises:
        InvalidInput: a value is out of range.
        MienError: this build of OpenCV has no cascades.
    """

    def __init__(
        self,
        *,
        min_face: float | None = None,
        scale_step: float = 1.15,
        neighbours: int = 2,
        profile: bool = False,
    ) -> None:
        if min_face is not None and not min_face >= WINDOW:
            raise InvalidInput(f"min_face is in pixels, {WINDOW} or more; got {min_face}")
        if not 1.01 <= scale_step <= 2:
            raise InvalidInput(f"scale_step is 1.01 to 2; got {scale_step}")
        if neighbours < 1:
            raise InvalidInput(f"neighbours is 1 or more; got {neighbours}")
        self.min_face = min_face
        self.scale_step = scale_step
        self.neighbours = neighbours
        self.profile = profile
        self._files = [cascade_file(FRONTAL), *([cascade_file(PROFILE)] if profile else [])]
        self._own = threading.local()  # a cascade keeps the picture it searches in itself
        self._cascades()

    def __call__(self, image: Image) -> list[Detection]:
        """(H, W, 3) uint8 RGB → the faces, from the largest to the smallest.

        Raises:
            InvalidInput: it is not an image.
        """
        height, width = check_image(image).shape[:2]
        copy = self._search_copy(image)
        frontal, *profile = self._cascades()
        found = self._hits(frontal, copy)
        for cascade in profile:  # it knows faces that look to the left; the mirror image shows it the others
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
            (Box(float(left), float(top), float(left + side), float(top + high)), float(count))
            for (left, top, side, high), count in zip(boxes, np.ravel(counts), strict=True)
        ]

    def _cascades(self) -> Sequence[Any]:
        """This thread's own."""
        if not hasattr(self._own, "cascades"):
            self._own.cascades = [cv2.CascadeClassifier(str(file)) for file in self._files]
        cascades: Sequence[Any] = self._own.cascades
        return cascades


def cascade_file(name: str) -> Path:
    """Where OpenCV keeps a cascade.

    Raises:
        MienError: this build has none; OpenCV 5 has neither the files nor, outside contrib, the class.
    """
    folder = getattr(getattr(cv2, "data", None), "haarcascades", None)
    if folder and hasattr(cv2, "CascadeClassifier") and (Path(folder) / name).is_file():
        return Path(folder) / name
    raise MienError(
        f"OpenCV {cv2.__version__} here has no Haar cascades ({name}); install a build that has, and no other beside "
        "it: pip install 'opencv-python-headless>=4.10,<5'"
    )
