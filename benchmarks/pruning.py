"""What pruning costs and brings: accuracy, time and size of networks with a share of their channels.

    for keep in 1.0 0.75 0.5 0.35 0.25; do
      mien train rep-small --data fer2013.csv --init rep-small --set keep=$keep --out runs/rep-small-$keep …
    done
    python benchmarks/pruning.py runs/rep-small-* --data fer2013.csv --json benchmarks/results/pruning.json

Each run is exported in float32 and in eight bits, calibrated and scored on PublicTest, and timed on one thread, a face
at a time, in turns with the shipped mini-xception and with rep-nano, whose accuracy is its training's own. The shipped
networks also lose channels by three criteria, and are scored without any training after it; `--cuts FILE` takes that
part from an earlier result. Ends in one JSON line.
"""

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from measuring import hardware, median_microseconds, write_result
from torch import Tensor

from mien.data import FaceSet, load
from mien.evaluation import evaluate
from mien.recognition import ModelInfo, OnnxClassifier, shipped_models
from mien.shipping.quantize import in_eight_bits
from mien.training.architectures import ARCHITECTURES, Network
from mien.training.augmentation import as_input
from mien.training.ensemble import refresh_norms
from mien.training.export import export, export_trained
from mien.training.initial import initialize, load_initial
from mien.training.loop import predict, use_threads
from mien.training.pruning import cut, importance, width_axes
from mien.training.recipe import read_recipe
from mien.training.run import Run
from mien.training.trained import Trainee, fresh_network
from mien.training.winograd import use_winograd

SPLIT: Final = "PublicTest"
SHARES: Final = (0.75, 0.5, 0.35, 0.25)
CUT: Final = ("rep-small", "gelu-cnn")
ROUNDS: Final = 31
NUM_SCORED: Final = 1_435  # training faces that importance is measured on: a twentieth, as in a training
NUM_FOR_NORMS: Final = 2_048
CPU: Final = torch.device("cpu")
RECORDS: Final = Path(__file__).parent / "results" / "runs"

Criterion = Callable[[Network, str, FaceSet], dict[int, Tensor]]


def taylor(network: Network, architecture: str, faces: FaceSet) -> dict[int, Tensor]:
    """As in a training."""
    return importance(network, width_axes(architecture), as_input(faces.faces), torch.from_numpy(faces.labels))


def largest_norm(network: Network, architecture: str, _: FaceSet) -> dict[int, Tensor]:
    """The squared L2 norm of a channel's weights, in all layers that give or take it (Fang et al. 2023)."""
    axes, widths = width_axes(architecture), ARCHITECTURES[architecture].widths
    sums = {number: torch.zeros(width) for number, width in enumerate(widths)}
    for name, tensor in network.state_dict().items():
        for axis, number in axes[name].items():
            if tensor.ndim > 1:
                sums[number] += tensor.square().movedim(axis, 0).reshape(widths[number], -1).sum(1)
    return sums


def at_random(network: Network, architecture: str, _: FaceSet) -> dict[int, Tensor]:
    """What any criterion has to be better than."""
    return {number: torch.rand(width) for number, width in enumerate(ARCHITECTURES[architecture].widths)}


CRITERIA: Final[dict[str, Criterion]] = {"taylor": taylor, "norm": largest_norm, "random": at_random}


def cuts(name: str, faces: FaceSet) -> dict[str, Any]:
    """Accuracies of a shipped network after each criterion's cut, without training; with batch norm measured anew."""
    train, val = faces.split("train"), faces.split("val")
    chosen = np.sort(np.random.default_rng(0).permutation(len(train)))
    few = train.select(np.sort(np.random.default_rng(0).permutation(len(train))[:NUM_SCORED]))
    torch.manual_seed(0)
    whole = fresh_network(name, len(faces.classes), read_recipe(name).image_size)
    use_winograd(whole, CPU)
    initialize(whole, load_initial(name), name, faces.classes, as_input(few.faces[:512]))
    rows: dict[str, Any] = {"whole": accuracy(whole, val)}
    for criterion, score in CRITERIA.items():
        scores = score(whole.eval(), name, few)
        for keep in SHARES:
            thin = fresh_network(name, len(faces.classes), read_recipe(name).image_size, keep=keep)
            use_winograd(thin, CPU)
            cut(whole, thin, width_axes(name), scores)
            row = rows.setdefault(f"{keep:g}", {"num_parameters": sum(each.numel() for each in thin.parameters())})
            row[criterion] = {"as_cut": accuracy(thin, val)}
            refresh_norms(
                Trainee(thin, votes=False), train.faces[chosen[:NUM_FOR_NORMS]], read_recipe(name).augmentation
            )
            row[criterion]["norms_anew"] = accuracy(thin, val)
            print(name, keep, criterion, row[criterion], flush=True)
    return rows


def accuracy(network: Network, split: FaceSet) -> float:
    """The share of faces whose label the network gives."""
    return float((predict(network, split.faces, CPU).argmax(1).numpy() == split.labels).mean())


