"""Batches: the training split on the device, drawn, augmented and mixed anew each epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mien.data.dataset import FaceSet
from mien.emotions import FER_PLUS_EXPRESSIONS
from mien.errors import DataError, RecipeError
from mien.training.augmentation import Augmentation, Mix, augment, draw_mix, standardize
from mien.training.distributed import Worker
from mien.training.recipe import Recipe
from mien.training.teachers import Teacher, taught


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step learns from.

    Attributes:
        images: (N, 1, S, S) float, standardised.
        labels: (N, K) probabilities; a 1 for each face, unless faces are mixed.
        votes: (N, 8) shares of FER+'s votes, or None.
        taught: (N, K) probabilities, what teachers say of these images; or None.
    """

    images: Tensor
    labels: Tensor
    votes: Tensor | None
    taught: Tensor | None


class Batches:
    """The training split, on the device as uint8.

    All randomness of an epoch comes from the recipe's seed, the epoch's number and the worker's rank.

    Args:
        faces: the training split.
        recipe: how to draw and change faces.
        worker: takes its share of every batch.
        teachers: say what they think of every image; none when the recipe gives them no weight.
        memory_format: of the images.

    Raises:
        DataError: there are fewer faces than one batch.
        RecipeError: a batch is too small to be shared by all workers.
    """

    def __init__(
        self,
        faces: FaceSet,
        recipe: Recipe,
        worker: Worker,
        teachers: Sequence[Teacher] = (),
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        if len(faces) < recipe.batch_size:
            raise DataError(
                f"{faces.name} has {len(faces)} faces to train on, fewer than one batch of {recipe.batch_size}; "
                "set a smaller one, as in --set batch_size=8"
            )
        if recipe.batch_size < 2 * worker.size:
            raise RecipeError(
                f"a batch of {recipe.batch_size} is too small for {worker.size} processes, as each needs two faces for "
                "batch norm; set a larger batch_size"
            )
        self._recipe, self._worker, self._format = recipe, worker, memory_format
        self._faces = torch.from_numpy(faces.faces).to(worker.device)
        self._labels = F.one_hot(torch.from_numpy(faces.labels), len(faces.classes)).float().to(worker.device)
        self._votes = None if faces.votes is None else torch.from_numpy(vote_shares(faces.votes)).to(worker.device)
        self._teachers = teachers
        self._speaks = speakers(teachers, faces).to(worker.device) if teachers else None
        weights = rarity(faces.labels, len(faces.classes), recipe.class_sampling)
        self._odds = torch.from_numpy(weights[faces.labels])

    def __len__(self) -> int:
        return len(self._faces) // self._recipe.batch_size

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """This worker's part of each batch; the last, incomplete batch is left for another epoch's order."""
        recipe, worker = self._recipe, self._worker
        order = self._order(epoch)
        dice = torch.Generator(worker.device).manual_seed(epoch_seed(recipe.seed, epoch, 1 + worker.rank))
        how = augmentation_in(recipe, epoch)
        for start in range(0, len(self) * recipe.batch_size, recipe.batch_size):
            chosen = order[start : start + recipe.batch_size][worker.share(recipe.batch_size)]
            images = augment(self._faces[chosen], how, dice)
            mix = draw_mix(images, recipe.mixup, recipe.cutmix, dice)
            yield self._batch(chosen, images, mix)

    def _batch(self, chosen: Tensor, images: Tensor, mix: Mix | None) -> Batch:
        labels = self._labels[chosen]
        votes = None if self._votes is None else self._votes[chosen]
        speaks = None if self._speaks is None else self._speaks[:, chosen]
        if mix:
            images, labels = mix.images(images), mix.values(labels)
            votes = None if votes is None else mix.values(votes)
            # Of two faces in one, only a teacher that saw neither may speak; where there is none, those of the first.
            both = None if speaks is None else speaks & speaks[:, mix.partner]
            speaks = None if speaks is None or both is None else torch.where(both.any(0), both, speaks)
        views = standardize(images).contiguous(memory_format=self._format)
        lesson = None
        if speaks is not None:
            lesson = taught(self._teachers, speaks, views, self._recipe.teacher_temperature)
        return Batch(views, labels, votes, lesson)

    def _order(self, epoch: int) -> Tensor:
        """Places of faces, in a new order; with balanced sampling, some more than once and some not at all."""
        dice = torch.Generator().manual_seed(epoch_seed(self._recipe.seed, epoch, 0))
        if self._recipe.class_sampling == 0:
            return torch.randperm(len(self._faces), generator=dice).to(self._worker.device)
        drawn = torch.multinomial(self._odds, len(self._faces), replacement=True, generator=dice)
        return drawn.to(self._worker.device)


def augmentation_in(recipe: Recipe, epoch: int) -> Augmentation:
    """How far faces are changed in an epoch, counted from 1."""
    plain = epoch > recipe.epochs - recipe.plain_epochs
    return Augmentation(flip=recipe.augmentation.flip) if plain else recipe.augmentation


def rarity(labels: NDArray[np.int64], num_classes: int, power: float) -> NDArray[np.float64]:
    """(K,) weights of classes, proportional to a power of how rare each is: 1 on average over all faces.

    A class without a face weighs 0.
    """
    counts = np.bincount(labels, minlength=num_classes).astype(np.float64)
    weights = np.where(counts > 0, np.maximum(counts, 1) ** -power, 0)
    return np.asarray(weights * len(labels) / (weights * counts).sum())


def speakers(teachers: Sequence[Teacher], faces: FaceSet) -> Tensor:
    """(T, N) bool: which teacher may speak of which face.

    Raises:
        DataError: of some faces, none may.
    """
    speaks = torch.stack([teacher.knows_not(faces.faces) for teacher in teachers])
    unspoken = int((~speaks.any(0)).sum())
    if unspoken:
        raise DataError(
            f"{unspoken} faces of {faces.name} were in the training set of every teacher; add the teachers of the "
            "missing folds"
        )
    return speaks


def vote_shares(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 10) votes → (N, 8) shares of the expressions; all 0, which is no loss, where nobody saw one."""
    expressions = votes[:, : len(FER_PLUS_EXPRESSIONS)].astype(np.float32)
    return np.asarray(expressions / np.maximum(expressions.sum(axis=1, keepdims=True), 1), dtype=np.float32)


def epoch_seed(seed: int, epoch: int, stream: int) -> int:
    """A seed for one purpose in one epoch."""
    return int(np.random.SeedSequence((seed, epoch, stream)).generate_state(1, np.uint64)[0] >> np.uint64(1))
