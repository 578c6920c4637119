"""Facial expressions: find the faces in a picture and say what each one shows.

    >>> import mien
    >>> faces = mien.Analyzer()("docs/pictures/astronaut.jpg")
    >>> faces[0].label, faces[0].scores["happy"] > 0.9
    ('happy', True)

mien says what a face *shows*, not what a person *feels*.
"""

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.analyzer import Analyzer as Analyzer
    from mien.drawing import annotate as annotate
    from mien.drawing import anonymize as anonymize
    from mien.drift import Drift as Drift
    from mien.emotions import EMOTIONS as EMOTIONS
    from mien.errors import MienError as MienError
    from mien.evaluation.drift import find_drift as find_drift
    from mien.images import read_image as read_image
    from mien.jobs.batch.run import batch as batch
    from mien.jobs.outputs import open_output as open_output
    from mien.jobs.run import analyze as analyze
    from mien.jobs.settings import VideoSettings as VideoSettings
    from mien.recognition import list_models as list_models
    from mien.records import as_table as as_table
    from mien.values import Box as Box
    from mien.values import Detection as Detection
    from mien.values import Face as Face
    from mien.values import Failure as Failure
    from mien.values import Frame as Frame
    from mien.values import FrameResult as FrameResult
    from mien.values import Measure as Measure
    from mien.values import Prediction as Prediction
    from mien.values import Quality as Quality
    from mien.video import Camera as Camera
    from mien.video import open_video as open_video

__version__ = "0.1.0"

_ROOMS = {
    "analyzer": ("Analyzer",),
    "drawing": ("annotate", "anonymize"),
    "drift": ("Drift",),
    "emotions": ("EMOTIONS",),
    "errors": ("MienError",),
    "evaluation.drift": ("find_drift",),
    "images": ("read_image",),
    "jobs.batch.run": ("batch",),
    "jobs.outputs": ("open_output",),
    "jobs.run": ("analyze",),
    "jobs.settings": ("VideoSettings",),
    "recognition": ("list_models",),
    "records": ("as_table",),
    "values": ("Box", "Detection", "Face", "Failure", "Frame", "FrameResult", "Measure", "Prediction", "Quality"),
    "video": ("Camera", "open_video"),
}
"""Where each public name lives. It is imported when it is first used (PEP 562): OpenCV and onnxruntime take half a
second, and `mien --help` needs neither."""

_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = sorted(_ROOM_OF)  # noqa: PLE0605 - `if TYPE_CHECKING` above says it to type checkers

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mien.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
