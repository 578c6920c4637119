"""Training networks and exporting them: the only room that imports torch.

Importing it without the extra raises `MissingExtra` with the exact install command.
"""

from importlib.util import find_spec

from mien.errors import MissingExtra

# Asked for here once, so that no other file of the room has to.
if not all(find_spec(name) for name in ("torch", "onnx", "onnxscript")):
    raise MissingExtra("Training a network or exporting it", "train")
