import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mien.errors import ModelError, RecipeError
from mien.training import checkpoint
from mien.training.architectures import ARCHITECTURES
from mien.training.architectures.gelu_cnn import DROPOUT
from mien.training.trained import Trainee, describe_model, fresh_network, load_trained


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_all_of_the_dropout_is_scaled(scale: float) -> None:
    network = fresh_network("gelu-cnn", 7, 48, scale)
    dropouts = [module.p for module in network.modules() if isinstance(module, nn.Dropout)]
    assert dropouts == [DROPOUT * scale] * 4


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if not name.startswith("gelu-cnn")])
def test_networks_without_dropout_have_none_to_scale(name: str) -> None:
    with pytest.raises(RecipeError, match=f"dropout_scale: {name} has no dropout"):
        fresh_network(name, 7, 48, 0.5)
    assert fresh_network(name, 7, 48).num_embedded > 0


ABOUT: dict[str, Any] = {
    "recipe": {"architecture": "rep-nano", "image_size": 16},
    "classes": ["a", "b"],
    "data": {"name": "none", "faces": {"train": 4, "val": 2}},
    "code": {"commit": "abc"},
    "epoch": {"epoch": 1, "val_accuracy": 0.5, "val_loss": 0.7},
}


def kept(path: Path, weights: dict[Any, Any] | None = None, **changes: Any) -> Path:
    """A kept model with another description or other weights."""
    network = Trainee(fresh_network("rep-nano", 2, 16), votes=False)
    checkpoint.save(path, weights or network.state_dict(), ABOUT | changes)
    return path


def test_a_training_that_was_never_resumed_has_the_commit_it_began_with(tmp_path: Path) -> None:
    """Fault 60: an empty list of resumptions raised IndexError."""
    trainee, about = load_trained(kept(tmp_path / "m.pt", resumed_with=[]))
    assert describe_model(trainee, about, "m").commit == "abc"


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": {1: torch.ones(2)}},
        {"weights": {"network": 3}},
        {"recipe": {"architecture": "rep-nano", "image_size": 20_000}},
        {"recipe": {"architecture": "rep-nano", "image_size": 1.5e308}},
        {"recipe": {"architecture": ["rep-nano"], "image_size": 16}},
        {"recipe": []},
        {"classes": []},
        {"classes": 2},
        {"classes": [1, 2]},
        {"epoch": None},
        {"data": {"faces": []}},
        {"resumed_with": [3]},
    ],
)
def test_a_kept_model_with_a_wrong_description_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Fault 60: some of these raised errors that were none of mien's."""
    with pytest.raises(ModelError, match=r"m\.pt holds no network that this mien can build: ."):
        load_trained(kept(tmp_path / "m.pt", **changes))


def test_damage_anywhere_is_refused_in_silence(tmp_path: Path) -> None:
    """Fault 60: 5 of 1,500 changed bytes raised other errors, and others printed warnings."""
    path = kept(tmp_path / "m.pt")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in parts if name.endswith("data.pkl"))
    for place in range(0, 400, 3):
        for value in (0, 0x4A, 0xFF):
            damaged = bytearray(parts[name])
            damaged[place] = value
            with zipfile.ZipFile(path, "w") as archive:
                for part, content in (parts | {name: bytes(damaged)}).items():
                    archive.writestr(part, content)
            with suppress(ModelError):
                load_trained(path)
