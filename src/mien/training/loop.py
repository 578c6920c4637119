"""The training loop, from a recipe and faces to the models kept."""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.data.dataset import FaceSet, fingerprint, resized
from mien.emotions import FER_PLUS_VOTES
from mien.errors import DataError, ModelError, TrainingError
from mien.training import checkpoint
from mien.training.architectures import ARCHITECTURES, Network
from mien.training.augmentation import Augmentation, augment, standardize
from mien.training.optimizer import learning_rate, make_optimizer
from mien.training.recipe import Recipe, recipe_table
from mien.training.run import Run, describe_run

NUM_EXPRESSION_VOTES = FER_PLUS_VOTES.index("unknown")
"""FER+'s first eight columns are expressions; the last two, unknown and NF, say that there is none."""

STEPS_A_REPORT = 8


@dataclass(frozen=True, slots=True)
class Step:
    """How an epoch goes, every few batches.

    Attributes:
        epoch: from 1.
        step: from 1, in this epoch.
        num_steps: in an epoch.
        loss: this epoch's mean so far.
        accuracy: this epoch's so far, 0 to 1, on augmented faces.
    """

    epoch: int
    step: int
    num_steps: int
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """After each epoch; a line of `metrics.jsonl`.

    Attributes:
        epoch: from 1.
        learning_rate: of its last step.
        train_loss: mean over the epoch, of all the recipe's losses together.
        train_accuracy: 0 to 1, on augmented faces, while the weights were changing.
        plain_train_loss: like `val_loss`, on a sample of the training split's faces as they are.
        plain_train_accuracy: like `val_accuracy`, on the same; how far it is above shows the overfitting, which
            `train_accuracy` hides behind dropout and augmentation.
        val_loss: negative log-likelihood on the validation split, in nats.
        val_accuracy: 0 to 1.
        seconds: this epoch took.
        kept: the model's file name if the validation loss fell below all before, else None.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    plain_train_loss: float
    plain_train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    kept: str | None


class Trainee(nn.Module):
    """A network with a second head for FER+'s votes, which only training has.

    Args:
        network: the network itself.
        votes: whether there is a second head.
    """

    def __init__(self, network: Network, *, votes: bool) -> None:
        super().__init__()
        self.network = network
        self.votes = nn.Linear(network.num_embedded, NUM_EXPRESSION_VOTES) if votes else None

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor | None]:
        """(N, 1, S, S) float, standardised → logits of the classes (N, K) and of the votes (N, 8), or None."""
        logits, embedding = self.network.classify(faces)
        return logits, None if self.votes is None else self.votes(embedding)


def train(
    recipe: Recipe, faces: FaceSet, folder: Path, *, device: torch.device | None = None, resume: bool = False
) -> Iterator[Step | Epoch]:
    """Train as the recipe says, keep models in `folder`, and tell how it goes.

    All randomness of an epoch comes from the seed and the epoch's number, so a training that was killed and
    resumed takes the very same steps as one that was not (on the same machine and number of threads).

    Args:
        recipe: what to do.
        faces: with the splits "train" and "val"; votes are used when there are any.
        folder: the run's; see `Run`.
        device: the GPU when there is one, else the CPU.
        resume: go on from the folder's checkpoint, or begin if there is none.

    Yields:
        A `Step` every few batches and an `Epoch` after each epoch.

    Raises:
        DataError: a split is missing.
        RecipeError: the folder holds another training, or this one and `resume` is off.
        ModelError: the folder's checkpoint is damaged, or of another training.
        TrainingError: the training diverged.
        OSError: the folder cannot be written; the last checkpoint is intact.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    faces = resized(faces, recipe.image_size)
    train_split, val_split = faces.split("train"), faces.split("val")
    seen_split = train_split.select(sample_of(len(train_split)))
    run = Run(folder)
    about = describe_run(recipe_table(recipe), describe_data(faces), device)
    run.begin(about, resume=resume)

    torch.manual_seed(recipe.seed)
    network = ARCHITECTURES[recipe.architecture](len(faces.classes), recipe.image_size)
    trainee = Trainee(network, votes=faces.votes is not None and recipe.votes_weight > 0)
    trainee.to(device)
    trainee.to(memory_format=memory_format(device, recipe.image_size))  # type: ignore[call-overload] # torch's stub
    average = copy.deepcopy(trainee).eval()
    optimizer = make_optimizer(trainee, recipe)
    state: dict[str, Any] = {"trainee": trainee, "average": average, "optimizer": optimizer}
    done, best_loss, best_epoch = _restore(run, state) if resume else (0, math.inf, 0)
    run.forget_after(done)

    batches = _Batches(train_split, recipe, device)
    step = done * len(batches)
    for epoch in range(done + 1, recipe.epochs + 1):
        if recipe.patience and epoch - 1 - best_epoch >= recipe.patience:
            break
        start = time.monotonic()
        trainee.train()
        total_loss = torch.zeros((), device=device)
        total_right = torch.zeros((), device=device)
        for number, (images, labels, votes) in enumerate(batches.epoch(epoch), start=1):
            rate = learning_rate(recipe, step, len(batches))
            for group in optimizer.param_groups:
                group["lr"] = rate
            with mixed_precision(device):
                class_logits, votes_logits = trainee(images)
            loss = batch_loss(recipe, class_logits.float(), labels)
            if votes_logits is not None:
                loss = loss + recipe.votes_weight * F.cross_entropy(votes_logits.float(), votes)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1
            update_average(average, trainee, recipe.ema_decay, step)
            total_loss += loss.detach()
            total_right += (class_logits.argmax(1) == labels).float().mean()
            if number % STEPS_A_REPORT == 0:  # reading a sum makes a GPU wait
                yield Step(epoch, number, len(batches), float(total_loss) / number, float(total_right) / number)

        val_loss, val_accuracy = validate(average.network, val_split, device)
        plain_train_loss, plain_train_accuracy = validate(average.network, seen_split, device)
        check_finite(float(total_loss) + val_loss, epoch, rate)
        model = run.model(recipe.architecture, epoch, val_accuracy) if val_loss < best_loss else None
        result = Epoch(
            epoch=epoch,
            learning_rate=rate,
            train_loss=float(total_loss) / len(batches),
            train_accuracy=float(total_right) / len(batches),
            plain_train_loss=plain_train_loss,
            plain_train_accuracy=plain_train_accuracy,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            seconds=round(time.monotonic() - start, 2),
            kept=model.name if model else None,
        )
        line = {name: getattr(result, name) for name in Epoch.__slots__}
        if model:
            best_loss, best_epoch = val_loss, epoch
            checkpoint.save(
                model, average.network.state_dict(), about | {"classes": list(faces.classes), "epoch": line}
            )
        run.append_metrics(line)
        progress = {"epoch": epoch, "best_loss": best_loss, "best_epoch": best_epoch}
        checkpoint.save(run.checkpoint, {name: part.state_dict() for name, part in state.items()}, progress)
        yield result


