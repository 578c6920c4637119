"""Networks that `mien train` kept: reading them, and what a model file says of them."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mien.emotions import FER_PLUS_EXPRESSIONS
from mien.errors import ModelError, RecipeError
from mien.recognition import ModelInfo
from mien.recognition.model_file import size_class
from mien.training import checkpoint
from mien.training.architectures import ARCHITECTURES
from mien.training.trainee import Trainee


def load_trained(path: Path) -> tuple[Trainee, dict[str, Any]]:
    """A kept model, in evaluation mode, and what its training wrote about it.

    Raises:
        ModelError: the file is missing, damaged, or not a model that `mien train` kept.
    """
    weights, about = checkpoint.load(path)
    if "recipe" not in about:
        raise ModelError(f"{path} is not a kept model; name the run's folder, or a file of its models/")
    try:
        network = ARCHITECTURES[about["recipe"]["architecture"]](len(about["classes"]), about["recipe"]["image_size"])
        trainee = Trainee(network, votes="votes.weight" in weights)
        trainee.load_state_dict(weights)
        describe_model(trainee, about, "checked")
    except (KeyError, RuntimeError, TypeError) as error:
        raise ModelError(f"{path} holds no network that this mien can build: {error}") from error
    return trainee.eval(), about


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
        recipe=recipe,
        commit=about.get("resumed_with", [about["code"]])[-1]["commit"],
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
    """The metadata of several networks' model file; it has no scores yet.

    Args:
        trainee: an ensemble of the members, or one network of the mean of their weights.
        abouts: what the training of each member wrote about it.
        name: the model's name.
        shares: each member's share in the mean of the weights; none for an ensemble.
    """
    info = describe_model(trainee, abouts[0], name)
    recipe: dict[str, Any] = {"members": [about["recipe"] for about in abouts]}
    if shares:
        return dataclasses.replace(info, recipe=recipe | {"shares": list(shares)}, measured={})
    return dataclasses.replace(info, architecture="ensemble", size_class="ensemble", recipe=recipe, measured={})


def check_belong_together(abouts: Sequence[dict[str, Any]]) -> None:
    """Check that trainings can make one model, by what each wrote about its own.

    Raises:
        RecipeError: they differ in their classes, size of faces or data; the message says in what.
    """
    for first, about in itertools.pairwise(abouts):
        for what, mine, other in (
            ("classes", first["classes"], about["classes"]),
            ("size of faces", first["recipe"]["image_size"], about["recipe"]["image_size"]),
            ("data", first["data"], about["data"]),
        ):
            if mine != other:
                raise RecipeError(f"these trainings differ in their {what}, and cannot make one model: {mine}, {other}")
