"""Finishing an exported model file without torch: quantization, calibration, metadata.

Importing it without the extra raises `MissingExtra` with the exact install command.
"""

from importlib.util import find_spec

from mien.errors import MissingExtra

if not find_spec("onnx"):
    raise MissingExtra("Finishing a model file", "train")
