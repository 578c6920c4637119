"""Faces to report on."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.faces import Box, Detection, Face, Landmarks, Prediction
from mien.report import BoxRecord, TrackRecord, VideoHeader


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


@pytest.fixture
def video_header() -> VideoHeader:
    """A minute of two people, as `mien.video` would describe it."""
    return VideoHeader(
        source="talk.mp4", width=640, height=360, rate=25.0, labels=EMOTIONS, model="mini-xception", detector="yunet",
        settings={"every": 1, "smoothing": 0.5, "model_file": Path("a") / "b.onnx", "window": (0.5, math.nan)},
    )  # fmt: skip


@pytest.fixture
def make_track() -> Callable[..., TrackRecord]:
    """`make_track(3, happy=0.9, valence=0.5)`: the rest of the probability is neutral's."""

    def make(
        track_id: int = 1, *, left: float = 10.5, label: str | None = None, interpolated: bool = False,
        valence: float | None = None, **shares: float,
    ) -> TrackRecord:  # fmt: skip
        scores = {name: shares.get(name, 0.0) for name in EMOTIONS}
        scores["neutral"] += 1 - sum(scores.values())
        return TrackRecord(
            track_id=track_id,
            box=BoxRecord(left=left, top=20.0, right=left + 100, bottom=130.25),
            detector_score=None if interpolated else 0.875,
            interpolated=interpolated,
            quality=0.75,
            quality_reasons=["blurred", "turned away"] if interpolated else [],
            label=label or max(scores, key=lambda name: scores[name]),
            scores=scores,
            raw_scores=dict(reversed(list(scores.items()))),
            valence=valence,
            arousal=None if valence is None else -valence,
        )

    return make
