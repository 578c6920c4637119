import dataclasses
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

import mien.training
from mien.data import FaceSet
from mien.errors import RecipeError
from mien.training import page as training_page
from mien.training.architectures import ARCHITECTURES
from mien.training.events import Epoch, Event, Start
from mien.training.loop import train
from mien.training.page import CURVES, layer_table, open_tensorboard, published, refresh_page
from mien.training.recipe import Recipe
from mien.training.run import Run, find_runs, summary

RECIPE = Recipe(architecture="mini-xception", image_size=32, epochs=2, batch_size=16, learning_rate=0.05, ema_decay=0)


def test_a_training_begun_from_python_has_a_page_from_its_start_on(bars: FaceSet, tmp_path: Path) -> None:
    run = Run(tmp_path)
    for event in mien.training.train(RECIPE, bars, tmp_path, device=torch.device("cpu")):
        assert run.page.exists()
        if isinstance(event, Start):
            assert "running" in run.page.read_text()
        if isinstance(event, Epoch):
            page = run.page.read_text()
            assert "Confident mistakes" in page
            assert "running" in page
            assert f"epoch {event.epoch}, validation: {event.val_accuracy:.4f}" in page
            (found,) = find_runs(tmp_path)
            assert summary(found)["epochs_done"] == event.epoch
            break
    for _ in mien.training.train(RECIPE, bars, tmp_path, device=torch.device("cpu"), resume=True):
        pass
    page = run.page.read_text()
    assert "finished" in page
    assert "epoch 2, validation" in page
    assert (tmp_path / "tensorboard").exists() == bool(find_spec("tensorboard"))


@pytest.mark.parametrize("line", ["[" * 100_000, "null", '{"epoch": 1}', '{"val_loss": []}', '{"val_loss": 1e999}'])
def test_records_that_somebody_edited_are_an_error_or_left_out(tmp_path: Path, line: str) -> None:
    run = Run(tmp_path)
    run.about.write_text('{"recipe": {"architecture": "a", "epochs": 9}, "data": {"name": "d"}}')
    run.metrics.write_text(line + "\n")
    if line.startswith("["):
        assert summary(run)["epochs_done"] == 0  # as a line that was cut off
    else:
        with pytest.raises(RecipeError, match=r"metrics\.jsonl (or run\.json beside it )?is damaged"):
            summary(run)


def test_the_page_of_an_interrupted_training_says_that_it_stopped(bars: FaceSet, tmp_path: Path) -> None:
    """Fault 38."""

    def interrupted() -> Iterator[Event]:
        for event in train(RECIPE, bars, tmp_path, device=torch.device("cpu")):
            yield event
            if isinstance(event, Epoch):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(published(interrupted(), Run(tmp_path), bars, RECIPE))
    assert '<span class="pill">stopped</span>' in Run(tmp_path).page.read_text()


def test_the_page_of_a_training_that_taught_nothing_says_what_to_change(bars: FaceSet, tmp_path: Path) -> None:
    run = Run(tmp_path)
    trained = train(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path, device=torch.device("cpu"))
    no_better = [dataclasses.replace(event, chance=0.99) if isinstance(event, Start) else event for event in trained]
    list(published(iter(no_better), run, bars, RECIPE))
    assert "The network has learned nothing" in run.page.read_text()


def test_a_page_without_logits_or_with_those_of_other_faces_is_still_a_page(bars: FaceSet, tmp_path: Path) -> None:
    list(train(RECIPE, bars, tmp_path, device=torch.device("cpu")))
    run = Run(tmp_path)
    assert "Confusion" not in refresh_page(run, bars.select(bars.labels < 5), "finished").read_text()
    run.validation.unlink()
    assert "Confusion" not in refresh_page(run, bars, "finished").read_text()


