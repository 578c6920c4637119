"""YuNet (Wu, Peng and Yu 2023, Machine Intelligence Research 20:656), from OpenCV Zoo: the second detector."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.detection.detector import largest_first
from mien.detection.fetching import YUNET, fetched
from mien.errors import ModelError
from mien.values import Box, Detection, Image, Landmarks, check_image, checked_number

LONGEST_SIDES = (288, 640)
"""Least and greatest longest side of the copy that is searched, in pixels, unless `longest_side` says otherwise."""

SMALLEST_SIDE = 8
"""Shortest side of a copy that is searched, in pixels. In a strip of one or two YuNet finds faces at NaN."""

# From YuNet's box to the square that Haar would draw, which is how FER2013's faces are cropped.
# benchmarks/fit_yunet_crop.py measures both.
SIDE_OF_WIDTH = 1.2389
"""Side of Haar's square, in widths of YuNet's box."""
CENTRE_ABOVE = 0.0760
"""Height of its centre above the middle between eyes and mouth, in its sides."""


class YuNet:
    """A small convolutional network; finds more faces than Haar, turned and half hidden ones too, and is faster.

    A detection's score is the network's confidence, 0 to 1; it comes with five landmarks. One instance serves many
    threads.

    Args:
        model_file: YuNet's own model. None: the one in the cache, which `fetch_yunet` puts there.
        min_score: The least confidence, .01 to .99.
        longest_side: Longest side of the copy that is searched, in pixels, 32 or more; YuNet finds faces from about 10
            pixels in it, and a larger one takes longer. None: .45 of the picture's, which leaves out faces below 22
            pixels, too small for a network to read; at least 288 and at most 640.

    Raises:
        ModelError: The file is missing, and the message says both ways to get it; or OpenCV cannot load it.
        InvalidInput: A value is out of range.
    """

    def __init__(
        self, model_file: str | Path | None = None, *, min_score: float = 0.7, longest_side: int | None = None
    ) -> None:
        checked_number("min_score", min_score, 0.01, 0.99)
        if longest_side is not None:
            checked_number("longest_side", longest_side, 32, kind="a whole number")
        self.model = Path(model_file) if model_file else fetched(YUNET)
        self.min_score = min_score
        self.longest_side = longest_side
        if not self.model.is_file():
            raise ModelError(
                f"{self.model}: YuNet's model is not there. Fetch it once with: mien models fetch yunet. Or download "
                f"{YUNET.url} and name the file: YuNet(Path('{YUNET.name}')), or --detector-model {YUNET.name}"
            )
        self._network = _Network(self.model, min_score)

    def __reduce__(self) -> tuple[Any, ...]:
        # OpenCV's detector cannot be pickled.
        return partial(YuNet, min_score=self.min_score, longest_side=self.longest_side), (self.model,)

    def __call__(self, image: Image) -> list[Detection]:
        """(H, W, 3) uint8 RGB → the faces, from the largest to the smallest.

        Raises:
            InvalidInput: It is not an image.
        """
        height, width = check_image(image).shape[:2]
        least, most = LONGEST_SIDES
        longest = self.longest_side or min(max(least, 0.45 * max(height, width)), most)
        scale = min(1.0, longest / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if min(size) < SMALLEST_SIDE:
            return []
        copy = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
        detector = self._network.detector
        detector.setInputSize(size)
        _, rows = detector.detect(cv2.cvtColor(copy, cv2.COLOR_RGB2BGR))
        if rows is None:
            return []
        stretch = np.array([width / size[0], height / size[1]], dtype=np.float32)
        found = [_detection(row, stretch, width, height) for row in rows]
        return largest_first([detection for detection in found if detection])


class _Network(threading.local):
    """OpenCV's detector of the calling thread alone, since it holds the size of its pictures."""

    def __init__(self, model: Path, min_score: float) -> None:
        try:
            self.detector: Any = cv2.FaceDetectorYN.create(str(model), "", (32, 32), score_threshold=min_score)
        except cv2.error as error:
            raise ModelError(f"{model} is no model that OpenCV can load as YuNet: {error.err}") from error


def _detection(row: np.ndarray, stretch: np.ndarray, width: int, height: int) -> Detection | None:
    """One row of YuNet's output, in the frame's pixels; None when its box is outside the frame, empty or NaN."""
    if not np.isfinite(row).all() or row[2] <= 0:
        return None
    left, top = row[0:2] * stretch
    right, bottom = (row[0:2] + row[2:4]) * stretch
    box = Box(float(left), float(top), float(right), float(bottom))
    inside = box.clipped(width, height)
    if inside.area <= 0:
        return None
    landmarks = (row[4:14].reshape(5, 2) * stretch).astype(np.float32)
    return Detection(inside, float(row[14]), landmarks, haar_square(box, landmarks))


def haar_square(box: Box, landmarks: Landmarks) -> Box:
    """The square that Haar would draw around a face that YuNet found.

    Args:
        box: YuNet's box, not clipped.
        landmarks: YuNet's five points, (5, 2).
    """
    side = SIDE_OF_WIDTH * box.width
    x, y = (landmarks[:2].mean(axis=0) + landmarks[3:].mean(axis=0)).tolist()
    x, y = x / 2, y / 2 - CENTRE_ABOVE * side
    return Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
