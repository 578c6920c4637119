"""A training's page and TensorBoard logs, kept up to date while it runs."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

from mien.data import FaceSet
from mien.training.events import Epoch, Event
from mien.training.page import refresh_page
from mien.training.run import Run
from mien.training.tensorboard import open_tensorboard

SHARE_FOR_PAGES = 1 / 20
"""The share of the time that may go into pages: on a GPU an epoch may be over before its page is drawn."""


def published(events: Iterator[Event], run: Run, faces: FaceSet) -> Iterator[Event]:
    """Pass a training's events on, after each epoch with `page.html` and `tensorboard/` in the run's folder renewed.

    Args:
        events: what the training reports.
        run: the folder of the training.
        faces: the data set it trains on, of any size.

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
                    refresh_page(run, faces, status="running")
                    next_page = start + (time.monotonic() - start) / SHARE_FOR_PAGES
            yield event
    refresh_page(run, faces, status="finished")
