"""Distillation: trained networks whose probabilities a student learns (Hinton et al. 2015, arXiv:1503.02531)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.errors import RecipeError
from mien.training.architectures import Network
from mien.training.architectures.rep_net import merged
from mien.training.recipe import Recipe
from mien.training.run import trained_file
from mien.training.trained import fold_left_out, load_trained
from mien.training.winograd import use_winograd


@dataclass(frozen=True, slots=True)
class Teacher:
    """A trained network, and the fold of faces that it was not trained on."""

    name: str  # of its file
    sha256: str  # of its file
    network: Network  # in evaluation mode, merged as for export
    folds: int  # 1 if it was trained on all faces
    fold: int


def load_teachers(
    paths: Sequence[Path], student: Recipe, classes: tuple[str, ...], device: torch.device
) -> list[Teacher]:
    """The teachers of a student, whose classes and size of faces have to be the student's: they see the same images."""
    if bool(paths) != bool(student.teacher_weight):
        raise RecipeError(
            "teachers are given, and the recipe's teacher_weight is 0; set it above 0"
            if paths
            else f"the recipe's teacher_weight is {student.teacher_weight:g}, and no teacher is given; name runs by "
            "--teacher"
        )
    image_size = student.image_size
    teachers = []
    for path in paths:
        file = trained_file(path)
        trainee, about = load_trained(file)
        recipe = about["recipe"]
        if tuple(about["classes"]) != classes:
            raise RecipeError(
                f"{file} cannot teach: its classes are {', '.join(about['classes'])}; expected {', '.join(classes)}"
            )
        folds, fold = fold_left_out(recipe, about.get("initial"))
        if folds != recipe.get("folds", 1):
            raise RecipeError(
                f"{file} cannot teach: it left out a fold of {recipe['folds']}, but it began with the weights of "
                f"{about['initial']['name']}, which may have learned from that fold; train it from other weights"
            )
        if recipe["image_size"] != image_size:
            raise RecipeError(f"{file} cannot teach: it takes faces of {recipe['image_size']} pixels, not {image_size}")
        use_winograd(trainee.network, device)  # what export merges stays an ordinary convolution
        network = merged(trainee.network).to(device).requires_grad_(False)
        # Laid out as the images are.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        teachers.append(Teacher(file.name, sha256, network, folds, fold))
    return teachers


@torch.no_grad()
def teacher_targets(teachers: Sequence[Teacher], eligible: Tensor, images: Tensor, temperature: float) -> Tensor:
    """The mean of the softened probabilities (N, K) that each face's eligible teachers, (T, N) bool, give it.

    They see the very view that the student sees (Beyer et al. 2022, arXiv:2106.05237).
    """
    answers = []
    for teacher, mask in zip(teachers, eligible, strict=True):
        chosen = mask.nonzero()[:, 0]
        if len(chosen):
            logits = teacher.network.classify(images[chosen])[0].float()
            answers.append((chosen, F.softmax(logits / temperature, dim=1)))
    total = images.new_zeros(len(images), answers[0][1].shape[1])
    for chosen, probabilities in answers:
        total.index_add_(0, chosen, probabilities)
    return total / eligible.sum(0).unsqueeze(1)
