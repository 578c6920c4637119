"""The training loop: from a recipe and faces to the models kept."""

import copy
import dataclasses
import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.data.dataset import FaceSet, fingerprint, resized
from mien.data.folds import fold_of
from mien.errors import DataError, ModelError, RecipeError, TrainingError
from mien.training import checkpoint
from mien.training.architectures import Network
from mien.training.augmentation import standardize
from mien.training.batches import Batches, epoch_seed
from mien.training.distributed import Worker, joined
from mien.training.events import Epoch, Event, Start, Step
from mien.training.initial import Initial, initialize
from mien.training.losses import Losses, has_bf16
from mien.training.optimizer import learning_rate, make_optimizer, perturbed
from mien.training.publish import published
from mien.training.recipe import Recipe, recipe_table
from mien.training.run import Run, describe_run, model_name
from mien.training.teachers import Teacher, load_teachers
from mien.training.trainee import Trainee, fresh_network
from mien.training.winograd import use_winograd

STEPS_A_REPORT = 8
"""Batches from one `Step` to the next."""

NUM_INITIALIZED = 512
"""Faces that batch norm is unfolded on; all of them pass through a network at once."""

DROPOUT_STREAM = 1_000_000
"""The first random stream for dropout; those below are for `Batches`."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a training keeps from epoch to epoch beside its tensors.

    Attributes:
        epoch: The last epoch done.
        best_loss: The lowest validation loss so far.
        best_epoch: The epoch of that loss.
        num_falls: How often a plateau lowered the learning rate.
        last_fall: The epoch after which it did so last.
    """

    epoch: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0
    num_falls: int = 0
    last_fall: int = 0

    def is_over(self, recipe: Recipe) -> bool:
        """Whether all epochs are done, or the validation loss has not fallen for the recipe's patience."""
        return self.epoch >= recipe.epochs or 0 < recipe.patience <= self.epoch - self.best_epoch

    def after(self, epoch: int, val_loss: float, recipe: Recipe) -> "Progress":
        """The progress with one more epoch done."""
        if val_loss < self.best_loss:
            return dataclasses.replace(self, epoch=epoch, best_loss=val_loss, best_epoch=epoch)
        if epoch - max(self.best_epoch, self.last_fall) >= recipe.plateau_patience:
            return dataclasses.replace(self, epoch=epoch, num_falls=self.num_falls + 1, last_fall=epoch)
        return dataclasses.replace(self, epoch=epoch)


@dataclass(frozen=True, slots=True)
class Setup:
    """What all epochs of a training share.

    Attributes:
        recipe: The recipe.
        about: What `run.json` and every kept model say about this training.
        trainee: The network that learns.
        average: The moving average of its weights, which is measured and kept.
        optimizer: The optimizer with its own state.
        losses: The losses to minimise.
        batches: The batches of the training split.
        plain_split: Some faces of the training split as they are, to measure the overfitting on.
        val_split: The faces that decide which models are kept.
        worker: This process among those that train.
    """

    recipe: Recipe
    about: dict[str, Any]
    trainee: Trainee
    average: Trainee
    optimizer: torch.optim.Optimizer
    losses: Losses
    batches: Batches
    plain_split: FaceSet
    val_split: FaceSet
    worker: Worker


STATEFUL = ("trainee", "average", "optimizer")
"""The parts of a `Setup` that a checkpoint holds."""