def use_threads(number: int) -> None:
    """Train on so many threads of the processor from now on."""
    torch.set_num_threads(number)


def describe_data(faces: FaceSet) -> dict[str, Any]:
    """Name, sizes and a fingerprint of a data set."""
    names, counts = np.unique(faces.splits, return_counts=True)
    return {
        "name": faces.name,
        "faces": dict(zip(names.tolist(), counts.tolist(), strict=True)),
        "votes": faces.votes is not None,
        "sha256": fingerprint(faces),
    }


def memory_format(device: torch.device, image_size: int) -> torch.memory_format:
    """Channels last, which is twice as fast on a CPU, wherever it works."""
    # torch 2.13's CPU backward pass crashes the process (SIGSEGV) on mini-Xception in channels_last float32 at
    # 64 pixels, and at no other size tried.
    crashes = device.type == "cpu" and image_size == 64 and not _has_bf16(device)
    return torch.contiguous_format if crashes else torch.channels_last


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 where the hardware has it; elsewhere it is emulated, and ten times slower than float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=_has_bf16(device))


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("amx_bf16") or abilities.get("avx512_bf16"))


def check_finite(loss: float, epoch: int, rate: float) -> None:
    """That a loss is still a number.

    Raises:
        TrainingError: it is not.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"the training diverged in epoch {epoch}, at a learning rate of {rate:.3g}: its loss is no number now. "
            "Everything is as the epoch before left it; try a smaller learning_rate"
        )


def augmentation_in(recipe: Recipe, epoch: int) -> Augmentation:
    """How far faces are changed in an epoch, counted from 1."""
    plain = epoch > recipe.epochs - recipe.plain_epochs
    return Augmentation(flip=recipe.augmentation.flip) if plain else recipe.augmentation


def batch_loss(recipe: Recipe, class_logits: Tensor, labels: Tensor) -> Tensor:
    """Smoothed cross-entropy to the labels."""
    return F.cross_entropy(class_logits, labels, label_smoothing=recipe.label_smoothing)


def sample_of(num: int) -> NDArray[np.int64]:
    """A twentieth of the numbers below `num`, but 500 if there are so many; always the same ones, in order."""
    return np.sort(np.random.default_rng(0).permutation(num)[: max(500, num // 20)])


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights and statistics toward the model's; early averages are short."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for mean, value in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, weight)
        else:
            mean.copy_(value)


@torch.no_grad()
def predict(network: Network, faces: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Logits in float32, as the exported model gives them: (N, S, S) uint8 → (N, K)."""
    network.eval()
    logits = [
        network(standardize(torch.from_numpy(batch).to(device).unsqueeze(1).float().div_(255)))[0]
        for batch in np.array_split(faces, max(1, len(faces) // 256))
    ]
    return torch.cat(logits)


def validate(network: Network, faces: FaceSet, device: torch.device) -> tuple[float, float]:
    """Negative log-likelihood in nats, and accuracy 0 to 1."""
    logits = predict(network, faces.faces, device)
    labels = torch.from_numpy(faces.labels).to(device)
    return float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())


class _Batches:
    """The training split on the device, shuffled and augmented anew each epoch."""

    def __init__(self, faces: FaceSet, recipe: Recipe, device: torch.device) -> None:
        if len(faces) < recipe.batch_size:
            raise DataError(
                f"{faces.name} has {len(faces)} faces to train on, fewer than one batch of {recipe.batch_size}; "
                "set a smaller batch_size"
            )
        self.recipe, self.device = recipe, device
        self.faces = torch.from_numpy(faces.faces).to(device)
        self.labels = torch.from_numpy(faces.labels).to(device)
        self.votes = None if faces.votes is None else torch.from_numpy(vote_shares(faces.votes)).to(device)

    def __len__(self) -> int:
        return len(self.faces) // self.recipe.batch_size

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Standardised images, labels and votes; the last, incomplete batch is left for another epoch's order."""
        order_dice = torch.Generator().manual_seed(_epoch_seed(self.recipe.seed, epoch, 0))
        how = augmentation_in(self.recipe, epoch)
        augment_dice = torch.Generator(self.device).manual_seed(_epoch_seed(self.recipe.seed, epoch, 1))
        order = torch.randperm(len(self.faces), generator=order_dice).to(self.device)
        for start in range(0, len(self) * self.recipe.batch_size, self.recipe.batch_size):
            chosen = order[start : start + self.recipe.batch_size]
            images = standardize(augment(self.faces[chosen], how, augment_dice))
            images = images.contiguous(memory_format=memory_format(self.device, self.recipe.image_size))
            yield images, self.labels[chosen], None if self.votes is None else self.votes[chosen]


def vote_shares(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 10) votes → (N, 8) shares of the expressions; all 0, which is no loss, where nobody saw one."""
    expressions = votes[:, :NUM_EXPRESSION_VOTES].astype(np.float32)
    return np.asarray(expressions / np.maximum(expressions.sum(axis=1, keepdims=True), 1), dtype=np.float32)


def _epoch_seed(seed: int, epoch: int, stream: int) -> int:
    return int(np.random.SeedSequence((seed, epoch, stream)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _restore(run: Run, state: dict[str, Any]) -> tuple[int, float, int]:
    """Fill `state` from the run's checkpoint: epochs done, lowest validation loss, and its epoch."""
    if not run.checkpoint.exists():
        return 0, math.inf, 0
    tensors, progress = checkpoint.load(run.checkpoint)
    try:
        for name, part in state.items():
            part.load_state_dict(tensors[name])
        return progress["epoch"], progress["best_loss"], progress["best_epoch"]
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise ModelError(f"{run.checkpoint} is no checkpoint of this training: {error}") from error
