"""mien export: from a training to the model file that explains itself."""

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from mien.cli.console import tell
from mien.data import FaceSet, hold_out, load
from mien.emotions import EMOTIONS
from mien.evaluation import class_indices, fit_temperature, score
from mien.recognition import ModelInfo, OnnxClassifier, softmax

if TYPE_CHECKING:
    from mien.training.trainee import Trainee


def export(
    trained: Annotated[
        list[Path],
        typer.Argument(help="A run's folder (its best model) or one kept model (.pt); several make an ensemble."),
    ],
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
    half: Annotated[
        bool, typer.Option("--half", help="Weights in half precision: half the file, and nothing else changes.")
    ] = False,
) -> None:  # fmt: skip
    """Write the ONNX file that callers need: faces in, logits, evidence and votes out, all else in its metadata."""
    from mien.training.export import describe_again, export
    from mien.training.quantize import halve, quantize

    file = file or Path(f"{_name_of(trained[0]) if len(trained) == 1 else 'ensemble'}.onnx")
    if file.suffix != ".onnx":
        raise typer.BadParameter(f"a model file ends in .onnx; got {file}", param_hint="--out")
    if eight_bits and half:
        raise typer.BadParameter("choose one of them", param_hint="--quantize, --half")
    if eight_bits and len(trained) > 1:
        raise typer.BadParameter(
            "an ensemble can be kept in half precision (--half), not in eight bits", param_hint="--quantize"
        )
    if not data and (eight_bits or len(trained) > 1):
        why = "calibrate" if eight_bits else "measure the ensemble"
        raise typer.BadParameter(
            f"name the data to {why} on by --data", param_hint="--quantize" if eight_bits else "RUN"
        )
    trainee, info = _trained(trained, file.stem)
    faces = load(data, size=info.input_size, own_classes=info.labels != EMOTIONS) if data else None
    if faces and info.trained_on.get("held_out"):
        faces = hold_out(faces, info.trained_on["held_out"])
    hint = "name data with a validation split" + ("" if eight_bits else ", or leave --data out")
    validation = faces.split("val", hint=hint) if faces else None
    with TemporaryDirectory() as folder:
        draft = Path(folder) / file.name
        exported = export(trainee, info, draft)
        if validation:
            info = _measured(exported, validation)
        accuracy = info.measured.get("accuracy")
        if half or eight_bits:
            whole, draft = draft, Path(folder) / "smaller.onnx"
            calibration = faces.split("train").faces if faces and eight_bits else None
            exported = halve(whole, draft) if calibration is None else quantize(whole, calibration, draft)
            if validation:
                info = _measured(exported, validation)
                info = dataclasses.replace(info, measured={**info.measured, "accuracy_before_quantization": accuracy})
        exported = describe_again(draft, info, file)
    scored = exported.info.measured
    before = scored.get("accuracy_before_quantization")
    was = "" if before is None else f" (before quantization {before:.2%})"
    tell(
        f"wrote {file}: {info.num_parameters:,} parameters, accuracy {scored['accuracy']:.2%}{was} on "
        f"{scored['num_faces']} faces of {scored['split']}, temperature {exported.info.temperature:.3f}; "
        f"torch and onnxruntime agree{' on it before it was made smaller' if half or eight_bits else ''}"
    )


def _trained(paths: list[Path], name: str) -> "tuple[Trainee, ModelInfo]":
    """The network, or several as an ensemble, and what its file will say of itself."""
    from mien.training.ensemble import assembled, describe_ensemble
    from mien.training.export import describe_model, load_trained
    from mien.training.run import trained_file

    members = [load_trained(trained_file(path)) for path in paths]
    if len(members) == 1:
        trainee, about = members[0]
        return trainee, describe_model(trainee, about, name)
    ensemble = assembled([trainee for trainee, _ in members])
    return ensemble, describe_ensemble(ensemble, [about for _, about in members], name)


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
