"""The model and the detector that mien uses unless told otherwise."""

from typing import Final

DEFAULT_MODEL: Final = "rep-small"
DEFAULT_DETECTOR: Final = "yunet"
