"""The module that is trained: making it, reading one that was kept, and what a model file says of it."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mien.data.reading import shortened
from mien.emotions import FER_PLUS_EXPRESSIONS
from mien.errors import ModelError, RecipeError
from mien.recognition import ModelInfo
from mien.recognition.model_file import size_class
from mien.training import checkpoint
from mien.training.architectures import ARCHITECTURES, Network


def fresh_network(
    architecture: str, num_classes: int, image_size: int, dropout_scale: float = 1.0, keep: float = 1.0
) -> Network:
    """A network of an architecture and a share of its channels, with its dropout scaled.

    Its weights are drawn from torch's global generator.
    """
    network = ARCHITECTURES[architecture](num_classes, image_size, keep)
    dropouts = [module for module in network.modules() if isinstance(module, nn.Dropout)]
    if dropout_scale != 1 and not dropouts:
        raise RecipeError(f"dropout_scale: {architecture} has no dropout to scale; leave it at 1")
    for module in dropouts:
        module.p *= dropout_scale
    return network


class Trainee(nn.Module):
    """A network, with a second head for FER+'s votes when its recipe has one."""

    def __init__(self, network: Network, *, votes: bool) -> None:
        super().__init__()
        self.network = network
        self.votes = nn.Linear(network.num_embedded, len(FER_PLUS_EXPRESSIONS)) if votes else None

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor | None]:
        """(N, 1, S, S) float, standardised → logits of the classes (N, K) and of the votes (N, 8), or None."""
        logits, embedding = self.network.classify(faces)
        return logits, None if self.votes is None else self.votes(embedding)


def load_trained(path: Path) -> tuple[Trainee, dict[str, Any]]:
    """A kept model, in evaluation mode, and what its training wrote about it."""
    weights, about = checkpoint.load(path)
    if "recipe" not in about:
        raise ModelError(f"{path} is not a kept model; name the run's folder, or a file of its models/")
    try:
        size, classes = about["recipe"]["image_size"], about["classes"]
        if size not in range(16, 513) or not classes or not all(isinstance(name, str) for name in classes):
            raise ModelError(f"faces of {size!r:.20} pixels, and classes {classes!r:.200}")
        keep = about["recipe"].get("keep", 1.0)
        network = ARCHITECTURES[about["recipe"]["architecture"]](len(classes), size, keep)
        trainee = Trainee(network, votes="votes.weight" in weights)
        trainee.load_state_dict(weights)
        describe_model(trainee, about, "checked")
    except checkpoint.DAMAGE as error:
        reason = shortened(str(error), 500) or type(error).__name__
        raise ModelError(f"{path} holds no network that this mien can build: {reason}") from error
    return trainee.eval(), about


def fold_left_out(recipe: Mapping[str, Any], initial: Mapping[str, Any] | None = None) -> tuple[int, int]:
    """The number of folds, and the one whose faces a network never learned from; (1, 0) if it may have, from all.

    Args:
        recipe: A training's, or that of a model file, whose members have one each.
        initial: What the training wrote of the weights it began with; older ones say nothing of their folds.
    """
    parts = [*(recipe.get("members") or [recipe]), *([initial] if initial and "folds" in initial else [])]
    # Folds go by pixels: at another size, the fold of the same number holds other faces.
    size = parts[0].get("image_size")
    folds = {(int(part.get("folds", 1)), int(part.get("fold", 0)), part.get("image_size", size)) for part in parts}
    return folds.pop()[:2] if len(folds) == 1 else (1, 0)


def recipe_and_fold(about: Mapping[str, Any]) -> dict[str, Any]:
    """A training's recipe with the fold that its weights left out, by what they began with too."""
    folds, fold = fold_left_out(about["recipe"], about.get("initial"))
    recipe: dict[str, Any] = about["recipe"]
    return recipe if folds == recipe.get("folds", 1) else recipe | {"folds": folds, "fold": fold}


def describe_model(trainee: Trainee, about: dict[str, Any], name: str) -> ModelInfo:
    """The metadata of one network's model file, with the scores of its training's validation."""
    recipe, epoch = about["recipe"], about["epoch"]
    num_parameters = sum(parameter.numel() for parameter in trainee.parameters())
    return ModelInfo(
        name=name,
        architecture=recipe["architecture"],
        labels=tuple(about["classes"]),
        vote_labels=() if trainee.votes is None else FER_PLUS_EXPRESSIONS,
        input_size=recipe["image_size"],
        num_parameters=num_parameters,
        size_class=size_class(num_parameters),
        trained_on=about["data"],
        recipe=recipe_and_fold(about),
        commit=(about.get("resumed_with") or [about["code"]])[-1]["commit"],
        measured={
            "split": "val",
            "num_faces": about["data"]["faces"]["val"],
            "accuracy": epoch["val_accuracy"],
            "nll": epoch["val_loss"],
            "epoch": epoch["epoch"],
        },
    )


def describe_together(
    trainee: Trainee, abouts: Sequence[dict[str, Any]], name: str, *, shares: Sequence[float] = ()
) -> ModelInfo:
    """The metadata, without scores yet, of an ensemble, or of the mean of the weights if there are shares in it."""
    info = describe_model(trainee, abouts[0], name)
    recipe: dict[str, Any] = {"members": [recipe_and_fold(about) for about in abouts]}
    if shares:
        return dataclasses.replace(info, recipe=recipe | {"shares": list(shares)}, measured={})
    return dataclasses.replace(info, architecture="ensemble", size_class="ensemble", recipe=recipe, measured={})


def check_belong_together(abouts: Sequence[dict[str, Any]]) -> None:
    """Check that trainings can make one model, by what each wrote about its own."""
    for first, about in itertools.pairwise(abouts):
        for what, mine, other in (
            ("classes", first["classes"], about["classes"]),
            ("size of faces", first["recipe"]["image_size"], about["recipe"]["image_size"]),
            ("data", first["data"], about["data"]),
        ):
            if mine != other:
                raise RecipeError(f"these trainings differ in their {what}, and cannot make one model: {mine}, {other}")
