"""How weights move: the optimizer, and the learning rate over time."""

import math
from collections.abc import Callable

import torch
from torch import nn

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
    """One that decays the weights of convolutions and dense layers, and leaves biases and batch norm alone."""
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups: _Groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return OPTIMIZERS[recipe.optimizer](groups, recipe)


def learning_rate(recipe: Recipe, step: int, steps_an_epoch: int) -> float:
    """A linear rise, then what the schedule says: half a cosine down to 0 (Loshchilov and Hutter 2017,
    arXiv:1608.03983), or the same rate for ever.

    Args:
        recipe: names the peak, the warm-up, the schedule and the length.
        step: from 0, over all epochs.
        steps_an_epoch: batches in an epoch.
    """
    warmup = recipe.warmup_epochs * steps_an_epoch
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    if recipe.schedule == "constant":
        return recipe.learning_rate
    progress = (step - warmup) / max(1, recipe.epochs * steps_an_epoch - warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
