"""The networks, a file each, in one plain dict."""

from collections.abc import Callable

from mien.training.architectures.gelu_cnn import GeluCnn
from mien.training.architectures.mini_xception import MiniXception
from mien.training.architectures.network import Network

ARCHITECTURES: dict[str, Callable[[int, int], Network]] = {
    "mini-xception": lambda num_classes, _: MiniXception(num_classes),
    "gelu-cnn": lambda num_classes, image_size: GeluCnn(num_classes, image_size, batch_norm=True),
    "gelu-cnn-without-norm": lambda num_classes, image_size: GeluCnn(num_classes, image_size, batch_norm=False),
}
"""By name: from the number of classes and the side of the faces to a network with fresh weights."""

__all__ = ["ARCHITECTURES", "Network"]
