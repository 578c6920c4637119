"""Batches of the training split, sampled, augmented and mixed anew in each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mien.data.dataset import FaceSet
from mien.data.fer_plus import vote_shares
from mien.data.folds import fold_of
from mien.errors import DataError, RecipeError
from mien.training.augmentation import Augmentation, Mix, augment, draw_mix, standardize
from mien.training.distributed import Worker
from mien.training.recipe import Recipe
from mien.training.teachers import Teacher, teacher_targets
from mien.training.votes import labels_by_votes


@dataclass(frozen=True, slots=True)
class Batch:
    """The images of one step and their targets."""

    images: Tensor  # (N, 1, S, S) float, augmented and standardised
    labels: Tensor  # (N, K) probabilities: one-hot unless faces are mixed, or votes have a share in them
    votes: Tensor | None  # (N, 8) shares of FER+'s votes
    teacher: Tensor | None  # (N, K) softened probabilities of the teachers for these images


class Batches:
    """The training split on the worker's device, and the worker's share of each batch of it.

    All randomness of an epoch comes from `seed`, the recipe's if nothing else is set, the epoch's number and the
    worker's rank. With `bf16`, teachers compute in bfloat16.
    """

    def __init__(
        self, faces: FaceSet, recipe: Recipe, worker: Worker, teachers: Sequence[Teacher] = (), *, bf16: bool = False
    ) -> None:
        if len(faces) < recipe.batch_size:
            raise DataError(
                f"{faces.name} has {len(faces)} faces to train on, fewer than one batch of {recipe.batch_size}; "
                f"set a smaller one, as in --set batch_size={min(8, max(2, len(faces) // 2))}"
            )
        if recipe.batch_size < 2 * worker.size:
            raise RecipeError(
                f"a batch of {recipe.batch_size} is too small for {worker.size} processes, as each needs two faces for "
                "batch norm; set a larger batch_size"
            )
        self._recipe, self._worker, self.seed, self.bf16 = recipe, worker, recipe.seed, bf16
        self._faces = torch.from_numpy(faces.faces).to(worker.device)
        labels = F.one_hot(torch.from_numpy(faces.labels), len(faces.classes)).float()
        if recipe.people_weight and faces.votes is not None:
            labels = labels.lerp(labels_by_votes(faces), recipe.people_weight)
        self._labels = labels.to(worker.device)
        # A face that nobody saw an expression in adds no loss: its shares are all 0.
        shares = None if faces.votes is None else torch.from_numpy(vote_shares(faces.votes)).float()
        self._votes = None if shares is None else shares.to(worker.device)
        self._teachers = teachers
        self._eligible = eligible_teachers(teachers, faces).to(worker.device) if teachers else None
        weights = rarity(faces.labels, len(faces.classes), recipe.class_sampling)
        self._odds = torch.from_numpy(weights[faces.labels])

    def __len__(self) -> int:
        return len(self._faces) // self._recipe.batch_size

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The faces of an incomplete last batch are left out of this epoch."""
        recipe, worker = self._recipe, self._worker
        order = self._order(epoch)
        generator = torch.Generator(worker.device).manual_seed(epoch_seed(self.seed, epoch, 1 + worker.rank))
        limits = augmentation_in(recipe, epoch)
        for start in range(0, len(self) * recipe.batch_size, recipe.batch_size):
            chosen = order[start : start + recipe.batch_size][worker.share(recipe.batch_size)]
            images = augment(self._faces[chosen], limits, generator)
            mix = None if is_plain(recipe, epoch) else draw_mix(images, recipe.mixup, recipe.cutmix, generator)
            yield self._batch(chosen, images, mix)

    def _batch(self, chosen: Tensor, images: Tensor, mix: Mix | None) -> Batch:
        labels = self._labels[chosen]
        votes = None if self._votes is None else self._votes[chosen]
        eligible = None if self._eligible is None else self._eligible[:, chosen]
        if mix:
            images, labels = mix.images(images), mix.values(labels)
            votes = None if votes is None else mix.values(votes)
            if eligible is not None:
                # For a mixture, teachers that saw neither face; where there are none, those that did not see the first.
                both = eligible & eligible[:, mix.partner]
                eligible = torch.where(both.any(0), both, eligible)
        views = standardize(images).contiguous(memory_format=torch.channels_last)
        targets = None
        if eligible is not None:
            with torch.autocast(views.device.type, torch.bfloat16, enabled=self.bf16):
                targets = teacher_targets(self._teachers, eligible, views, self._recipe.teacher_temperature)
        return Batch(views, labels, votes, targets)

    def _order(self, epoch: int) -> Tensor:
        """Indices of faces in a new order; with balanced sampling, some more than once and some not at all."""
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, epoch, 0))
        num = len(self._faces)
        if self._recipe.class_sampling == 0:
            order = torch.randperm(num, generator=generator)
        else:
            order = torch.multinomial(self._odds, num, replacement=True, generator=generator)
        return order.to(self._worker.device)


def is_plain(recipe: Recipe, epoch: int) -> bool:
    """Whether an epoch, counted from 1, is one of the last, on faces as they are."""
    return epoch > recipe.epochs - recipe.plain_epochs


def augmentation_in(recipe: Recipe, epoch: int) -> Augmentation:
    """The limits of augmentation in an epoch, counted from 1."""
    limits, left = recipe.augmentation, recipe.plain_moves
    if not is_plain(recipe, epoch):
        return limits
    return Augmentation(
        rotation=left * limits.rotation, scale=limits.scale**left, shift=left * limits.shift, flip=limits.flip
    )


def rarity(labels: NDArray[np.int64], num_classes: int, power: float) -> NDArray[np.float64]:
    """Weights of classes, (K,), by a power of their rarity, with a mean of 1 over all faces; 0 without a face."""
    counts = np.bincount(labels, minlength=num_classes).astype(np.float64)
    weights = np.where(counts > 0, np.maximum(counts, 1) ** -power, 0)
    return np.asarray(weights * len(labels) / (weights * counts).sum())


def eligible_teachers(teachers: Sequence[Teacher], faces: FaceSet) -> Tensor:
    """Which teachers are distilled on which face, (T, N) bool: those that were not trained on it."""
    # A teacher that was trained without folds counts for every face: all are in its fold 0.
    unseen = [fold_of(faces.faces, teacher.folds) == teacher.fold for teacher in teachers]
    eligible = torch.from_numpy(np.stack(unseen))
    without = int((~eligible.any(0)).sum())
    if without:
        raise DataError(
            f"{without} faces of {faces.name} were in the training set of every teacher; add the teachers of the "
            "missing folds"
        )
    return eligible


def continued_seed(seed: int, sha256: str | None) -> int:
    """The seed of a training that begins with the weights of that SHA-256, or None with random ones.

    The training that they come from saw the same faces in the same order, with the same augmentation and dropout, in
    its epochs of the same numbers. A network without augmentation learned them by heart the second time.
    """
    if sha256 is None:
        return seed
    return int(np.random.SeedSequence((seed, int(sha256[:16], 16))).generate_state(1)[0])


def epoch_seed(seed: int, epoch: int, stream: int) -> int:
    """The seed of one random stream in one epoch."""
    return int(np.random.SeedSequence((seed, epoch, stream)).generate_state(1, np.uint64)[0] >> np.uint64(1))
