"""Networks that were hardly trained, and what their training would have noted."""

import torch

from mien.emotions import EMOTIONS
from mien.training.architectures import ARCHITECTURES
from mien.training.trained import Trainee


def about(architecture: str) -> dict[str, object]:
    return {
        "recipe": {"architecture": architecture, "image_size": 48},
        "classes": list(EMOTIONS),
        "code": {"commit": "0123456789ab"},
        "data": {"name": "fer2013.csv", "faces": {"train": 10, "val": 5}},
        "epoch": {"epoch": 3, "val_accuracy": 0.4, "val_loss": 1.5},
    }


def fresh(architecture: str, *, votes: bool = False) -> Trainee:
    """Not quite fresh: batch norm has seen something, so that folding it is tested."""
    torch.manual_seed(0)
    trainee = Trainee(ARCHITECTURES[architecture](7, 48), votes=votes)
    trainee.train()
    for _ in range(3):
        trainee(torch.randn(8, 1, 48, 48) * 2 + 0.5)
    return trainee.eval()
