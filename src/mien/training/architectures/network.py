"""The base classes of all networks."""

from torch import Tensor, nn


class Network(nn.Module):
    """A classifier of faces whose logits are the means of evidence maps, one for each class."""

    num_embedded: int  # E, the length of the embedding, from which a second head may predict something else

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 1, S, S) float, standardised → logits (N, K) and embeddings (N, E), which is what training needs."""
        logits, _, embedding = self.forward(faces)
        return logits, embedding

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All outputs, for export: logits (N, K), evidence maps (N, K, h, w) with these means, embeddings (N, E)."""
        raise NotImplementedError


class FullyConvolutional(Network):
    """A network without dense layers: the logit of a class is the mean of that class's map.

    So the map shows exactly which places raise the logit (class activation mapping, Zhou et al. 2016,
    arXiv:1512.04150, in the form without a dense layer). A subclass sets two modules.
    """

    features: nn.Module  # faces (N, 1, S, S) → (N, E, h, w)
    evidence: nn.Module  # features → (N, K, h, w)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Network.forward`; the embedding is the mean of the features."""
        features = self.features(faces)
        evidence = self.evidence(features)
        return evidence.mean((2, 3)), evidence, features.mean((2, 3))
