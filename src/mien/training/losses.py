"""What a step minimises."""

from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.data.dataset import FaceSet
from mien.training.batches import Batch, rarity
from mien.training.recipe import Recipe


class Losses:
    """The losses of a recipe, weighed.

    Args:
        recipe: weighs the parts.
        faces: the training split, whose classes are counted.
        device: where batches are.
    """

    def __init__(self, recipe: Recipe, faces: FaceSet, device: torch.device) -> None:
        self._recipe, self._device = recipe, device
        weights = rarity(faces.labels, len(faces.classes), recipe.class_weighting)
        self._weights = torch.from_numpy(weights).float().to(device) if recipe.class_weighting else None

    def descend(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Add the batch's gradient to the model's; its loss, and the share of faces it got right."""
        with mixed_precision(self._device):
            logits, votes = model(batch.images)
        logits = logits.float()
        loss = self._labels_loss(logits, batch)
        if votes is not None and batch.votes is not None:
            loss = loss + self._recipe.votes_weight * F.cross_entropy(votes.float(), batch.votes)
        loss.backward()  # type: ignore[no-untyped-call]
        right = (logits.argmax(1) == batch.labels.argmax(1)).float().mean()
        return loss.detach(), right

    def _labels_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Smoothed cross-entropy to the labels, or part of it to what teachers say (Hinton et al. 2015)."""
        recipe = self._recipe
        loss = F.cross_entropy(logits, batch.labels, weight=self._weights, label_smoothing=recipe.label_smoothing)
        if batch.taught is None:
            return loss
        warmth = recipe.teacher_temperature
        # Gradients of softened answers are smaller by the square of the temperature.
        lesson = F.cross_entropy(logits / warmth, batch.taught) * warmth**2
        return loss.lerp(lesson, recipe.teacher_weight)


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 where the hardware multiplies matrices of it; elsewhere it is slower than float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device))


def has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Not AVX-512's bfloat16: torch 2.13 trains rep-small with it in 533 ms a batch of 128 where float32 takes 432.
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))
