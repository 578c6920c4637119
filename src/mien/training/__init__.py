"""Training networks and exporting them: the only room that imports torch.

Importing it without the extra raises `MissingExtra` with the exact install command.

Example:
    >>> from mien.data import load
    >>> from mien.training import export_trained, read_recipe, train
    >>> run = Path("runs/mine")                                                               # doctest: +SKIP
    >>> for event in train(read_recipe("mini-xception"), load("fer2013.csv"), run):           # doctest: +SKIP
    ...     print(event)
    >>> model = export_trained([run], Path("mine.onnx"), data=Path("fer2013.csv"))            # doctest: +SKIP
"""

from importlib.util import find_spec

from mien.errors import MissingExtra

# Checked here once, so that no other file of the room has to.
if not all(find_spec(name) for name in ("torch", "onnx", "onnxscript", "pydantic")):
    raise MissingExtra("Training a network or exporting it", "train")

from mien.training.events import Epoch, Event, Start, Step
from mien.training.export import export_trained
from mien.training.initial import load_initial
from mien.training.loop import train
from mien.training.recipe import Recipe, read_recipe, shipped_recipes

__all__ = [
    "Epoch", "Event", "Recipe", "Start", "Step", "export_trained", "load_initial", "read_recipe", "shipped_recipes",
    "train",
]  # fmt: skip
