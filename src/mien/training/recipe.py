"""A recipe: every setting of a training, in one TOML file."""

import dataclasses
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails, PydanticCustomError

from mien.data.reading import shortened
from mien.errors import RecipeError, did_you_mean
from mien.training.architectures import ARCHITECTURES
from mien.training.augmentation import SETTINGS, Augmentation

MOST: Final = 1_000_000
"""Upper bound of settings that have no other: epochs, faces in a batch."""

_SHOWN: Final = 50  # most faults that a message lists; there are fewer settings


def _known(architecture: str) -> str:
    if architecture not in ARCHITECTURES:
        raise PydanticCustomError("unknown", "one of: {known}", {"known": ", ".join(ARCHITECTURES)})
    return architecture


@dataclass(frozen=True, slots=True, kw_only=True, config=SETTINGS)
class Recipe:
    """The settings of a training: everything but its data and teachers.

    Attributes:
        architecture: A key of `architectures.ARCHITECTURES`.
        keep: The share, above 0, of the architecture's channels that the network has, of each layer alike, in
            multiples of 8. It begins with the most important ones of weights that have more (`pruning.pruned`).
        image_size: S, the side in pixels of the faces it trains on.
        epochs: Passes over the training split; the cosine ends with the last.
        batch_size: Faces in a step, of all processes together.
        optimizer: "sgd" (Nesterov's), "adam" or "adamw".
        learning_rate: The peak of the learning rate, after the warm-up.
        warmup_epochs: Epochs of linear rise from 0.
        schedule: The learning rate after the warm-up: "cosine" down to 0, "plateau" or "constant".
        plateau_patience: Epochs without a lower validation loss after which a plateau's rate falls.
        plateau_factor: The factor by which it falls then.
        momentum: The momentum of SGD; Adam's first beta.
        weight_decay: Decoupled in AdamW; for weights of convolutions and dense layers, never for biases or batch norm.
        sharpness: Rho of sharpness-aware minimisation (Foret et al. 2021, arXiv:2010.01412), which doubles the time; 0
            turns it off.
        label_smoothing: The share of the target spread over all classes.
        class_weighting: The power of a class's rarity that weights its faces in the loss: with 0 all faces count alike,
            with 1 all classes.
        class_sampling: The power of a class's rarity that weights how often its faces are drawn.
        mixup: Alpha of mixup (Zhang et al. 2018, arXiv:1710.09412), on half of the batches when `cutmix` is on too; 0
            turns it off.
        cutmix: Alpha of CutMix (Yun et al. 2019, arXiv:1905.04899); 0 turns it off.
        dropout_scale: The factor, up to 2, of the network's own dropout in training; networks without dropout take 1
            only. A short training of the GELU network needs less of it.
        ema_decay: The decay of the moving average of weights that is measured and kept; 0 keeps the weights themselves.
        votes_weight: The weight of the second loss, cross-entropy to FER+'s votes (Barsoum et al. 2016,
            arXiv:1608.01041), through a head that the model file keeps as a third output. It is off for data without
            votes.
        people_weight: The share, 0 to 1, in the targets of the labels' probabilities given FER+'s votes; the rest is
            the labels themselves. It is off for data without votes.
        teacher_weight: The share of the distillation loss, 0 to 1; the rest is the labels'.
        teacher_temperature: The temperature that softens the teachers' and the student's probabilities.
        eight_bits: Whether weights and activations are rounded in training as in a file in eight bits, and batch norm
            keeps its statistics: a few epochs at a low learning rate, from the weights of a training that has ended.
        folds: The number of parts into which the training split is divided by the faces' pixels; 1 leaves it whole.
        fold: The number, from 0, of the part that is left out.
        patience: Epochs without a lower validation loss after which training stops; 0 never stops early.
        seed: The seed of weights, order and augmentation.
        plain_epochs: The last epochs, in which faces are mirrored (if at all) and moved by `plain_moves`, and nothing
            else, so that the network ends on faces as they are (Ge et al. 2021, YOLOX, arXiv:2107.08430).
        plain_moves: The share, 0 to 1, of rotation, scale and shift that is left in those epochs. With none, a network
            ends on the very squares of its data set; a detector's lie a little beside them.
        augmentation: The limits within which faces are changed.
    """

    architecture: Annotated[str, AfterValidator(_known)]
    keep: StrictFloat = Field(default=1.0, gt=0, le=1)
    image_size: StrictInt = Field(default=48, ge=16, le=512)
    epochs: StrictInt = Field(default=100, ge=1, le=MOST)
    batch_size: StrictInt = Field(default=64, ge=2, le=MOST)
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: StrictFloat = Field(default=0.1, ge=1e-8, le=100)
    warmup_epochs: StrictInt = Field(default=1, ge=0, le=MOST)
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    plateau_patience: StrictInt = Field(default=5, ge=1, le=MOST)
    plateau_factor: StrictFloat = Field(default=0.3, ge=0, le=1)
    momentum: StrictFloat = Field(default=0.9, ge=0, le=1)
    weight_decay: StrictFloat = Field(default=5e-4, ge=0, le=1)
    sharpness: StrictFloat = Field(default=0.0, ge=0, le=1)
    label_smoothing: StrictFloat = Field(default=0.1, ge=0, le=0.9)
    class_weighting: StrictFloat = Field(default=0.0, ge=0, le=1)
    class_sampling: StrictFloat = Field(default=0.0, ge=0, le=1)
    mixup: StrictFloat = Field(default=0.0, ge=0, le=10)
    cutmix: StrictFloat = Field(default=0.0, ge=0, le=10)
    dropout_scale: StrictFloat = Field(default=1.0, ge=0, le=2)
    ema_decay: StrictFloat = Field(default=0.999, ge=0, le=1)
    votes_weight: StrictFloat = Field(default=0.0, ge=0)
    people_weight: StrictFloat = Field(default=0.0, ge=0, le=1)
    teacher_weight: StrictFloat = Field(default=0.0, ge=0, le=1)
    teacher_temperature: StrictFloat = Field(default=2.0, ge=0.1, le=100)
    eight_bits: StrictBool = False
    folds: StrictInt = Field(default=1, ge=1, le=100)
    fold: StrictInt = Field(default=0, ge=0, le=MOST)
    patience: StrictInt = Field(default=0, ge=0, le=MOST)
    seed: StrictInt = Field(default=0, ge=0, le=2**31 - 1)
    plain_epochs: StrictInt = Field(default=0, ge=0, le=MOST)
    plain_moves: StrictFloat = Field(default=0.0, ge=0, le=1)
    augmentation: Augmentation = Field(default_factory=Augmentation)


