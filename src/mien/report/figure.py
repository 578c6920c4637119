"""The style of all figures, and how they are written.

matplotlib is imported when something is drawn, and used without pyplot: no global state, no window, no display.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mien.errors import InvalidInput, MissingExtra
from mien.files import replacing
from mien.images import DRAWN_COMMENT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#30343a"
FAINT: Final = "#d9dce0"
_DPI: Final = 200
# Without dates, so that the same data gives the same file.
_METADATA: Final[dict[str, dict[str, str | None]]] = {
    "png": {"Comment": DRAWN_COMMENT}, "pdf": {"CreationDate": None}, "svg": {"Date": None},
}  # fmt: skip


def new_figure(width: float, height: float, title: str) -> "Figure":
    """An empty figure; width and height in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("Drawing plots", "plot") from error
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11, fontweight="bold", color=INK)
    return figure


def tidy(axes: "Axes") -> None:
    """Hide the lines around a panel that carry no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=8.5, color=FAINT)
    axes.yaxis.label.set_color(INK)
    axes.xaxis.label.set_color(INK)
    axes.set_axisbelow(True)


def save(figure: "Figure", path: Path) -> None:
    """Write a figure; the same data gives the same file."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in _METADATA:
        raise InvalidInput(f"{path}: plots are written as .png, .pdf or .svg; got {path.suffix or 'no suffix'}")
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "mien"}), replacing(path) as partial:
        figure.savefig(partial, format=kind, metadata=_METADATA[kind])
