"""A plain loop of OpenCV's FaceDetectorYN and onnxruntime, with YuNet's and rep-small's files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def load(folder: Path) -> Callable[[str], list[Any]]:
    detector = cv2.FaceDetectorYN.create(str(folder / "yunet.onnx"), "", (320, 320), score_threshold=0.7)
    session = onnxruntime.InferenceSession(str(folder / "rep-small.onnx"), providers=["CPUExecutionProvider"])

    def read(path: str) -> list[Any]:
        image = cv2.imread(path)
        assert image is not None
        height, width = image.shape[:2]
        detector.setInputSize((width, height))
        _, found = detector.detect(image)
        squares, faces = [], []
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        for x, y, w, h in () if found is None else found[:, :4]:
            side = max(w, h)  # the network takes squares
            left, top = round(x + w / 2 - side / 2), round(y + h / 2 - side / 2)
            crop = grey[max(0, top) : top + round(side), max(0, left) : left + round(side)]
            if crop.size:
                squares.append((left, top, left + side, top + side))
                faces.append(cv2.resize(crop, (48, 48)))
        if not faces:
            return []
        (logits,) = session.run(["logits"], {"faces": np.stack(faces)})
        return [(*square, LABELS[k]) for square, k in zip(squares, logits.argmax(axis=1), strict=True)]

    return read