def test_logits_may_be_larger_than_16_bits_hold(bars: FaceSet, tmp_path: Path) -> None:
    """As those of a first epoch at a high rate: their probabilities were not numbers, after a warning of NumPy's."""
    list(train(dataclasses.replace(RECIPE, epochs=1), bars, tmp_path, device=torch.device("cpu")))
    run, split = Run(tmp_path), bars.split("val")
    logits = np.zeros((len(split), len(bars.classes)), np.float32)
    logits[np.arange(len(split)), split.labels] = 5e5
    run.save_validation(logits, 1)
    measured = training_page._measured(run, bars)
    assert measured
    np.testing.assert_array_equal(measured.scores, logits / 5e5)


def test_names_that_are_no_utf8_have_a_page(bars: FaceSet, tmp_path: Path) -> None:
    """Fault 52: the page could not be written, which ended the training."""
    faces = dataclasses.replace(
        bars, name="b\udcff", classes=("c\udcff", *bars.classes[1:]), sources=["s\udcff"] * len(bars)
    )
    list(train(dataclasses.replace(RECIPE, epochs=1), faces, tmp_path / "r\udcff", device=torch.device("cpu")))
    assert "</html>" in Run(tmp_path / "r\udcff").page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("size", [48, 64])
def test_the_layers_add_up_to_the_network(name: str, size: int) -> None:
    network = ARCHITECTURES[name](7, size)
    layers = layer_table(network, size)
    assert sum(layer.num_parameters for layer in layers) == sum(value.numel() for value in network.parameters())
    assert layers[0].shape == (1, size, size)
    assert layers[-1].shape[0] == 7


@pytest.mark.parametrize(
    ("name", "end", "shortcut"),
    [
        ("mini-xception", "global average pooling", True),
        ("rep-small", "global average pooling", True),
        ("gelu-cnn", "flatten", False),
        ("conv-attention", None, True),
    ],
)
def test_the_layers_say_what_a_network_is_made_of(name: str, end: str | None, shortcut: bool) -> None:
    layers = layer_table(ARCHITECTURES[name](7, 48), 48)
    kinds = " ".join(layer.kind for layer in layers)
    assert "Conv2d(1, " in kinds
    assert [each for each in ("global average pooling", "flatten") if each in kinds] == [end] * (end is not None)
    assert any("shortcut" in layer.name for layer in layers) == shortcut


def test_the_multiplications_are_those_of_the_convolutions_and_dense_layers() -> None:
    """3×3 weights at each of 46×46 positions, and of 8×8 positions for a depthwise layer of 8 channels."""
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3),
        torch.nn.MaxPool2d(5, 5),
        torch.nn.Conv2d(8, 8, 2, groups=8),
        torch.nn.Flatten(),
        torch.nn.Linear(512, 7),
        torch.nn.Unflatten(1, (1, 7)),
    )
    assert [layer.macs for layer in layer_table(network, 48)] == [0, 8 * 9 * 46**2, 0, 8 * 4 * 8**2, 0, 512 * 7, 0]


def epoch(number: int) -> Epoch:
    return Epoch(
        epoch=number, learning_rate=0.1, train_loss=2.0, train_accuracy=0.3, plain_train_loss=1.5,
        plain_train_accuracy=0.4, val_loss=1.6, val_accuracy=0.25 * number, seconds=3.0, kept=None,
    )  # fmt: skip


def test_the_curves_are_logged_where_tensorboard_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with open_tensorboard(tmp_path, 1) as add:
        add(epoch(1))
        add(epoch(2))
    with open_tensorboard(tmp_path, 2) as add:  # the second epoch again, after a kill
        add(epoch(2))
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert len(events.Tags()["scalars"]) == len(CURVES)
    assert [(event.step, event.value) for event in events.Scalars("accuracy/val")] == [(1, 0.25), (2, 0.5)]


def test_without_it_nothing_is_written_and_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_page, "find_spec", lambda name: None)
    with open_tensorboard(tmp_path / "logs", 1) as add:
        add(epoch(1))
    assert not (tmp_path / "logs").exists()