def train(
    recipe: Recipe,
    faces: FaceSet,
    folder: Path,
    *,
    device: torch.device | None = None,
    resume: bool = False,
    initial: Initial | None = None,
    teachers: Sequence[Path] = (),
    compiled: bool = False,
    seconds_a_checkpoint: float = 0,
) -> Iterator[Event]:
    """Train as the recipe says, and keep models, metrics, a page and TensorBoard's logs in `folder`.

    It trains while it is iterated over. All randomness of an epoch comes from the seed and the epoch's number, so a
    training that was killed and resumed takes the very same steps as one that was not (on the same machine and number
    of threads). Started by `torchrun`, every process takes its share of each batch, and the first one writes the files.

    Args:
        recipe: the recipe; see `read_recipe`.
        faces: a data set with the splits "train" and "val"; votes are used when there are any.
        folder: the run's folder; see `Run`.
        device: where to train; the GPU when there is one, else the CPU.
        resume: go on from the folder's checkpoint, or begin if there is none.
        initial: weights to begin with; see `load_initial`.
        teachers: runs or kept models, for a recipe with a `teacher_weight`.
        compiled: whether torch compiles the network first. It takes minutes, and on a CPU it gains nothing.
        seconds_a_checkpoint: epochs shorter than this share a checkpoint; a kill then costs about so much more.

    Yields:
        A `Start`, a `Step` every few batches, and an `Epoch` after each epoch, in every process.

    Raises:
        DataError: a split is missing, or faces were held out at another size than the recipe's.
        RecipeError: the folder holds another training, or this one and `resume` is off; or the recipe wants
            teachers and there are none, or the other way round.
        ModelError: the folder's checkpoint, `initial` or a teacher is damaged or does not fit.
        TrainingError: the training diverged.
        OSError: the folder cannot be written; the last checkpoint is intact.

    Example:
        >>> from mien.data import load
        >>> from mien.training import Epoch, read_recipe, train
        >>> for event in train(read_recipe("mini-xception"), load("fer2013.csv"), Path("runs/mine")):  # doctest: +SKIP
        ...     if isinstance(event, Epoch):
        ...         print(event.epoch, event.val_loss, event.kept)
    """
    with joined(device) as worker:
        # All checks come before the folder is touched.
        setup = _prepare(recipe, faces, worker, initial, teachers)
        run = Run(folder)
        with run.locked() if worker.leads else nullcontext():
            setup, progress = _open(run, setup, resume)
            events = _events(setup, run, progress, compiled, seconds_a_checkpoint)
            yield from published(events, run, faces) if worker.leads else events


def _prepare(
    recipe: Recipe, faces: FaceSet, worker: Worker, initial: Initial | None, teacher_files: Sequence[Path]
) -> Setup:
    device = worker.device
    if faces.held_out and faces.faces.shape[1] != recipe.image_size:
        raise DataError(
            f"{faces.name}: faces to validate on were held out at {faces.faces.shape[1]} pixels, and the recipe trains "
            f"at {recipe.image_size}, at which others would be held out; load the faces at that size first"
        )
    faces = resized(faces, recipe.image_size)
    train_split = training_part(faces.split("train"), recipe)
    val_split = faces.split("val", hint="hold some out to validate on: --val-share 0.1")
    plain_split = train_split.select(sample_of(len(train_split)))
    teachers = _teachers(recipe, teacher_files, faces.classes, device)
    about = describe_run(recipe_table(recipe), describe_data(faces), device) | {
        "classes": list(faces.classes),
        "processes": worker.size,
        "initial": initial and {"name": initial.name, "sha256": initial.sha256},
        "teachers": [
            {key: getattr(teacher, key) for key in ("name", "sha256", "folds", "fold")} for teacher in teachers
        ],
    }
    layout = memory_format(device, recipe.image_size)
    torch.manual_seed(recipe.seed)
    network = fresh_network(recipe.architecture, len(faces.classes), recipe.image_size, recipe.dropout_scale)
    use_winograd(network, device)
    if initial:
        few = plain_split.faces[:NUM_INITIALIZED]
        initialize(network, initial, recipe.architecture, faces.classes, as_input(few))
    trainee = Trainee(network, votes=faces.votes is not None and recipe.votes_weight > 0)
    trainee.to(device)
    trainee.to(memory_format=layout)  # type: ignore[call-overload] # torch's stub
    return Setup(
        recipe=recipe,
        about=about,
        trainee=trainee,
        average=copy.deepcopy(trainee).eval(),
        optimizer=make_optimizer(trainee, recipe),
        losses=Losses(recipe, train_split, device),
        batches=Batches(train_split, recipe, worker, teachers, layout),
        plain_split=plain_split,
        val_split=val_split,
        worker=worker,
    )


def _open(run: Run, setup: Setup, resume: bool) -> tuple[Setup, Progress]:
    """Make the run's folder, or go on from its checkpoint, in all processes alike."""
    worker = setup.worker
    if worker.leads:
        setup = dataclasses.replace(setup, about=run.begin(setup.about, resume=resume))
    worker.wait()
    progress = _restore(run, setup) if resume and run.checkpoint.exists() else Progress()
    worker.check_equal(
        progress.epoch, f"the epochs done in {run.folder}, which has to be on a file system that all share"
    )
    if worker.leads:
        run.forget_after(progress.epoch)
    return setup, progress


