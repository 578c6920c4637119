"""Training for eight bits: weights and activations are rounded in training as they are in the exported file."""

import itertools
from functools import cache
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.shipping.rounding import LARGEST, LARGEST_PAIR
from mien.training.architectures.network import Network
from mien.training.architectures.rep_net import RepConv, folded
from mien.training.initial import LAST_LAYERS

LEVELS: Final = 255  # steps between the least and the largest activation


def round_in_training(network: Network) -> None:
    """Let a trained network answer as its file in eight bits would, with gradients as if nothing were rounded.

    Quantisation-aware training (Jacob et al. 2018, arXiv:1712.05877): what `mien.shipping.quantize` rounds is rounded,
    each weight to the nearest of the same steps, activations between the least and the largest of each batch, where
    the file has fixed limits; and the gradient passes straight through. Batch norm keeps its
    statistics (Krishnamoorthi 2018, arXiv:1806.08342), as in the file it is part of the weights. The modules stay, with
    their names and weights; so does what is saved.
    """
    layers = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    first = layers[0][1]
    whole = {id(first), *(id(module) for name, module in layers if f"{name}.".startswith(LAST_LAYERS))}
    blocks = [module for module in network.modules() if isinstance(module, RepConv)]
    inside = {id(part) for block in blocks for part in block.modules()}
    leaves = [module for module in network.modules() if not list(module.children())]
    for module, after in itertools.pairwise(leaves):
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = _KeptNorm if isinstance(after, nn.ReLU) or id(module) in inside else _RoundedNorm
    for block in blocks:
        if block.conv is not first:
            block.__class__ = _RoundedRepConv
    for _, module in layers:
        if id(module) not in whole | inside:
            module.__class__ = _rounded_layer(type(module))  # type: ignore[arg-type] # mypy 1: no class is hashable


def rounded_weights(weight: Tensor) -> Tensor:
    """Weights (channels, …) in whole steps of each channel's own, as `mien.shipping.rounding` chooses them."""
    largest = weight.detach().abs().flatten(1).topk(min(2, weight[0].numel()), dim=1).values
    steps = torch.maximum(largest[:, 0] / LARGEST, largest.sum(1) / (LARGEST_PAIR - 0.5)).clamp_min(1e-12)
    zeros = torch.zeros_like(steps, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, steps, zeros, 0, -LARGEST, LARGEST)


def rounded_activations(x: Tensor) -> Tensor:
    """Activations in `LEVELS` steps from the least of the batch to the largest, with 0 among them."""
    x = x.float()  # within autocast it may be in bfloat16
    least, most = x.detach().aminmax()
    step = ((most.clamp_min(0) - least.clamp_max(0)) / LEVELS).clamp_min(1e-12)
    zero = (-least.clamp_max(0) / step).round().int()
    return torch.fake_quantize_per_tensor_affine(x, step, zero, 0, LEVELS)


class _KeptNorm(nn.BatchNorm2d):
    """Batch norm that neither uses nor measures the statistics of a batch."""

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class _RoundedNorm(_KeptNorm):
    """One with no ReLU after it, whose outputs a file in eight bits keeps."""

    def forward(self, x: Tensor) -> Tensor:
        return rounded_activations(super().forward(x))


class _RoundedRepConv(RepConv):
    """One whose weights are rounded with batch norm and residual in them."""

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = folded(self)
        return F.relu(self.conv._conv_forward(rounded_activations(x), rounded_weights(weight), bias))


@cache
def _rounded_layer(layer: type[nn.Module]) -> Any:
    """The same kind of layer, whose inputs and weights are rounded where it uses them."""

    def weight(self: nn.Module) -> Tensor:
        kept = self._parameters["weight"]
        assert kept is not None
        return rounded_weights(kept)

    def forward(self: nn.Module, x: Tensor) -> Tensor:
        output: Tensor = layer.forward(self, rounded_activations(x))
        return output

    return type(f"Rounded{layer.__name__}", (layer,), {"weight": property(weight), "forward": forward})
