"""3×3 convolutions with a fifth of the multiplications, for training on a CPU without matrix units."""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEWEST_CHANNELS = 64  # with fewer channels in or out, moving data costs more than the multiplications that are saved


class WinogradConv2d(nn.Conv2d):
    """A 3×3 convolution of stride 1 that keeps the side, computed in float32 by Winograd's minimal filtering.

    Faster than torch's own on a CPU, forward and backward, with a relative error of 1e-5: up to 2 times with AVX-512,
    up to 2.8 times with AVX2 (benchmarks/training_speed.py). In bfloat16 and under torch.compile it is an ordinary
    convolution.
    """

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if x.dtype != torch.float32 or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
            return F.conv2d(x, weight, bias, padding=1)
        return winograd(x, weight, bias)


def use_winograd(network: nn.Module, device: torch.device) -> None:
    """Let a network's 3×3 convolutions be computed by Winograd's minimal filtering on a device where that is faster.

    The modules stay, with their names, weights and hooks; so does what is saved. On a GPU nothing changes.
    """
    if device.type != "cpu":
        return
    for module in network.modules():
        if type(module) is nn.Conv2d and min(module.in_channels, module.out_channels) >= FEWEST_CHANNELS:
            shape = module.kernel_size, module.stride, module.padding, module.dilation, module.groups
            if shape == ((3, 3), (1, 1), (1, 1), (1, 1), 1):
                module.__class__ = WinogradConv2d


def winograd(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d(x, weight, bias, padding=1)` (Lavin and Gray 2016, arXiv:1509.09308).

    The image is cut into tiles that overlap by 2. In the transformed tiles, convolution is a product at each position,
    so that all of it becomes one matrix product for each position, over all tiles at once. Fastest in channels_last, in
    which the result is.
    """
    N, C, H, W = x.shape
    K = len(weight)
    step = 6 if H % 6 == 0 and W % 6 == 0 else 4  # larger tiles save more, but not when they hang over the edge
    to_pixels, to_filter, to_tile = (matrix.to(x) for matrix in _transforms(step))
    side = step + 2
    rows, columns = -(-H // step), -(-W // step)

    # One more row and column of blocks than of tiles: a tile is a block and the two lines after it.
    blocks = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, step * (columns + 1) - W - 1, 1, step * (rows + 1) - H - 1))
    blocks = blocks.reshape(N, rows + 1, step, columns + 1, step, C)
    tall = torch.cat([blocks[:, :-1], blocks[:, 1:, :2]], dim=2)
    tiles = torch.cat([tall[:, :, :, :-1], tall[:, :, :, 1:, :2]], dim=4)

    tiles = to_tile @ tiles.permute(2, 4, 0, 1, 3, 5).reshape(side * side, -1)
    filters = to_filter @ weight.permute(2, 3, 1, 0).reshape(9, C * K)
    products = torch.bmm(tiles.view(side * side, N * rows * columns, C), filters.view(side * side, C, K))
    pixels = (to_pixels @ products.view(side * side, -1)).view(step, step, N, rows, columns, K)
    image = pixels.permute(2, 3, 0, 4, 1, 5).reshape(N, step * rows, step * columns, K)[:, :H, :W]
    return (image if bias is None else image + bias).permute(0, 3, 1, 2)


@cache
def _transforms(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices of F(step × step, 3 × 3): from products to pixels, from weights to filters, from pixels to tiles.

    The Toom-Cook algorithm evaluates two polynomials at points, multiplies the values, and interpolates; filtering is
    that multiplication transposed. These points keep the rounding error of float32 small.
    """
    points = (0, 1, -1, 2, -2, 0.5, -0.5)[: step + 1]

    def evaluate(num_coefficients: int) -> np.ndarray:
        at_infinity = np.eye(num_coefficients)[-1:]
        return np.concatenate([np.vander(points, num_coefficients, increasing=True), at_infinity])

    one_way = evaluate(step).T, evaluate(3), np.linalg.inv(evaluate(step + 2)).T
    # In two dimensions each transform applies to the rows and to the columns: a Kronecker product.
    to_pixels, to_filter, to_tile = (torch.from_numpy(np.kron(matrix, matrix)).float() for matrix in one_way)
    return to_pixels, to_filter, to_tile
