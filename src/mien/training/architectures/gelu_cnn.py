"""The GELU network, one of the two networks that mien began with, as its author describes it."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.training.architectures.network import Network

CHANNELS = (128, 256, 512, 512)
DENSE = (256, 512)
DROPOUT = 0.4


class GeluCnn(Network):
    """Four convolutions of 3×3 with GELU, each followed by max pooling and dropout, then two dense layers.

    5,151,495 parameters with 7 classes and faces of 48×48, or 5,154,311 with batch norm after each convolution.
    Weights are initialised as in Keras (Glorot and Bengio 2010), in which the network was first trained. Where the side
    of the faces is no multiple of 16, pooling leaves out the last pixels.
    """

    num_embedded = DENSE[-1]

    def __init__(self, num_classes: int, image_size: int, *, batch_norm: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for num_in, num_out in zip((1, *CHANNELS), CHANNELS, strict=False):
            layers.append(nn.Conv2d(num_in, num_out, 3, padding=1))
            layers += [nn.BatchNorm2d(num_out)] if batch_norm else []
            layers += [nn.GELU(), nn.MaxPool2d(2), nn.Dropout(DROPOUT)]
        self.features = nn.Sequential(*layers)
        side = image_size // 2 ** len(CHANNELS)
        self.first = nn.Linear(CHANNELS[-1] * side * side, DENSE[0])
        self.second = nn.Linear(*DENSE)
        self.classes = nn.Linear(DENSE[-1], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type] # they all have one

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        embedding = F.gelu(self.second(F.gelu(self.first(self.features(faces).flatten(1)))))
        return self.classes(embedding), embedding

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Network.forward`.

        The evidence is the last features times the gradient of the logit there, summed over channels (HiResCAM,
        Draelos and Carin 2020, arXiv:2011.08891). The gradient is written out, so that the exported graph needs no
        autograd. The rest of the logit (biases, curvature) belongs to no position, and is spread evenly.
        """
        features = self.features(faces)
        flat = features.flatten(1)
        first = self.first(flat)
        second = self.second(F.gelu(first))
        embedding = F.gelu(second)
        logits = self.classes(embedding)
        slope = (self.classes.weight * _gelu_slope(second).unsqueeze(1)) @ self.second.weight
        slope = (slope * _gelu_slope(first).unsqueeze(1)) @ self.first.weight
        contributions = (slope * flat.unsqueeze(1)).unflatten(2, features.shape[1:]).sum(2)
        rest = logits - contributions.sum((2, 3))
        area = features.shape[2] * features.shape[3]
        return logits, contributions * area + rest[:, :, None, None], embedding


def _gelu_slope(x: Tensor) -> Tensor:
    """The derivative of x Φ(x), with Φ the normal distribution: Φ(x) + x φ(x)."""
    share = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return share + x * torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
