"""The module that is trained: a network, and a second head when the recipe has one."""

from torch import Tensor, nn

from mien.emotions import FER_PLUS_EXPRESSIONS
from mien.errors import RecipeError
from mien.training.architectures import ARCHITECTURES, Network


def fresh_network(architecture: str, num_classes: int, image_size: int, dropout_scale: float = 1.0) -> Network:
    """A network of an architecture, its weights drawn from torch's global generator and its dropout scaled.

    Raises:
        RecipeError: there is no dropout to scale.
    """
    network = ARCHITECTURES[architecture](num_classes, image_size)
    dropouts = [module for module in network.modules() if isinstance(module, nn.Dropout)]
    if dropout_scale != 1 and not dropouts:
        raise RecipeError(f"dropout_scale: {architecture} has no dropout to scale; leave it at 1")
    for module in dropouts:
        module.p *= dropout_scale
    return network


class Trainee(nn.Module):
    """A network, with a second head for FER+'s votes when its recipe has one."""

    def __init__(self, network: Network, *, votes: bool) -> None:
        super().__init__()
        self.network = network
        self.votes = nn.Linear(network.num_embedded, len(FER_PLUS_EXPRESSIONS)) if votes else None

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor | None]:
        """(N, 1, S, S) float, standardised → logits of the classes (N, K) and of the votes (N, 8), or None."""
        logits, embedding = self.network.classify(faces)
        return logits, None if self.votes is None else self.votes(embedding)
