"""mien export: from trainings, and from model files, to a model file in each format."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.console import note, share, tell
from mien.files import check_outputs

if TYPE_CHECKING:
    from mien.recognition import FileClassifier


def _formats() -> str:
    from mien.recognition.formats import FORMATS

    return "; ".join(f"{name} ({each.good_for})" for name, each in FORMATS.items())


def export(
    trained: Annotated[list[Path], typer.Argument(
        metavar="RUN",
        help="A run's folder (its best model) or one kept model (.pt); several make an ensemble or, with --average, "
        "one network. Or one model file in ONNX, or a shipped model's name, to be finished anew or written in another "
        "format.")],
    file: Annotated[Path | None, typer.Option(
        "--out", help="NAME and the format's suffix; the run's name, here, when left out.")] = None,
    form: Annotated[str | None, typer.Option(
        "--format", metavar="FORMAT", show_default="onnx, or a model file's weights as they are",
        help=f"{_formats()}.")] = None,
    data: Annotated[Path | None, typer.Option(
        help="Calibrate the exported file on this data's validation split, measure it there, and note what it scores "
        "in the file.")] = None,
    average: Annotated[str | None, typer.Option(
        metavar="SHARE,SHARE…", help="One network of the mean of their weights, each in its share: for a training and "
        "what began with its weights (--init). Needs --data.")] = None,
    least_agreement: Annotated[float, typer.Option(
        parser=share, metavar="SHARE", help="Write nothing where fewer labels than this agree with those of the "
        "network that the file is made from.")] = 0.99,
) -> None:  # fmt: skip
    from mien.recognition.formats import FORMATS

    if form is not None and form not in FORMATS:
        raise typer.BadParameter(f"expected one of {', '.join(FORMATS)}; got {form}", param_hint="--format")
    suffix = FORMATS[form or "onnx"].suffix
    file = file or Path(f"{_name_of(trained[0]) if len(trained) == 1 or average else 'ensemble'}{suffix}")
    if not file.name.endswith(suffix) or file.name == suffix:
        kind = f"in the format {form} ends in" if form else "ends in"
        raise typer.BadParameter(f"a model file {kind} {suffix}; got {file}", param_hint="--out")
    shares = [] if average is None else _shares(average, len(trained))
    eight_bits = form == "onnx-int8"
    if eight_bits and len(trained) > 1 and not shares:
        raise typer.BadParameter(
            "an ensemble can be kept in half precision (onnx-fp16), not in eight bits", param_hint="--format"
        )
    if not data and (eight_bits or len(trained) > 1):
        why = "calibrate" if eight_bits else f"measure {'their mean' if shares else 'the ensemble'}"
        raise typer.BadParameter(f"name the data to {why} on by --data", param_hint="--format" if eight_bits else "RUN")
    exported, no_votes = _model_file(trained), False
    check_outputs({"--out": file}, inputs=[*trained, *filter(None, [exported])], may_replace={"--out": _is_model})
    if exported:
        from mien.evaluation import load_for
        from mien.recognition import load_classifier
        from mien.shipping.finish import finish

        faces = load_for(load_classifier(exported).info, data) if data else None
        model, checked = finish(exported, file, faces=faces, form=form, least_agreement=least_agreement), ""
        no_votes = faces is not None and faces.votes is None
    else:
        from mien.training.export import export_trained

        model = export_trained(
            trained, file, data=data, shares=shares, form=form or "onnx", least_agreement=least_agreement
        )
        checked = (
            f"; torch and onnxruntime agree{' on it before it was converted' if form not in (None, 'onnx') else ''}"
        )
    _tell(model, file, f"{', calibrated there' if data else ''}{checked}")
    if data and "people" not in model.info.readings and model.info.vote_labels:
        note(f"{data} has no votes of FER+ to calibrate people's reading by, so the file answers by its labels alone")
    elif not data and not exported:
        note(
            "it is not calibrated, so it calls no face unclear and notices no drift; name the data that it was trained "
            "on by --data"
        )
    elif no_votes and "people" in model.info.readings:
        note(f"{data} has no votes of FER+: people's reading is calibrated as it was in what the file was made from")


def _is_model(path: Path) -> bool:
    """Whether a file is one of mien's model files, which may be replaced."""
    from mien.errors import ModelError
    from mien.recognition import load_classifier

    try:
        load_classifier(path)
    except ModelError:
        return False
    return True


