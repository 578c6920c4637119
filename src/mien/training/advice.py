"""Warnings about trainings that are too short to teach anything, or have taught nothing."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mien.recognition import shipped_models
from mien.training.events import Start
from mien.training.recipe import Recipe

FEW_STEPS: Final = 1000
"""Steps in all below which a network that begins untrained gets hardly anywhere, and the average of its weights less
far. mini-xception's recipe takes 54,000 on FER2013."""


def advice_before(recipe: Recipe, start: Start) -> str | None:
    """What to change before a training that is too short; None where nothing is likely to be wrong."""
    if start.initialized or start.num_steps >= FEW_STEPS:
        return None
    return f"{start.num_steps:,} steps in all are too few for untrained weights. {_remedies(recipe, start)}"


def advice_after(recipe: Recipe, start: Start, epochs: Iterable[Mapping[str, Any]]) -> str | None:
    """What to change after a training whose models kept are no better than chance alone may be; `Run.epochs` of it."""
    if start.chance == 1:
        return None  # of one class nothing can be learned, nor that seen
    accuracy = max((line["val_accuracy"] for line in epochs if line["kept"]), default=math.inf)
    error = math.sqrt(start.chance * (1 - start.chance) / start.num_val)
    if accuracy > start.chance + 2 * error:
        return None
    return (
        f"the network has learned nothing: it classifies {accuracy:.1%} of the {start.num_val:,} faces to validate on "
        f"correctly, and always naming the most frequent class is right for {start.chance:.1%}. "
        f"{_remedies(recipe, start)}"
    )


def _remedies(recipe: Recipe, start: Start) -> str:
    enough = math.ceil(FEW_STEPS * recipe.epochs / start.num_steps)  # epochs of as many steps as these
    ways = [f"train for more epochs (--set epochs={max(enough, 10 * recipe.epochs)})"]
    if recipe.batch_size > 16:
        ways.append(f"take smaller batches (--set batch_size={max(8, recipe.batch_size // 4)})")
    if not start.initialized and recipe.architecture in shipped_models():
        ways.insert(0, f"begin with trained weights (--init {recipe.architecture})")
    ways[0] = ways[0].capitalize()
    return " or ".join([", ".join(ways[:-1]), ways[-1]] if len(ways) > 1 else ways)
