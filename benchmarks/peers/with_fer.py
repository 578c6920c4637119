"""The package fer, as it comes: Haar's cascade, and the network as TFLite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from fer.fer import FER  # 25.10 has no `from fer import FER`


def load(folder: Path) -> Callable[[str], list[Any]]:
    detector = FER()

    def read(path: str) -> list[Any]:
        found = detector.detect_emotions(cv2.imread(path))
        return [
            (x, y, x + w, y + h, max(face["emotions"], key=face["emotions"].get))
            for face in found
            for x, y, w, h in [face["box"]]
        ]

    return read
