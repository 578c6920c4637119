"""The base classes of all networks."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn


class Head(NamedTuple):
    """A dense layer on a network's embedding of E numbers, which predicts K values."""

    weight: Tensor  # (K, E)
    bias: Tensor  # (K,)


class Network(nn.Module):
    """A classifier of faces whose logits are the means of evidence maps, one for each class."""

    num_embedded: int  # E, the length of the embedding, from which a second head may predict something else

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 1, S, S) float, standardised → logits (N, K) and embeddings (N, E), which is what training needs."""
        raise NotImplementedError

    def forward(self, faces: Tensor, *heads: Head) -> tuple[Tensor, ...]:
        """All outputs, for export: logits (N, K), and evidence maps (N, K, h, w) with these means.

        They are followed by the same two for each further head.
        """
        raise NotImplementedError


class FullyConvolutional(Network):
    """A network without dense layers: the logit of a class is the mean of that class's map.

    So the map shows exactly which places raise the logit (class activation mapping, Zhou et al. 2016,
    arXiv:1512.04150, in the form without a dense layer). The embedding is the mean of the features. A subclass sets two
    modules.
    """

    features: nn.Module  # faces (N, 1, S, S) → (N, E, h, w)
    evidence: nn.Module  # features → (N, K, h, w)

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(faces)
        return self.evidence(features).mean((2, 3)), features.mean((2, 3))

    def forward(self, faces: Tensor, *heads: Head) -> tuple[Tensor, ...]:
        features = self.features(faces)
        # What a head makes of the mean of the features is the mean of what it makes of each position's.
        others = (F.conv2d(features, head.weight[:, :, None, None], head.bias) for head in heads)
        return tuple(
            output for evidence in (self.evidence(features), *others) for output in (evidence.mean((2, 3)), evidence)
        )
