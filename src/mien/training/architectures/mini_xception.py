"""mini-Xception (Arriaga, Valdenegro-Toro and Plöger 2017, arXiv:1710.07557)."""

import itertools
from typing import Final

from torch import Tensor, nn
from torch.nn import functional as F

from mien.training.architectures.network import FullyConvolutional

WIDTHS: Final = (8, 8, 16, 32, 64, 128)  # the channels of two convolutions and of four blocks


class MiniXception(FullyConvolutional):
    """Two convolutions, four residual depthwise-separable blocks, a map for each class, global average pooling.

    Batch norm follows every convolution, and ReLU every batch norm but the last of a block; there is no dense
    layer. 56,951 parameters with 7 classes. The published 58,423 include the moving averages of batch norm, 1,472
    numbers that are not trained.
    """

    def __init__(self, num_classes: int, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        first, *later = widths
        self.num_embedded = widths[-1]
        self.features = nn.Sequential(
            *_conv_norm_relu(1, first),
            *_conv_norm_relu(first, later[0]),
            *(Block(num_in, num_out) for num_in, num_out in itertools.pairwise(later)),
        )
        self.evidence = nn.Conv2d(self.num_embedded, num_classes, 3, padding=1)


class Block(nn.Module):
    """Two separable convolutions and a max pooling, with a strided 1×1 convolution as the shortcut: half the side."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_separable_norm(num_in, num_out),
            nn.ReLU(inplace=True),
            *_separable_norm(num_out, num_out),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.shortcut = nn.Sequential(_EverySecond(num_in, num_out, 1, stride=2, bias=False), nn.BatchNorm2d(num_out))

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_in, h, w) → (N, num_out, ⌈h/2⌉, ⌈w/2⌉)."""
        joined: Tensor = self.body(x) + self.shortcut(x)
        return joined


class _EverySecond(nn.Conv2d):
    """A 1×1 convolution of stride 2, which learns as one of stride 1 on every second pixel.

    Its own backward pass on a CPU, in channels_last and float32, ends the process (torch 2.13, maps of 56 pixels and
    more: a segmentation fault or "double free or corruption").
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x[:, :, ::2, ::2], self.weight) if self.training else super().forward(x)


def _conv_norm_relu(num_in: int, num_out: int) -> list[nn.Module]:
    return [nn.Conv2d(num_in, num_out, 3, bias=False), nn.BatchNorm2d(num_out), nn.ReLU(inplace=True)]


def _separable_norm(num_in: int, num_out: int) -> list[nn.Module]:
    return [
        nn.Conv2d(num_in, num_in, 3, padding=1, groups=num_in, bias=False),
        nn.Conv2d(num_in, num_out, 1, bias=False),
        nn.BatchNorm2d(num_out),
    ]
