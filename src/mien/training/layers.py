"""The layers of a network, found by running it."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

ACTIVATIONS: Final = (nn.ReLU, nn.GELU)
_KINDS: Final[dict[type[nn.Module], str]] = {
    nn.Conv2d: "convolution",
    nn.Linear: "dense",
    nn.BatchNorm2d: "batch norm",
    nn.LayerNorm: "layer norm",
    nn.MaxPool2d: "max pooling",
    nn.Dropout: "dropout",
    nn.Identity: "identity",
    **dict.fromkeys(ACTIVATIONS, "activation"),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One step from a face to the logits.

    Attributes:
        name: The module's path in the network, `features.6.body.0`; empty for a step that is not a module.
        kind: "convolution", "depthwise convolution", "dense", "batch norm", "activation", "max pooling", ..., or the
            class's name of any other module.
        detail: What distinguishes it from others of its kind: "3×3, stride 2".
        shape: The shape of its output for one face: (C, H, W) or (C,).
        num_parameters: The number of its trained parameters, each counted where it is used first.
        macs: The multiplications with a weight of a convolution or dense layer, for one face. All others count as
            none: norms are folded into convolutions by export, activations and poolings have no weights.
        block: The path of the residual block it belongs to, or empty.
        on_shortcut: Whether it is on that block's shortcut.
    """

    name: str
    kind: str
    detail: str
    shape: tuple[int, ...]
    num_parameters: int = 0
    macs: int = 0
    block: str = ""
    on_shortcut: bool = False


def layer_table(network: nn.Module, image_size: int) -> list[Layer]:
    """The layers of a network in the order in which they run; the first is the face itself.

    Shapes come from forward hooks on a copy that is given one black face, so `network` stays as it is. A module with a
    child named `shortcut` is a residual block. Poolings and flattenings that are not modules are inferred from the
    shapes around them.

    Args:
        network: takes (N, 1, S, S) and gives logits (N, K), or a tuple that begins with them.
        image_size: S.
    """
    # Not torch's meta device: the first step on it imports two seconds' worth of modules.
    copied = copy.deepcopy(network).cpu().eval()
    # The outermost first: of nested blocks, the outer one counts.
    blocks = [name for name, module in copied.named_modules() if name and getattr(module, "shortcut", None)]
    layers = [Layer("", "input", "grey face", (1, image_size, image_size))]
    counted: set[nn.Parameter] = set()

    def listen(name: str, module: nn.Module) -> None:
        block = next((path for path in blocks if name.startswith(f"{path}.")), "")

        def record(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            layers.extend(_without_module(layers[-1], tuple(inputs[0].shape[1:])))
            fresh = set(module.parameters(recurse=False)) - counted
            counted.update(fresh)
            shape = _shape(output)
            layers.append(
                Layer(
                    name=name,
                    kind=_kind(module),
                    detail=_detail(module),
                    shape=shape,
                    num_parameters=sum(parameter.numel() for parameter in fresh),
                    macs=_macs(module, inputs[0], shape),
                    block=block,
                    on_shortcut=bool(block) and name.startswith(f"{block}.shortcut"),
                )
            )

        module.register_forward_hook(record)

    for name, module in copied.named_modules():
        if not list(module.children()) or list(module.parameters(recurse=False)):
            listen(name, module)
    with torch.no_grad():
        logits = copied(torch.zeros(1, 1, image_size, image_size))
    return [*layers, *_without_module(layers[-1], _shape(logits))]


def _shape(output: Tensor | tuple[Tensor, ...]) -> tuple[int, ...]:
    """The shape for one face."""
    first = output[0] if isinstance(output, tuple) else output
    return tuple(first.shape[1:])


def _without_module(before: Layer, shape: tuple[int, ...]) -> Iterator[Layer]:
    """The step that makes a vector of `before`'s maps, if one comes between them and `shape`."""
    if len(before.shape) == 3 and len(shape) == 1:
        channels, height, width = before.shape
        if shape == (channels,):
            yield Layer("", "global average pooling", f"{height}×{width}", shape)
        elif shape == (channels * height * width,):
            yield Layer("", "flatten", "", shape)


def _kind(module: nn.Module) -> str:
    if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
        return "depthwise convolution"
    return _KINDS.get(type(module), type(module).__name__)


def _detail(module: nn.Module) -> str:
    match module:
        case nn.Conv2d():
            stride = f", stride {module.stride[0]}" if set(module.stride) != {1} else ""
            return "×".join(map(str, module.kernel_size)) + stride
        case nn.Linear():
            return f"{module.in_features:,} → {module.out_features:,}"
        case nn.MaxPool2d():
            return f"{module.kernel_size}×{module.kernel_size}, stride {module.stride}"
        case nn.Dropout():
            return f"{module.p:g}"
        case _:
            return type(module).__name__ if isinstance(module, ACTIVATIONS) else ""


def _macs(module: nn.Module, given: Tensor, shape: tuple[int, ...]) -> int:
    if isinstance(module, nn.Conv2d):
        return math.prod(shape) * module.in_channels // module.groups * math.prod(module.kernel_size)
    if isinstance(module, nn.Linear):
        return given.numel() * module.out_features  # for each place, where there are several
    return 0
