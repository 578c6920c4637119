import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mien.training import architectures
from mien.training.architectures import ARCHITECTURES
from mien.training.winograd import WinogradConv2d, use_winograd, winograd


def ordinary_convolution(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x, weight, bias, padding=1)


@pytest.mark.parametrize(("height", "width"), [(24, 24), (12, 6), (7, 10), (4, 4), (3, 1), (48, 47)])
@pytest.mark.parametrize("channels", [(3, 5), (64, 96)])
def test_it_is_the_ordinary_convolution(height: int, width: int, channels: tuple[int, int]) -> None:
    torch.manual_seed(0)
    num_in, num_out = channels
    x = torch.randn(2, num_in, height, width)
    weight, bias = torch.randn(num_out, num_in, 3, 3), torch.randn(num_out)
    slope = torch.randn(2, num_out, height, width)
    results = []
    for convolve in (ordinary_convolution, winograd):
        inputs = [value.clone().requires_grad_() for value in (x, weight, bias)]
        y = convolve(inputs[0], inputs[1], inputs[2])
        y.backward(slope)  # type: ignore[no-untyped-call]
        results.append([y.detach(), *(value.grad for value in inputs)])
    for ordinary, fast in zip(*results, strict=True):
        assert (ordinary - fast).abs().max() < 3e-5 * ordinary.abs().max()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_keeps_its_weights_and_its_answers(name: str) -> None:
    ordinary = ARCHITECTURES[name](7, 48).eval()
    fast = copy.deepcopy(ordinary)
    use_winograd(fast, torch.device("cpu"))
    changed = {key for key, module in fast.named_modules() if isinstance(module, WinogradConv2d)}
    if name in {"mini-xception", "rep-nano", "rep-small"}:  # the first two are too thin for it to pay
        assert bool(changed) == (name == "rep-small")
    assert fast.state_dict().keys() == ordinary.state_dict().keys()
    faces = torch.randn(2, 1, 48, 48)
    torch.testing.assert_close(fast(faces), ordinary(faces), rtol=1e-3, atol=1e-4)


def test_only_convolutions_that_keep_the_side_are_changed() -> None:
    network = nn.Sequential(
        nn.Conv2d(64, 64, 3, padding=1),
        nn.Conv2d(64, 64, 3, padding=1, stride=2),
        nn.Conv2d(64, 64, 3, padding=1, groups=64),
        nn.Conv2d(64, 64, 3),
        nn.Conv2d(64, 64, 1),
        nn.Conv2d(64, 63, 3, padding=1),
    )
    use_winograd(network, torch.device("meta"))
    assert not any(isinstance(module, WinogradConv2d) for module in network)
    use_winograd(network, torch.device("cpu"))
    assert [isinstance(module, WinogradConv2d) for module in network] == [True] + [False] * 5


def test_architectures_know_nothing_of_it() -> None:
    """A trick of one processor is put in by whoever trains on it."""
    assert not any("winograd" in path.read_text() for path in Path(architectures.__file__).parent.glob("*.py"))
