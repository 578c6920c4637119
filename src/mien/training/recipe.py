"""A recipe: everything that decides what a training gives, in one TOML file."""

import dataclasses
import difflib
import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_type_hints

from mien.errors import RecipeError
from mien.training.architectures import ARCHITECTURES
from mien.training.augmentation import Augmentation


def _one_of(default: str, *others: str) -> Any:
    return field(default=default, metadata={"choices": (default, *others)})


def _bounded(default: Any, low: float, high: float = math.inf) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training, but for its data and teachers.

    Attributes:
        architecture: a key of `architectures.ARCHITECTURES`.
        image_size: S, the side in pixels of the faces it trains on.
        epochs: passes over the training split; the cosine ends with the last.
        batch_size: faces a step, of all processes together.
        optimizer: "sgd" (Nesterov's), "adam" or "adamw".
        learning_rate: its peak, after the warm-up.
        warmup_epochs: epochs of linear rise from 0.
        schedule: of the rate after the warm-up: "cosine" down to 0, "plateau" or "constant".
        plateau_patience: epochs without a lower validation loss after which a plateau's rate falls.
        plateau_factor: by which it falls then.
        momentum: of SGD; Adam's first beta.
        weight_decay: decoupled in AdamW; on weights of convolutions and dense layers, never on biases or batch norm.
        sharpness: rho of sharpness-aware minimisation (Foret et al. 2021, arXiv:2010.01412), which takes twice as
            long; 0 turns it off.
        label_smoothing: the share of the target spread over all classes.
        class_weighting: the power of a class's rarity that weighs its faces in the loss: 0 not at all, 1 so that
            all classes count alike.
        class_sampling: the same power for how often its faces are drawn.
        mixup: alpha of mixup (Zhang et al. 2018, arXiv:1710.09412), on half of the batches when `cutmix` is on too;
            0 turns it off.
        cutmix: alpha of CutMix (Yun et al. 2019, arXiv:1905.04899); 0 turns it off.
        dropout_scale: what the network's own dropout is multiplied by while it trains, up to 2; a short training of
            the GELU network wants less of it. Networks without dropout take 1 only.
        ema_decay: of the moving average of weights that is measured and kept; 0 keeps the weights themselves.
        votes_weight: of the second loss, cross-entropy to FER+'s votes (Barsoum et al. 2016, arXiv:1608.01041),
            through a head that the model file keeps as a third output. Data without votes train without it.
        teacher_weight: the share of the loss that is agreement with the teachers, 0 to 1; the rest is the labels'.
        teacher_temperature: softens what teachers and student say before they are compared.
        folds: into how many parts the training split is cut, by what the faces are; 1 leaves it whole.
        fold: the part, from 0, that it does not train on.
        patience: epochs without a lower validation loss after which training stops; 0 never stops early.
        seed: of weights, order and augmentation.
        plain_epochs: the last epochs, in which faces are only mirrored (if at all), so that the network ends on faces
            as they are (Ge et al. 2021, YOLOX, arXiv:2107.08430).
        augmentation: how far faces are changed.
    """

    architecture: str
    image_size: int = _bounded(48, 16, 512)
    epochs: int = _bounded(100, 1)
    batch_size: int = _bounded(64, 2)
    optimizer: str = _one_of("sgd", "adam", "adamw")
    learning_rate: float = _bounded(0.1, 1e-8, 100)
    warmup_epochs: int = _bounded(1, 0)
    schedule: str = _one_of("cosine", "plateau", "constant")
    plateau_patience: int = _bounded(5, 1)
    plateau_factor: float = _bounded(0.3, 0, 1)
    momentum: float = _bounded(0.9, 0, 1)
    weight_decay: float = _bounded(5e-4, 0, 1)
    sharpness: float = _bounded(0.0, 0, 1)
    label_smoothing: float = _bounded(0.1, 0, 0.9)
    class_weighting: float = _bounded(0.0, 0, 1)
    class_sampling: float = _bounded(0.0, 0, 1)
    mixup: float = _bounded(0.0, 0, 10)
    cutmix: float = _bounded(0.0, 0, 10)
    dropout_scale: float = _bounded(1.0, 0, 2)
    ema_decay: float = _bounded(0.999, 0, 1)
    votes_weight: float = _bounded(0.0, 0)
    teacher_weight: float = _bounded(0.0, 0, 1)
    teacher_temperature: float = _bounded(2.0, 0.1, 100)
    folds: int = _bounded(1, 1, 100)
    fold: int = _bounded(0, 0)
    patience: int = _bounded(0, 0)
    seed: int = _bounded(0, 0, 2**31 - 1)
    plain_epochs: int = _bounded(0, 0)
    augmentation: Augmentation = field(default_factory=Augmentation)


PARTS_OF_EPOCHS: Final = ("warmup_epochs", "plain_epochs")
"""Which are no more than the epochs."""

_AUGMENTATION_BOUNDS: dict[str, tuple[float, float]] = {
    "rotation": (0, 180),
    "scale": (1, 4),
    "shift": (0, 1),
    "shear": (0, 1),
    "gamma": (1, 10),
    "contrast": (1, 10),
    "blur": (0, 10),
    "noise": (0, 1),
    "jpeg": (0, 100),
    "spoilt": (0, 1),
    "erase": (0, 1),
}


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises:
        RecipeError: the file is missing, no TOML, or wrong; the message lists every fault at once, and for an
            unknown key the nearest known one.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(f"{path}: there is no such recipe") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: not a readable TOML file: {error}") from error
    return parse_recipe(table, str(path))


def parse_recipe(table: dict[str, Any], name: str) -> Recipe:
    """The recipe in a table of plain values.

    Args:
        table: as TOML gives it, with the augmentation as a table of its own.
        name: what to call it in an error.

    Raises:
        RecipeError: as `read_recipe`.
    """
    faults: list[str] = []
    inner = table.get("augmentation", {})
    if not isinstance(inner, dict):
        faults.append(f"augmentation: expected a table, got {inner!r}")
        inner = {}
    outer = {key: value for key, value in table.items() if key != "augmentation"}
    values = _check(outer, Recipe, _bounds_of(Recipe), "", faults)
    for key, choices in _choices_of(Recipe).items():
        if key in values and values[key] not in choices:
            faults.append(f"{key}: {values[key]!r}; expected one of: {', '.join(choices)}")
    values["augmentation"] = Augmentation(**_check(inner, Augmentation, _AUGMENTATION_BOUNDS, "augmentation.", faults))
    if "architecture" not in outer:
        faults.append(f"architecture: missing; expected one of: {', '.join(ARCHITECTURES)}")
    elif values.get("architecture") not in ARCHITECTURES:
        faults.append(f"architecture: {outer['architecture']!r}; expected one of: {', '.join(ARCHITECTURES)}")
    if not faults:
        recipe = Recipe(**values)
        long = [key for key in PARTS_OF_EPOCHS if getattr(recipe, key) > recipe.epochs]
        faults += [
            f"{key}: {getattr(recipe, key)} is more than epochs, which is {recipe.epochs}; expected 0 to "
            f"{recipe.epochs}, or more epochs"
            for key in long
        ]
        if recipe.optimizer != "sgd" and recipe.momentum == 1:
            faults.append(f"momentum: expected less than 1 with {recipe.optimizer}")
        if recipe.fold >= recipe.folds and recipe.fold:
            faults.append(
                f"fold: expected 0 to {recipe.folds - 1}, as there are {recipe.folds} folds; got {recipe.fold}"
            )
    if faults:
        raise RecipeError("\n  ".join([f"{name}: {len(faults)} fault{'s' * (len(faults) > 1)}", *faults]))
    return Recipe(**values)


def recipe_table(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, every one spelled out; `parse_recipe` reads it back."""
    return dataclasses.asdict(recipe)


def _bounds_of(kind: type[Recipe]) -> dict[str, tuple[float, float]]:
    return {
        item.name: (item.metadata["low"], item.metadata["high"])
        for item in dataclasses.fields(kind)
        if "low" in item.metadata
    }


def _choices_of(kind: type[Recipe]) -> dict[str, tuple[str, ...]]:
    return {item.name: item.metadata["choices"] for item in dataclasses.fields(kind) if "choices" in item.metadata}


def _check(
    table: dict[str, Any],
    kind: type,
    bounds: dict[str, tuple[float, float]],
    prefix: str,
    faults: list[str],
) -> dict[str, Any]:
    """The values of `table` that fit the fields of `kind`; whatever does not is added to `faults`."""
    known = {key: wanted for key, wanted in get_type_hints(kind).items() if key != "augmentation"}
    values = {}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            faults.append(f"{prefix}{key}: no such key{hint} Known are: {', '.join(known)}")
            continue
        wanted: type = known[key]
        if wanted is float and type(value) is int:
            value = float(value)  # noqa: PLW2901 - TOML writes 1 for 1.0
        if type(value) is not wanted:
            faults.append(f"{prefix}{key}: expected {wanted.__name__}, got {value!r}")
            continue
        low, high = bounds.get(key, (-math.inf, math.inf))
        if isinstance(value, int | float) and not low <= value <= high:
            faults.append(f"{prefix}{key}: expected {_range(low, high)}, got {value}")
            continue
        values[key] = value
    return values


def _range(low: float, high: float) -> str:
    return f"at least {low:g}" if high == math.inf else f"{low:g} to {high:g}"
