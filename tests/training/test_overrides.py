import pytest

from mien.errors import RecipeError
from mien.training.overrides import overridden
from mien.training.recipe import Recipe

RECIPE = Recipe(architecture="mini-xception", epochs=120, warmup_epochs=2, plain_epochs=15)


@pytest.mark.parametrize(
    ("settings", "lengths"),
    [
        (["epochs=3"], (3, 1, 1)),
        (["epochs=1"], (1, 1, 1)),
        (["epochs=60"], (60, 1, 8)),
        (["epochs=240"], (240, 4, 30)),
        (["epochs=30", "plain_epochs=10"], (30, 1, 10)),
        (["warmup_epochs=0", "epochs=30"], (30, 0, 4)),
        (["plain_epochs=20"], (120, 2, 20)),
    ],
)
def test_parts_of_a_training_follow_its_epochs_unless_they_are_set(
    settings: list[str], lengths: tuple[int, int, int]
) -> None:
    recipe = overridden(RECIPE, settings)
    assert (recipe.epochs, recipe.warmup_epochs, recipe.plain_epochs) == lengths


def test_what_a_recipe_leaves_out_stays_out() -> None:
    recipe = overridden(Recipe(architecture="mini-xception", warmup_epochs=0), ["epochs=500"])
    assert (recipe.warmup_epochs, recipe.plain_epochs) == (0, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["epochs=many"], "epochs: expected a valid integer, got 'many'"),
        (["epochs=true"], "epochs: expected a valid integer, got True"),
        (["epochs=0"], "epochs: expected at least 1, got 0"),
        (["epochs=3", "plain_epochs=4"], "plain_epochs: 4 is more than epochs, which is 3"),
        (["epochs"], "expected KEY=VALUE"),
        (["epochs.first=3"], "epochs is a single setting"),
        (["augmentation.a.b=3"], "augmentation.a: no such key"),
    ],
)
def test_wrong_settings_are_reported(settings: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        overridden(RECIPE, settings)
