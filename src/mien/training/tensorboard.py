"""A training's curves for TensorBoard, when it is installed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from mien.training.events import Epoch

CURVES = ("learning_rate", "train_loss", "train_accuracy", "plain_train_loss", "plain_train_accuracy", "val_loss",
          "val_accuracy", "seconds")  # fmt: skip


@contextmanager
def open_tensorboard(folder: Path, first_epoch: int) -> Iterator[Callable[[Epoch], None]]:
    """A function that adds an epoch to TensorBoard's logs in a folder; it does nothing without tensorboard installed.

    What an earlier session logged there of `first_epoch` and later ones is hidden.
    """
    if find_spec("tensorboard") is None:
        yield lambda epoch: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder), purge_step=first_epoch) as writer:

        def add(epoch: Epoch) -> None:
            for name in CURVES:
                part, _, kind = name.rpartition("_")
                tag = f"{kind}/{part}" if kind in ("loss", "accuracy") else name
                writer.add_scalar(tag, getattr(epoch, name), epoch.epoch)

        yield add
