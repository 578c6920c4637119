"""Initialising a training with the weights of another."""

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from mien.errors import ModelError
from mien.recognition import load_classifier, model_file, shipped_models
from mien.shipping.quantize import HALF
from mien.training import checkpoint
from mien.training.architectures import Network
from mien.training.architectures.rep_net import RepConv
from mien.training.run import trained_file
from mien.training.trained import Trainee, fold_left_out, load_trained

EXPORTED_PREFIX = "network."
VOTES_PREFIX = "votes."
VOTES_HEAD = ("votes.weight", "votes.bias")

LAST_LAYERS = ("evidence.", "classes.")  # prefixes of the parameters whose shapes depend on the number of classes


@dataclass(frozen=True, slots=True)
class Initial:
    """Weights to begin a training with."""

    name: str  # of the file they come from
    sha256: str  # of that file
    architecture: str
    classes: tuple[str, ...]
    keep: float  # the share of the architecture's channels that it has
    folds: int  # 1 if it was trained on all faces
    fold: int  # the one that it was not trained on
    image_size: int  # of the faces that it was trained on, which decides their folds
    data: str  # the name of the data set that it was trained on
    held_out: float | None  # the share of that which it was validated on, if chosen by `hold_out`
    weights: dict[str, Tensor]  # in a model file, batch norm is folded into the convolution before it
    votes: dict[str, Tensor]  # weight (8, E) and bias (8,) of the head for FER+'s votes; empty if it has none


def load_initial(source: str) -> Initial:
    """The weights of a shipped model (its name), a model file, a run (its best model) or a kept model.

    Raises:
        ModelError: there is none, or it is damaged or not one of mien's.
    """
    path = Path(source)
    file = model_file(source)
    if file != path or path.suffix == ".onnx":
        info = load_classifier(file).info
        weights = _exported_weights(file)
        votes = {name.removeprefix(VOTES_PREFIX): weights.pop(name) for name in VOTES_HEAD if name in weights}
        architecture, classes, recipe, before = info.architecture, info.labels, info.recipe, None
        image_size, trained_on = info.input_size, info.trained_on
    elif not path.exists():
        raise ModelError(
            f"{source}: there is no such model; expected a shipped one ({', '.join(shipped_models())}), a model file "
            "(.onnx), a run's folder or a kept model (.pt)"
        )
    else:
        file = trained_file(path)
        trainee, about = load_trained(file)
        weights = trainee.network.state_dict()
        votes = {} if trainee.votes is None else trainee.votes.state_dict()
        architecture, classes, recipe = about["recipe"]["architecture"], tuple(about["classes"]), about["recipe"]
        before, image_size, trained_on = about.get("initial"), about["recipe"]["image_size"], about["data"]
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    keep, (folds, fold) = _share_kept(recipe, file), fold_left_out(recipe, before)
    data, held_out = trained_on["name"], trained_on.get("held_out")
    return Initial(
        file.name, sha256, architecture, classes, keep, folds, fold, image_size, data, held_out, weights, votes
    )


def _share_kept(recipe: Mapping[str, Any], file: Path) -> float:
    """The recipe's `keep`, which is that of all members of a mean, or 1 in a recipe that is older than the setting."""
    with suppress(*checkpoint.DAMAGE):
        share = float((recipe.get("members") or [recipe])[0].get("keep", 1.0))
        if 0 < share <= 1:
            return share
    raise ModelError(f"{file}: the share of channels kept in its recipe is no number from 0 to 1")


def initialize(
    network: Network, initial: Initial, architecture: str, classes: tuple[str, ...], images: Tensor
) -> list[str]:
    """Load weights into a new network, and return the names of those that stay: the last layer's for other classes.

    `images` are some hundred faces of the training, as the network takes them. In a model file batch norm is folded
    into the convolutions; with these faces it is unfolded, so that the network gives the file's logits before
    calibration, in evaluation and on average in training.
    """
    if initial.architecture == "ensemble":
        raise ModelError(f"{initial.name} is an ensemble, which cannot be trained on; begin with one of its members")
    if initial.architecture != architecture:
        raise ModelError(
            f"{initial.name} is a {initial.architecture}, and the recipe trains a {architecture}; "
            f"set architecture = {initial.architecture!r}, or begin with another model"
        )
    weights, state = dict(initial.weights), network.state_dict()
    folded = [
        (convolution, norm) for convolution, norm in _convolutions_and_norms(network) if f"{norm}.weight" not in weights
    ]
    for convolution, norm in folded:
        _split(weights, convolution, norm, network)
    fresh = []
    for name, parameter in state.items():
        value = weights.get(name)
        if name.endswith(".bias") and value is None and name.removesuffix("bias") + "weight" in weights:
            value = torch.zeros_like(parameter)  # the exporter drops a bias of zeros
        if name.startswith(LAST_LAYERS) and initial.classes != classes:
            fresh.append(name)
        elif value is None or value.shape != parameter.shape:
            has = "has none" if value is None else f"has {tuple(value.shape)}"
            raise ModelError(
                f"{initial.name} does not fit: {name} needs the shape {tuple(parameter.shape)}, and it {has}; "
                f"train at its image_size with keep={initial.keep:g} or less, or begin with another model"
            )
        else:
            state[name] = value
    network.load_state_dict(state)
    if folded:
        _unfold(network, [norm for _, norm in folded], images)
    return fresh


