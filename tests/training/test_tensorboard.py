from pathlib import Path

import pytest
import torch

from mien.data import FaceSet
from mien.training.loop import Epoch, train
from mien.training.recipe import Recipe
from mien.training.tensorboard import CURVES, NoBoard, open_board

RECIPE = Recipe(architecture="mini-xception", image_size=32, epochs=2, batch_size=16, learning_rate=0.05, ema_decay=0)


def test_the_curves_are_written_when_tensorboard_is_there(bars: FaceSet, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    epochs = [event for event in train(RECIPE, bars, tmp_path / "run", device=torch.device("cpu"))
              if isinstance(event, Epoch)]  # fmt: skip
    with open_board(tmp_path / "board", 1) as board:
        for epoch in epochs:
            board.add(epoch)
    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    assert len(events.Tags()["scalars"]) == len(CURVES)
    told = [event.value for event in events.Scalars("accuracy/val")]
    assert told == pytest.approx([epoch.val_accuracy for epoch in epochs])
    with open_board(tmp_path / "board", 2) as board:  # the second epoch again, after a kill
        board.add(epochs[1])
    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    assert [event.step for event in events.Scalars("accuracy/val")] == [1, 2]


def test_without_it_nothing_is_written_and_nothing_fails(bars: FaceSet, tmp_path: Path) -> None:
    for event in train(RECIPE, bars, tmp_path / "run", device=torch.device("cpu")):
        if isinstance(event, Epoch):
            NoBoard().add(event)
    assert not (tmp_path / "board").exists()
