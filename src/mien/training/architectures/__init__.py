"""The networks, a file each, in one plain dict."""

from collections.abc import Callable

from mien.training.architectures.mini_xception import MiniXception
from mien.training.architectures.network import Network

ARCHITECTURES: dict[str, Callable[[int], Network]] = {
    "mini-xception": MiniXception,
}
"""By name: from the number of classes to a network with fresh weights."""

__all__ = ["ARCHITECTURES", "Network"]
