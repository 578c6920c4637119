"""mien export: from a training to the model file that explains itself."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.console import out
from mien.recognition import OnnxClassifier


def export(
    trained: Annotated[Path, typer.Argument(help="A run's folder (its best model) or one kept model (.pt).")],
    file: Annotated[
        Path | None, typer.Option("--out", help="NAME.onnx; the architecture's name, here, when left out.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Measure the exported file on this data's validation split, fit the temperature there, "
                          "and note both in the file."),
    ] = None,
) -> None:  # fmt: skip
    """Write the ONNX file that callers need: faces in, logits and evidence out, everything else in its metadata."""
    from mien.training.export import describe_model, export, load_trained, measured_again
    from mien.training.run import Run

    network, about = load_trained(Run(trained).best_model() if trained.is_dir() else trained)
    file = file or Path(f"{about['recipe']['architecture']}.onnx")
    if file.suffix != ".onnx":
        raise typer.BadParameter(f"a model file ends in .onnx; got {file}", param_hint="--out")
    info = describe_model(network, about, file.stem)
    exported = export(network, info, file)
    if data:
        measured, temperature = _measure(exported, data)
        exported = export(network, measured_again(info, {**info.measured, **measured}, temperature), file)
    scored = exported.info.measured
    out.print(
        f"wrote {file}: {info.num_parameters:,} parameters, accuracy {scored['accuracy']:.4f} on "
        f"{scored['num_faces']} faces of {scored['split']}, temperature {exported.info.temperature:.3f}; "
        "torch and onnxruntime agree",
        soft_wrap=True,
    )


def _measure(exported: OnnxClassifier, data: Path) -> tuple[dict[str, Any], float]:
    """The exported file's own figures on the validation split, and the temperature that calibrates it."""
    from mien.data import load
    from mien.evaluation import class_indices, fit_temperature, score
    from mien.recognition import softmax

    split = load(data, size=exported.input_size).split("val")
    labels = class_indices(split, exported.labels)
    logits = exported.logits(split.faces)
    temperature = round(fit_temperature(labels, logits), 4)
    card = score(labels, softmax(logits / temperature), exported.labels)
    return {
        "data": split.name,
        "split": "val",
        "num_faces": card.num_faces,
        "accuracy": card.accuracy,
        "macro_f1": card.macro_f1,
        "nll": card.nll,
        "ece": card.ece,
    }, temperature
