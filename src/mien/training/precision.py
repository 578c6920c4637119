"""Whether a device trains faster in bfloat16 than in float32."""

import time
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F

MIN_GAIN = 1.2  # by which bfloat16 has to be faster where that is measured: less may be chance


def has_bf16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16 in hardware; where it does not, float32 is far faster."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def has_bf16_units(device: torch.device) -> bool:
    """Whether a device has units that multiply matrices in bfloat16, always faster: a GPU's, or AMX."""
    return has_bf16(device) and (device.type == "cuda" or bool(torch.cpu.get_capabilities().get("amx_bf16")))


def has_fast_bf16(device: torch.device) -> bool:
    """Whether a device trains faster in bfloat16: with such units it does, with AVX-512's instructions it may."""
    # These make rep-small's step 1.9 times as fast on an AMD EPYC (Zen 4), and made it slower on another machine.
    return has_bf16_units(device) or (has_bf16(device) and gain() > MIN_GAIN)


@cache
def gain() -> float:
    """How many times as fast as in float32 this processor computes a convolution in bfloat16, forward and backward.

    Measured once a process, in a tenth of a second.
    """
    images = torch.ones(32, 64, 12, 12).contiguous(memory_format=torch.channels_last).requires_grad_()
    filters = torch.full((64, 64, 3, 3), 0.01).contiguous(memory_format=torch.channels_last).requires_grad_()

    def step(*, bf16: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            result = F.conv2d(images, filters, padding=1)
        result.float().sum().backward()  # type: ignore[no-untyped-call]

    return shortest(lambda: step(bf16=False)) / shortest(lambda: step(bf16=True))


def shortest(step: Callable[[], None], times: int = 7) -> float:
    """Seconds that a step takes when nothing else is in its way, after one that warms up."""
    step()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return min(taken)
