"""The GELU network, one of the two networks that mien began with, as its author describes it."""

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.training.architectures.network import Head, Network

WIDTHS: Final = (128, 256, 512, 512, 256, 512)  # the channels of four convolutions and of two dense layers
DROPOUT = 0.4


class GeluCnn(Network):
    """Four convolutions of 3×3 with GELU, each followed by max pooling and dropout, then two dense layers.

    5,151,495 parameters with 7 classes and faces of 48×48, or 5,154,311 with batch norm after each convolution.
    Weights are initialised as in Keras (Glorot and Bengio 2010), in which the network was first trained. Where the side
    of the faces is no multiple of 16, pooling leaves out the last pixels.
    """

    def __init__(
        self, num_classes: int, image_size: int, widths: tuple[int, ...] = WIDTHS, *, batch_norm: bool
    ) -> None:
        super().__init__()
        *channels, num_dense, self.num_embedded = widths
        layers: list[nn.Module] = []
        for num_in, num_out in zip((1, *channels), channels, strict=False):
            layers.append(nn.Conv2d(num_in, num_out, 3, padding=1))
            layers += [nn.BatchNorm2d(num_out)] if batch_norm else []
            layers += [nn.GELU(), nn.MaxPool2d(2), nn.Dropout(DROPOUT)]
        self.features = nn.Sequential(*layers)
        side = image_size // 2 ** len(channels)
        self.first = nn.Linear(channels[-1] * side * side, num_dense)
        self.second = nn.Linear(num_dense, self.num_embedded)
        self.classes = nn.Linear(self.num_embedded, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type] # they all have one

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        embedding = F.gelu(self.second(F.gelu(self.first(self.features(faces).flatten(1)))))
        return self.classes(embedding), embedding

    def forward(self, faces: Tensor, *heads: Head) -> tuple[Tensor, ...]:
        """As `Network.forward`.

        GELU is a product, GELU(x) = x Φ(x) with Φ the normal distribution. With the factors Φ of one face held, the
        dense layers are one linear map of the last features, so each position's share of a logit is exact: its features
        times that map's weights, summed over channels. This is layer-wise relevance propagation with the rule LRP-0
        (Bach et al. 2015, PLOS ONE 10:e0130140), written out so that the exported graph needs no autograd. What the
        biases of the dense layers add belongs to no position, and is spread evenly.
        """
        features = self.features(faces)
        flat = features.flatten(1)
        first = self.first(flat)
        second = self.second(F.gelu(first))
        embedding = F.gelu(second)
        area = features.shape[2] * features.shape[3]
        outputs: list[Tensor] = []
        own = Head(self.classes.weight, self.classes.bias), self.classes(embedding)
        for head, logits in (own, *((head, F.linear(embedding, *head)) for head in heads)):
            linear = (head.weight * _gelu_factor(second).unsqueeze(1)) @ self.second.weight
            linear = (linear * _gelu_factor(first).unsqueeze(1)) @ self.first.weight
            shares = (linear * flat.unsqueeze(1)).unflatten(2, features.shape[1:]).sum(2)
            rest = logits - shares.sum((2, 3))
            outputs += [logits, shares * area + rest[:, :, None, None]]
        return tuple(outputs)


def _gelu_factor(x: Tensor) -> Tensor:
    """Φ(x), by which GELU multiplies x."""
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))
