"""Training for eight bits: rounded as the file is, with gradients as if it were not."""

import copy
import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn

from mien.data import FaceSet
from mien.errors import RecipeError
from mien.shipping.outliers import shapes
from mien.shipping.quantize import quantize
from mien.shipping.rounding import _nearest, _scales
from mien.training.architectures import ARCHITECTURES
from mien.training.eight_bits import LEVELS, round_in_training, rounded_activations, rounded_weights
from mien.training.export import export
from mien.training.initial import load_initial
from mien.training.loop import train
from mien.training.recipe import Recipe
from mien.training.run import Run
from mien.training.trained import describe_model, load_trained
from mien.training.winograd import use_winograd
from tests.conftest import each_network
from tests.training.fakes import about, fresh

CPU = torch.device("cpu")
RECIPE = Recipe(architecture="rep-nano", image_size=32, epochs=4, batch_size=16, learning_rate=0.05, ema_decay=0.0)
WEIGHTS = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 30)), elements=st.floats(-9, 9, width=32)
)


@given(WEIGHTS)
def test_weights_are_rounded_to_the_steps_of_the_file(rows: np.ndarray) -> None:
    rows[np.abs(rows).max(axis=1) < 1e-3] = 0
    steps = _scales(rows.astype(np.float64), np.ones(len(rows)))
    rounded = rounded_weights(torch.from_numpy(rows)).numpy() / steps[:, None]
    np.testing.assert_allclose(rounded, np.rint(rounded), atol=1e-3)
    # A half is rounded one way or the other; and two largest weights are limited once more in the file.
    assert np.abs(rounded - _nearest(rows.astype(np.float64), steps)).max() <= 1.001


@given(arrays.arrays(np.float32, 40, elements=st.floats(-1000, 1000, width=32)))
def test_activations_are_rounded_to_the_nearest_of_256_with_zero_among_them(values: np.ndarray) -> None:
    values[0] = 0
    rounded = rounded_activations(torch.from_numpy(values)).numpy()
    step = (max(values.max(), 0) - min(values.min(), 0)) / LEVELS
    assert rounded[0] == 0
    assert len(np.unique(rounded)) <= LEVELS + 1
    # The ends may lie half a step outside, as 0 is one of the levels.
    assert np.abs(rounded - values).max() <= 1.001 * step + 1e-6


@pytest.mark.parametrize("name", each_network(ARCHITECTURES))
def test_every_weight_still_learns_and_is_kept_as_it_is(name: str) -> None:
    torch.manual_seed(0)
    whole = ARCHITECTURES[name](7, 48)
    use_winograd(whole, CPU)
    faces = torch.randn(16, 1, 48, 48)
    for _ in range(3):
        whole.classify(faces)
    whole.eval()
    rounded = copy.deepcopy(whole)
    round_in_training(rounded)
    rounded = copy.deepcopy(rounded)  # as the averaged network is
    assert list(rounded.state_dict()) == list(whole.state_dict())
    wanted, found = whole.classify(faces)[0], rounded.classify(faces)[0]
    assert 0 < (wanted - found).abs().mean() < 0.1 * wanted.std()
    rounded.train()
    before = {key: value.clone() for key, value in rounded.state_dict().items()}
    (rounded.classify(faces)[0] ** 2).sum().backward()  # type: ignore[no-untyped-call]
    assert [key for key, each in rounded.named_parameters() if each.grad is None or not each.grad.any()] == []
    for key, value in rounded.state_dict().items():
        torch.testing.assert_close(value, before[key], atol=0, rtol=0)  # the statistics of batch norm too


@pytest.mark.parametrize("name", each_network(["rep-nano", "mini-xception", "gelu-cnn"]))
def test_what_is_rounded_is_what_the_file_has_in_eight_bits(name: str, tmp_path: Path) -> None:
    random, blank = np.random.default_rng(0), np.zeros((48, 48), np.uint8)
    faces = np.stack([shapes(blank, random) for _ in range(64)])
    trainee = fresh(name, votes=True)
    whole = export(trainee, describe_model(trainee, about(name), "whole"), tmp_path / "whole.onnx")
    file = quantize(whole.path, faces, tmp_path / "small.onnx")
    ends = ".weight_quantized"
    tensors = [each.name for each in onnx.load(file.path).graph.initializer]
    in_file = {each.removeprefix("network.").removesuffix(ends) for each in tensors if each.endswith(ends)}
    round_in_training(trainee.network)
    rounded = {key for key, module in trainee.network.named_modules() if "Rounded" in type(module).__name__}
    assert {key.removesuffix(".conv") for key in in_file} == {
        key for key in rounded if not isinstance(trainee.network.get_submodule(key), nn.BatchNorm2d)
    }


def test_it_goes_on_from_a_training_whose_statistics_it_keeps(bars: FaceSet, tmp_path: Path) -> None:
    eight = dataclasses.replace(RECIPE, epochs=2, learning_rate=0.005, eight_bits=True)
    with pytest.raises(RecipeError, match=r"eight_bits: .*--init"):
        list(train(eight, bars, tmp_path / "none", device=CPU))
    assert not (tmp_path / "none").exists()

    list(train(RECIPE, bars, tmp_path / "whole", device=CPU))
    list(train(eight, bars, tmp_path / "eight", device=CPU, initial=load_initial(str(tmp_path / "whole"))))
    before, after = (load_trained(Run(tmp_path / name).best_model())[0] for name in ("whole", "eight"))
    for key, value in after.state_dict().items():
        same = torch.equal(value, before.state_dict()[key])
        assert same == ("running" in key or "num_batches" in key), key
    list(train(eight, bars, tmp_path / "eight", device=CPU, resume=True))  # which need not name the weights again
    assert len(Run(tmp_path / "eight").epochs()) == 2
