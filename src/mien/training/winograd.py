"""3×3 convolutions with a fifth of the multiplications, for training on a processor without matrix units."""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW_CHANNELS = 64
"""Below so many channels in or out, moving data costs more than the multiplications that are saved."""


class Conv3x3(nn.Conv2d):
    """A 3×3 convolution of stride 1 that keeps the side; on a CPU in float32 by Winograd's minimal filtering.

    Two to three times as fast there, forward and backward, with a relative error of 1e-5
    (benchmarks/training_speed.py). On a GPU, in bfloat16 and in an export it is an ordinary convolution. Its weights
    are those of `nn.Conv2d` everywhere.

    Args:
        num_in: channels that come in.
        num_out: channels that go out.
        bias: whether a number is added to each channel that goes out.
    """

    def __init__(self, num_in: int, num_out: int, *, bias: bool = True) -> None:
        super().__init__(num_in, num_out, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_in, H, W) → (N, num_out, H, W)."""
        pays = (
            x.device.type == "cpu"
            and x.dtype == torch.float32
            and min(self.in_channels, self.out_channels) >= FEW_CHANNELS
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
        )
        return winograd(x, self.weight, self.bias) if pays else super().forward(x)


def winograd(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d(x, weight, bias, padding=1)` (Lavin and Gray 2016, arXiv:1509.09308).

    The picture is cut into tiles that overlap by 2. Transformed, each place of a tile is convolved by one product,
    so that all of it becomes one matrix product for each place, over all tiles at once.

    Args:
        x: (N, C, H, W) float32; fastest in channels_last.
        weight: (K, C, 3, 3).
        bias: (K,).

    Returns:
        (N, K, H, W), in channels_last.
    """
    N, C, H, W = x.shape
    K = len(weight)
    step = 6 if H % 6 == 0 and W % 6 == 0 else 4  # larger tiles save more, but not when they hang over the edge
    to_pixels, to_filter, to_tile = (matrix.to(x) for matrix in _transforms(step))
    side = step + 2
    rows, columns = -(-H // step), -(-W // step)

    # One more row and column of blocks than tiles: a tile is a block and the two lines after it.
    blocks = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, step * (columns + 1) - W - 1, 1, step * (rows + 1) - H - 1))
    blocks = blocks.reshape(N, rows + 1, step, columns + 1, step, C)
    tall = torch.cat([blocks[:, :-1], blocks[:, 1:, :2]], dim=2)
    tiles = torch.cat([tall[:, :, :, :-1], tall[:, :, :, 1:, :2]], dim=4)

    tiles = to_tile @ tiles.permute(2, 4, 0, 1, 3, 5).reshape(side * side, -1)
    filters = to_filter @ weight.permute(2, 3, 1, 0).reshape(9, C * K)
    products = torch.bmm(tiles.view(side * side, N * rows * columns, C), filters.view(side * side, C, K))
    pixels = (to_pixels @ products.view(side * side, -1)).view(step, step, N, rows, columns, K)
    picture = pixels.permute(2, 3, 0, 4, 1, 5).reshape(N, step * rows, step * columns, K)[:, :H, :W]
    return (picture if bias is None else picture + bias).permute(0, 3, 1, 2)


@cache
def _transforms(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of F(step × step, 3 × 3): from products to pixels, from weights to filters, from pixels to tiles.

    Toom and Cook evaluate two polynomials at points, multiply the values, and interpolate; filtering is that
    multiplication transposed. The points are those that keep float32 exact enough.
    """
    points = (0, 1, -1, 2, -2, 0.5, -0.5)[: step + 1]

    def evaluate(num_coefficients: int) -> np.ndarray:
        at_infinity = np.eye(num_coefficients)[-1:]
        return np.concatenate([np.vander(points, num_coefficients, increasing=True), at_infinity])

    one_way = evaluate(step).T, evaluate(3), np.linalg.inv(evaluate(step + 2)).T
    # In two dimensions each transform applies to the rows and to the columns: a Kronecker product.
    to_pixels, to_filter, to_tile = (torch.from_numpy(np.kron(matrix, matrix)).float() for matrix in one_way)
    return to_pixels, to_filter, to_tile
