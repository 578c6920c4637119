"""The optimizer, the learning rate over time, and sharpness-aware steps."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mien.training.recipe import Recipe

_Groups = list[dict[str, object]]

OPTIMIZERS: dict[str, Callable[[_Groups, Recipe], torch.optim.Optimizer]] = {
    "sgd": lambda groups, recipe: torch.optim.SGD(
        groups, recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0
    ),
    "adam": lambda groups, recipe: torch.optim.Adam(groups, recipe.learning_rate, betas=(recipe.momentum, 0.999)),
    "adamw": lambda groups, recipe: torch.optim.AdamW(groups, recipe.learning_rate, betas=(recipe.momentum, 0.999)),
}
"""SGD in Nesterov's form; Adam (Kingma and Ba 2015, arXiv:1412.6980), and with decoupled weight decay (Loshchilov and
Hutter 2019, arXiv:1711.05101)."""


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer; only tensors decay (weights, position embeddings), not vectors (biases, norms)."""
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups: _Groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return OPTIMIZERS[recipe.optimizer](groups, recipe)


def learning_rate(recipe: Recipe, step: int, steps_an_epoch: int, num_falls: int = 0) -> float:
    """A linear warm-up, then the recipe's schedule, at a step counted from 0 over all epochs.

    The schedule is half a cosine down to 0 (Loshchilov and Hutter 2017, arXiv:1608.03983), a rate that falls whenever
    the validation loss has reached a plateau, `num_falls` times so far, or a constant rate.
    """
    warmup = recipe.warmup_epochs * steps_an_epoch
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    if recipe.schedule == "cosine":
        progress = (step - warmup) / max(1, recipe.epochs * steps_an_epoch - warmup)
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
    return recipe.learning_rate * (recipe.plateau_factor**num_falls if recipe.schedule == "plateau" else 1)


@contextmanager
def perturbed(model: nn.Module, distance: float) -> Iterator[None]:
    """Within, the weights are moved by `distance` (rho) along the gradient; the gradient there leads to flat minima.

    Sharpness-aware minimisation (Foret et al. 2021, arXiv:2010.01412).
    """
    moved = [parameter for parameter in model.parameters() if parameter.grad is not None]
    gradients = [parameter.grad for parameter in moved if parameter.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients]))
    changes: list[Tensor] = [gradient * (distance / (norm + 1e-12)) for gradient in gradients]
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [module.momentum for module in norms]
    with torch.no_grad():
        for parameter, change in zip(moved, changes, strict=True):
            parameter.add_(change)
    for module in norms:
        module.momentum = 0.0  # the running statistics belong to the unperturbed weights
    model.zero_grad()
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, change in zip(moved, changes, strict=True):
                parameter.sub_(change)
        for module, momentum in zip(norms, momenta, strict=True):
            module.momentum = momentum
