"""From an exported file to the one that callers get: smaller, calibrated, measured, and described in its metadata."""

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import onnx

from mien.data import FaceSet
from mien.errors import InvalidInput
from mien.evaluation import class_indices, fit_vector_scaling, score
from mien.recognition import ModelInfo, OnnxClassifier
from mien.recognition.model_file import METADATA_KEY
from mien.shipping.calibrate import rescale, save
from mien.shipping.quantize import halve, quantize

Form = Literal["whole", "half", "eight bits"]
"""How a file keeps its weights: in float32, in half precision, or with the activations in eight bits."""


def finish(exported: Path, path: Path, *, faces: FaceSet | None = None, form: Form = "whole") -> OnnxClassifier:
    """Make a model file smaller, calibrate it on a validation split, and note in its metadata what it scores there.

    Args:
        exported: a model file as the exporter writes it, not calibrated yet.
        path: `NAME.onnx`, untouched until all is done.
        faces: a data set at the model's input size. Its validation split calibrates and measures the file, which is
            left as it is without one; its training split shows the range of activations, for eight bits.
        form: how the file keeps its weights.

    Returns:
        The file, opened. In `info.measured`, "accuracy_before_quantization" is that of the whole file, calibrated too.

    Raises:
        InvalidInput: eight bits are asked for without data.
        DataError: a split is empty, or the data have a class that the model does not know.

    Example:
        >>> from mien.data import load
        >>> faces = load("fer2013.csv")                                                          # doctest: +SKIP
        >>> model = finish(Path("whole.onnx"), Path("small.onnx"), faces=faces, form="half")     # doctest: +SKIP
        >>> model.info.measured["accuracy"]                                                      # doctest: +SKIP
        0.671
    """
    if form == "eight bits" and faces is None:
        raise InvalidInput(f"{exported}: eight bits need data whose training split shows the range of activations")
    hint = "" if form == "eight bits" else ", or leave the data out, and the file uncalibrated"
    val_split = None if faces is None else faces.split("val", hint="name data with a validation split" + hint)
    info = OnnxClassifier(exported).info
    with TemporaryDirectory() as folder:
        smaller, calibrated = Path(folder) / "smaller.onnx", Path(folder) / "calibrated.onnx"
        draft = exported if form == "whole" else smaller
        if form == "half":
            halve(exported, smaller)
        elif form == "eight bits" and faces is not None:
            quantize(exported, faces.split("train").faces, smaller)
        if val_split is not None:
            figures: dict[str, Any] = {}
            if form != "whole":
                before = calibrate(exported, val_split, calibrated)
                figures["accuracy_before_quantization"] = before["accuracy"]
            figures |= calibrate(draft, val_split, calibrated)
            info = dataclasses.replace(info, measured={**info.measured, **figures})
            draft = calibrated
        return describe(draft, info, path)


def calibrate(exported: Path, split: FaceSet, path: Path) -> dict[str, Any]:
    """Write a model file calibrated on a split (vector scaling), and return what it scores there."""
    model = OnnxClassifier(exported)
    labels = class_indices(split, model.labels)
    calibrated = rescale(exported, *fit_vector_scaling(labels, model.logits(split.faces)), path)
    card = dataclasses.asdict(score(labels, calibrated(split.faces), model.labels))
    figures = {name: card[name] for name in ("num_faces", "accuracy", "macro_f1", "nll", "ece")}
    return {"data": split.name, "split": "val", **figures}


def describe(exported: Path, info: ModelInfo, path: Path) -> OnnxClassifier:
    """Write the same model file with another description, under another name or the same."""
    proto = onnx.load(exported)
    onnx.helper.set_model_props(proto, {METADATA_KEY: info.to_json()})
    return save(proto, path)