MAX_BYTES: Final = 2**15
"""Size of the largest recipe that is read, in bytes; what a longer one may hold takes the parser gigabytes."""

PARTS_OF_EPOCHS: Final = ("warmup_epochs", "plain_epochs")  # keys that count some of the training's epochs


def shipped_recipes() -> dict[str, Path]:
    """The files of the recipes that come with mien, by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "recipes").glob("*.toml"))}


def read_recipe(source: str | Path) -> Recipe:
    """A recipe by the name of one that comes with mien, or from a TOML file.

    Raises:
        RecipeError: there is no such recipe, it is not readable TOML, or it is wrong; the message lists every fault
            at once, and for an unknown name or key the nearest known one.

    Example:
        >>> read_recipe("rep-small").image_size
        48
    """
    shipped = shipped_recipes()
    path = shipped.get(str(source), Path(source))
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"it has {size:,} bytes; a recipe has at most {MAX_BYTES:,}")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        hint = did_you_mean(path.stem, shipped)
        raise RecipeError(
            f"{source}: there is no such recipe{hint} mien's own are: {', '.join(shipped)}; or name a TOML file"
        ) from error
    except IsADirectoryError as error:
        hint = f"; to go on with the training in it: --out {path} --resume" if (path / "run.json").is_file() else ""
        raise RecipeError(
            f"{path} is a folder; a recipe is a name ({', '.join(shipped)}) or a TOML file{hint}"
        ) from error
    except RecursionError as error:
        raise RecipeError(f"{path}: not a readable TOML file: it is nested too deeply") from error
    except (OSError, ValueError) as error:  # ValueError: no TOML, no UTF-8, too large a number or file
        reason, *_ = str(error).partition("; use sys.")  # Python's advice to programmers
        raise RecipeError(f"{path}: not a readable TOML file: {shortened(reason, 300)}") from error
    return parse_recipe(table, str(source))


def parse_recipe(table: dict[str, Any], name: str) -> Recipe:
    """The recipe in a table of plain values, as TOML and `asdict` give it, called `name` in error messages."""
    try:
        recipe = TypeAdapter(Recipe).validate_python(table)
    except ValidationError as error:
        faults = [_fault(each) for each in error.errors(include_url=False)]
    else:
        faults = list(_contradictions(recipe))
        if not faults:
            return recipe
    shown = faults[:_SHOWN] + [f"… and {len(faults) - _SHOWN:,} more"] * (len(faults) > _SHOWN)
    raise RecipeError("\n  ".join([f"{name}: {len(faults):,} fault{'s' * (len(faults) > 1)}", *shown]))


def overridden(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with some settings changed: `augmentation.erase=0.25` or, with or without quotes, `optimizer=adamw`.

    With other `epochs`, the warm-up and the plain epochs become shorter or longer in proportion, unless they
    are set too: rounded, and at least 1 where there were any.
    """
    table = dataclasses.asdict(recipe)
    changed = set()
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            expected = "expected KEY=VALUE, as in epochs=3 or augmentation.erase=0.25"
            raise RecipeError(f"--set {shortened(setting)}: {expected}")
        outer, _, last = key.strip().rpartition(".")
        inner: Any = table.setdefault(outer, {}) if outer else table
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {shortened(setting)}: {outer} is a single setting, not a table of settings")
        inner[last] = _value(text.strip())
        changed.add(key.strip())
    epochs = table["epochs"]
    # What is no number of epochs, `parse_recipe` reports.
    if "epochs" in changed and isinstance(epochs, int) and epochs <= MOST:
        for key in PARTS_OF_EPOCHS:
            if table[key] and key not in changed:
                table[key] = max(1, round(table[key] * epochs / recipe.epochs))
    return parse_recipe(table, " ".join(f"--set {shortened(setting)}" for setting in settings))


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _contradictions(recipe: Recipe) -> Iterator[str]:
    """Settings that are right one by one, and wrong together."""
    if recipe.keep < 1 and not ARCHITECTURES[recipe.architecture].widths:
        yield f"keep: expected 1 with {recipe.architecture}, whose channels cannot leave one by one"
    for key in PARTS_OF_EPOCHS:
        if getattr(recipe, key) > recipe.epochs:
            yield (
                f"{key}: {getattr(recipe, key)} is more than epochs, which is {recipe.epochs}; expected 0 to "
                f"{recipe.epochs}, or more epochs"
            )
    if recipe.optimizer != "sgd" and recipe.momentum == 1:
        yield f"momentum: expected less than 1 with {recipe.optimizer}"
    if recipe.fold >= recipe.folds and recipe.fold:
        yield f"fold: expected 0 to {recipe.folds - 1}, as there are {recipe.folds} folds; got {recipe.fold}"


def _fault(error: ErrorDetails) -> str:
    """One line: the key with its table's name, what was expected, and what came."""
    *table, last = map(str, error["loc"])
    key = ".".join([*table, last])
    if error["type"] == "missing":
        return f"{key}: missing; expected one of: {', '.join(ARCHITECTURES)}"
    if error["type"] == "unexpected_keyword_argument":
        known = [item.name for item in dataclasses.fields(Augmentation if table else Recipe)]
        return f"{shortened(key)}: no such key{did_you_mean(last, known)} Known are: {', '.join(known)}"
    expected = "a table" if error["type"] == "dataclass_type" else error["msg"].removeprefix("Input should be ")
    for words, short in (("greater than or equal to", "at least"), ("less than or equal to", "at most")):
        expected = expected.replace(words, short)
    return f"{shortened(key)}: expected {expected}, got {_shown(error['input'])}"


def _shown(value: object) -> str:
    try:
        return shortened(repr(value))
    except (ValueError, RecursionError):  # a whole number of thousands of digits
        return f"a {type(value).__name__} too long to show"
