"""mien export: from trainings to the model file."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.console import tell

if TYPE_CHECKING:
    from mien.shipping.finish import Form


def export(
    trained: Annotated[list[Path], typer.Argument(
        help="A run's folder (its best model) or one kept model (.pt); several make an ensemble, or with --average one "
        "network.")],
    file: Annotated[Path | None, typer.Option(
        "--out", help="NAME.onnx; the run's name, here, when left out.")] = None,
    data: Annotated[Path | None, typer.Option(
        help="Calibrate the exported file on this data's validation split, measure it there, and note what it scores "
        "in the file.")] = None,
    average: Annotated[str | None, typer.Option(
        metavar="SHARE,SHARE…", help="One network of the mean of their weights, each in its share: for a training and "
        "what began with its weights (--init). Needs --data.")] = None,
    eight_bits: Annotated[bool, typer.Option(
        "--quantize", help="Weights and activations in eight bits; needs --data to calibrate on.")] = False,
    half: Annotated[bool, typer.Option(
        "--half", help="Weights in half precision: half the file, and nothing else changes.")] = False,
) -> None:  # fmt: skip
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
    from mien.training.export import export_trained

    form: Form = "half" if half else "eight bits" if eight_bits else "whole"
    info = export_trained(trained, file, data=data, shares=shares, form=form).info
    scored = info.measured
    before = scored.get("accuracy_before_quantization")
    was = "" if before is None else f" (before quantization {before:.2%})"
    tell(
        f"wrote {file}: {info.num_parameters:,} parameters, accuracy {scored['accuracy']:.2%}{was} on "
        f"{scored['num_faces']} faces of {scored['split']}{', calibrated there' if data else ''}; "
        f"torch and onnxruntime agree{'' if form == 'whole' else ' on it before it was made smaller'}"
    )


def _shares(text: str, count: int) -> list[float]:
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


def _name_of(trained: Path) -> str:
    """A run's folder's name, also for a model that it kept; a shipped model's would be taken for that model."""
    place = trained.resolve()
    if place.is_dir():
        return place.name
    return place.parent.parent.name if place.parent.name == "models" else place.stem
