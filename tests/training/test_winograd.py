import pytest
import torch
import torch.nn.functional as F

from mien.training.winograd import Conv3x3, winograd


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


def test_a_layer_keeps_the_weights_of_an_ordinary_one() -> None:
    layer, ordinary = Conv3x3(64, 64), torch.nn.Conv2d(64, 64, 3, padding=1)
    layer.load_state_dict(ordinary.state_dict())
    x = torch.randn(1, 64, 12, 12)
    torch.testing.assert_close(layer(x), ordinary(x), atol=1e-4, rtol=1e-4)