def exported_run(folder: Path, faces: FaceSet, data: Path, files: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of the result without times, and the run's model files opened, by their form."""
    run = Run(folder)
    about, epochs = run.description(), run.epochs()
    row: dict[str, Any] = {
        key: about["recipe"][key] for key in ("architecture", "keep", "seed", "teacher_weight", "learning_rate")
    }
    row |= {
        "epochs": len(epochs),
        "last_epoch_accuracy": epochs[-1]["val_accuracy"],  # of no selection; the model exported has the lowest loss
        "initial": about["initial"]["name"],
        "trained_by": about["code"]["commit"],
    }
    opened = {}
    for form, key in (("onnx", "fp32"), ("onnx-int8", "int8")):
        file = files / f"{folder.name}-{key}.onnx"
        opened[key] = export_trained([folder], file, data=data, form=form, least_agreement=0)
        scored = evaluate(opened[key], faces, SPLIT)
        people = scored["readings"]["people"]
        row[key] = {
            "bytes": file.stat().st_size,
            "agreement": opened[key].info.parity["agreement"],
            "accuracy": scored["accuracy"],
            "standard_error": scored["standard_error"],
            "people": people and {each: people[each] for each in ("num_faces", "accuracy", "mean_recall")},
        }
    row["num_parameters"] = opened["fp32"].info.num_parameters
    return row, opened


def untrained(name: str, keep: float, files: Path, info: ModelInfo) -> OnnxClassifier:
    """The model file of a network with random weights, for its time."""
    size = read_recipe(name).image_size
    trainee = Trainee(ARCHITECTURES[name](len(info.labels), size, keep), votes=True).eval()
    num = sum(each.numel() for each in trainee.parameters())
    return export(
        trainee,
        dataclasses.replace(info, architecture=name, num_parameters=num, input_size=size),
        files / f"{name}-{keep}.onnx",
    )


def times_of(classifiers: dict[str, OnnxClassifier]) -> dict[str, float]:
    """Microseconds a face of each, in turns, the faces one at a time."""
    calls = {}
    for name, classifier in classifiers.items():
        size = classifier.input_size
        face = np.random.default_rng(0).integers(0, 256, (1, size, size), np.uint8)
        calls[name] = lambda classifier=classifier, face=face: classifier(face)
    return {name: round(time, 1) for name, time in median_microseconds(calls, ROUNDS).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of trainings")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cuts", type=Path, help="take the cuts without training from this earlier result")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    use_threads(1)
    faces = load(options.data)
    result = measured(options.runs, options.data, faces)
    if options.cuts:
        result["cuts"] = json.loads(options.cuts.read_text(encoding="utf-8"))["cuts"]
    else:
        result["cuts"] = {name: cuts(name, faces) for name in CUT}
    num = len(faces.split(SPLIT))
    write_result({"benchmark": "pruning", "split": SPLIT, "num_faces": num} | result | hardware(), options.json)


def measured(folders: Sequence[Path], data: Path, faces: FaceSet) -> dict[str, Any]:
    """Rows of all runs and of what they are compared with, and the times of networks that were only cut."""
    shipped = {name: OnnxClassifier(shipped_models()[name]) for name in ("mini-xception", "rep-small")}
    info = shipped["rep-small"].info
    nano = Run(RECORDS / "rep-nano").epochs()[-1]
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as parent:
        files = Path(parent)
        opened = {**shipped, "rep-nano": untrained("rep-nano", 1, files, info)}
        for folder in folders:
            rows[folder.name], forms = exported_run(folder, faces, data, files)
            opened |= {f"{folder.name} {form}": each for form, each in forms.items()}
            print(folder.name, rows[folder.name], flush=True)
        only_cut = {f"gelu-cnn {keep:g}": ("gelu-cnn", keep) for keep in (1.0, *SHARES)}
        opened |= {key: untrained(*each, files, info) for key, each in only_cut.items()}
        times = times_of(opened)
    for name, row in rows.items():
        for form in ("fp32", "int8"):
            row[form]["microseconds"] = times[f"{name} {form}"]
    compared: dict[str, dict[str, Any]] = {"rep-nano": {"accuracy": nano["val_accuracy"], "epochs": nano["epoch"]}}
    for name, classifier in shipped.items():
        scored = evaluate(classifier, faces, SPLIT)
        compared[name] = {key: scored[key] for key in ("accuracy", "standard_error")}
        compared[name]["people"] = scored["readings"]["people"]["accuracy"]
    for name, each in compared.items():
        form = "int8" if name in shipped and in_eight_bits(shipped_models()[name]) else "fp32"
        num = opened[name].info.num_parameters
        each |= {"microseconds": times[name], "num_parameters": num, "form": form}
    gelu = {key.split()[1]: times[key] for key in only_cut}
    return {"runs": rows, "compared": compared, "gelu_microseconds": gelu}


if __name__ == "__main__":
    main()
