"""The networks, a file each, in one plain dict."""

from collections.abc import Callable

from mien.training.architectures.conv_attention import ConvAttention
from mien.training.architectures.gelu_cnn import GeluCnn
from mien.training.architectures.mini_xception import MiniXception
from mien.training.architectures.network import FullyConvolutional, Network
from mien.training.architectures.rep_net import RepNet

ARCHITECTURES: dict[str, Callable[[int, int], Network]] = {
    "mini-xception": lambda num_classes, _: MiniXception(num_classes),
    "gelu-cnn": lambda num_classes, image_size: GeluCnn(num_classes, image_size, batch_norm=True),
    "gelu-cnn-without-norm": lambda num_classes, image_size: GeluCnn(num_classes, image_size, batch_norm=False),
    "rep-nano": lambda num_classes, _: RepNet(num_classes, channels=(12, 24, 56), depths=(2, 1, 1)),
    "rep-small": lambda num_classes, _: RepNet(num_classes, channels=(24, 64, 160), depths=(1, 2, 3)),
    "rep-base": lambda num_classes, _: RepNet(num_classes, channels=(64, 160, 384), depths=(3, 4, 4)),
    "conv-attention": lambda num_classes, image_size: ConvAttention(
        num_classes, image_size, channels=(32, 64, 128), depths=(1, 1, 0), num_blocks=4, num_heads=4
    ),
}
"""Functions by name, from the number of classes and the side of the faces to a network with random weights."""

__all__ = ["ARCHITECTURES", "FullyConvolutional", "Network"]
