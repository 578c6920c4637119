"""Augmentation of whole batches on their device, from uint8 faces to the floats that a network takes."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, StrictBool, StrictFloat
from pydantic.dataclasses import dataclass as validated
from torch import Tensor

SETTINGS: Final = ConfigDict(extra="forbid", allow_inf_nan=False)  # how tables of settings are validated


@validated(frozen=True, slots=True, config=SETTINGS)
class Augmentation:
    """The limits within which faces are changed. Each change is drawn uniformly for each face; 0 turns it off.

    Attributes:
        rotation: The largest angle to either side, in degrees.
        scale: The largest factor; 1.2 draws from 1/1.2 to 1.2, smaller as often as larger. 1 turns it off.
        shift: The largest shift in each direction, as a share of the side.
        shear: The largest horizontal shear, as a tangent.
        flip: Whether half of the faces are mirrored.
        gamma: The largest exponent; 2 draws from 1/2 to 2. 1 turns it off.
        contrast: The largest factor about the face's mean, drawn like `scale`; values out of range are clipped, as in
            an overexposed picture. 1 turns it off.
        blur: The largest standard deviation of a Gaussian, in pixels of a face 48 pixels wide.
        noise: The largest standard deviation of Gaussian noise, as a share of the range.
        jpeg: The lowest quality of JPEG's quantization, 1 to 100.
        spoilt: The share of faces that are blurred, noisy or compressed, a third of them each: with several at once, or
            no clean face, a small network learns too little.
        erase: The share of faces that lose a random rectangle (Zhong et al. 2020, arXiv:1708.04896).
    """

    rotation: StrictFloat = Field(default=0.0, ge=0, le=180)
    scale: StrictFloat = Field(default=1.0, ge=1, le=4)
    shift: StrictFloat = Field(default=0.0, ge=0, le=1)
    shear: StrictFloat = Field(default=0.0, ge=0, le=1)
    flip: StrictBool = False
    gamma: StrictFloat = Field(default=1.0, ge=1, le=10)
    contrast: StrictFloat = Field(default=1.0, ge=1, le=10)
    blur: StrictFloat = Field(default=0.0, ge=0, le=10)
    noise: StrictFloat = Field(default=0.0, ge=0, le=1)
    jpeg: StrictFloat = Field(default=0.0, ge=0, le=100)
    spoilt: StrictFloat = Field(default=0.75, ge=0, le=1)
    erase: StrictFloat = Field(default=0.0, ge=0, le=1)


def augment(faces: Tensor, limits: Augmentation, generator: torch.Generator) -> Tensor:
    """Change each face at random: (N, S, S) uint8 → (N, 1, S, S) float32, 0 to 1."""
    draws = _Draws(len(faces), faces.device, generator)
    images = faces.unsqueeze(1).float().div_(255)
    images = _warp(images, limits, draws)
    if limits.gamma > 1:
        # The exponent's slope is infinite at 0; faces are only data here, so no gradient meets it.
        images = images.clamp(0, 1).pow(_images(draws.factor(limits.gamma)))
    if limits.contrast > 1:
        mean = images.mean((1, 2, 3), keepdim=True)
        images = (images - mean).mul_(_images(draws.factor(limits.contrast))).add_(mean)
    spoilt_by = (draws.between(0, 3) / max(limits.spoilt, 1e-6)).long()  # 0 blur, 1 noise, 2 JPEG, from 3 on nothing
    if limits.blur > 0:
        scale = images.shape[-1] / 48
        deviations = draws.between(0, limits.blur) * scale * (spoilt_by == 0)
        images = _blur(images, deviations, math.ceil(2 * limits.blur * scale))
    if limits.noise > 0:
        deviation = _images(draws.between(0, limits.noise) * (spoilt_by == 1))
        noise = torch.randn(images.shape, device=images.device, generator=generator)
        images = torch.addcmul(images, noise, deviation)
    if limits.jpeg > 0:
        pressed = compress(images.clamp(0, 1), draws.between(limits.jpeg, 100))
        images = torch.where(_images(spoilt_by == 2), pressed, images)
    if limits.erase > 0:
        images = _erase(images, limits.erase, draws)
    return images.clamp_(0, 1)


@dataclass(frozen=True, slots=True)
class Mix:
    """How each face of a batch is mixed with a partner."""

    partner: Tensor  # (N,) indices in the batch
    share: float  # of the face itself in the mixture
    window: Tensor | None  # (S, S) bool: the pixels that are the partner's; None when all pixels are blended

    def images(self, images: Tensor) -> Tensor:
        """Mix images, (N, 1, S, S)."""
        other = images[self.partner]
        if self.window is not None:
            return torch.where(self.window, other, images)
        return images.lerp(other, 1 - self.share)

    def values(self, values: Tensor) -> Tensor:
        """Mix targets, (N, K), in the same shares."""
        return values.lerp(values[self.partner], 1 - self.share)


def draw_mix(images: Tensor, mixup: float, cutmix: float, generator: torch.Generator) -> Mix | None:
    """For a batch, mixup (Zhang et al. 2018, arXiv:1710.09412) or CutMix (Yun et al. 2019, arXiv:1905.04899)."""
    if not mixup and not cutmix:
        return None
    device = images.device
    # torch draws from a Beta distribution without a generator of one's own; numpy's is seeded from ours.
    seed = int(torch.randint(2**62, (1,), generator=generator, device=device))
    rng = np.random.default_rng(seed)
    partner = torch.randperm(len(images), generator=generator, device=device)
    cuts = bool(cutmix) and (not mixup or rng.random() < 0.5)
    alpha = cutmix if cuts else mixup
    share = float(rng.beta(alpha, alpha))
    if not cuts:
        return Mix(partner, share, None)
    side = images.shape[-1]
    reach = side * math.sqrt(1 - share) / 2
    place = torch.arange(side, device=device) + 0.5
    rows, columns = ((place - rng.uniform(0, side)).abs() < reach for _ in range(2))
    window = rows.unsqueeze(1) & columns
    return Mix(partner, 1 - float(window.float().mean()), window)


def standardize(images: Tensor) -> Tensor:
    """Give each image, (N, 1, S, S), mean 0 and standard deviation 1, so that lighting and contrast do not matter."""
    centred = images - images.mean((1, 2, 3), keepdim=True)
    # Not `square()`: exported, that is a Pow, which onnxruntime computes far slower than a product.
    deviation = (centred * centred).mean((1, 2, 3), keepdim=True).sqrt()
    # A deviation of less than four grey levels is noise, or the rounding of a flat image, and is not amplified.
    return centred / deviation.clamp(min=4 / 255)


def as_input(faces: NDArray[np.uint8]) -> Tensor:
    """(N, S, S) uint8 → (N, 1, S, S) float, standardised, as networks take them."""
    return standardize(torch.from_numpy(faces).unsqueeze(1).float().div_(255))


class _Draws:
    """Uniform random numbers, one for each face of a batch."""

    def __init__(self, num: int, device: torch.device, generator: torch.Generator) -> None:
        self.num, self.device, self.generator = num, device, generator

    def between(self, low: float, high: float) -> Tensor:
        return torch.rand(self.num, device=self.device, generator=self.generator) * (high - low) + low

    def within(self, reach: float) -> Tensor:
        return self.between(-reach, reach)

    def factor(self, largest: float) -> Tensor:
        """From 1 / largest to largest, uniform in the logarithm."""
        return self.within(math.log(largest)).exp()

    def chance(self, share: float) -> Tensor:
        return self.between(0, 1) < share


LUMINANCE_STEPS = torch.tensor([
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
])  # fmt: skip
"""JPEG's quantization steps of an 8×8 block's cosines at quality 50, in grey levels (ITU-T T.81, table K.1)."""

_WAVES = torch.tensor([
    [math.sqrt((1 if wave == 0 else 2) / 8) * math.cos(math.pi * wave * (2 * place + 1) / 16) for place in range(8)]
    for wave in range(8)
])  # fmt: skip

BLOCK_COSINES = torch.kron(_WAVES, _WAVES)  # (64, 64): the orthonormal 2-D cosines of an 8×8 block, a row each


def _images(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _warp(images: Tensor, limits: Augmentation, draws: _Draws) -> Tensor:
    """Rotate, scale, shift, shear and mirror in one resampling; beyond the border, the image is reflected."""
    angle = draws.within(math.radians(limits.rotation))
    zoom = draws.factor(limits.scale)
    mirror = torch.where(draws.chance(0.5 if limits.flip else 0.0), -1.0, 1.0)
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    # affine_grid counts from -1 to 1, so a shift of the side is twice as many units.
    x_row = torch.stack([cos * mirror, draws.within(limits.shear) - sin, draws.within(2 * limits.shift)], dim=1)
    y_row = torch.stack([sin * mirror, cos, draws.within(2 * limits.shift)], dim=1)
    grid = F.affine_grid(torch.stack([x_row, y_row], dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _blur(images: Tensor, deviations: Tensor, reach: int) -> Tensor:
    """Blur each image by a Gaussian of its own deviation, (N,) pixels, truncated at `reach` pixels."""
    places = torch.arange(-reach, reach + 1, device=images.device)
    kernels = torch.exp(-0.5 * (places / deviations.clamp(min=0.05).unsqueeze(1)) ** 2)
    kernels = (kernels / kernels.sum(1, keepdim=True)).view(len(images), 1, 1, -1)
    rows = F.pad(images.transpose(0, 1), (reach, reach, reach, reach), mode="reflect")
    rows = F.conv2d(rows, kernels, groups=len(images))
    return F.conv2d(rows, kernels.transpose(2, 3), groups=len(images)).transpose(0, 1)


@cache
def _jpeg_tables(device: torch.device) -> tuple[Tensor, Tensor]:
    """The tables on a device, copied once: a copy in every batch would make a GPU wait."""
    return LUMINANCE_STEPS.to(device), BLOCK_COSINES.to(device)


def compress(images: Tensor, quality: Tensor) -> Tensor:
    """Compress and decompress images as JPEG does, quantizing the cosines of 8×8 blocks (ITU-T T.81).

    Some values of the result lie a little below 0 or above 1. The quality is on libjpeg's scale, 1 to 100.
    """
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    quantizer, cosines = _jpeg_tables(images.device)
    steps = (quantizer.flatten() * percent.view(-1, 1, 1) / 100).round().clamp(1, 255) / 255
    num, _, side, _ = images.shape
    missing = -side % 8
    across = (side + missing) // 8
    # The last row and column are repeated up to whole blocks, as an encoder does.
    filled = F.pad(images, (0, missing, 0, missing), mode="replicate") - 128 / 255
    blocks = filled.view(num, across, 8, across, 8).transpose(2, 3).reshape(num, across * across, 64)
    waves = (blocks @ cosines.T / steps).round() * steps
    pressed = (waves @ cosines).view(num, across, across, 8, 8).transpose(2, 3).reshape(filled.shape)
    return pressed[:, :, :side, :side] + 128 / 255


def _erase(images: Tensor, share: float, draws: _Draws) -> Tensor:
    """Cover a rectangle of 8 to 42 % of the side each way in one random grey, in that share of the faces."""
    side = images.shape[-1]
    place = torch.arange(side, device=images.device)
    inside = [
        (place.view(1, -1) - draws.between(0, side).view(-1, 1)).abs() < side * draws.between(0.04, 0.21).view(-1, 1)
        for _ in range(2)
    ]
    rectangle = inside[0].unsqueeze(2) & inside[1].unsqueeze(1) & draws.chance(share).view(-1, 1, 1)
    return torch.where(rectangle.unsqueeze(1), _images(draws.between(0, 1)), images)
