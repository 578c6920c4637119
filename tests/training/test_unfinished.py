import sys
import tarfile
from pathlib import Path

import pytest
import torch
import unfinished

from mien.data import FaceSet
from mien.training import train
from mien.training.initial import load_initial
from mien.training.recipe import Recipe


def test_a_training_that_has_not_ended_can_be_gone_on_from(
    bars: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Recipe(architecture="mini-xception", image_size=32, epochs=2, batch_size=56, ema_decay=0.5)
    for _ in train(recipe, bars, tmp_path / "run"):
        pass
    monkeypatch.setattr(sys, "argv", ["unfinished.py", str(tmp_path / "run"), "--out", str(tmp_path / "a.tar")])
    unfinished.main()
    assert '"unfinished": {"run": 2}' in capsys.readouterr().out
    with tarfile.open(tmp_path / "a.tar") as archive:
        archive.extractall(tmp_path / "elsewhere")
    unpacked = tmp_path / "elsewhere" / "run"
    monkeypatch.setattr(sys, "argv", ["unfinished.py", str(unpacked), "--out", str(tmp_path / "b.tar")])
    unfinished.main()
    with tarfile.open(tmp_path / "a.tar") as first, tarfile.open(tmp_path / "b.tar") as second:
        assert set(first.getnames()) < set(second.getnames())
    initial = load_initial(str(tmp_path / "elsewhere" / "run" / "models" / "epoch-002.pt"))
    assert initial.architecture == "mini-xception"
    assert all(torch.isfinite(value).all() for value in initial.weights.values())
