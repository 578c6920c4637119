"""The training loop: from a recipe and faces to the models kept."""

import copy
import dataclasses
import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.data.dataset import FaceSet, resized
from mien.data.folds import without_fold
from mien.errors import DataError, ModelError, RecipeError, TrainingError
from mien.training import checkpoint
from mien.training.architectures import Network
from mien.training.augmentation import as_input
from mien.training.batches import Batches, continued_seed, epoch_seed
from mien.training.distributed import Worker, joined, launch
from mien.training.eight_bits import round_in_training
from mien.training.events import Epoch, Event, Start, Step
from mien.training.initial import Initial, begin_votes_with, initialize
from mien.training.losses import Losses
from mien.training.optimizer import learning_rate, make_optimizer, perturbed
from mien.training.page import published
from mien.training.precision import has_bf16, has_bf16_units, has_fast_bf16
from mien.training.pruning import pruned
from mien.training.recipe import Recipe
from mien.training.run import Run, describe_run, model_name
from mien.training.teachers import load_teachers
from mien.training.trained import Trainee, fresh_network
from mien.training.winograd import use_winograd

STEPS_A_REPORT = 8  # batches from one `Step` to the next
NUM_INITIALIZED = 512  # faces that batch norm is unfolded on; all of them pass through a network at once
DROPOUT_STREAM = 1_000_000  # the first random stream for dropout; those below are for `Batches`
STATEFUL = ("trainee", "average", "optimizer")  # the parts of a training that a checkpoint holds


@dataclass(frozen=True, slots=True)
class Progress:
    """What a training keeps from epoch to epoch beside its tensors."""

    epoch: int = 0  # the last one done
    best_loss: float = math.inf  # of validation
    best_epoch: int = 0
    num_falls: int = 0  # how often a plateau lowered the learning rate
    last_fall: int = 0  # the epoch after which it did so last

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
        resume: go on from the folder's checkpoint, or begin if there is none. Processes that `torchrun` started again
            do so by themselves.
        initial: weights to begin with; see `load_initial`.
        teachers: runs or kept models, for a recipe with a `teacher_weight`.
        compiled: whether torch compiles the network first. It takes minutes, and on a CPU it gains nothing.
        seconds_a_checkpoint: epochs shorter than this share a checkpoint; a kill then costs about so much more.

    Yields:
        A `Start`, a `Step` every few batches, and an `Epoch` after each epoch, in every process.

    Raises:
        DataError: a split is missing, faces were held out at another size than the recipe's, or `initial` may have
            learned from them.
        RecipeError: the folder holds another training, or this one and `resume` is off; or the recipe wants
            teachers and there are none, or the other way round, or `eight_bits` without `initial`.
        ModelError: the folder's checkpoint, `initial` or a teacher is damaged or does not fit.
        TrainingError: the training diverged, memory was lacking, or the connection to another process broke.
        OSError: the folder cannot be written; the last checkpoint is intact.

    Example:
        >>> from mien.data import load
        >>> from mien.training import Epoch, read_recipe, train
        >>> for event in train(read_recipe("mini-xception"), load("fer2013.csv"), Path("runs/mine")):  # doctest: +SKIP
        ...     if isinstance(event, Epoch):
        ...         print(event.epoch, event.val_loss, event.kept)
    """
    if recipe.eight_bits and not initial and not (resume and Run(folder).checkpoint.exists()):
        raise RecipeError("eight_bits: it goes on from the weights of a trained network; name them by --init")
    with joined(device) as worker, _memory_errors(recipe):
        training = _Training(recipe, faces, Run(folder), worker, initial, *teachers)
        with training.run.locked() if worker.leads else nullcontext():
            training.open(resume)
            events = training.events(compiled, seconds_a_checkpoint)
            yield from published(events, training.run, faces, recipe) if worker.leads else events


@contextmanager
def _memory_errors(recipe: Recipe) -> Iterator[None]:
    """Say what to change where memory was lacking; on a processor, torch raises its most general error then."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        lacking = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not lacking:
            raise
        raise TrainingError(
            f"there is not enough memory to train on batches of {recipe.batch_size} faces of {recipe.image_size} "
            "pixels; set a smaller batch_size or image_size"
        ) from error


