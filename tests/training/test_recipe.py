import dataclasses
import re
from pathlib import Path

import pytest

from mien.errors import RecipeError
from mien.training.recipe import Recipe, overridden, parse_recipe, read_recipe, shipped_recipes


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_are_right_and_survive_a_round_trip(name: str) -> None:
    recipe = read_recipe(name)
    assert parse_recipe(dataclasses.asdict(recipe), "again") == recipe
    assert read_recipe(shipped_recipes()[name]) == recipe


def test_recipes_come_with_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By name, from whatever folder; the wheel holds all files below the package."""
    monkeypatch.chdir(tmp_path)
    assert read_recipe("mini-xception").architecture == "mini-xception"
    assert {"mini-xception", "gelu-cnn", "rep-small"} <= shipped_recipes().keys()


@pytest.mark.parametrize("wrong", ["mini-exception", "recipes/mini-xception.toml"])
def test_an_unknown_recipe_is_reported_with_the_nearest_name(wrong: str) -> None:
    with pytest.raises(RecipeError, match=f"{wrong}: there is no such recipe; did you mean mini-xception.*rep-small"):
        read_recipe(wrong)


def test_every_fault_is_reported_at_once_with_the_nearest_key() -> None:
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
        "architecture: expected one of: mini-xception, gelu-cnn",
        "epoch: no such key; did you mean epochs?",
        "batch_size: expected a valid integer, got 'many'",
        "label_smoothing: expected at most 0.9, got 2",
        "augmentation.rotaton: no such key; did you mean rotation?",
        "augmentation.flip: expected a valid boolean, got 1",
        "augmentation.scale: expected at least 1, got 0.5",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "architecture: missing"),
        ({"architecture": "mini-xception", "augmentation": 3}, "augmentation: expected a table, got 3"),
        ({"architecture": "mini-xception", "epochs": True}, "epochs: expected a valid integer, got True"),
        (
            {"architecture": "mini-xception", "learning_rate": float("nan")},
            "learning_rate: expected a finite number, got nan",
        ),
        (
            {"architecture": "mini-xception", "epochs": 2, "warmup_epochs": 3},
            "warmup_epochs: 3 is more than epochs, which is 2; expected 0 to 2, or more epochs",
        ),
        ({"architecture": "mini-xception", "epochs": 2, "plain_epochs": 3}, "plain_epochs: 3 is more than epochs"),
        ({"architecture": 3}, "architecture: expected a valid string, got 3"),
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


def test_a_training_in_place_of_a_recipe_says_how_to_go_on_with_it(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    with pytest.raises(RecipeError, match=r"is a folder; .* go on with the training in it: --out .* --resume"):
        read_recipe(tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("epochs = " + "[" * 20_000, "nested too deeply"),
        ("epochs = " + "9" * 10_000, r"not a readable TOML file: .* has 10000 digits$"),
        ("epochs = 0x" + "f" * 10_000, "epochs: expected"),
        ("a" + ".a" * 15_000 + " = 1", "(no such key|nested too deeply)"),
        ("a" + ".a" * 100_000 + " = 1", "TOML file: it has 200,005 bytes; a recipe has at most 32,768"),
        ("\n".join(f"key{number} = 1" for number in range(500)), "and 451 more"),
        ('epochs = "' + "x" * 9_000 + '"', "epochs: expected a valid integer, got 'xxx"),
    ],
)
def test_hostile_recipes_end_in_a_short_message(tmp_path: Path, line: str, says: str) -> None:
    """Fault 59: brackets, long numbers and long keys ended in tracebacks, or took 6.7 GB."""
    path = tmp_path / "hostile.toml"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(RecipeError, match=says) as caught:
        read_recipe(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 40_000
    with pytest.raises(RecipeError, match=r"--set") as caught:
        overridden(RECIPE, [line])
    assert len(str(caught.value)) < 40_000


def test_a_recipe_made_in_python_is_checked_too() -> None:
    with pytest.raises(ValueError, match="epochs"):
        Recipe(architecture="mini-xception", epochs=0)


def test_whole_numbers_stand_for_floats() -> None:
    assert parse_recipe({"architecture": "mini-xception", "weight_decay": 0}, "x").weight_decay == 0.0


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


def test_the_page_of_training_names_every_setting() -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    first_cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = {name for cell in first_cells for name in re.findall(r"`\[?(\w+)\]?`", cell)}
    assert {field.name for field in dataclasses.fields(Recipe)} <= named
