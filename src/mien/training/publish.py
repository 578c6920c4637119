"""A training's page and TensorBoard logs, kept up to date while it runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from mien.data import FaceSet
from mien.training.events import Epoch, Event
from mien.training.page import refresh_page
from mien.training.run import Run

SHARE_FOR_PAGES = 1 / 20
"""The share of the time that may go into pages: on a GPU an epoch may be over before its page is drawn."""

CURVES = ("learning_rate", "train_loss", "train_accuracy", "plain_train_loss", "plain_train_accuracy", "val_loss",
          "val_accuracy", "seconds")  # fmt: skip
"""What TensorBoard shows of an epoch."""


def published(events: Iterator[Event], run: Run, faces: FaceSet) -> Iterator[Event]:
    """Pass a training's events on, and renew `page.html` and `tensorboard/` in the run's folder after each epoch.

    Raises:
        OSError: the folder cannot be written.
    """
    next_page = 0.0
    with ExitStack() as stack:
        add_to_tensorboard = None
        for event in events:
            if isinstance(event, Epoch):
                if add_to_tensorboard is None:
                    add_to_tensorboard = stack.enter_context(open_tensorboard(run.folder / "tensorboard", event.epoch))
                add_to_tensorboard(event)
                if (start := time.monotonic()) >= next_page:
                    refresh_page(run, faces, running=True)
                    next_page = start + (time.monotonic() - start) / SHARE_FOR_PAGES
            yield event
    refresh_page(run, faces, running=False)


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