class _Training:
    """A training's network and its moving average, which is measured and kept, with all that its epochs share."""

    def __init__(
        self, recipe: Recipe, faces: FaceSet, run: Run, worker: Worker, initial: Initial | None, *teachers: Path
    ) -> None:
        """Make every check that needs no folder, so that a training that cannot begin leaves none."""
        device, size = worker.device, recipe.image_size
        if faces.held_out and faces.faces.shape[1] != size:
            raise DataError(
                f"{faces.name}: faces to validate on were held out at {faces.faces.shape[1]} pixels, and the recipe "
                f"trains at {size}, at which others would be held out; load the faces at that size first"
            )
        if initial:
            check_held_out(initial, faces)
        self.recipe, self.run, self.worker, self.progress = recipe, run, worker, Progress()
        faces = resized(faces, size)
        train_split = without_fold(faces.split("train"), recipe.folds, recipe.fold)
        self.num_train = len(train_split)
        self.val_split = faces.split("val", hint="hold some out to validate on: --val-share 0.1")
        # A twentieth of the faces as they are, but 500 if there are as many, shows the overfitting.
        sample = np.random.default_rng(0).permutation(len(train_split))[: max(500, len(train_split) // 20)]
        self.plain_split = train_split.select(np.sort(sample))
        loaded = load_teachers(teachers, recipe, faces.classes, device)
        self.about = describe_run(recipe, faces, device) | {
            "classes": list(faces.classes),
            "processes": worker.size,
            "launch": launch(),
            # Training for eight bits rounds to 255 steps, which bfloat16 would round again.
            "bf16": (bf16 := not recipe.eight_bits and has_fast_bf16(device)),
            "initial": initial
            and {key: getattr(initial, key) for key in ("name", "sha256", "folds", "fold", "image_size")},
            "teachers": [
                {key: getattr(teacher, key) for key in ("name", "sha256", "folds", "fold")} for teacher in loaded
            ],
        }
        torch.manual_seed(recipe.seed)
        network = fresh_network(recipe.architecture, len(faces.classes), size, recipe.dropout_scale, recipe.keep)
        use_winograd(network, device)
        if initial:
            begin_with(network, initial, recipe, self.plain_split)
        if recipe.eight_bits:
            round_in_training(network)
        self.trainee = Trainee(network, votes=faces.votes is not None and recipe.votes_weight > 0)
        if initial:
            begin_votes_with(self.trainee, initial)
        self.trainee.to(device)
        # Images are in channels_last too, which is twice as fast on a CPU.
        self.trainee.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
        self.average = copy.deepcopy(self.trainee).eval()
        self.optimizer = make_optimizer(self.trainee, recipe)
        self.losses = Losses(recipe, train_split, device, bf16=bf16)
        self.batches = Batches(train_split, recipe, worker, loaded, bf16=bf16)
        self.seed = recipe.seed

    def open(self, resume: bool) -> None:
        """Make the run's folder, or go on from its checkpoint, in all processes alike."""
        run, worker = self.run, self.worker
        if worker.leads:
            resume = resume or run.was_launched_by(launch())
            if run.about.exists():
                self.about["bf16"] = self._goes_on_in_bf16(run.description())
            self.about = run.begin(self.about, resume=resume)
        worker.wait()
        resume = resume or run.was_launched_by(launch())
        # As it began: a resumption need not name the weights again.
        about = self.about if worker.leads else run.description()
        begun = about.get("initial")  # older runs do not name it
        self.seed = self.batches.seed = continued_seed(self.recipe.seed, begun and begun["sha256"])
        self.losses.bf16 = self.batches.bf16 = self._goes_on_in_bf16(about)
        if resume and run.checkpoint.exists():
            tensors, kept = checkpoint.load(run.checkpoint)
            try:
                for name in STATEFUL:
                    getattr(self, name).load_state_dict(tensors[name])
                self.progress = Progress(**kept)
            except (KeyError, RuntimeError, ValueError, TypeError) as error:
                raise ModelError(f"{run.checkpoint} is not a checkpoint of this training: {error}") from error
        shared = f"the epochs done in {run.folder}, which has to be on a file system that all share"
        worker.check_equal(self.progress.epoch, shared)
        if worker.leads:
            run.forget_after(self.progress.epoch)

    def _goes_on_in_bf16(self, about: Mapping[str, Any]) -> bool:
        """Whether a training of this description computes in bfloat16 here: where it can, as it began.

        Measured again, bfloat16 may win or lose, and the steps would no longer be the same. Descriptions of earlier
        versions do not name it, and those used it on units for matrices only.
        """
        device = self.worker.device
        return bool(about.get("bf16", has_bf16_units(device))) and has_bf16(device)

    def events(self, compiled: bool, seconds_a_checkpoint: float) -> Iterator[Event]:
        most = int(np.bincount(self.val_split.labels).max())
        yield Start(
            self.num_train, len(self.val_split), num_steps=self.recipe.epochs * len(self.batches),
            chance=most / len(self.val_split), initialized=self.about.get("initial") is not None,
        )  # fmt: skip
        model = self.worker.replicated(self.trainee)
        if not self.progress.epoch:
            # Replicated, all begin with the leader's weights; on another processor they may differ in the last digit.
            self.average.load_state_dict(self.trainee.state_dict())
        if compiled:
            model.compile()
        saved_at = -math.inf  # the first epoch has a checkpoint, however short it is
        while not self.progress.is_over(self.recipe):
            result, logits = yield from self._epoch(model)
            self.progress = self.progress.after(result.epoch, result.val_loss, self.recipe)
            if self.worker.leads:
                line = dataclasses.asdict(result)
                if result.kept:
                    weights = self.average.state_dict()
                    checkpoint.save(self.run.models / result.kept, weights, self.about | {"epoch": line})
                    self.run.save_validation(logits.cpu().numpy(), result.epoch)
                self.run.append_metrics(line)
                if self.progress.is_over(self.recipe) or time.monotonic() - saved_at >= seconds_a_checkpoint:
                    tensors = {name: getattr(self, name).state_dict() for name in STATEFUL}
                    checkpoint.save(self.run.checkpoint, tensors, dataclasses.asdict(self.progress))
                    saved_at = time.monotonic()
            yield result

    def _epoch(self, model: nn.Module) -> Generator[Step, None, tuple[Epoch, Tensor]]:
        """Train for one more epoch; its figures, and the logits (N, K) of the validation split."""
        epoch, start = self.progress.epoch + 1, time.monotonic()
        rate, sums = yield from self._steps(model, epoch)
        train_loss, train_accuracy = (self.worker.mean(sums) / len(self.batches)).tolist()
        self.worker.average_buffers(self.average)
        val_loss, val_accuracy, logits = self._measure(self.val_split)
        plain_train_loss, plain_train_accuracy, _ = self._measure(self.plain_split)
        if not math.isfinite(train_loss + val_loss):
            raise TrainingError(
                f"the training diverged in epoch {epoch}, at a learning rate of {rate:.3g}: its loss is "
                f"{train_loss + val_loss}. The run's folder is as the epoch before left it; try a smaller learning_rate"
            )
        is_best = val_loss < self.progress.best_loss
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
            kept=model_name(self.recipe.architecture, epoch, val_accuracy) if is_best else None,
        )
        return result, logits

    def _steps(self, model: nn.Module, epoch: int) -> Generator[Step, None, tuple[float, Tensor]]:
        """Take a step for every batch; the last learning rate, and the sums of loss and accuracy (2,)."""
        recipe, num_steps = self.recipe, len(self.batches)
        done = (epoch - 1) * num_steps
        sums = torch.zeros(2, device=self.worker.device)
        rate = 0.0
        self.trainee.train()
        # Dropout draws from torch's own generator.
        torch.manual_seed(epoch_seed(self.seed, epoch, DROPOUT_STREAM + self.worker.rank))
        for number, batch in enumerate(self.batches.epoch(epoch), start=1):
            rate = learning_rate(recipe, done + number - 1, num_steps, self.progress.num_falls)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.zero_grad()
            loss, accuracy = self.losses.backward(model, batch)
            if recipe.sharpness:
                with perturbed(self.trainee, recipe.sharpness):
                    self.losses.backward(model, batch)
            self.optimizer.step()
            update_average(self.average, self.trainee, recipe.ema_decay, done + number)
            sums += torch.stack([loss, accuracy])
            if number % STEPS_A_REPORT == 0:  # reading a sum makes a GPU wait
                mean_loss, mean_right = (sums / number).tolist()
                yield Step(epoch, number, num_steps, mean_loss, mean_right)
        return rate, sums

    def _measure(self, split: FaceSet) -> tuple[float, float, Tensor]:
        """The averaged network's NLL in nats, its accuracy and its logits (N, K); each worker computes its share."""
        part = predict(self.average.network, split.faces[self.worker.share(len(split))], self.worker.device)
        logits = self.worker.gathered(part, len(split))
        labels = torch.from_numpy(split.labels).to(logits.device)
        return float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean()), logits


