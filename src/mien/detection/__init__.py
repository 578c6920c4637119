"""Finding faces."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from mien.defaults import DETECTORS
from mien.detection.alignment import align
from mien.detection.detector import Detector, detect
from mien.detection.fetching import fetch_yunet
from mien.detection.haar import Haar
from mien.detection.yunet import YuNet, yunet_file
from mien.errors import InvalidInput, did_you_mean


def load_detector(name: str, *, num_threads: int = 1, **options: Any) -> Detector:
    """A detector by name.

        >>> faces = load_detector("yunet", min_face=40)(read_image("party.jpg"))

    Args:
        name: A key of `DETECTORS`; or "package.module:Name" for one of your own, a class or function that is called
            with the options and returns a `Detector`. The module is imported, so it has to be on Python's path.
        num_threads: Processor threads for one picture, of a detector that has this option.
        options: The constructor's options.

    Raises:
        InvalidInput: There is no such detector, or an option is out of range or not one of its own.
    """
    make = _imported(name)
    signature = inspect.signature(make)
    if num_threads != 1 and "num_threads" in signature.parameters:
        options["num_threads"] = num_threads
    try:
        signature.bind(**options)
    except TypeError as error:
        unknown = ", ".join(option for option in options if option not in signature.parameters)
        fault = f"has no option {unknown}" if unknown else f"cannot be made: {error}"
        known = ", ".join(signature.parameters) or "none"
        raise InvalidInput(f"the detector {name} {fault}; its options are: {known}") from error
    return make(**options)


def _imported(name: str) -> Callable[..., Detector]:
    """The class or function that a key of `DETECTORS`, or "package.module:Name", names."""
    module_name, colon, attribute = DETECTORS.get(name, name).partition(":")
    if not (colon and attribute and all(part.isidentifier() for part in module_name.split("."))):
        raise InvalidInput(
            f"unknown detector {name!r}{did_you_mean(name, DETECTORS)} Known are: {', '.join(DETECTORS)}; your own "
            "goes by package.module:Name"
        )
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
        raise InvalidInput(
            f"the detector {name} cannot be imported: {error}. Install its package, or add its folder to PYTHONPATH"
        ) from error
    make = getattr(module, attribute, None)
    if not callable(make):
        what = "has no" if make is None else "holds no class or function"
        raise InvalidInput(f"the detector {name} is not there: the module {module_name} {what} {attribute}")
    found: Callable[..., Detector] = make
    return found


__all__ = ["DETECTORS", "Detector", "Haar", "YuNet", "align", "detect", "fetch_yunet", "load_detector", "yunet_file"]
