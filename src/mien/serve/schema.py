"""The shapes of requests and answers, for `/openapi.json`; docs/output.md says what the fields mean."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from mien.serve.problems import CONTENT_TYPE


class Shape(BaseModel):
    """A JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class BoxShape(Shape):
    """A rectangle in the picture's pixels; right and bottom are exclusive."""

    left: float
    top: float
    right: float
    bottom: float


class CropShape(Shape):
    """The square that the network saw."""

    x: float
    y: float
    side: float
    roll: float


class PoseShape(Shape):
    """How the head is turned, in degrees."""

    roll: float | None
    yaw: float | None


class MeasureShape(Shape):
    """One measure of quality: from 0 to 100, and in its own unit."""

    score: float | None
    raw: float | None


class FaceShape(Shape):
    """A face, and what it shows."""

    track_id: int | None
    box: BoxShape
    crop: CropShape | None
    pose: PoseShape
    detector_score: float
    landmarks: list[tuple[float, float]] | None
    interpolated: bool
    returned: float | None
    quality: float | None
    quality_reasons: list[str]
    quality_measures: dict[str, MeasureShape]
    reading: str | None
    label: str
    scores: dict[str, float]
    raw_scores: dict[str, float] | None
    valence: float | None
    arousal: float | None
    uncertain: list[str]
    prediction_set: list[str] | None


class EvidenceShape(Shape):
    """A face's evidence maps by label, row by row, in logits; they lie over its crop."""

    width: int
    height: int
    maps: dict[str, list[float]]


class ResultShape(Shape):
    """A picture, and its faces; `evidence`, where it was asked for, has an entry for each."""

    source: str
    width: int | None
    height: int | None
    faces: list[FaceShape]
    drawing: None
    explanations: list[str]
    error: str | None
    evidence: list[EvidenceShape] | None = None


class Document(Shape):
    """What `mien analyze --json` writes."""

    format: Literal["mien"]
    version: int
    model: str
    detector: str
    detector_options: dict[str, Any]
    labels: list[str]
    reading: str | None
    prior: dict[str, float] | None
    max_error: float | None
    sets: float | None
    views: int
    settings: dict[str, Any]
    results: list[ResultShape]
    drift: dict[str, Any] | None = None
    complete: bool


class StreamAnswer(ResultShape):
    """What a stream answers to a frame."""

    index: int
    time: float
    received: int
    dropped: int


class ProblemShape(Shape):
    """RFC 9457: why a request was not answered."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class JobShape(Shape):
    """How far the analysis of a video is."""

    id: str
    state: Literal["queued", "running", "done", "failed"]
    name: str
    frames: int
    progress: float | None
    error: ProblemShape | None
    expires_in: float | None
    results: str | None


class ModelShape(Shape):
    """What answers, and what it takes."""

    model: str
    labels: list[str]
    reading: str | None
    readings: list[str]
    priors: list[str]
    evidence: bool
    uncertainty: bool
    max_error: float | None
    sets: float | None
    input_size: int
    detector: str
    detector_options: dict[str, Any]
    version: str
    limits: dict[str, float]


ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "Why the request was not answered",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemShape"}}},
    }
}
"""The answers of every address that are errors."""
