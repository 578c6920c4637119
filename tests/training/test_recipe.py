from pathlib import Path

import pytest

from mien.errors import RecipeError
from mien.training.recipe import parse_recipe, read_recipe, recipe_table

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_right_and_survive_a_round_trip(path: Path) -> None:
    recipe = read_recipe(path)
    assert parse_recipe(recipe_table(recipe), "again") == recipe


def test_there_are_shipped_recipes() -> None:
    assert RECIPES


def test_every_fault_is_told_at_once_with_the_nearest_key() -> None:
    table = {
        "architecture": "mini-exception",
        "epoch": 3,
        "batch_size": "many",
        "label_smoothing": 2,
        "augmentation": {"rotaton": 5, "flip": 1, "scale": 0.5},
    }
    with pytest.raises(RecipeError) as caught:
        parse_recipe(table, "bad.toml")
    message = str(caught.value)
    for part in (
        "bad.toml: 7 faults",
        "architecture: 'mini-exception'; expected one of: mini-xception",
        "epoch: no such key; did you mean epochs?",
        "batch_size: expected int, got 'many'",
        "label_smoothing: expected 0 to 0.9, got 2",
        "augmentation.rotaton: no such key; did you mean rotation?",
        "augmentation.flip: expected bool, got 1",
        "augmentation.scale: expected 1 to 4, got 0.5",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "architecture: missing"),
        ({"architecture": "mini-xception", "augmentation": 3}, "augmentation: expected a table"),
        ({"architecture": "mini-xception", "epochs": True}, "epochs: expected int, got True"),
        ({"architecture": "mini-xception", "learning_rate": float("nan")}, "learning_rate: expected"),
        (
            {"architecture": "mini-xception", "epochs": 2, "warmup_epochs": 3},
            "warmup_epochs: 3 is more than epochs, which is 2; expected 0 to 2, or more epochs",
        ),
        ({"architecture": "mini-xception", "epochs": 2, "plain_epochs": 3}, "plain_epochs: 3 is more than epochs"),
        ({"architecture": 3}, "architecture: expected str, got 3"),
    ],
)
def test_faults(table: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe(table, "bad.toml")


@pytest.mark.parametrize("content", [b"epochs = ", b"\xff\xfe", None])
def test_unreadable_files_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"broken\.toml"):
        read_recipe(path)


def test_whole_numbers_stand_for_floats() -> None:
    assert parse_recipe({"architecture": "mini-xception", "weight_decay": 0}, "x").weight_decay == 0.0
