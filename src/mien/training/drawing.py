"""A drawing of a network's feature maps, made from the network itself: SVG without any dependency.

Shapes carry plain colours, for editors and papers, and class names, by which a page can give them its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import log2
from typing import Final

from mien.training.layers import Layer

_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_INK, _SOFT, _LINE = "#1f2430", "#5d6675", "#9aa3b2"

# In this order in the legend; each reads on white and on black.
_COLOURS: Final = {
    "input": "#8b95a5",
    "convolution": "#4d8ee0",
    "separable convolution": "#8a74d6",
    "dense": "#2fa58c",
    "pooling": "#e8843a",
    "other": "#b0778f",
}
# They leave the shape as it is, and are part of the block of the layer before them.
_FOLDED: Final = frozenset({"batch norm", "layer norm", "activation", "dropout", "identity"})

# In pixels.
_HIGHEST: Final = 150.0
_SLANT: Final = 0.22  # how far a block goes back, to the right and upward, for its side
_MARGIN: Final = 24.0


@dataclass(frozen=True, slots=True)
class _Stage:
    """A layer and the norms and activations after it: one block of the drawing."""

    layers: tuple[Layer, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.layers[-1].shape

    @property
    def family(self) -> str:
        """The key of `_COLOURS`."""
        kind = self.layers[0].kind
        if kind == "depthwise convolution":
            return "separable convolution"
        if kind.endswith("pooling"):
            return "pooling"
        return kind if kind in _COLOURS else "other"

    @property
    def tooltip(self) -> str:
        lines = [
            " ".join(filter(None, [f"{layer.name}:" if layer.name else "", layer.kind, layer.detail]))
            for layer in self.layers
        ]
        num_parameters = sum(layer.num_parameters for layer in self.layers)
        macs = sum(layer.macs for layer in self.layers)
        figures = f"{num_parameters:,} parameters, {macs:,} multiplications a face"
        return "\n".join([*lines, figures] if num_parameters else lines)


def draw_layers(layers: Sequence[Layer]) -> str:
    """One SVG of a network: the output of each step as a block, as high as the maps' side, as thick as they are many.

    Thickness grows with the logarithm of the channels, and so does the height of a vector. An arc is a shortcut.

    Args:
        layers: the network's layers, as `layer_table` lists them.
    """
    scale = _HIGHEST / max(layer.shape[1] for layer in layers if len(layer.shape) == 3)
    floor = 36.0 + _HIGHEST * (1 + _SLANT)
    parts: list[str] = []
    families: set[str] = set()
    x = start = end = _MARGIN
    has_shortcut = False
    for body, is_residual in _blocks(layers):
        start = end
        for stage in body:
            thick, high, slant = _extent(stage.shape, scale)
            end = x + thick / 2
            dimensions = "×".join(map(str, stage.shape[1:]))
            parts.append(_slab(x, floor, (thick, high, slant), stage))
            parts.append(_text(end, floor + 18, f"{stage.shape[0]:,}", "ink", size=12))
            parts.append(_text(end, floor + 32, dimensions, "soft", size=10))
            families.add(stage.family)
            x += max(thick + slant + 12, 50)
        if is_residual:
            parts.append(_arc(start, end, floor + 44))
            has_shortcut = True
    bottom = floor + (96 if has_shortcut else 62)
    legend, legend_width = _legend([family for family in _COLOURS if family in families], bottom)
    total = f"{sum(layer.num_parameters for layer in layers):,} parameters · "
    total += f"{_short(sum(layer.macs for layer in layers))} multiplications a face"
    footer = _text(_MARGIN, bottom + 34, total, "soft", size=12, anchor="start")
    return _svg("".join([*parts, legend, footer]), max(round(x), legend_width), round(bottom + 46))


def _blocks(layers: Sequence[Layer]) -> Iterator[tuple[tuple[_Stage, ...], bool]]:
    """The stages in order, those of a residual block's body together and marked; its shortcut is left out."""
    for block, members in groupby(layers, key=lambda layer: layer.block):
        inside = list(members)
        shortcut = [layer for layer in inside if layer.on_shortcut]
        if not block or not shortcut:
            yield tuple(_stages(inside)), False
            continue
        first, last = inside.index(shortcut[0]), inside.index(shortcut[-1])
        # What runs after the shortcut is the body if nothing ran before it; else it follows the sum.
        body, after = (inside[:first], inside[last + 1 :]) if first else (inside[last + 1 :], [])
        yield tuple(_stages(body)), True
        yield tuple(_stages(after)), False


