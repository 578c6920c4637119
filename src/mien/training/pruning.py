"""Pruning: the least important channels of a trained network leave, so that the network is smaller and faster.

Whole channels go, with the weights of all layers that give or take them. Nothing is masked: what is left is a network
of the same architecture with other widths.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.training.architectures import ARCHITECTURES, Network

BATCH: Final = 64

_PROBES: Final = (101, 103, 107, 109, 113, 127)  # primes that no other axis has as its length or divides it


def pruned(whole: Network, thin: Network, architecture: str, images: Tensor, labels: Tensor) -> None:
    """Give a network of fewer channels the weights of the most important channels of a trained one.

    Importance is the first-order Taylor expansion of the loss (Molchanov et al. 2019, arXiv:1906.10771): channels are
    multiplied by gates of 1, and the squared derivative by a gate, its mean over faces, estimates what removing the
    channel would cost. Layers whose outputs are added share their gates, so that a channel leaves all of them or none.

    Args:
        whole: the trained network, in evaluation mode afterwards.
        thin: a network of the same architecture, classes and size of faces.
        architecture: their key in `ARCHITECTURES`.
        images: (N, 1, S, S) float, some thousand faces of the training, standardised.
        labels: (N,) int64, the faces' classes.

    Example:
        >>> from mien.training.architectures import ARCHITECTURES
        >>> whole, thin = ARCHITECTURES["rep-small"](7, 48), ARCHITECTURES["rep-small"](7, 48, 0.5)
        >>> pruned(whole, thin, "rep-small", torch.randn(64, 1, 48, 48), torch.arange(64) % 7)
        >>> whole.num_embedded, thin.num_embedded
        (160, 80)
    """
    axes = width_axes(architecture)
    cut(whole, thin, axes, importance(whole, axes, images, labels))


def cut(whole: Network, thin: Network, axes: Mapping[str, Mapping[int, int]], scores: Mapping[int, Tensor]) -> None:
    """Give a network of fewer channels the weights of those with the highest scores; see `pruned` and `width_axes`.

    Args:
        whole, thin: networks of one architecture.
        axes: the axes of its tensors that have the length of a width.
        scores: for each width by its number, the channels' scores (C,).
    """
    state, narrow = whole.state_dict(), thin.state_dict()
    kept: dict[int, Tensor] = {}
    for name in state:
        for axis, width in axes[name].items():
            num = narrow[name].shape[axis] * len(scores[width]) // state[name].shape[axis]
            if width not in kept:
                kept[width] = scores[width].topk(num).indices.sort().values
            state[name] = _selected(state[name], axis, kept[width], len(scores[width]))
    thin.load_state_dict(state)


def width_axes(architecture: str) -> dict[str, dict[int, int]]:
    """Which axes of an architecture's tensors have the length of which width: name → axis → number of the width.

    They are read off a network whose widths are different primes. It could not run if layers whose channels have to be
    the same ones had different widths.
    """
    made = ARCHITECTURES[architecture]
    with torch.random.fork_rng(devices=[]):
        probe = made.build(2, 32, _PROBES[: len(made.widths)])
    return {
        name: {
            axis: width
            for axis, length in enumerate(tensor.shape)
            for width, prime in enumerate(_PROBES)
            if length % prime == 0
        }
        for name, tensor in probe.state_dict().items()
    }


def importance(
    network: Network, axes: Mapping[str, Mapping[int, int]], images: Tensor, labels: Tensor
) -> dict[int, Tensor]:
    """The importance of every channel, (C,) for each width by its number; see `pruned`."""
    gates: dict[int, Tensor] = {}

    def gated(width: int, output: Tensor) -> Tensor:
        if width not in gates:
            gates[width] = torch.ones(output.shape[:2], requires_grad=True)
        return output * gates[width].view(*gates[width].shape, *[1] * (output.ndim - 2))

    handles = [
        module.register_forward_hook(lambda _, inputs, output, width=width: gated(width, output))
        for module, width in _outputs(network, axes)
    ]
    network.eval()
    sums: dict[int, Tensor] = {}
    for faces, right in zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True):
        gates.clear()
        loss = F.cross_entropy(network.classify(faces)[0], right, reduction="sum")
        for width, gradient in zip(gates, torch.autograd.grad(loss, list(gates.values())), strict=True):
            sums[width] = sums.get(width, torch.tensor(0)) + gradient.square().sum(0) / len(images)
    for handle in handles:
        handle.remove()
    return sums


def _outputs(network: Network, axes: Mapping[str, Mapping[int, int]]) -> Iterator[tuple[nn.Module, int]]:
    """The layers that give channels, each with the number of their width: the batch norm after a convolution, if any.

    A depthwise convolution gives the channels that it takes; they have their gate already.
    """
    named = [(name, module) for name, module in network.named_modules() if not list(module.children())]
    for (name, module), (_, after) in zip(named, [*named[1:], ("", nn.Identity())], strict=True):
        width = axes.get(f"{name}.weight", {}).get(0)
        has_norm = isinstance(after, nn.BatchNorm2d)
        if width is not None and not has_norm and not (isinstance(module, nn.Conv2d) and module.groups > 1):
            yield module, width


def _selected(value: Tensor, axis: int, kept: Tensor, num: int) -> Tensor:
    """The kept ones of `num` channels along an axis, in which each channel may have several places in a row."""
    places = value.shape[axis] // num
    each = value.view(*value.shape[:axis], num, places, *value.shape[axis + 1 :])
    return each.index_select(axis, kept).flatten(axis, axis + 1)