def begin_votes_with(trainee: Trainee, initial: Initial) -> None:
    """Load the head for FER+'s votes, if both have one; a pruned network's is for fewer features and stays as it is."""
    head = trainee.votes
    if head is not None and initial.votes and initial.votes["weight"].shape == head.weight.shape:
        head.load_state_dict(initial.votes)


def _convolutions_and_norms(network: Network) -> Iterator[tuple[str, str]]:
    """The names of convolutions, each with that of the batch norm right after it."""
    named = [(name, module) for name, module in network.named_modules() if not list(module.children())]
    for (name, module), (after, norm) in itertools.pairwise(named):
        if isinstance(module, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            yield name, after


def _split(weights: dict[str, Tensor], convolution: str, norm: str, network: Network) -> None:
    """Split a folded convolution into one without bias and residual, and a batch norm that only adds the bias."""
    only_adds = nn.BatchNorm2d(len(network.state_dict()[f"{norm}.weight"]))
    values = only_adds.state_dict()
    values["weight"] *= (1 + only_adds.eps) ** 0.5
    bias = weights.pop(f"{convolution}.weight_bias", weights.pop(f"{convolution}.bias", None))
    if bias is not None:
        values["bias"] = bias
    weights |= {f"{norm}.{name}": value for name, value in values.items()}
    around = network.get_submodule(convolution.rpartition(".")[0])
    if isinstance(around, RepConv) and around.shortcut is not None and f"{convolution}.weight" in weights:
        weight = weights[f"{convolution}.weight"].clone()
        weight[:, :, 1, 1] -= torch.eye(len(weight))
        weights[f"{convolution}.weight"] = weight


@torch.no_grad()
def _unfold(network: Network, norms: list[str], images: Tensor) -> None:
    """Set the statistics of batch norms to those of `images`, and compensate by weight and bias."""

    def unfold(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.BatchNorm2d) and module.running_mean is not None
        assert module.running_var is not None
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3))
        module.running_mean.copy_(mean)
        module.running_var.copy_(variance)
        module.weight.copy_((variance + module.eps).sqrt())
        module.bias.add_(mean)

    handles = [network.get_submodule(norm).register_forward_hook(unfold) for norm in norms]
    network.eval()
    network.classify(images)
    for handle in handles:
        handle.remove()


def _exported_weights(file: Path) -> dict[str, Tensor]:
    """The weights of a model file by their names in the trained module; those in eight bits are dequantized.

    Those of the network are without its prefix.
    """
    graph = onnx.load(file).graph
    kernel = _votes_kernel(graph)
    arrays = {
        each.name.removeprefix(EXPORTED_PREFIX): numpy_helper.to_array(each)
        for each in graph.initializer
        if each.name.startswith((EXPORTED_PREFIX, *VOTES_HEAD)) or each.name.removesuffix(HALF) == kernel
    }
    for name in [name for name in arrays if name.endswith(HALF)]:
        arrays[name.removesuffix(HALF)] = arrays.pop(name).astype(np.float32)
    for name in [name for name in arrays if name.endswith("_quantized")]:
        whole, plain = arrays.pop(name), name.removesuffix("_quantized")
        # A weight's scale is named after the weight, a bias's after the quantized bias.
        scale = arrays.get(f"{plain}_scale", arrays.get(f"{name}_scale"))
        assert scale is not None
        arrays[plain] = whole.astype(np.float32) * scale.reshape(-1, *[1] * (whole.ndim - 1))
    if kernel in arrays:
        arrays["votes.weight"] = arrays.pop(kernel).squeeze((2, 3))
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def _votes_kernel(graph: onnx.GraphProto) -> str | None:
    """The name of the convolution's kernel (8, E, 1, 1) that a fully convolutional network's votes are exported as."""
    kernels = (node.input[1] for node in graph.node if node.op_type == "Conv" and "votes.bias" in node.input)
    return next(kernels, None)
