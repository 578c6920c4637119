"""mien export: from a training to the model file that explains itself."""

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer

from mien.cli.console import tell
from mien.data import FaceSet, hold_out, load
from mien.emotions import EMOTIONS
from mien.evaluation import class_indices, fit_temperature, score
from mien.recognition import ModelInfo, OnnxClassifier, softmax


def export(
    trained: Annotated[Path, typer.Argument(help="A run's folder (its best model) or one kept model (.pt).")],
    file: Annotated[
        Path | None, typer.Option("--out", help="NAME.onnx; the run's name, here, when left out.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Measure the exported file on this data's validation split, fit the temperature there, "
                          "and note both in the file."),
    ] = None,
    eight_bits: Annotated[
        bool, typer.Option("--quantize", help="Weights and activations in eight bits; needs --data to calibrate on.")
    ] = False,
) -> None:  # fmt: skip
    """Write the ONNX file that callers need: faces in, logits and evidence out, everything else in its metadata."""
    from mien.training.export import describe_again, describe_model, export, load_trained
    from mien.training.quantize import quantize
    from mien.training.run import Run

    trainee, about = load_trained(Run(trained).best_model() if trained.is_dir() else trained)
    file = file or Path(f"{_name_of(trained)}.onnx")
    if file.suffix != ".onnx":
        raise typer.BadParameter(f"a model file ends in .onnx; got {file}", param_hint="--out")
    if eight_bits and not data:
        raise typer.BadParameter("name the data to calibrate on by --data", param_hint="--quantize")
    info = describe_model(trainee, about, file.stem)
    own = tuple(about["classes"]) != EMOTIONS
    faces = load(data, size=info.input_size, own_classes=own) if data else None
    if faces and about["data"].get("held_out"):
        faces = hold_out(faces, about["data"]["held_out"])
    hint = "name data with a validation split" + ("" if eight_bits else ", or leave --data out")
    validation = faces.split("val", hint=hint) if faces else None
    with TemporaryDirectory() as folder:
        draft = Path(folder) / file.name
        exported = export(trainee, info, draft)
        if validation:
            info = _measured(exported, validation)
        if faces and validation and eight_bits:
            small = Path(folder) / "eight-bits.onnx"
            exported = quantize(draft, faces.split("train").faces, small)
            before = info.measured["accuracy"]
            info = _measured(exported, validation)
            info = dataclasses.replace(info, measured={**info.measured, "accuracy_before_quantization": before})
            draft = small
        exported = describe_again(draft, info, file)
    scored = exported.info.measured
    was = f" (before quantization {scored['accuracy_before_quantization']:.2%})" if eight_bits else ""
    tell(
        f"wrote {file}: {info.num_parameters:,} parameters, accuracy {scored['accuracy']:.2%}{was} on "
        f"{scored['num_faces']} faces of {scored['split']}, temperature {exported.info.temperature:.3f}; "
        "torch and onnxruntime agree"
    )


def _name_of(trained: Path) -> str:
    """A run's folder's name, also for a model that it kept; a shipped model's would be taken for that model."""
    place = trained.resolve()
    if place.is_dir():
        return place.name
    return place.parent.parent.name if place.parent.name == "models" else place.stem


def _measured(exported: OnnxClassifier, split: FaceSet) -> ModelInfo:
    """What the file says of itself, with its own figures on a split and the temperature that calibrates it there."""
    labels = class_indices(split, exported.labels)
    logits = exported.logits(split.faces)
    temperature = round(fit_temperature(labels, logits), 4)
    card = score(labels, softmax(logits / np.float32(temperature)), exported.labels)
    figures = {
        "data": split.name,
        "split": "val",
        "num_faces": card.num_faces,
        "accuracy": card.accuracy,
        "macro_f1": card.macro_f1,
        "nll": card.nll,
        "ece": card.ece,
    }
    measured = {**exported.info.measured, **figures}
    return dataclasses.replace(exported.info, measured=measured, temperature=temperature)
