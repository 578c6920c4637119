"""The losses that a training minimises."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.data.dataset import FaceSet
from mien.training.batches import Batch, rarity
from mien.training.recipe import Recipe


class Losses:
    """The weighted sum of a recipe's losses; the faces to train on give the frequencies of the classes.

    With `bf16`, the network's products are computed in bfloat16.
    """

    def __init__(self, recipe: Recipe, faces: FaceSet, device: torch.device, *, bf16: bool) -> None:
        self._recipe, self._device, self.bf16 = recipe, device, bf16
        weights = rarity(faces.labels, len(faces.classes), recipe.class_weighting)
        self._weights = torch.from_numpy(weights).float().to(device) if recipe.class_weighting else None

    def backward(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Add the batch's gradients to the model's parameters; the batch's loss and accuracy."""
        recipe = self._recipe
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.bf16):
            logits, votes = model(batch.images)
        logits = logits.float()
        loss = F.cross_entropy(logits, batch.labels, weight=self._weights, label_smoothing=recipe.label_smoothing)
        if batch.teacher is not None:
            temperature = recipe.teacher_temperature
            # Softened probabilities have gradients smaller by the square of the temperature (Hinton et al. 2015).
            distillation = F.cross_entropy(logits / temperature, batch.teacher) * temperature**2
            loss = loss.lerp(distillation, recipe.teacher_weight)
        if votes is not None and batch.votes is not None:
            loss = loss + recipe.votes_weight * F.cross_entropy(votes.float(), batch.votes)
        loss.backward()  # type: ignore[no-untyped-call]
        accuracy = (logits.argmax(1) == batch.labels.argmax(1)).float().mean()
        return loss.detach(), accuracy
