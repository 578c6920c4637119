from pathlib import Path

import pytest

from mien.training import publish
from mien.training.events import Epoch
from mien.training.publish import CURVES, open_tensorboard


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
    monkeypatch.setattr(publish, "find_spec", lambda name: None)
    with open_tensorboard(tmp_path / "logs", 1) as add:
        add(epoch(1))
    assert not (tmp_path / "logs").exists()
