"""Drawings of a network, made from the network itself: SVG without any dependency.

Shapes carry plain colours, for editors and papers, and class names, by which a page can give them its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import log2
from typing import Final, NamedTuple

from torch import nn

from mien.training.layers import Layer, layer_table

_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_INK, _SOFT, _LINE, _PAPER, _FRAME = "#1f2430", "#5d6675", "#9aa3b2", "#ffffff", "#f4f6f9"

# In this order in the legend; each reads on white and on black.
_COLOURS: Final = {
    "input": "#8b95a5",
    "convolution": "#4d8ee0",
    "separable convolution": "#8a74d6",
    "dense": "#2fa58c",
    "pooling": "#e8843a",
    "other": "#b0778f",
}
# They change nothing of a shape, and share the box of what they follow.
_FOLDED: Final = frozenset({"batch norm", "layer norm", "group norm", "activation", "dropout", "identity"})


@dataclass(frozen=True, slots=True)
class _Stage:
    """A layer and the norms and activations after it."""

    layers: tuple[Layer, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.layers[-1].shape

    @property
    def family(self) -> str:
        """A key of `_COLOURS`."""
        kind = self.layers[0].kind
        if kind == "depthwise convolution":
            return "separable convolution"
        if kind.endswith("pooling"):
            return "pooling"
        return kind if kind in _COLOURS else "other"

    @property
    def title(self) -> str:
        first = self.layers[0]
        separable = self.family == "separable convolution" and len(self.layers) > 1 and _is_pointwise(self.layers[1])
        kind = "separable convolution" if separable else first.kind
        # "dense 1,024 → 7" repeats the shapes above and below.
        detail = "" if first.kind in {"dense", "input"} else first.detail
        name = detail if kind == "activation" else f"{kind} {detail}".strip()
        return name[:1].upper() + name[1:]

    @property
    def rest(self) -> str:
        """What is folded in: "batch norm, ReLU"."""
        folded = [layer for layer in self.layers[1:] if layer.kind in _FOLDED]
        return ", ".join(
            layer.detail if layer.kind == "activation" else f"{layer.kind} {layer.detail}".strip() for layer in folded
        )

    @property
    def num_parameters(self) -> int:
        return sum(layer.num_parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)


@dataclass(frozen=True, slots=True)
class _Residual:
    """Two ways from one place to another, whose maps are added."""

    body: tuple[_Stage, ...]
    shortcut: tuple[_Stage, ...]


class _View(NamedTuple):
    """A drawing and its size in pixels."""

    width: float
    height: float
    parts: Sequence[str]


def draw_network(network: nn.Module, image_size: int) -> str:
    """One SVG of a network for faces of `image_size` pixels a side: its feature maps above, its flow chart below."""
    layers = layer_table(network, image_size)
    above, below = _feature_maps(layers), _flow_chart(layers)
    width = max(above.width, below.width)
    parts = [
        f'<g transform="translate({(width - view.width) / 2:g} {top:g})">{"".join(view.parts)}</g>'
        for view, top in ((above, 0), (below, above.height + 24))
    ]
    return _svg(_View(width, above.height + 24 + below.height, parts), "Architecture of the network")


def _flow_chart(layers: Sequence[Layer]) -> _View:
    """Boxes from top to bottom: kind, shape and parameters, and both ways of a residual block."""
    parts: list[str] = []
    top = 8.0
    middle = _FLOW_WIDTH / 2
    for number, node in enumerate(_nodes(layers)):
        if number:
            parts.append(_arrow(middle, top, top + _GAP))
            top += _GAP
        if isinstance(node, _Stage):
            parts += _box(node, middle, top)
            top += _BOX_HEIGHT
        else:
            drawn, bottom = _fork(node, middle, top)
            parts += drawn
            top = bottom
    total = sum(layer.num_parameters for layer in layers)
    macs = sum(layer.macs for layer in layers)
    parts.append(
        _text(middle, top + 28, f"{total:,} parameters · {_short(macs)} multiplications a face", "soft", size=12)
    )
    return _View(_FLOW_WIDTH, top + 40, parts)


def _feature_maps(layers: Sequence[Layer]) -> _View:
    """What each step gives as a block: as high as the maps' side, as thick as they are many.

    Thickness grows with the logarithm of the channels, and so does the height of a vector. An arc is a shortcut.
    """
    largest = max(layer.shape[1] for layer in layers if len(layer.shape) == 3)
    scale = _HIGHEST / largest
    floor = 36.0 + _HIGHEST * (1 + _SLANT)
    parts: list[str] = []
    families: list[str] = []
    shortcuts: list[str] = []
    x = start = end = 24.0
    for node in _nodes(layers):
        start = end
        for stage in [node] if isinstance(node, _Stage) else node.body:
            thick, high, slant = _extent(stage.shape, scale)
            parts.append(_slab(x, floor, (thick, high, slant), stage))
            centre = x + thick / 2
            dimensions = "×".join(map(str, stage.shape[1:]))
            parts.append(_text(centre, floor + 18, f"{stage.shape[0]:,}", "ink", size=12, bold=True))
            parts.append(_text(centre, floor + 32, dimensions, "soft", size=10))
            families.append(stage.family)
            end = centre
            x += max(thick + slant + 12, 50)
        if isinstance(node, _Residual):
            shortcuts.append(_arc(start, end, floor + 44))
    shown = [family for family in _COLOURS if family in families]
    bottom = floor + (96 if shortcuts else 62)
    legend, legend_width = _legend(shown, bottom)
    return _View(max(round(x), legend_width), round(bottom + 22), [*shortcuts, *parts, *legend])


def _nodes(layers: Sequence[Layer]) -> Iterator[_Stage | _Residual]:
    for block, members in groupby(layers, key=lambda layer: layer.block):
        inside = list(members)
        shortcut = [layer for layer in inside if layer.on_shortcut]
        if not block or not shortcut:
            yield from _stages(inside)
            continue
        first, last = inside.index(shortcut[0]), inside.index(shortcut[-1])
        # What runs after the shortcut is the body, if nothing ran before it; else it follows the sum.
        body, after = (inside[:first], inside[last + 1 :]) if first else (inside[last + 1 :], [])
        yield _Residual(tuple(_stages(body)), tuple(_stages(shortcut)))
        yield from _stages(after)


def _stages(layers: Sequence[Layer]) -> Iterator[_Stage]:
    stage: list[Layer] = []
    for layer in layers:
        pointwise = len(stage) == 1 and stage[0].kind == "depthwise convolution" and _is_pointwise(layer)
        if stage and stage[0].kind != "input" and (layer.kind in _FOLDED or pointwise):
            stage.append(layer)
            continue
        if stage:
            yield _Stage(tuple(stage))
        stage = [layer]
    if stage:
        yield _Stage(tuple(stage))


def _is_pointwise(layer: Layer) -> bool:
    return layer.kind == "convolution" and layer.detail == "1×1"


# The flow chart, in pixels.
_FLOW_WIDTH: Final = 640
_BOX_WIDTH: Final = 284
_BOX_HEIGHT: Final = 46
_GAP: Final = 18
_COLUMN: Final = 152  # from the middle to each of two branches


def _box(stage: _Stage, middle: float, top: float) -> list[str]:
    left = middle - _BOX_WIDTH / 2
    shape = "×".join(f"{side:,}" for side in stage.shape)
    numbers = f"{stage.num_parameters:,} parameters" if stage.num_parameters else ""
    colour = _COLOURS[stage.family]
    return [
        f'<g class="box"><title>{escape(_tooltip(stage))}</title>'
        f'<rect class="paper" x="{left:g}" y="{top:g}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="7" '
        f'fill="{_PAPER}" stroke="{_LINE}" stroke-width="1"/>'
        f'<rect x="{left:g}" y="{top:g}" width="6" height="{_BOX_HEIGHT}" rx="3" fill="{colour}"/>',
        _text(left + 18, top + 19, stage.title, "ink", size=12.5, bold=True, anchor="start"),
        _text(left + 18, top + 36, stage.rest, "soft", size=11, anchor="start"),
        _text(left + _BOX_WIDTH - 12, top + 19, shape, "ink", size=12, anchor="end"),
        _text(left + _BOX_WIDTH - 12, top + 36, numbers, "soft", size=11, anchor="end"),
        "</g>",
    ]


def _fork(node: _Residual, middle: float, top: float) -> tuple[list[str], float]:
    """Both ways of a block side by side, and where it ends."""
    left, right = middle - _COLUMN, middle + _COLUMN
    height = max(len(node.body), len(node.shortcut)) * (_BOX_HEIGHT + _GAP) - _GAP
    first = top + _GAP + 8
    join = first + height + _GAP + 12
    frame = (
        f'<rect class="frame" x="8" y="{top:g}" width="{_FLOW_WIDTH - 16}" height="{join + 22 - top:g}" rx="12" '
        f'fill="{_FRAME}"/>'
    )
    parts = [frame, _path(f"M{middle} {top} V{top + 10} M{left} {first - 1} V{top + 10} H{right} V{first - 1}")]
    for column, stages in ((left, node.body), (right, node.shortcut)):
        spare = height - (len(stages) * (_BOX_HEIGHT + _GAP) - _GAP)
        y = first + spare / 2
        if spare:
            parts.append(_path(f"M{column} {first - 1} V{y} M{column} {y + height - spare} V{first + height}"))
        for number, stage in enumerate(stages):
            if number:
                parts.append(_arrow(column, y, y + _GAP))
                y += _GAP
            parts += _box(stage, column, y)
            y += _BOX_HEIGHT
        parts.append(_path(f"M{column} {first + height} V{join} H{middle + (12 if column > middle else -12)}"))
    parts.append(
        f'<g><title>the sum of both ways</title><circle class="paper" cx="{middle:g}" cy="{join:g}" r="11" '
        f'fill="{_PAPER}" stroke="{_LINE}" stroke-width="1.5"/>'
        + _path(f"M{middle - 5} {join} H{middle + 5} M{middle} {join - 5} V{join + 5}")
        + "</g>"
    )
    parts.append(_path(f"M{middle} {join + 12} V{join + 22}"))
    return parts, join + 22


# The feature maps, in pixels.
_HIGHEST: Final = 150.0
_SLANT: Final = 0.22  # how far a block goes back, to the right and upward, for its side


def _extent(shape: tuple[int, ...], scale: float) -> tuple[float, float, float]:
    """Thickness, height and depth of a block."""
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
    return f"<g><title>{escape(_tooltip(stage))}</title>{shaded}{front}</g>"


def _arc(start: float, end: float, y: float) -> str:
    """A shortcut, below the labels: from one block to the sum at another."""
    return _path(f"M{start:.1f} {y:.1f} q0 18 18 18 H{end - 18:.1f} q18 0 18 -18", dashed=True) + _text(
        (start + end) / 2, y + 32, "shortcut", "soft", size=10
    )


def _legend(families: Sequence[str], y: float) -> tuple[list[str], float]:
    """Swatches with names, and where they end."""
    parts: list[str] = []
    x = 24.0
    for family in families:
        parts.append(f'<rect x="{x:g}" y="{y:g}" width="10" height="10" rx="2" fill="{_COLOURS[family]}"/>')
        parts.append(_text(x + 15, y + 9, family, "soft", size=11, anchor="start"))
        x += 34 + 6.2 * len(family)
    return parts, x


def _tooltip(stage: _Stage) -> str:
    lines = [
        " ".join(filter(None, [f"{layer.name}:" if layer.name else "", layer.kind, layer.detail]))
        for layer in stage.layers
    ]
    numbers = f"{stage.num_parameters:,} parameters, {stage.macs:,} multiplications a face"
    return "\n".join([*lines, numbers] if stage.num_parameters else lines)


def _short(number: int) -> str:
    """12,345,678 → 12.3 M."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _text(x: float, y: float, text: str, kind: str, *, size: float, bold: bool = False, anchor: str = "middle") -> str:
    if not text:
        return ""
    weight = ' font-weight="600"' if bold else ""
    colour = {"ink": _INK, "soft": _SOFT}[kind]
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}"{weight} '
        f'fill="{colour}">{escape(text)}</text>'
    )


def _path(path: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="3 3"' if dashed else ""
    return f'<path class="line" d="{path}" fill="none" stroke="{_LINE}" stroke-width="1.5"{dashes}/>'


def _arrow(x: float, top: float, bottom: float) -> str:
    return _path(f"M{x} {top} V{bottom - 1} M{x - 4} {bottom - 5} L{x} {bottom - 1} L{x + 4} {bottom - 5}")


def _svg(view: _View, title: str) -> str:
    width, height, parts = view
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}" font-family="{escape(_FONT)}">'
        + "".join(parts)
        + "</svg>\n"
    )
