"""A training's page and TensorBoard logs, made from its folder and kept up to date while it runs."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien.data.dataset import FaceSet
from mien.files import replacing
from mien.recognition import softmax
from mien.report.run_page import Layer, Measured, State, render
from mien.training.advice import advice_after
from mien.training.events import Epoch, Event, Start
from mien.training.recipe import Recipe
from mien.training.run import Run
from mien.training.trained import fresh_network

SHARE_FOR_PAGES = 1 / 20  # of the time: on a GPU an epoch may be over before its page is drawn
CURVES = ("learning_rate", "train_loss", "train_accuracy", "plain_train_loss", "plain_train_accuracy", "val_loss",
          "val_accuracy", "seconds")  # fmt: skip
"""What TensorBoard shows of an epoch."""


def published(events: Iterator[Event], run: Run, faces: FaceSet, recipe: Recipe) -> Iterator[Event]:
    """Pass a training's events on, and renew `page.html` and `tensorboard/` in the run's folder.

    The page is there from the start on, and is renewed after each epoch. At the end it says so if nothing was learned.
    """
    next_page = 0.0
    begun: Start | None = None
    with ExitStack() as stack:
        stack.enter_context(_stopped_on_error(run, faces))
        add_to_tensorboard = None
        for event in events:
            if isinstance(event, Start):
                begun = event
                refresh_page(run, faces, "running")  # an epoch may take minutes
            if isinstance(event, Epoch):
                if add_to_tensorboard is None:
                    add_to_tensorboard = stack.enter_context(open_tensorboard(run.folder / "tensorboard", event.epoch))
                add_to_tensorboard(event)
                if (start := time.monotonic()) >= next_page:
                    refresh_page(run, faces, "running")
                    next_page = start + (time.monotonic() - start) / SHARE_FOR_PAGES
            yield event
    refresh_page(run, faces, "finished", advice_after(recipe, begun, run.epochs()) if begun else None)


@contextmanager
def _stopped_on_error(run: Run, faces: FaceSet) -> Iterator[None]:
    """Where the training is interrupted or fails and has a page already, the page says that it stopped."""
    try:
        yield
    except BaseException:
        if run.page.exists():
            with suppress(Exception):  # what ended the training is what has to be reported
                refresh_page(run, faces, "stopped")
        raise


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


def refresh_page(run: Run, faces: FaceSet, state: State, advice: str | None = None) -> Path:
    """Write `page.html` into a run's folder, from the files there and the data set it trains on, of any size."""
    about = run.description()
    recipe = about["recipe"]
    page = render(
        title=f"{recipe['architecture']} on {about['data']['name']}",
        state=state,
        advice=advice,
        recipe=recipe,
        about={key: value for key, value in about.items() if key not in ("recipe", "classes")},
        epochs=run.epochs(),
        measured=_measured(run, faces),
        layers=_layers(
            recipe["architecture"],
            len(faces.classes),
            recipe["image_size"],
            recipe.get("dropout_scale", 1.0),
            recipe.get("keep", 1.0),
        ),
    )
    with replacing(run.page) as partial_file:
        partial_file.write_text(page, encoding="utf-8")
    return run.page


def _measured(run: Run, faces: FaceSet) -> Measured | None:
    """The scores of the model kept last, from its logits; None without them, or when they are of other faces."""
    if not run.validation.exists():
        return None
    with np.load(run.validation) as kept:
        logits, epoch = kept["logits"].astype(np.float32), int(kept["epoch"])
    split = faces.split("val")
    if logits.shape != (len(split), len(faces.classes)):
        return None
    return Measured(epoch=epoch, split=split, scores=softmax(logits))


@cache
def _layers(architecture: str, num_classes: int, image_size: int, dropout_scale: float, keep: float) -> list[Layer]:
    """A network's layers; made once, as a page is written again and again."""
    return layer_table(fresh_network(architecture, num_classes, image_size, dropout_scale, keep), image_size)


def layer_table(network: nn.Module, image_size: int) -> list[Layer]:
    """The layers of a network in the order in which they run; the first is the face itself, (1, S, S).

    Shapes come from forward hooks on a copy that is given one black face, so `network` stays as it is. Poolings and
    flattenings that are not modules are inferred from the shapes around them.
    """
    # Not torch's meta device: the first step on it imports two seconds' worth of modules.
    copied = copy.deepcopy(network).cpu().eval()
    layers = [Layer("", "grey face", (1, image_size, image_size))]
    counted: set[nn.Parameter] = set()

    def record(name: str, module: nn.Module, inputs: tuple[Any, ...], output: Tensor | tuple[Tensor, ...]) -> None:
        layers.extend(_without_module(layers[-1].shape, inputs[0].shape[1:]))
        fresh = set(module.parameters(recurse=False)) - counted
        counted.update(fresh)
        first = output if isinstance(output, Tensor) else output[0]
        macs = 0
        if isinstance(module, nn.Conv2d | nn.Linear):
            macs = first.numel() // len(module.weight) * module.weight.numel()  # each weight once at each position
        kind = f"{type(module).__name__}({module.extra_repr()})"
        layers.append(Layer(name, kind, tuple(first.shape[1:]), sum(each.numel() for each in fresh), macs))

    for name, module in copied.named_modules():
        if not list(module.children()) or list(module.parameters(recurse=False)):
            module.register_forward_hook(partial(record, name))
    with torch.no_grad():
        logits = copied(torch.zeros(1, 1, image_size, image_size))[0]
    return [*layers, *_without_module(layers[-1].shape, logits.shape[1:])]


def _without_module(before: Sequence[int], after: Sequence[int]) -> Iterator[Layer]:
    """The step that makes a vector of maps, if one comes between these shapes."""
    if len(before) == 3 and len(after) == 1:
        channels, height, width = before
        kinds = {channels: f"global average pooling, {height}×{width}", channels * height * width: "flatten"}
        if after[0] in kinds:
            yield Layer("", kinds[after[0]], tuple(after))
