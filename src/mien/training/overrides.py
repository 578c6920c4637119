"""Changing a recipe from the command line."""

import tomllib
from collections.abc import Sequence
from typing import Any

from mien.errors import RecipeError
from mien.training.recipe import Recipe, parse_recipe, recipe_table


def overridden(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with some of its settings changed.

    Args:
        recipe: to begin with.
        settings: as `key=value`, the value as TOML writes it, a text with or without quotes: `epochs=3`,
            `augmentation.erase=0.25`, `optimizer=adamw`.

    Raises:
        RecipeError: a setting has no `=`, or the recipe would be wrong; every fault is told at once.
    """
    table = recipe_table(recipe)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise RecipeError(f"--set {setting}: expected KEY=VALUE, as in epochs=3 or augmentation.erase=0.25")
        *outer, last = key.strip().split(".")
        inner: Any = table
        for name in outer:
            inner = inner.setdefault(name, {})
            if not isinstance(inner, dict):
                raise RecipeError(f"--set {setting}: {name} is no table of settings")
        inner[last] = _value(text.strip())
    return parse_recipe(table, " ".join(f"--set {setting}" for setting in settings))


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
