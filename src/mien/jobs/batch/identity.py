"""What decides the rows of a batch: the model's and detector's content, how they are asked, and the code's versions."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import cv2
import numpy

import mien
from mien.analyzer import Analyzer
from mien.errors import InvalidInput
from mien.jobs.settings import VideoSettings
from mien.recognition import shipped_models
from mien.runtime import ONNXRUNTIME_VERSION

LIBRARIES: Final = ("numpy", "cv2", "pillow", "onnxruntime", "av", "openvino", "ncnn")
"""Decode and compute; their versions are part of what decides the rows."""

_NAMES = {
    "mien": "mien's version", "model_sha256": "the model's file", "files_sha256": "the detector's file",
    "settings": "the settings of videos", "max_error": "--max-error",
    "cv2": "OpenCV", "pillow": "Pillow", "av": "PyAV", "openvino": "OpenVINO",
}  # fmt: skip


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def analysis_of(analyzer: Analyzer, settings: VideoSettings) -> dict[str, Any]:
    """Everything but the inputs that decides the rows, as JSON has it; the same on every machine.

    Model files are known by their content, and so are the weights of a detector that names their file by its attribute
    `model`, as YuNet does. A classifier, or any other detector, of one's own is known by its name alone.
    """
    # Whatever an analyzer is made with, so that no later option is forgotten here.
    _, (_, _, options) = analyzer.__reduce__()
    asked = {name: value for name, value in options.items() if value is not None}
    files = {name: Path(value) for name, value in asked.items() if isinstance(value, str | Path)}
    files = {name: path for name, path in files.items() if path.is_file()}
    weights = getattr(analyzer.detector, "model", None)
    if isinstance(weights, Path):
        files.setdefault("model_file", weights)
    model = Path(shipped_models().get(analyzer.model, analyzer.model))
    described = {
        "mien": mien.__version__,
        **_versions(),
        "model": analyzer.model if analyzer.model in shipped_models() else model.name,
        "model_sha256": file_sha256(model) if model.is_file() else None,
        "classes": list(analyzer.classifier.labels),
        "detector": analyzer.detector_name,
        **{name: value for name, value in asked.items() if name not in files},
        "files_sha256": {name: file_sha256(path) for name, path in files.items()},
        # As they were understood: the defaults have names, too.
        "reading": analyzer.reading,
        "prior": analyzer.prior and dict(analyzer.prior),
        "settings": asdict(settings),
    }
    plain: dict[str, Any] = json.loads(json.dumps(described, default=lambda value: type(value).__name__))
    return plain


def _versions() -> dict[str, str | None]:
    known = {"numpy": numpy.__version__, "cv2": cv2.__version__, "onnxruntime": ONNXRUNTIME_VERSION}
    for name in ("pillow", "av", "openvino", "ncnn"):
        with suppress(PackageNotFoundError):
            known[name] = version(name)
    return {name: known.get(name) for name in LIBRARIES}


def identity_of(digest: str, analysis: Mapping[str, Any]) -> str:
    """One name for a list of inputs, by its digest, and for how they are analysed."""
    return hashlib.sha256(json.dumps([digest, analysis], sort_keys=True).encode()).hexdigest()


def check_same_analysis(recorded: Mapping[str, Any], given: Mapping[str, Any], *, where: str = "now") -> None:
    """Raise `InvalidInput`, with all differences, where an analysis is not the one that a batch was begun with."""
    names = [*recorded, *(name for name in given if name not in recorded)]
    differences = [
        f"{_NAMES.get(name, name.replace('_', ' '))}: {_short(recorded.get(name))} then, {_short(given.get(name))} "
        f"{where}"
        for name in names
        if recorded.get(name) != given.get(name)
    ]
    if differences:
        raise InvalidInput(
            f"the batch was begun with other settings ({'; '.join(differences)}), and a table holds one kind of "
            "answers; give the same ones, or name another --out"
        )


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{text[:12]}…" if len(text) == 64 else text[:200]
