"""Convolutions, then self-attention over their features."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.training.architectures.network import Head, Network
from mien.training.architectures.rep_net import stages

EXPANSION = 4  # width of a block's hidden layer, as a multiple of the block's (Vaswani et al. 2017, arXiv:1706.03762)


class ConvAttention(Network):
    """The stages of a `RepNet`, then blocks of self-attention over their features, pooled by attention too.

    A compact convolutional transformer (Hassani et al. 2021, arXiv:2104.05704): convolutions instead of patches, and
    learned weights of the positions instead of a class token. The evidence at a position is its logit times its weight.
    Position embeddings are learned, so it takes faces of one size; the last of `channels` is the attention's width.
    """

    def __init__(
        self,
        num_classes: int,
        image_size: int,
        *,
        channels: tuple[int, ...],
        depths: tuple[int, ...],
        num_blocks: int,
        num_heads: int,
    ) -> None:
        super().__init__()
        width = self.num_embedded = channels[-1]
        self.stages = nn.Sequential(*stages(channels, depths))
        side = image_size // 2
        for _ in channels[1:]:
            side = -(-side // 2)
        self.places = nn.Parameter(torch.empty(1, side * side, width))
        nn.init.trunc_normal_(self.places, std=0.02)
        self.blocks = nn.Sequential(*(AttentionBlock(width, num_heads) for _ in range(num_blocks)))
        self.norm = nn.LayerNorm(width)
        self.importance = nn.Linear(width, 1)
        self.classes = nn.Linear(width, num_classes)

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """As `Network.classify`; the embedding is the mean over the positions, weighted by their importance."""
        places, importance, _ = self._weighed(faces)
        embedding = (importance * places).sum(1)
        return self.classes(embedding), embedding

    def forward(self, faces: Tensor, *heads: Head) -> tuple[Tensor, ...]:
        places, importance, side = self._weighed(faces)
        outputs: list[Tensor] = []
        others = (partial(F.linear, weight=head.weight, bias=head.bias) for head in heads)
        layers: list[Callable[[Tensor], Tensor]] = [self.classes, *others]
        for layer in layers:
            evidence = for_each(layer, places) * importance * (side * side)
            # Not len(), which would make the number of faces a constant in an export.
            evidence = evidence.transpose(1, 2).reshape(faces.shape[0], -1, side, side)
            outputs += [evidence.mean((2, 3)), evidence]
        return tuple(outputs)

    def _weighed(self, faces: Tensor) -> tuple[Tensor, Tensor, int]:
        """The features of each position (N, side², E), its weight (N, side², 1; they sum to 1), and the side."""
        features = self.stages(faces)
        side = features.shape[2]
        places = self.norm(self.blocks(features.flatten(2).transpose(1, 2) + self.places))
        return places, for_each(self.importance, places).softmax(1), side


class AttentionBlock(nn.Module):
    """Self-attention and two dense layers for each position, each with a layer norm before and a residual around."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.dense_norm = nn.LayerNorm(width)
        self.dense = nn.Sequential(nn.Linear(width, EXPANSION * width), nn.GELU(), nn.Linear(EXPANSION * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._attend(self.attention_norm(x))
        return x + for_each(self.dense, self.dense_norm(x))

    def _attend(self, x: Tensor) -> Tensor:
        num, num_places, width = x.shape
        each = for_each(self.queries_keys_values, x).view(num, num_places, 3, self.num_heads, width // self.num_heads)
        queries, keys, values = each.permute(2, 0, 3, 1, 4)
        # Not scaled_dot_product_attention: with so few positions its gradient takes half of a training step on a CPU.
        weights = (queries @ (keys.transpose(2, 3) * queries.shape[3] ** -0.5)).softmax(3)
        attended = weights.to(values.dtype) @ values
        return for_each(self.joined, attended.transpose(1, 2).flatten(2))


def for_each(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a dense layer at each position of each face: (N, positions, width) → (N, positions, another width).

    On a flattened tensor, so that the exported product keeps the layer's weights as they are, under their names.
    """
    num, num_places, _ = x.shape
    y: Tensor = layer(x.flatten(0, 1)).view(num, num_places, -1)
    return y
