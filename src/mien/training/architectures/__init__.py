"""The networks, a file each, in one plain dict."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mien.training.architectures import gelu_cnn, mini_xception
from mien.training.architectures.conv_attention import ConvAttention
from mien.training.architectures.gelu_cnn import GeluCnn
from mien.training.architectures.mini_xception import MiniXception
from mien.training.architectures.network import FullyConvolutional, Network
from mien.training.architectures.rep_net import RepNet

BLOCK: Final = 8
"""Channels that kernels on a CPU compute at once: what is kept of a wider layer is a multiple of it."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A family of networks that differ in the numbers of their channels.

    Attributes:
        widths: The numbers of channels that can be chosen freely. Layers whose channels have to be the same ones, as
            their outputs are added, share a width. Empty where none can be chosen.
        build: From the number of classes, the side of the faces and widths to a network with random weights.
    """

    widths: tuple[int, ...]
    build: Callable[[int, int, tuple[int, ...]], Network]

    def __call__(self, num_classes: int, image_size: int, keep: float = 1) -> Network:
        """A network with random weights and that share of the channels."""
        return self.build(num_classes, image_size, self.kept(keep))

    def kept(self, keep: float) -> tuple[int, ...]:
        """A share of each width, rounded to a multiple of `BLOCK`, and at least one block where there is one.

        Example:
            >>> ARCHITECTURES["rep-small"].kept(0.5)
            (16, 32, 80)
        """
        if keep >= 1:
            return self.widths
        return tuple(min(width, BLOCK * max(1, math.floor(width * keep / BLOCK + 0.5))) for width in self.widths)


def _rep(channels: tuple[int, ...], depths: tuple[int, ...]) -> Architecture:
    return Architecture(channels, lambda num_classes, _, widths: RepNet(num_classes, widths, depths))


def _gelu(*, batch_norm: bool) -> Architecture:
    return Architecture(
        gelu_cnn.WIDTHS,
        lambda num_classes, image_size, widths: GeluCnn(num_classes, image_size, widths, batch_norm=batch_norm),
    )


ARCHITECTURES: dict[str, Architecture] = {
    "mini-xception": Architecture(
        mini_xception.WIDTHS, lambda num_classes, _, widths: MiniXception(num_classes, widths)
    ),
    "gelu-cnn": _gelu(batch_norm=True),
    "gelu-cnn-without-norm": _gelu(batch_norm=False),
    "rep-nano": _rep(channels=(12, 24, 56), depths=(2, 1, 1)),
    "rep-small": _rep(channels=(24, 64, 160), depths=(1, 2, 3)),
    "rep-wide": _rep(channels=(32, 96, 256), depths=(1, 2, 3)),
    "rep-base": _rep(channels=(64, 160, 384), depths=(3, 4, 4)),
    # Its heads divide the last width between them, so no channel can leave alone.
    "conv-attention": Architecture(
        (),
        lambda num_classes, image_size, _: ConvAttention(
            num_classes, image_size, channels=(32, 64, 128), depths=(1, 1, 0), num_blocks=4, num_heads=4
        ),
    ),
}
"""By name; each is called with the number of classes, the side of the faces and, to have fewer channels, a share."""

__all__ = ["ARCHITECTURES", "BLOCK", "Architecture", "FullyConvolutional", "Network"]