def _tell(model: "FileClassifier", file: Path, checked: str) -> None:
    from mien.recognition.formats import files_of

    info = model.info
    scored = info.measured
    others = "".join(f" with {each.name}" for each in files_of(file)[1:])
    whose = "" if "accuracy" in info.parity else ", measured before it was exported; --data measures this file"
    tell(
        f"wrote {file}{others}: {info.num_parameters:,} parameters, accuracy {scored['accuracy']:.2%} on "
        f"{scored['num_faces']:,} faces of {scored['split']}{whose}{checked}"
    )
    tell(_difference(info.parity))
    agree = info.parity.get("agreement_in_eight_bits")
    if info.parity["made_from"] == "eight bits" and info.parity["format"] not in ("onnx-int8", "openvino"):
        note(
            "it was made from a file in eight bits: its weights keep what rounding left of them"
            + (f", and {agree:.2%} of the labels agree with that file's" if agree else "")
            + "; export the training's run to have them whole"
        )


def _difference(parity: Any) -> str:
    """What a file's answers have in common with those that it was made from, in a line."""
    what = "faces" if "accuracy" in parity else "made pictures"
    people = f" ({parity['people_agreement']:.2%} by people's reading)" if "people_agreement" in parity else ""
    alike = ", calibrated alike" if "accuracy" in parity else ""
    text = (
        f"beside what it was made from{alike}, on {parity['num_faces']:,} {what}: {parity['agreement']:.2%} of the "
        f"labels agree{people}, logits differ by at most {parity['largest_difference']:.2g}, evidence from its logit "
        f"by {parity['evidence_difference']:.1g}"
    )
    if "accuracy" in parity:
        low, high = parity["accuracy_interval"]
        text += (
            f"; accuracy {parity['accuracy']:.2%} ({low:.1%} to {high:.1%}), before {parity['accuracy_before']:.2%}; "
            f"calibration error {parity['ece']:.1%}, before {parity['ece_before']:.1%}"
        )
    return text


def _model_file(trained: list[Path]) -> Path | None:
    """The model file, or the shipped model's, that is to be finished anew; None for what was trained."""
    from mien.errors import ModelError, did_you_mean
    from mien.recognition import model_file, shipped_models
    from mien.recognition.formats import SUFFIXES

    files = [
        file for each, file in zip(trained, map(model_file, trained), strict=True)
        if file != each or each.name.casefold().endswith(SUFFIXES)
    ]  # fmt: skip
    if not files:
        if missing := [each for each in trained if not each.exists()]:
            shipped = sorted(shipped_models())
            raise ModelError(
                f"{missing[0]}: there is no such file or folder, and no shipped model of that "
                f"name{did_you_mean(missing[0].name, shipped)} Name a run, a kept model, a model file, or one of "
                f"{', '.join(shipped)}"
            )
        return None
    if len(trained) > 1:
        raise typer.BadParameter("a model file is finished by itself; an ensemble is made of runs", param_hint="RUN")
    if files[0].suffix.casefold() != ".onnx":
        raise typer.BadParameter(
            f"{files[0].name} was made from a file in ONNX or a run: export that one", param_hint="RUN"
        )
    return files[0]


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
    """A run's folder's name, also for a model that it kept in its `models`; the name of any other file."""
    place = trained.resolve()
    if place.is_dir():
        return place.name
    return place.parent.parent.name if place.suffix == ".pt" and place.parent.name == "models" else place.stem
