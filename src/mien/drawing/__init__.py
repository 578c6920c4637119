"""Drawing what was found onto pictures and frames, and hiding faces in them."""

from mien.drawing.annotate import annotate
from mien.drawing.anonymize import Anonymization, anonymize
from mien.drawing.history import History

__all__ = ["Anonymization", "History", "annotate", "anonymize"]

# --- Deprecated: deleted once cli/ and benchmarks/video.py call `annotate` with `Face`s, and `anonymize` ---

import numpy as np

from mien.values import Box, Detection, Face, Prediction, Quality

annotate_frame = annotate
anonymized = anonymize


class DrawnFace(Face):
    def __init__(
        self,
        box: Box,
        track_id: int,
        label: str,
        scores: dict[str, float],
        interpolated: bool = False,
        quality: float | None = None,
    ) -> None:
        super().__init__(
            Detection(box, 1.0),
            Prediction(tuple(scores), np.array(list(scores.values()), np.float32)),
            track_id=track_id,
            leading=label,
            interpolated=interpolated,
            quality=None if quality is None else Quality(quality),
        )