def _events(setup: Setup, run: Run, progress: Progress, compiled: bool, seconds_a_checkpoint: float) -> Iterator[Event]:
    recipe, worker = setup.recipe, setup.worker
    counts = setup.about["data"]["faces"]
    yield Start(counts["train"], counts["val"])
    model = worker.replicated(setup.trainee)
    if compiled:
        model.compile()
    saved_at = -math.inf  # the first epoch has a checkpoint, however short it is
    while not progress.is_over(recipe):
        result, logits = yield from _epoch(setup, model, progress)
        progress = progress.after(result.epoch, result.val_loss, recipe)
        if worker.leads:
            line = dataclasses.asdict(result)
            if result.kept:
                checkpoint.save(run.models / result.kept, setup.average.state_dict(), setup.about | {"epoch": line})
                run.save_validation(logits.cpu().numpy(), result.epoch)
            run.append_metrics(line)
            if progress.is_over(recipe) or time.monotonic() - saved_at >= seconds_a_checkpoint:
                tensors = {name: getattr(setup, name).state_dict() for name in STATEFUL}
                checkpoint.save(run.checkpoint, tensors, dataclasses.asdict(progress))
                saved_at = time.monotonic()
        yield result


def _epoch(setup: Setup, model: nn.Module, progress: Progress) -> Generator[Step, None, tuple[Epoch, Tensor]]:
    """Train for one more epoch; its figures, and the logits (N, K) of the validation split."""
    worker, average = setup.worker, setup.average
    epoch = progress.epoch + 1
    start = time.monotonic()
    rate, sums = yield from _steps(setup, model, progress)
    train_loss, train_accuracy = (worker.mean(sums) / len(setup.batches)).tolist()
    worker.average_buffers(average)
    logits = _logits(average.network, setup.val_split, worker)
    val_loss, val_accuracy = loss_and_accuracy(logits, setup.val_split)
    plain_logits = _logits(average.network, setup.plain_split, worker)
    plain_train_loss, plain_train_accuracy = loss_and_accuracy(plain_logits, setup.plain_split)
    if not math.isfinite(train_loss + val_loss):
        raise TrainingError(
            f"the training diverged in epoch {epoch}, at a learning rate of {rate:.3g}: its loss is "
            f"{train_loss + val_loss}. The run's folder is as the epoch before left it; try a smaller learning_rate"
        )
    kept = model_name(setup.recipe.architecture, epoch, val_accuracy) if val_loss < progress.best_loss else None
    result = Epoch(
        epoch=epoch,
        learning_rate=rate,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        plain_train_loss=plain_train_loss,
        plain_train_accuracy=plain_train_accuracy,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        seconds=round(time.monotonic() - start, 2),
        kept=kept,
    )
    return result, logits


def _steps(setup: Setup, model: nn.Module, progress: Progress) -> Generator[Step, None, tuple[float, Tensor]]:
    """Take a step for every batch of the next epoch; its last learning rate, and the sums of loss and accuracy (2,)."""
    recipe, trainee, optimizer, batches = setup.recipe, setup.trainee, setup.optimizer, setup.batches
    epoch = progress.epoch + 1
    done = progress.epoch * len(batches)
    sums = torch.zeros(2, device=next(model.parameters()).device)
    rate = 0.0
    trainee.train()
    # Dropout draws from torch's own generator.
    torch.manual_seed(epoch_seed(recipe.seed, epoch, DROPOUT_STREAM + setup.worker.rank))
    for number, batch in enumerate(batches.epoch(epoch), start=1):
        rate = learning_rate(recipe, done + number - 1, len(batches), progress.num_falls)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss, accuracy = setup.losses.backward(model, batch)
        if recipe.sharpness:
            with perturbed(trainee, recipe.sharpness):
                setup.losses.backward(model, batch)
        optimizer.step()
        update_average(setup.average, trainee, recipe.ema_decay, done + number)
        sums += torch.stack([loss, accuracy])
        if number % STEPS_A_REPORT == 0:  # reading a sum makes a GPU wait
            mean_loss, mean_right = (sums / number).tolist()
            yield Step(epoch, number, len(batches), mean_loss, mean_right)
    return rate, sums


