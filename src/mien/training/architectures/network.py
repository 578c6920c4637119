"""What every network of this room is."""

from torch import Tensor, nn


class Network(nn.Module):
    """A fully convolutional classifier whose answer is the mean of its evidence.

    A subclass sets `num_features` and two modules, `features` and `evidence`. The logit of a class is the mean of
    that class's map, so the map shows exactly what the network counted, and where (class activation mapping, Zhou
    et al. 2016, arXiv:1512.04150, in the form without a dense layer).

    Attributes:
        features: (N, 1, S, S) float, standardised → (N, num_features, h, w).
        evidence: (N, num_features, h, w) → (N, num_classes, h, w).
        num_features: channels between the two.
    """

    features: nn.Module
    evidence: nn.Module
    num_features: int

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 1, S, S) float, standardised → logits (N, K) and evidence maps (N, K, h, w)."""
        evidence = self.evidence(self.features(faces))
        return evidence.mean((2, 3)), evidence
