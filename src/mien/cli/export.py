"""mien export: from a training to the model file that explains itself."""

import dataclasses
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.console import tell
from mien.data import FaceSet, hold_out, load
from mien.emotions import EMOTIONS
from mien.evaluation import class_indices, fit_vector_scaling, score
from mien.recognition import ModelInfo, OnnxClassifier

if TYPE_CHECKING:
    from mien.training.trainee import Trainee

Form = Literal["whole", "half", "eight bits"]
"""How a file keeps its weights."""


def export(
    trained: Annotated[
        list[Path],
        typer.Argument(help="A run's folder (its best model) or one kept model (.pt); several make an ensemble, or "
                            "with --average one network."),
    ],
    file: Annotated[
        Path | None, typer.Option("--out", help="NAME.onnx; the run's name, here, when left out.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Calibrate the exported file on this data's validation split, measure it there, and "
                          "note what it scores in the file."),
    ] = None,
    average: Annotated[
        str | None,
        typer.Option(metavar="SHARE,SHARE…", help="One network of the mean of their weights, each in its share: for a "
                                                  "training and what began with its weights (--init). Needs --data."),
    ] = None,
    eight_bits: Annotated[
        bool, typer.Option("--quantize", help="Weights and activations in eight bits; needs --data to calibrate on.")
    ] = False,
    half: Annotated[
        bool, typer.Option("--half", help="Weights in half precision: half the file, and nothing else changes.")
    ] = False,
) -> None:  # fmt: skip
    """Write the ONNX file that callers need: faces in, logits, evidence and votes out, all else in its metadata."""
    file = file or Path(f"{_name_of(trained[0]) if len(trained) == 1 or average else 'ensemble'}.onnx")
    if file.suffix != ".onnx":
        raise typer.BadParameter(f"a model file ends in .onnx; got {file}", param_hint="--out")
    if eight_bits and half:
        raise typer.BadParameter("choose one of them", param_hint="--quantize, --half")
    shares = [] if average is None else _shares(average, len(trained))
    if eight_bits and len(trained) > 1 and not shares:
        raise typer.BadParameter(
            "an ensemble can be kept in half precision (--half), not in eight bits", param_hint="--quantize"
        )
    if not data and (eight_bits or len(trained) > 1):
        why = "calibrate" if eight_bits else f"measure {'their mean' if shares else 'the ensemble'}"
        raise typer.BadParameter(
            f"name the data to {why} on by --data", param_hint="--quantize" if eight_bits else "RUN"
        )
    form: Form = "half" if half else "eight bits" if eight_bits else "whole"
    trainee, info = _trained(trained, shares, file.stem)
    scored = _written(trainee, info, data, form, file).info.measured
    before = scored.get("accuracy_before_quantization")
    was = "" if before is None else f" (before quantization {before:.2%})"
    tell(
        f"wrote {file}: {info.num_parameters:,} parameters, accuracy {scored['accuracy']:.2%}{was} on "
        f"{scored['num_faces']} faces of {scored['split']}{', calibrated there' if data else ''}; "
        f"torch and onnxruntime agree{'' if form == 'whole' else ' on it before it was made smaller'}"
    )


def _written(trainee: "Trainee", info: ModelInfo, data: Path | None, form: Form, file: Path) -> OnnxClassifier:
    """Export in that form, calibrated if there is data; nothing is left of it when something fails."""
    from mien.shipping.quantize import halve, quantize
    from mien.training.ensemble import refresh_norms
    from mien.training.export import describe_again, export
    from mien.training.recipe import parse_recipe

    faces = load(data, size=info.input_size, own_classes=info.labels != EMOTIONS) if data else None
    if faces and info.trained_on.get("held_out") and not (faces.splits == "val").any():
        faces = hold_out(faces, info.trained_on["held_out"])
    hint = "name data with a validation split" + ("" if form == "eight bits" else ", or leave --data out")
    validation = faces.split("val", hint=hint) if faces else None
    if faces and "shares" in info.recipe:
        # The last one named is what the others were taught to become.
        last = {key: info.recipe["members"][-1].get(key, {}) for key in ("architecture", "augmentation")}
        refresh_norms(trainee, faces.split("train").faces, parse_recipe(last, info.name).augmentation)
    with TemporaryDirectory() as folder:
        whole, smaller, calibrated = (Path(folder) / f"{name}.onnx" for name in ("whole", "smaller", "calibrated"))
        exported, draft = export(trainee, info, whole), whole
        if validation:
            info = _calibrated(exported, whole, validation, draft := calibrated)
        if form != "whole":
            before, draft = info.measured.get("accuracy"), smaller
            if form == "eight bits" and faces:
                exported = quantize(whole, faces.split("train").faces, smaller)
            else:
                exported = halve(whole, smaller)
            if validation:
                info = _calibrated(exported, smaller, validation, draft := calibrated)
                info = dataclasses.replace(info, measured={**info.measured, "accuracy_before_quantization": before})
        return describe_again(draft, info, file)


def _shares(text: str, count: int) -> list[float]:
    """The numbers of --average, one for each model."""
    try:
        shares = [float(share) for share in text.split(",")]
    except ValueError:
        shares = []
    if count < 2 or len(shares) != count or not all(0 < share < math.inf for share in shares):
        raise typer.BadParameter(
            f"expected a positive number for each of at least two models, as in 0.7,0.3; got {text!r} for {count}",
            param_hint="--average",
        )
    return shares


def _trained(paths: list[Path], shares: list[float], name: str) -> "tuple[Trainee, ModelInfo]":
    """The network, or several as one, and what its file will say of itself."""
    from mien.training.ensemble import assembled, averaged, check_belong_together, describe_together
    from mien.training.export import describe_model, load_trained
    from mien.training.run import trained_file

    members = [load_trained(trained_file(path)) for path in paths]
    if len(members) == 1:
        trainee, about = members[0]
        return trainee, describe_model(trainee, about, name)
    trainees, abouts = [trainee for trainee, _ in members], [about for _, about in members]
    check_belong_together(abouts)
    together = averaged(trainees, shares) if shares else assembled(trainees)
    return together, describe_together(together, abouts, name, shares=shares)


def _name_of(trained: Path) -> str:
    """A run's folder's name, also for a model that it kept; a shipped model's would be taken for that model."""
    place = trained.resolve()
    if place.is_dir():
        return place.name
    return place.parent.parent.name if place.parent.name == "models" else place.stem


def _calibrated(exported: OnnxClassifier, draft: Path, split: FaceSet, path: Path) -> ModelInfo:
    """Write the draft calibrated on a split to `path`; what that says of itself, with its own figures there."""
    from mien.shipping.calibrate import rescale

    labels = class_indices(split, exported.labels)
    calibrated = rescale(draft, *fit_vector_scaling(labels, exported.logits(split.faces)), path)
    card = score(labels, calibrated(split.faces), exported.labels)
    figures = {
        "data": split.name,
        "split": "val",
        "num_faces": card.num_faces,
        "accuracy": card.accuracy,
        "macro_f1": card.macro_f1,
        "nll": card.nll,
        "ece": card.ece,
    }
    return dataclasses.replace(exported.info, measured={**exported.info.measured, **figures})
