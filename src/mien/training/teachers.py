"""Distillation: trained networks that tell a student how sure to be of what."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.data.folds import fold_of
from mien.errors import RecipeError
from mien.training.architectures import Network
from mien.training.run import trained_file
from mien.training.trained import load_trained
from mien.training.winograd import use_winograd
from mien.values import GreyFaces


@dataclass(frozen=True, slots=True)
class Teacher:
    """A trained network, and the faces it may speak of.

    Attributes:
        name: of its file.
        sha256: of its file.
        network: in evaluation mode, merged as for export.
        folds: how many folds its own training set was cut into; 1 for all of it.
        fold: the one it never saw.
    """

    name: str
    sha256: str
    network: Network
    folds: int
    fold: int

    def knows_not(self, faces: GreyFaces) -> Tensor:
        """(N,) bool: the faces it was not trained on; all of them when it saw the whole set, for want of better."""
        return torch.from_numpy(fold_of(faces, self.folds) == self.fold)


def load_teachers(
    paths: Sequence[Path], classes: tuple[str, ...], image_size: int, device: torch.device
) -> list[Teacher]:
    """Networks that `mien train` kept.

    Args:
        paths: runs (their best model) or kept models.
        classes: of the student; a teacher's have to be the same.
        image_size: of the student's faces; a teacher sees the very same.
        device: where they compute.

    Raises:
        RecipeError: a teacher knows other classes or another size.
        ModelError: a file is missing, damaged, or not one of mien's.
    """
    teachers = []
    for path in paths:
        file = trained_file(path)
        trainee, about = load_trained(file)
        recipe = about["recipe"]
        if tuple(about["classes"]) != classes:
            raise RecipeError(f"{file} cannot teach: its classes are {', '.join(about['classes'])}; expected "
                              f"{', '.join(classes)}")  # fmt: skip
        if recipe["image_size"] != image_size:
            raise RecipeError(f"{file} cannot teach: it takes faces of {recipe['image_size']} pixels, not {image_size}")
        use_winograd(trainee.network, device)  # what export merges stays an ordinary convolution
        network = trainee.network.eval().merged().to(device).requires_grad_(False)
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        teachers.append(Teacher(file.name, sha256, network, recipe.get("folds", 1), recipe.get("fold", 0)))
    return teachers


def describe_teachers(teachers: Sequence[Teacher]) -> list[dict[str, Any]]:
    """Plain values that name them."""
    return [{"name": teacher.name, "sha256": teacher.sha256, "folds": teacher.folds, "fold": teacher.fold}
            for teacher in teachers]  # fmt: skip


@torch.no_grad()
def taught(teachers: Sequence[Teacher], speaks: Tensor, images: Tensor, temperature: float) -> Tensor:
    """What the teachers that may speak of each face say of it, on average.

    Args:
        teachers: T.
        speaks: (T, N) bool, at least one for each face.
        images: (N, 1, S, S) float, standardised: the view the student sees (Beyer et al. 2022, arXiv:2106.05237).
        temperature: by which logits are divided (Hinton et al. 2015, arXiv:1503.02531).

    Returns:
        (N, K) probabilities.
    """
    total = None
    for teacher, mask in zip(teachers, speaks, strict=True):
        chosen = mask.nonzero()[:, 0]
        if not len(chosen):
            continue
        says = F.softmax(teacher.network.classify(images[chosen])[0].float() / temperature, dim=1)
        total = images.new_zeros(len(images), says.shape[1]) if total is None else total
        total.index_add_(0, chosen, says)
    assert total is not None
    return total / speaks.sum(0).unsqueeze(1)
