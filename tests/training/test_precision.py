import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mien.data import FaceSet
from mien.training import precision
from mien.training.architectures import Network
from mien.training.augmentation import Augmentation
from mien.training.batches import Batches
from mien.training.distributed import Worker
from mien.training.events import Epoch
from mien.training.initial import load_initial
from mien.training.loop import train
from mien.training.precision import gain, has_fast_bf16, shortest
from mien.training.recipe import Recipe
from mien.training.run import Run
from mien.training.teachers import Teacher

CPU = torch.device("cpu")
RECIPE = Recipe(architecture="mini-xception", image_size=32, epochs=2, batch_size=16, augmentation=Augmentation())
AVX512, AMX = {"avx512_bf16": True}, {"avx512_bf16": True, "amx_bf16": True}
NEITHER: dict[str, bool] = {}


def processor(monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], times_as_fast: float = 2.0) -> None:
    """Let the processor have these instructions, and bfloat16 be so many times as fast as float32 on it."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(precision, "gain", lambda: times_as_fast)


@pytest.mark.parametrize(
    ("capabilities", "times_as_fast", "faster"),
    [({}, 9.0, False), (AVX512, 0.8, False), (AVX512, 1.1, False), (AVX512, 1.7, True), (AMX, 0.8, True)],
)
def test_bfloat16_is_used_where_it_is_faster(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], times_as_fast: float, faster: bool
) -> None:
    """Fault 16: on one processor with AVX-512's instructions a step took longer with them, on another less."""
    processor(monkeypatch, capabilities, times_as_fast)
    assert has_fast_bf16(CPU) == faster


def test_the_gain_is_the_time_in_float32_by_that_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    products: list[torch.dtype] = []
    convolve = F.conv2d

    def noted(*words: Any, **named: Any) -> torch.Tensor:
        result = convolve(*words, **named)
        products.append(result.dtype)
        return result

    def seconds(step: Callable[[], None]) -> float:
        step()
        return {torch.float32: 3.0, torch.bfloat16: 2.0}[products[-1]]

    monkeypatch.setattr(F, "conv2d", noted)
    monkeypatch.setattr(precision, "shortest", seconds)
    assert gain.__wrapped__() == 1.5


def test_what_disturbs_one_measurement_does_not_count() -> None:
    waits = iter([0.0, 0.2, 0.0, 0.2])  # the first warms up
    assert shortest(lambda: time.sleep(next(waits)), times=3) < 0.1


def fitted(folder: Path, faces: FaceSet, *, resume: bool = False, stop: bool = False) -> list[float]:
    """The validation losses of two epochs, or of one and no more."""
    found = []
    for event in train(RECIPE, faces, folder, device=CPU, resume=resume):
        if isinstance(event, Epoch):
            found.append(event.val_loss)
            if stop:
                break
    return found


@pytest.mark.parametrize(("begun", "then"), [((NEITHER,), (AMX,)), ((AVX512, 2.0), (AVX512, 0.8))])
def test_a_resumed_training_goes_on_as_it_began(
    monkeypatch: pytest.MonkeyPatch, bars: FaceSet, tmp_path: Path, begun: Any, then: Any
) -> None:
    on = partial(processor, monkeypatch)
    on(*begun)
    whole = fitted(tmp_path / "whole", bars)
    on(*then)
    assert fitted(tmp_path / "other", bars) != whole
    on(*begun)
    fitted(tmp_path / "resumed", bars, stop=True)
    on(*then)
    assert fitted(tmp_path / "resumed", bars, resume=True) == whole[1:]
    about = Run(tmp_path / "resumed").description()
    assert about["bf16"] == about["resumed_with"][0]["bf16"] == bool(begun[0])


def test_where_bfloat16_cannot_be_computed_the_record_says_so(
    monkeypatch: pytest.MonkeyPatch, bars: FaceSet, tmp_path: Path
) -> None:
    processor(monkeypatch, AVX512)
    fitted(tmp_path, bars, stop=True)
    processor(monkeypatch, NEITHER)
    fitted(tmp_path, bars, resume=True)
    about = Run(tmp_path).description()
    assert (about["bf16"], about["resumed_with"][0]["bf16"]) == (True, False)


@pytest.mark.parametrize("capabilities", [AVX512, AMX])
def test_a_record_without_precision_is_of_a_training_that_used_units_for_matrices_only(
    monkeypatch: pytest.MonkeyPatch, bars: FaceSet, tmp_path: Path, capabilities: dict[str, bool]
) -> None:
    processor(monkeypatch, capabilities if capabilities == AMX else NEITHER)
    fitted(tmp_path, bars, stop=True)
    about = Run(tmp_path).about
    about.write_text(json.dumps({key: value for key, value in json.loads(about.read_text()).items() if key != "bf16"}))
    processor(monkeypatch, capabilities)
    fitted(tmp_path, bars, resume=True)
    assert Run(tmp_path).description()["resumed_with"][0]["bf16"] == (capabilities == AMX)


def test_steps_of_eight_bits_are_not_rounded_again(
    monkeypatch: pytest.MonkeyPatch, bars: FaceSet, tmp_path: Path
) -> None:
    processor(monkeypatch, AMX)
    fitted(tmp_path / "whole", bars, stop=True)
    recipe = replace(RECIPE, eight_bits=True, epochs=1)
    list(train(recipe, bars, tmp_path / "small", device=CPU, initial=load_initial(str(tmp_path / "whole"))))
    assert [Run(tmp_path / name).description()["bf16"] for name in ("whole", "small")] == [True, False]


@pytest.mark.parametrize("bf16", [False, True])
def test_teachers_compute_in_it_too(bars: FaceSet, bf16: bool) -> None:
    seen: list[torch.dtype] = []

    class Noting(nn.Module):
        def classify(self, faces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            seen.append((faces.flatten(1) @ torch.ones(faces[0].numel(), 5)).dtype)
            return torch.ones(len(faces), 5), faces

    teacher = Teacher("noting", "", cast(Network, Noting()), 1, 0)
    recipe = replace(RECIPE, teacher_weight=0.5)
    next(Batches(bars.split("train"), recipe, Worker(0, 1, CPU), [teacher], bf16=bf16).epoch(1))
    assert seen == [torch.bfloat16 if bf16 else torch.float32]
