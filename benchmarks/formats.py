"""Every format of model files: size, time, accuracy, and how far its answers are from those it was made from.

    python benchmarks/formats.py --data fer2013.csv --wheels --json benchmarks/results/formats.json
    python benchmarks/formats.py --data fer2013.csv --float teacher.onnx --emulator "qemu-x86_64 -cpu Haswell" --json …
    python benchmarks/formats.py --data fer2013.csv --trained mini-xception=runs/eight --trained … --json …

The formats of one model are timed in turn, each on one thread, in the processor's time; or `--keep-times` keeps the
times of the earlier result, where a network of the same architecture got new weights, which changes none. `--float`
names a model file in float32, for what eight bits cost by the way that weights are rounded; with `--emulator`, which
runs programs as on a processor without VNNI, also how far the answers are there from those here; of the shipped models
without `--float`.
`--trained` names a run that trained a shipped model for eight bits (`eight_bits` in its recipe). Parts that are not
measured stay as the JSON file has them. Ends in one JSON line; `benchmarks/tables.py` writes the tables.
"""

import argparse
import hashlib
import importlib.metadata
import re
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from measuring import earlier, hardware, time_in_batches, timed_then, write_result
from onnx import numpy_helper

from mien.data import FaceSet, load
from mien.evaluation import class_indices
from mien.recognition import FileClassifier, OnnxClassifier, load_classifier, shipped_models
from mien.recognition.formats import FORMATS
from mien.shipping import rounding
from mien.shipping.calibrate import rescale, save
from mien.shipping.finish import finish, fitted
from mien.shipping.parity import parity
from mien.shipping.quantize import CALIBRATION_FACES, _quantize, dequantize, in_eight_bits, quantize
from mien.training.export import export_trained
from mien.training.run import Run
from mien.values import GreyFaces

MODELS = ("rep-small", "mini-xception")
SHIPPED = "as shipped"
EMULATED = 320
"""Faces that are read under the emulator, which takes a hundred times as long."""


def formats_of(name: str, faces: FaceSet, folder: Path, before: dict[str, Any] | None) -> dict[str, Any]:
    """A row for each format of a shipped model; its times are those of the rows `before`, if they are given."""
    source = shipped_models()[name]
    networks: dict[str, FileClassifier] = {SHIPPED: load_classifier(name)}
    rows: dict[str, dict[str, Any]] = {SHIPPED: {"bytes": source.stat().st_size, "eight_bits": in_eight_bits(source)}}
    for form, about in FORMATS.items():
        path = folder / name / form / f"{name}{about.suffix}"
        model = finish(source, path, faces=faces, form=form, least_agreement=0)
        networks[form] = model
        rows[form] = {
            "bytes": sum(each.stat().st_size for each in path.parent.iterdir()),
            "parity": dict(model.info.parity),
        }
        print(
            f"{name:14} {form:10} {model.info.parity['agreement']:.4f} {model.info.parity['accuracy']:.4f}", flush=True
        )
    time_in_batches(rows, lambda batch: calls(networks, batch), before, time.process_time)
    scored = networks[SHIPPED].info.measured
    rows[SHIPPED] |= {"accuracy": scored["accuracy"], "ece": scored["ece"]}
    return {"sha256": hashlib.sha256(source.read_bytes()).hexdigest(), "rows": rows}


def calls(networks: dict[str, FileClassifier], batch: int) -> dict[str, Callable[[], object]]:
    """What is timed: from a batch of faces to the logits."""
    return {form: _call(network, batch) for form, network in networks.items()}


def _call(network: FileClassifier, batch: int) -> Callable[[], object]:
    faces = np.random.default_rng(0).integers(0, 256, (batch, network.input_size, network.input_size), np.uint8)
    return lambda: network.logits(faces)


