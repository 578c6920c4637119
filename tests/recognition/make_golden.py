"""Write golden.json anew: what the shipped models answer to faces made by numbers.

    python tests/recognition/make_golden.py

Run it when a shipped model changes, and only then: a change of these numbers without one is a fault.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.recognition import load_classifier, shipped_models

GOLDEN = Path(__file__).with_name("golden.json")


def golden_faces(size: int) -> NDArray[np.uint8]:
    """Four faces of a kind, drawn with ellipses, (4, size, size) uint8: plain, dark, shifted, with an open mouth."""
    y, x = np.mgrid[:size, :size] / (size - 1) * 2 - 1

    def ellipse(cx: float, cy: float, rx: float, ry: float) -> NDArray[np.bool_]:
        return np.asarray(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1)

    def face(skin: int, shift: float, mouth: float) -> NDArray[np.uint8]:
        image = np.full((size, size), 40, np.uint8)
        image[ellipse(shift, 0, 0.8, 0.95)] = skin
        image[ellipse(shift - 0.35, -0.25, 0.16, 0.1) | ellipse(shift + 0.35, -0.25, 0.16, 0.1)] = skin // 4
        image[ellipse(shift, 0.5, 0.35, mouth)] = skin // 3
        return image

    return np.stack([face(200, 0, 0.08), face(90, 0, 0.08), face(200, 0.1, 0.08), face(200, 0, 0.25)])


def answers() -> dict[str, list[list[float]]]:
    """The logits of each shipped model, rounded to six decimals."""
    rows = {}
    for name in shipped_models():
        classifier = load_classifier(name)
        rows[name] = np.round(classifier.logits(golden_faces(classifier.input_size)), 6).tolist()
    return rows


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(answers(), indent=1) + "\n", encoding="utf-8")
