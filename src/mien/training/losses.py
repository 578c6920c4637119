"""The losses that a training minimises."""

import time
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.data.dataset import FaceSet
from mien.training.batches import Batch, rarity
from mien.training.recipe import Recipe


class Losses:
    """The weighted sum of a recipe's losses; the faces to train on give the frequencies of the classes.

    Attributes:
        bf16: whether the network's products are computed in bfloat16.
    """

    def __init__(self, recipe: Recipe, faces: FaceSet, device: torch.device) -> None:
        self._recipe, self._device, self.bf16 = recipe, device, has_fast_bf16(device)
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


MIN_GAIN = 1.2  # by which bfloat16 has to be faster: beyond what other work on the machine makes of equal times


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies matrices in bfloat16 in hardware; where it does not, float32 is far faster."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


@cache
def has_fast_bf16(device: torch.device) -> bool:
    """Whether a device trains faster in bfloat16: one with matrix units does, one with AVX-512's is asked for a step."""
    if not has_bf16(device):
        return False
    if device.type == "cuda" or torch.cpu.get_capabilities().get("amx_bf16"):
        return True
    # AVX-512's instructions made rep-small's step 1.7 times as fast on one AMD EPYC (Zen 4), and slower elsewhere.
    return shortest(_step(bf16=False)) > MIN_GAIN * shortest(_step(bf16=True))


def _step(*, bf16: bool) -> Callable[[], None]:
    """Forward and backward through a convolution of 64 channels, as most of a network's time is spent."""
    layer = torch.nn.utils.skip_init(nn.Conv2d, 64, 64, 3, padding=1, bias=False)  # draws no random numbers
    nn.init.constant_(layer.weight, 0.01)
    layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
    images = torch.ones(32, 64, 12, 12, requires_grad=True).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            result = layer(images)
        result.float().sum().backward()

    return step


def shortest(step: Callable[[], None], times: int = 7) -> float:
    """Seconds that a step takes when nothing else is in its way, after one that warms up."""
    step()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return min(taken)