def eight_bits(file: Path, faces: FaceSet, emulator: list[str], folder: Path) -> dict[str, Any]:
    """What eight bits cost a network in float32, by the way that its weights are rounded."""
    train, val = faces.split("train").faces, faces.split("val")
    chosen = train[np.linspace(0, len(train) - 1, CALIBRATION_FACES).astype(int)]
    plain = folder / "nearest.onnx"
    _quantize(file, chosen, plain)
    ways = {
        "to the nearest of 255 levels": OnnxClassifier(plain),
        "to the nearest of 127 levels": _seven_bits(file, plain),
    }
    ways["to the nearest, no two above 128"] = _nearest(file, plain)
    ways["in turn, no two above 128"] = quantize(file, train, folder / "in-turn.onnx")
    whole = OnnxClassifier(file)
    reference = rescale(file, fitted(file, whole, val), folder / "reference.onnx")
    labels = class_indices(val, whole.labels)
    rows: dict[str, Any] = {}
    for way, network in ways.items():
        scaled = rescale(network.path, fitted(network.path, network, val), folder / f"{len(rows)}.onnx")
        rows[way] = parity(reference, scaled, val.faces, labels) | {
            "mean_square": float(np.square(network.logits(val.faces) - whole.logits(val.faces)).mean())
        }
        if emulator:
            rows[way]["without_vnni"] = _elsewhere(scaled, val.faces, emulator, folder)
        print(f"{way:34} {rows[way]['agreement']:.4f} {rows[way]['accuracy']:.4f}", flush=True)
    return {"network": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "rows": rows}


def _seven_bits(file: Path, quantized: Path) -> OnnxClassifier:
    """The usual way for processors without VNNI: half the range for every weight."""
    return _rescaled(file, quantized, lambda rows, _: np.abs(rows).max(axis=1) / 63)


def _nearest(file: Path, quantized: Path) -> OnnxClassifier:
    return _rescaled(file, quantized, rounding._scales)


def _rescaled(file: Path, quantized: Path, scales_of: Callable[[Any, Any], Any]) -> OnnxClassifier:
    """A quantized file with each weight rounded to the nearest by other scales."""
    proto, exported = onnx.load(quantized), onnx.load(file)
    tensors = {each.name: each for each in proto.graph.initializer}
    whole = {each.name: numpy_helper.to_array(each) for each in exported.graph.initializer}
    for layer in rounding._layers(proto, exported):
        assert not layer.transposed, "benchmarked networks have convolutions alone"
        weights = whole[layer.name].astype(np.float64)
        rows = weights.reshape(len(weights), -1)
        before = numpy_helper.to_array(tensors[layer.weights.input[1]]).astype(np.float64)
        scales = scales_of(rows, before)
        content = rounding._nearest(rows, scales)
        rounding._put(tensors[layer.weights.input[0]], content.reshape(weights.shape).astype(np.int8))
        rounding._put(tensors[layer.weights.input[1]], scales.astype(np.float32))
        if layer.bias is not None:
            units = numpy_helper.to_array(tensors[layer.bias.input[1]]) * scales / before
            bias = whole[layer.bias.input[0].removesuffix("_quantized")]
            rounding._put(tensors[layer.bias.input[0]], np.rint(bias / units).astype(np.int32))
            rounding._put(tensors[layer.bias.input[1]], units.astype(np.float32))
    return save(proto, quantized.with_stem(scales_of.__name__.strip("<>_")))


def trained_for(name: str, run: Path, faces: FaceSet, folder: Path) -> dict[str, Any]:
    """What eight bits cost a shipped model in float32, and the same network trained for them."""
    given = shipped_models()[name]
    sources = {"as it is": given, "trained for eight bits": export_trained([run], folder / "trained.onnx").path}
    rows = {}
    for what, source in sources.items():
        whole = dequantize(source, folder / "whole.onnx").path if in_eight_bits(source) else source
        rows[what] = dict(
            finish(whole, folder / "small.onnx", faces=faces, form="onnx-int8", least_agreement=0).info.parity
        )
        print(f"{name:14} {what:22} {rows[what]['accuracy_before']:.4f} {rows[what]['accuracy']:.4f}", flush=True)
    return {"recipe": Run(run).description()["recipe"], "rows": rows}