def use_threads(number: int) -> None:
    """Train on that number of the processor's threads from now on."""
    torch.set_num_threads(number)


def describe_data(faces: FaceSet) -> dict[str, Any]:
    """A data set's name, the sizes of its splits, and its fingerprint."""
    names, counts = np.unique(faces.splits, return_counts=True)
    return {
        "name": faces.name,
        "faces": dict(zip(names.tolist(), counts.tolist(), strict=True)),
        "votes": faces.votes is not None,
        "sha256": fingerprint(faces),
        **({"held_out": faces.held_out} if faces.held_out else {}),
    }


def memory_format(device: torch.device, image_size: int) -> torch.memory_format:
    """The layout of images and weights: channels last, which is twice as fast on a CPU, wherever it works."""
    # torch 2.13's backward pass on a CPU ends the process (SIGSEGV) with mini-Xception in channels_last float32 at
    # 64 pixels, and at no other size tried.
    crashes = device.type == "cpu" and image_size == 64 and not has_bf16(device)
    return torch.contiguous_format if crashes else torch.channels_last


def sample_of(num: int) -> NDArray[np.int64]:
    """A twentieth of the numbers below `num`, at least 500 of them if there are as many; always the same, in order."""
    return np.sort(np.random.default_rng(0).permutation(num)[: max(500, num // 20)])


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights and statistics toward the model's; the first averages are over fewer steps."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    pairs = list(zip(average.state_dict().values(), model.state_dict().values(), strict=True))
    means, values = zip(*(pair for pair in pairs if pair[0].is_floating_point()), strict=True)
    # One call for all of them: many small ones would keep a GPU waiting.
    torch._foreach_lerp_(list(means), list(values), weight)
    for count, value in pairs:
        if not count.is_floating_point():
            count.copy_(value)


def training_part(faces: FaceSet, recipe: Recipe) -> FaceSet:
    """The faces to train on: all, or all but the recipe's fold."""
    if recipe.folds == 1:
        return faces
    return faces.select(fold_of(faces.faces, recipe.folds) != recipe.fold)


def as_input(faces: NDArray[np.uint8]) -> Tensor:
    """(N, S, S) uint8 → (N, 1, S, S) float, standardised, as networks take them."""
    return standardize(torch.from_numpy(faces).unsqueeze(1).float().div_(255))


@torch.no_grad()
def predict(network: Network, faces: NDArray[np.uint8], device: torch.device) -> Tensor:
    """(N, S, S) uint8 → logits (N, K) in float32, as the exported model gives them."""
    network.eval()
    parts = np.array_split(faces, max(1, len(faces) // 256))
    return torch.cat([network.classify(as_input(part).to(device))[0] for part in parts])


def loss_and_accuracy(logits: Tensor, faces: FaceSet) -> tuple[float, float]:
    """The negative log-likelihood in nats and the accuracy, 0 to 1, of (N, K) logits."""
    labels = torch.from_numpy(faces.labels).to(logits.device)
    return float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())


def _logits(network: Network, faces: FaceSet, worker: Worker) -> Tensor:
    """Logits (N, K) of all faces; each worker computes its share."""
    return worker.gathered(predict(network, faces.faces[worker.share(len(faces))], worker.device), len(faces))


def _teachers(recipe: Recipe, files: Sequence[Path], classes: tuple[str, ...], device: torch.device) -> list[Teacher]:
    if bool(files) != bool(recipe.teacher_weight):
        raise RecipeError(
            "teachers are given, and the recipe's teacher_weight is 0; set it above 0"
            if files
            else f"the recipe's teacher_weight is {recipe.teacher_weight:g}, and no teacher is given; name runs by "
            "--teacher"
        )
    return load_teachers(files, classes, recipe.image_size, device)


def _restore(run: Run, setup: Setup) -> Progress:
    """Go on from the run's checkpoint."""
    tensors, kept = checkpoint.load(run.checkpoint)
    try:
        for name in STATEFUL:
            getattr(setup, name).load_state_dict(tensors[name])
        return Progress(**kept)
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise ModelError(f"{run.checkpoint} is not a checkpoint of this training: {error}") from error