def begin_with(network: Network, initial: Initial, recipe: Recipe, faces: FaceSet) -> None:
    """Give a recipe's network, of widths that may be smaller, the weights that a training begins with."""
    images = as_input(faces.faces)
    if initial.keep <= recipe.keep:
        initialize(network, initial, recipe.architecture, faces.classes, images[:NUM_INITIALIZED])
        return
    if initial.classes != faces.classes:
        raise ModelError(
            f"{initial.name} has other classes than {faces.name}, so which of its channels matter is not known yet; "
            f"train it with keep={initial.keep:g} first, and prune what comes of it"
        )
    whole = fresh_network(recipe.architecture, len(faces.classes), recipe.image_size, keep=initial.keep)
    use_winograd(whole, images.device)
    initialize(whole, initial, recipe.architecture, faces.classes, images[:NUM_INITIALIZED])
    pruned(whole, network, recipe.architecture, images, torch.from_numpy(faces.labels))


def check_held_out(initial: Initial, faces: FaceSet) -> None:
    """That weights learned from none of the faces that are held out of the same data to validate on.

    A smaller share holds out some of the same faces, at the same size; a larger one, others too.
    """
    if not faces.held_out or not initial.held_out or initial.data != faces.name:
        return
    size = faces.faces.shape[1]
    if faces.held_out > initial.held_out or size != initial.image_size:
        raise DataError(
            f"{initial.name} learned from faces of {faces.name} that would be held out now: {initial.held_out:g} of "
            f"them were, at {initial.image_size} pixels; hold out as many or fewer, at that size, or begin with other "
            "weights"
        )


def use_threads(number: int) -> None:
    """Train on that number of the processor's threads from now on."""
    torch.set_num_threads(number)


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


@torch.no_grad()
def predict(network: Network, faces: NDArray[np.uint8], device: torch.device) -> Tensor:
    """(N, S, S) uint8 → logits (N, K) in float32, as the exported model gives them."""
    network.eval()
    parts = np.array_split(faces, max(1, len(faces) // 256))
    return torch.cat([network.classify(as_input(part).to(device))[0] for part in parts])
