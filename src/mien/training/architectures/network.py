"""What every network of this room is."""

from torch import Tensor, nn


class Network(nn.Module):
    """A classifier of faces that shows, for each class, where in the face it found what it counted.

    Attributes:
        num_embedded: E, numbers that describe a face just before the classes are told apart; a second head may read
            them.
    """

    num_embedded: int

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 1, S, S) float, standardised → logits (N, K) and embeddings (N, E); all that training needs."""
        raise NotImplementedError

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All there is to say of faces, for export.

        Args:
            faces: (N, 1, S, S) float, standardised.

        Returns:
            Logits (N, K), evidence maps (N, K, h, w), whose means they are, and embeddings (N, E).
        """
        raise NotImplementedError

    def merged(self) -> "Network":
        """What is exported: the same answers in evaluation mode, of fewer and larger steps where there is a way."""
        return self


class FullyConvolutional(Network):
    """A network without dense layers: the logit of a class is the mean of that class's map.

    So the map shows exactly what the network counted, and where (class activation mapping, Zhou et al. 2016,
    arXiv:1512.04150, in the form without a dense layer). A subclass sets two modules.

    Attributes:
        features: (N, 1, S, S) float, standardised → (N, E, h, w).
        evidence: (N, E, h, w) → (N, K, h, w).
    """

    features: nn.Module
    evidence: nn.Module

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """As `Network.classify`; the embedding is the mean of the features."""
        features = self.features(faces)
        return self.evidence(features).mean((2, 3)), features.mean((2, 3))

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Network.forward`."""
        features = self.features(faces)
        evidence = self.evidence(features)
        return evidence.mean((2, 3)), evidence, features.mean((2, 3))
