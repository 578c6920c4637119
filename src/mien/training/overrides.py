"""Changing a recipe from the command line."""

import tomllib
from collections.abc import Sequence
from typing import Any

from mien.errors import RecipeError
from mien.training.recipe import PARTS_OF_EPOCHS, Recipe, parse_recipe, recipe_table


def overridden(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with some of its settings changed.

    With other `epochs`, the warm-up and the plain epochs become shorter or longer in proportion, unless they
    are set too: rounded, and at least 1 where there were any.

    Args:
        recipe: the recipe to change.
        settings: texts of the form `key=value`, the value as in TOML, a text with or without quotes: `epochs=3`,
            `augmentation.erase=0.25`, `optimizer=adamw`.

    Raises:
        RecipeError: a setting has no `=`, or the recipe would be wrong; the message lists every fault.
    """
    table = recipe_table(recipe)
    changed = set()
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise RecipeError(f"--set {setting}: expected KEY=VALUE, as in epochs=3 or augmentation.erase=0.25")
        outer, _, last = key.strip().rpartition(".")
        inner: Any = table.setdefault(outer, {}) if outer else table
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {setting}: {outer} is a single setting, not a table of settings")
        inner[last] = _value(text.strip())
        changed.add(key.strip())
    if "epochs" in changed:
        table |= _in_proportion(recipe, table["epochs"], but_not=changed)
    return parse_recipe(table, " ".join(f"--set {setting}" for setting in settings))


def _in_proportion(recipe: Recipe, epochs: object, *, but_not: set[str]) -> dict[str, int]:
    """The settings that follow the number of epochs; none when that is not a number, which `parse_recipe` reports."""
    if not isinstance(epochs, int):
        return {}
    before = {key: getattr(recipe, key) for key in PARTS_OF_EPOCHS if key not in but_not}
    return {key: max(1, round(value * epochs / recipe.epochs)) for key, value in before.items() if value}


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
