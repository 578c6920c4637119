"""A plain loop of OpenCV's Haar cascade and onnxruntime, with the customary settings and rep-small's file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def load(folder: Path) -> Callable[[str], list[Any]]:
    cascades = Path(cv2.__file__).parent / "data"
    cascade = cv2.CascadeClassifier(str(cascades / "haarcascade_frontalface_default.xml"))
    session = onnxruntime.InferenceSession(str(folder / "rep-small.onnx"), providers=["CPUExecutionProvider"])

    def read(path: str) -> list[Any]:
        grey = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        assert grey is not None
        boxes = cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=(30, 30))
        if not len(boxes):
            return []
        faces = np.stack([cv2.resize(grey[y : y + h, x : x + w], (48, 48)) for x, y, w, h in boxes])
        (logits,) = session.run(["logits"], {"faces": faces})
        leading = logits.argmax(axis=1)
        return [(x, y, x + w, y + h, LABELS[k]) for (x, y, w, h), k in zip(boxes, leading, strict=True)]

    return read
