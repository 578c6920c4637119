import dataclasses

import pytest
import torch
from torch import nn

from mien.training.loop import Progress
from mien.training.optimizer import OPTIMIZERS, learning_rate, make_optimizer, perturbed
from mien.training.recipe import Recipe, parse_recipe

RECIPE = Recipe(architecture="mini-xception", epochs=4, learning_rate=0.05)


def test_the_rate_rises_and_falls_to_nothing() -> None:
    rates = [learning_rate(RECIPE, step, 7) for step in range(4 * 7)]
    assert rates[6] == pytest.approx(RECIPE.learning_rate)
    assert rates[:7] == sorted(rates[:7])
    assert rates[7:] == sorted(rates[7:], reverse=True)
    assert rates[-1] < 0.01 * RECIPE.learning_rate


def test_a_constant_rate_stays() -> None:
    recipe = dataclasses.replace(RECIPE, schedule="constant", warmup_epochs=0)
    assert {learning_rate(recipe, step, 7) for step in range(28)} == {0.05}


def test_a_plateau_lowers_the_rate_each_time_the_loss_has_stood_still() -> None:
    recipe = dataclasses.replace(
        RECIPE, schedule="plateau", warmup_epochs=0, plateau_patience=1, plateau_factor=0.1, epochs=9
    )
    past, rates = Progress(), []
    for epoch, loss in enumerate([1.0, 0.9, 0.95, 0.95, 0.95, 0.95, 0.8], start=1):
        past = past.after(epoch, loss, recipe)
        rates.append(learning_rate(recipe, epoch * 7, 7, past.num_falls))
    assert rates == pytest.approx([0.05, 0.05, 0.005, 0.0005, 0.00005, 0.000005, 0.000005])
    assert (past.best_epoch, past.best_loss) == (7, 0.8)


def test_a_plateau_and_the_end_are_as_patient() -> None:
    recipe = dataclasses.replace(RECIPE, schedule="plateau", plateau_patience=3, patience=3, epochs=9)
    past = Progress().after(1, 1.0, recipe)
    for epoch in (2, 3):
        past = past.after(epoch, 1.1, recipe)
        assert not past.num_falls and not past.is_over(recipe)
    past = past.after(4, 1.1, recipe)
    assert past.num_falls and past.is_over(recipe)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_only_weights_decay(name: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    recipe = parse_recipe(dataclasses.asdict(RECIPE) | {"optimizer": name}, "of that optimizer")
    decayed, spared = make_optimizer(model, recipe).param_groups
    assert [value.ndim for value in decayed["params"]] == [4]
    assert decayed["weight_decay"] == RECIPE.weight_decay
    assert [value.ndim for value in spared["params"]] == [1, 1, 1]
    assert spared["weight_decay"] == 0


def test_perturbed_weights_are_that_far_along_the_gradient_and_come_back() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (4, 1, 1)), nn.BatchNorm2d(4))
    model(torch.randn(8, 3)).square().sum().backward()
    before = [value.detach().clone() for value in model.parameters()]
    slope = torch.cat([value.grad.flatten() for value in model.parameters() if value.grad is not None])
    norm = model[2]
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    mean = norm.running_mean.clone()
    with perturbed(model, 0.05):
        moved = torch.cat([(value - old).flatten() for value, old in zip(model.parameters(), before, strict=True)])
        torch.testing.assert_close(moved.detach(), 0.05 * slope / slope.norm(), atol=1e-6, rtol=1e-4)
        assert all(value.grad is None for value in model.parameters())
        model(torch.randn(8, 3))
        torch.testing.assert_close(norm.running_mean, mean)
    for value, old in zip(model.parameters(), before, strict=True):
        torch.testing.assert_close(value.detach(), old)
    assert norm.momentum == 0.1
