"""What is trained: a network, and beside it whatever the recipe has it learn besides."""

from torch import Tensor, nn

from mien.emotions import FER_PLUS_EXPRESSIONS
from mien.training.architectures import Network


class Trainee(nn.Module):
    """A network with a second head for FER+'s votes, when its recipe has one.

    Args:
        network: the network itself.
        votes: whether there is a second head.
    """

    def __init__(self, network: Network, *, votes: bool) -> None:
        super().__init__()
        self.network = network
        self.votes = nn.Linear(network.num_embedded, len(FER_PLUS_EXPRESSIONS)) if votes else None

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor | None]:
        """(N, 1, S, S) float, standardised → logits of the classes (N, K) and of the votes (N, 8), or None."""
        logits, embedding = self.network.classify(faces)
        return logits, None if self.votes is None else self.votes(embedding)
