"""mien's detectors by name, and the model, the detector and the prior that it uses unless told otherwise."""

from typing import Final

DEFAULT_MODEL: Final = "rep-small"
DEFAULT_DETECTOR: Final = "yunet"
DEFAULT_PRIOR: Final = "halfway"

DETECTORS: Final = {
    "yunet": "mien.detection.yunet:YuNet",
    "haar": "mien.detection.haar:Haar",
}
"""What the names of mien's detectors are short for; the docstring of each class describes its options. The help of the
command line lists them, without importing them."""
