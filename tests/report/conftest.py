"""Faces to report on."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.faces import Box, Detection, Face, Landmarks, Prediction


@pytest.fixture
def make_face() -> Callable[..., Face]:
    """`make_face(10, 20, side=50, happy=0.9)`: the rest of the probability is neutral's."""

    def make(
        left: float, top: float, side: float = 50, *, score: float = 7.0, landmarks: Landmarks | None = None,
        **shares: float,
    ) -> Face:  # fmt: skip
        scores = np.array([shares.get(name, 0.0) for name in EMOTIONS], np.float32)
        scores[EMOTIONS.index("neutral")] += 1 - scores.sum()
        box = Box(left, top, left + side, top + side)
        return Face(Detection(box, score, landmarks), Prediction(EMOTIONS, scores))

    return make
