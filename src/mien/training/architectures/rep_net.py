"""Networks whose residuals are folded in at export into a plain chain of 3×3 convolutions, which is fast on a CPU."""

import copy
import itertools
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.training.architectures.network import FullyConvolutional, Network


class RepNet(FullyConvolutional):
    """Stages of 3×3 convolutions, each with a residual of its own that export folds in.

    After RepVGG (Ding et al. 2021, arXiv:2101.03697), with its identity branch and without its 1×1 branch, which
    costs an eighth more arithmetic and gained its authors the least. The first convolution runs at full resolution and
    is pooled; every later stage begins with a convolution of stride 2, which its depth does not count.
    """

    def __init__(self, num_classes: int, channels: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        self.num_embedded = channels[-1]
        self.features = nn.Sequential(*stages(channels, depths))
        self.evidence = nn.Conv2d(self.num_embedded, num_classes, 1)


class RepConv(nn.Module):
    """A 3×3 convolution, batch norm, a residual where the shape allows it, and ReLU."""

    def __init__(self, num_in: int, num_out: int, stride: int = 1) -> None:
        super().__init__()
        if stride != 1:  # only advances the random generator, so that a seed still gives the weights it always gave
            nn.Conv2d(num_in, num_out, 3, bias=False)
        self.conv = nn.Conv2d(num_in, num_out, 3, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(num_out)
        self.shortcut = nn.Identity() if num_in == num_out and stride == 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_in, h, w) → (N, num_out, ⌈h/stride⌉, ⌈w/stride⌉)."""
        y = self.norm(self.conv(x))
        return F.relu(y if self.shortcut is None else y + self.shortcut(x))


def merged(network: Network) -> Network:
    """A copy to export: the same outputs in evaluation mode, every `RepConv` replaced by one convolution and ReLU."""
    plain = copy.deepcopy(network).eval()
    for name, module in network.named_modules():
        if isinstance(module, RepConv):
            weight, bias = folded(module)
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, int(module.conv.stride[0]), padding=1)
            conv.load_state_dict({"weight": weight, "bias": bias})
            plain.set_submodule(name, nn.Sequential(OrderedDict(conv=conv, relu=nn.ReLU())))
    return plain


def folded(source: RepConv) -> tuple[Tensor, Tensor]:
    """The weights (num_out, num_in, 3, 3) and the bias (num_out,) of a convolution with batch norm and residual."""
    variance, mean = source.norm.running_var, source.norm.running_mean
    assert variance is not None and mean is not None
    factor = source.norm.weight / (variance + source.norm.eps).sqrt()
    weight = source.conv.weight * factor.view(-1, 1, 1, 1)
    if source.shortcut is not None:
        weight = weight + F.pad(torch.eye(len(weight)).to(weight)[:, :, None, None], (1, 1, 1, 1))
    return weight, source.norm.bias - mean * factor


def stages(channels: tuple[int, ...], depths: tuple[int, ...]) -> list[nn.Module]:
    """Stages of those channels and of so many convolutions each, which follow the one that leads into the stage."""
    layers: list[nn.Module] = [RepConv(1, channels[0]), nn.MaxPool2d(2)]
    layers += [RepConv(channels[0], channels[0]) for _ in range(depths[0])]
    for (num_in, num_out), depth in zip(itertools.pairwise(channels), depths[1:], strict=True):
        layers.append(RepConv(num_in, num_out, stride=2))
        layers += [RepConv(num_out, num_out) for _ in range(depth)]
    return layers
