"""The state of an analysis as bytes, to go on from after a crash."""

import builtins
import importlib
import io
import pickle
from typing import Any

from mien.errors import InvalidInput

_PLAIN = frozenset({"tuple", "list", "dict", "set", "frozenset", "bytearray", "complex", "slice", "range", "object"})
_OURS = frozenset({
    ("mien.values", "Box"),
    ("mien.values", "Detection"),
    ("mien.tracking.stream", "_Person"),
    ("mien.tracking.smoothing", "Baseline"),
    ("mien.tracking.smoothing", "Ema"),
    ("mien.tracking.smoothing", "Hysteresis"),
    ("mien.tracking.smoothing", "Median"),
    ("mien.tracking.smoothing", "NoSmoothing"),
    ("mien.tracking.tracker", "Tracker"),
    ("mien.tracking.tracker", "_Face"),
})  # fmt: skip
"""What the memory of a stream is made of; none of them does anything when it is made."""

_NUMPY = frozenset({"_reconstruct", "scalar", "ndarray", "dtype", "_frombuffer"})


FAULTS = (
    pickle.UnpicklingError, EOFError, AttributeError, LookupError, ValueError, TypeError, ImportError, ArithmeticError,
    RecursionError, MemoryError,
)  # fmt: skip
"""What the bytes of somebody else can raise."""


def freeze(state: object) -> bytes:
    """The state of objects of mien's own, with numbers and arrays in them."""
    return pickle.dumps(state, protocol=5)


def thaw(content: bytes) -> Any:
    """What `freeze` was given. Only arrays and a few of mien's classes are made, so a stranger's file can run no code.

    Raises:
        InvalidInput: the bytes are damaged, or hold anything else.
    """
    try:
        return _Unpickler(io.BytesIO(content)).load()
    except FAULTS as error:
        raise InvalidInput(f"it holds no state of mien's: {error}") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == "builtins" and name in _PLAIN:
            return getattr(builtins, name)
        if module == "collections" and name in ("deque", "OrderedDict"):
            return super().find_class(module, name)
        if module.split(".", maxsplit=1)[0] == "numpy" and name in _NUMPY:
            return super().find_class(module, name)
        if module.split(".", maxsplit=1)[0] == "mien" and "." not in name:
            found = getattr(importlib.import_module(module), name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in it")