def _stages(layers: Sequence[Layer]) -> Iterator[_Stage]:
    stage: list[Layer] = []
    for layer in layers:
        pointwise = layer.kind == "convolution" and layer.detail == "1×1"
        separable = pointwise and len(stage) == 1 and stage[0].kind == "depthwise convolution"
        if stage and stage[0].kind != "input" and (layer.kind in _FOLDED or separable):
            stage.append(layer)
            continue
        if stage:
            yield _Stage(tuple(stage))
        stage = [layer]
    if stage:
        yield _Stage(tuple(stage))


def _extent(shape: tuple[int, ...], scale: float) -> tuple[float, float, float]:
    """A block's thickness, height and depth."""
    if len(shape) == 3:
        return 4 + 4.2 * log2(1 + shape[0]), shape[1] * scale, shape[2] * scale * _SLANT
    return 9, min(_HIGHEST, 8 + 13 * log2(1 + shape[0])), 4


def _slab(x: float, floor: float, extent: tuple[float, float, float], stage: _Stage) -> str:
    thick, high, slant = extent
    colour = _COLOURS[stage.family]
    top, right = floor - high, x + thick
    sides = [
        (f"M{x:.1f} {top:.1f} h{thick:.1f} l{slant:.1f} {-slant:.1f} h{-thick:.1f} z", "#ffffff", 0.42),
        (f"M{right:.1f} {top:.1f} v{high:.1f} l{slant:.1f} {-slant:.1f} v{-high:.1f} z", "#000000", 0.22),
    ]
    shaded = "".join(
        f'<path d="{path}" fill="{colour}"/><path d="{path}" fill="{light}" opacity="{opacity}"/>'
        for path, light, opacity in sides
    )
    front = f'<rect x="{x:.1f}" y="{top:.1f}" width="{thick:.1f}" height="{high:.1f}" fill="{colour}"/>'
    return f"<g><title>{escape(stage.tooltip)}</title>{shaded}{front}</g>"


def _arc(start: float, end: float, y: float) -> str:
    """A shortcut, below the labels, from one block to the sum at another."""
    path = f"M{start:.1f} {y:.1f} q0 18 18 18 H{end - 18:.1f} q18 0 18 -18"
    line = f'<path class="line" d="{path}" fill="none" stroke="{_LINE}" stroke-width="1.5" stroke-dasharray="3 3"/>'
    return line + _text((start + end) / 2, y + 32, "shortcut", "soft", size=10)


def _legend(families: Sequence[str], y: float) -> tuple[str, float]:
    """Swatches with names, and where they end."""
    parts: list[str] = []
    x = _MARGIN
    for family in families:
        parts.append(f'<rect x="{x:g}" y="{y:g}" width="10" height="10" rx="2" fill="{_COLOURS[family]}"/>')
        parts.append(_text(x + 15, y + 9, family, "soft", size=11, anchor="start"))
        x += 34 + 6.2 * len(family)
    return "".join(parts), x


def _short(number: int) -> str:
    """12,345,678 → 12.3 M."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _text(x: float, y: float, text: str, kind: str, *, size: float, anchor: str = "middle") -> str:
    colour, weight = (_INK, 600) if kind == "ink" else (_SOFT, 400)
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="{colour}">{escape(text)}</text>'
    )


def _svg(content: str, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="Architecture of the network" '
        f'font-family="{escape(_FONT)}">{content}</svg>\n'
    )
