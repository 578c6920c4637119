"""Finding faces."""

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from mien.detection.detector import Detector
from mien.detection.fetching import fetch_yunet
from mien.detection.haar import Haar
from mien.detection.yunet import YuNet
from mien.errors import InvalidInput

DETECTORS: dict[str, Callable[..., Detector]] = {"haar": Haar, "yunet": YuNet}
"""By name: constructors, with the options that each one's docstring names."""


def load_detector(name: str, **options: Any) -> Detector:
    """A detector by name.

    Args:
        name: a key of `DETECTORS`.
        options: of its constructor.

    Raises:
        InvalidInput: there is no such detector, or an option is out of range or not one of its own.
    """
    if name not in DETECTORS:
        near = difflib.get_close_matches(name, DETECTORS, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise InvalidInput(f"unknown detector {name!r}{hint} Known are: {', '.join(DETECTORS)}")
    known = inspect.signature(DETECTORS[name]).parameters
    unknown = ", ".join(option for option in options if option not in known)
    if unknown:
        raise InvalidInput(f"the detector {name} has no option {unknown}; it has: {', '.join(known)}")
    return DETECTORS[name](**options)


__all__ = ["DETECTORS", "Detector", "Haar", "YuNet", "fetch_yunet", "load_detector"]
