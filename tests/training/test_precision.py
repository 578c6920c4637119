import time
from pathlib import Path

import pytest
import torch

from mien.data import FaceSet
from mien.training import precision
from mien.training.augmentation import Augmentation
from mien.training.events import Epoch
from mien.training.loop import train
from mien.training.precision import gain, has_fast_bf16, shortest
from mien.training.recipe import Recipe

CPU = torch.device("cpu")
AVX512, AMX = {"avx512_bf16": True}, {"avx512_bf16": True, "amx_bf16": True}


@pytest.mark.parametrize(
    ("capabilities", "times_as_fast", "faster"),
    [({}, 9.0, False), (AVX512, 0.8, False), (AVX512, 1.1, False), (AVX512, 1.7, True), (AMX, 0.8, True)],
)
def test_bfloat16_is_used_where_it_is_faster(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], times_as_fast: float, faster: bool
) -> None:
    """Fault 16: on one processor with AVX-512's instructions a step took longer with them, on another less."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(precision, "gain", lambda: times_as_fast)
    assert has_fast_bf16(CPU) == faster


def test_the_gain_is_measured() -> None:
    assert 0.01 < gain() < 100


def test_what_disturbs_one_measurement_does_not_count() -> None:
    waits = iter([0.0, 0.2, 0.0, 0.2])  # the first warms up
    assert shortest(lambda: time.sleep(next(waits)), times=3) < 0.1


def test_a_resumed_training_goes_on_as_it_began(monkeypatch: pytest.MonkeyPatch, bars: FaceSet, tmp_path: Path) -> None:
    recipe = Recipe(architecture="mini-xception", image_size=32, epochs=2, batch_size=16, augmentation=Augmentation())

    def losses(folder: str, *, resume: bool = False, stop: bool = False) -> list[float]:
        events = train(recipe, bars, tmp_path / folder, device=CPU, resume=resume)
        found = []
        for event in events:
            if isinstance(event, Epoch):
                found.append(event.val_loss)
                if stop:
                    break
        return found

    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    whole = losses("whole")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: AMX)
    assert losses("in bfloat16") != whole
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    losses("resumed", stop=True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: AMX)
    assert losses("resumed", resume=True) == whole[1:]
