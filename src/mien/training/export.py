"""From a trained network to the model file that explains itself."""

import contextlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.emotions import FER_PLUS_EXPRESSIONS
from mien.errors import ExportError, ModelError
from mien.files import replacing
from mien.recognition import ModelInfo, OnnxClassifier
from mien.recognition.model_file import EVIDENCE, INPUT, LOGITS, METADATA_KEY, VOTES, size_class
from mien.training import checkpoint
from mien.training.architectures import ARCHITECTURES
from mien.training.augmentation import standardize
from mien.training.trainee import Trainee

TOLERANCE = 1e-4
"""How far an output of the exported model may be from torch's, as a share of the largest value, but at least of 1."""


class Exported(nn.Module):
    """A trained network as callers get it: faces in as they are; logits, evidence, and votes if it knows of them, out.

    Args:
        trainee: trained.
        merged: whether to take the network in its merged form.
    """

    def __init__(self, trainee: Trainee, *, merged: bool = False) -> None:
        super().__init__()
        self.network = trainee.network.merged() if merged else trainee.network
        self.votes = trainee.votes
        self.eval()

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S) uint8 → logits (N, K), evidence maps (N, K, h, w), and logits of FER+'s votes (N, 8) or nothing."""
        logits, evidence, embedding = self.network(standardize(faces.unsqueeze(1).float() / 255))
        return (logits, evidence) if self.votes is None else (logits, evidence, self.votes(embedding))


def load_trained(path: Path) -> tuple[Trainee, dict[str, Any]]:
    """A kept model, in evaluation mode, and what is known about it.

    Raises:
        ModelError: the file is missing, damaged, or not a model that `mien train` kept.
    """
    weights, about = checkpoint.load(path)
    if "recipe" not in about:
        raise ModelError(f"{path} is no kept model; name the run's folder, or a file of its models/")
    try:
        network = ARCHITECTURES[about["recipe"]["architecture"]](len(about["classes"]), about["recipe"]["image_size"])
        trainee = Trainee(network, votes="votes.weight" in weights)
        trainee.load_state_dict(weights)
        describe_model(trainee, about, "checked")
    except (KeyError, RuntimeError, TypeError) as error:
        raise ModelError(f"{path} holds no network that this mien can build: {error}") from error
    return trainee.eval(), about


def describe_model(trainee: Trainee, about: dict[str, Any], name: str) -> ModelInfo:
    """What the model file will say of itself, with the figures of its training's validation."""
    recipe, epoch = about["recipe"], about["epoch"]
    num_parameters = sum(parameter.numel() for parameter in trainee.parameters())
    return ModelInfo(
        name=name,
        architecture=recipe["architecture"],
        labels=tuple(about["classes"]),
        vote_labels=() if trainee.votes is None else FER_PLUS_EXPRESSIONS,
        input_size=recipe["image_size"],
        num_parameters=num_parameters,
        size_class=size_class(num_parameters),
        trained_on=about["data"],
        recipe=recipe,
        commit=commit_of(about),
        measured={
            "split": "val",
            "num_faces": about["data"]["faces"]["val"],
            "accuracy": epoch["val_accuracy"],
            "nll": epoch["val_loss"],
            "epoch": epoch["epoch"],
        },
    )


def commit_of(about: dict[str, Any]) -> str | None:
    """Of the code that trained it last."""
    return about.get("resumed_with", [about["code"]])[-1]["commit"]  # type: ignore[no-any-return] # as `Run` wrote it


def export(trainee: Trainee, info: ModelInfo, path: Path) -> OnnxClassifier:
    """Write the model file, and check it against the network.

    Args:
        trainee: trained.
        info: what the file says of itself.
        path: `NAME.onnx`; untouched unless the check passes.

    Returns:
        The file, opened.

    Raises:
        ExportError: onnxruntime's outputs differ from torch's by more than `TOLERANCE`, or a logit is not the mean of
            its map.
    """
    model = Exported(trainee)
    faces = sample_faces(info.input_size)
    with _quietly():
        program = torch.onnx.export(
            Exported(trainee, merged=True),
            (torch.from_numpy(faces),),
            dynamo=True,
            external_data=False,
            input_names=[INPUT],
            output_names=[LOGITS, EVIDENCE, *([VOTES] if info.vote_labels else [])],
            dynamic_shapes={"faces": {0: torch.export.Dim("N")}},
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    proto.producer_name, proto.producer_version = "mien", ""
    del proto.metadata_props[:]
    onnx.helper.set_model_props(proto, {METADATA_KEY: info.to_json()})
    _strip_paths(proto)
    with replacing(path) as partial:
        partial.write_bytes(proto.SerializeToString())
        compare(model, OnnxClassifier(partial), faces)
    return OnnxClassifier(path)


def compare(model: Exported, exported: OnnxClassifier, faces: NDArray[np.uint8]) -> float:
    """The largest difference between torch and onnxruntime, as a share of the largest value, but at least of 1.

    Raises:
        ExportError: it is above `TOLERANCE`, or a logit is not the mean of its map.
    """
    with torch.no_grad():
        outputs = [output.numpy() for output in model(torch.from_numpy(faces))]
    seen = [exported.logits(faces), exported.evidence(faces)]
    seen += [exported.vote_logits(faces)] if exported.info.vote_labels else []
    names = ("logits", "evidence maps", "votes")
    pairs = {f"{name} of torch and onnxruntime": pair for name, *pair in zip(names, outputs, seen, strict=False)} | {
        "logits and the means of their evidence maps": [seen[0], seen[1].mean((2, 3))]
    }
    differences = {}
    for what, (one, other) in pairs.items():
        differences[what] = difference = np.abs(one - other).max() / max(1, np.abs(one).max())
        if not difference <= TOLERANCE:
            raise ExportError(f"the export failed: {what} differ by {difference:.2g}, more than {TOLERANCE:g}")
    return float(max(differences.values()))


def sample_faces(size: int) -> NDArray[np.uint8]:
    """Noise, flat greys and ramps to compare two forms of a network on: (38, size, size) uint8."""
    dice = np.random.default_rng(0)
    noise = dice.integers(0, 256, (32, size, size), dtype=np.uint8)
    flat = np.stack([np.full((size, size), grey, np.uint8) for grey in (0, 1, 128, 255)])
    ramp = np.tile(np.linspace(0, 255, size).astype(np.uint8), (size, 1))
    return np.concatenate([noise, flat, np.stack([ramp, ramp.T])])


def describe_again(exported: Path, info: ModelInfo, path: Path) -> OnnxClassifier:
    """The same model file with another description, under another name or the same."""
    proto = onnx.load(exported)
    onnx.helper.set_model_props(proto, {METADATA_KEY: info.to_json()})
    with replacing(path) as partial:
        partial.write_bytes(proto.SerializeToString())
    return OnnxClassifier(path)


def _strip_paths(proto: onnx.ModelProto) -> None:
    """Drop what the exporter notes of every node: source lines with the paths of this machine."""
    for part in (*proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    del proto.graph.metadata_props[:]


@contextlib.contextmanager
def _quietly() -> Any:
    """torch's exporter prints and warns of its own affairs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