def _elsewhere(network: OnnxClassifier, faces: GreyFaces, emulator: list[str], folder: Path) -> dict[str, Any]:
    """How far a file's answers for some faces on an emulated processor are from those on this one."""
    faces = faces[:EMULATED]
    given, answered = folder / "faces.npy", folder / "answers.npy"
    np.save(given, faces)
    command = [*emulator, sys.executable, __file__, "--answer", str(network.path), str(given), str(answered)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    there, here = np.load(answered), network.logits(faces)
    return {
        "emulator": shlex.join(emulator),
        "num_faces": len(faces),
        "agreement": float((there.argmax(axis=1) == here.argmax(axis=1)).mean()),
        "largest_difference": float(np.abs(there - here).max()),
    }


def answer(model: str, faces: str, file: str) -> None:
    """What runs under the emulator: a model's logits for faces in a file, into another one."""
    np.save(file, OnnxClassifier(Path(model)).logits(np.load(faces)))


def wheels(extra: str) -> dict[str, Any]:
    """The packages that an extra brings beyond mien's own, and what is downloaded for them, in megabytes."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = {re.match(r"[\w.]+", name)[0] for name in importlib.metadata.requires("onnxruntime") or []}  # type: ignore[index]
    wanted = project["optional-dependencies"][extra]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "-d", folder, *wanted], check=True, capture_output=True
        )
        found = [each for each in Path(folder).iterdir() if each.name.split("-")[0].lower() not in own]
        return {
            "packages": sorted(each.name.split("-")[0] for each in found),
            "megabytes": round(sum(each.stat().st_size for each in found) / 1e6, 1),
        }


def main() -> None:
    if sys.argv[1:2] == ["--answer"]:
        answer(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--float", type=Path, help="a model file in float32, to round to eight bits in several ways")
    parser.add_argument("--emulator", default="", help="the words before a program that is emulated")
    parser.add_argument("--trained", action="append", default=[], help="NAME=RUN, which trained it for eight bits")
    parser.add_argument("--wheels", action="store_true", help="download what each extra brings, to know its size")
    parser.add_argument("--models", nargs="+", default=list(MODELS), help="others keep their rows in --json")
    parser.add_argument("--keep-times", action="store_true", help="keep the times that --json holds of these models")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    faces = load(options.data)
    result = earlier(options.json)
    result |= {"benchmark": "formats", "split": "PublicTest", "num_faces": len(faces.split("val"))}
    with tempfile.TemporaryDirectory() as folder:
        if options.float:
            rows = eight_bits(options.float, faces, shlex.split(options.emulator), Path(folder))
            result["eight_bits"] = rows | hardware()
        elif options.trained:
            named = (each.split("=") for each in options.trained)
            result["trained"] = {
                name: trained_for(name, Path(run), faces, Path(folder)) | hardware() for name, run in named
            }
        elif options.emulator:
            result["without_vnni"] = {
                name: _elsewhere(network, faces.split("val").faces, shlex.split(options.emulator), Path(folder))
                for name, path in shipped_models().items()
                if in_eight_bits(path) and isinstance(network := load_classifier(name), OnnxClassifier)
            } | hardware()
        else:
            before, rows = result.get("models", {}), {}
            for name in options.models:
                kept = before.get(name, {}).get("rows", {}) if options.keep_times else None
                rows[name] = formats_of(name, faces, Path(folder), kept)
            timed = {"timed": timed_then(result)} if options.keep_times else {}
            result.pop("timed", None)
            result["models"] = before | rows
            packages = ("openvino", "ncnn")
            result |= hardware() | timed | {"runtimes": {name: importlib.metadata.version(name) for name in packages}}
    if options.wheels:
        result["wheels"] = {extra: wheels(extra) for extra in ("openvino", "ncnn")}
    write_result(result, options.json)


if __name__ == "__main__":
    main()
