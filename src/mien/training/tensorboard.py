"""A training's curves for TensorBoard, when it is installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from mien.training.loop import Epoch

CURVES = ("learning_rate", "train_loss", "train_accuracy", "plain_train_loss", "plain_train_accuracy", "val_loss",
          "val_accuracy", "seconds")  # fmt: skip


class Board(Protocol):
    """Takes epochs."""

    def add(self, epoch: Epoch) -> None: ...


class NoBoard:
    """Takes epochs, and does nothing with them."""

    def add(self, epoch: Epoch) -> None:
        """Nothing."""


@contextmanager
def open_board(folder: Path, first_epoch: int) -> Iterator[Board]:
    """A board that writes TensorBoard's events into a folder, or none when tensorboard is not installed.

    What an earlier session wrote there of `first_epoch` and later ones is hidden.
    """
    if find_spec("tensorboard") is None:
        yield NoBoard()
        return
    from torch.utils.tensorboard import SummaryWriter

    class Events:
        def add(self, epoch: Epoch) -> None:
            for name in CURVES:
                part, _, kind = name.rpartition("_")
                tag = f"{kind}/{part}" if kind in ("loss", "accuracy") else name
                writer.add_scalar(tag, getattr(epoch, name), epoch.epoch)

    with SummaryWriter(str(folder), purge_step=first_epoch) as writer:
        yield Events()
