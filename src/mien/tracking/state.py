"""The memory of an analysis as named arrays, so that it can continue after a crash.

There are no objects in it, only numbers and strings, so that reading a file from somebody else runs no code.
"""

import copy
import inspect
import io
from collections.abc import Mapping
from typing import Any, TypeAlias
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.lib.format import read_array
from numpy.typing import NDArray

from mien.errors import InvalidInput

State: TypeAlias = dict[str, NDArray[Any]]
"""Arrays by name; numbers, booleans and strings are arrays without dimensions. A dot separates the name of a part from
the names inside it, as in "tracker.faces.0.score"."""


class Stateful:
    """An object whose memory is the attributes that its class annotates, as a dataclass does.

    They are numbers, booleans, arrays, stateful objects, or lists and dicts by number of stateful objects; one that is
    None has no memory.
    """

    def _memory(self) -> dict[str, Any]:
        names = [name for cls in type(self).__mro__ for name in inspect.get_annotations(cls)]
        return {name: getattr(self, name) for name in names}

    def _new_part(self) -> "Stateful":
        """A part as it is before its first frame, for the lists and dicts in the memory."""
        raise NotImplementedError

    def state(self) -> State:
        """A copy of everything remembered of the frames so far."""
        return _arrays(self)

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue exactly as the object with the same settings would have that gave the state.

        Raises:
            InvalidInput: An array is missing, NaN, or of another type or number of dimensions; the object is as it was.
        """
        vars(self).update({name: self._read(value, name.lstrip("_"), state) for name, value in self._memory().items()})

    def _read(self, example: Any, name: str, state: Mapping[str, NDArray[Any]]) -> Any:
        """The value under a name, of the type of `example` and, if that is an array, with as many dimensions."""
        if example is None:
            return None
        inside = {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
        if isinstance(example, Stateful):
            part = copy.copy(example)
            part.restore(inside)
            return part
        if isinstance(example, list | dict):
            numbers = dict.fromkeys(key.partition(".")[0] for key in inside)
            parts = {int(key): self._read(self._new_part(), key, inside) for key in numbers if key.isdecimal()}
            return parts if isinstance(example, dict) else list(parts.values())
        expected, value = np.asarray(example), state.get(name)
        if (
            value is None
            or value.ndim != expected.ndim
            or not np.can_cast(value.dtype, expected.dtype, "same_kind")
            or (value.dtype.kind == "f" and np.isnan(value).any())
        ):
            raise InvalidInput(
                f"the saved state lacks a valid {name!r}; it is of other settings or another version of mien"
            )
        result = value.astype(expected.dtype)
        return result if isinstance(example, np.ndarray) else result.item()


def _arrays(value: Any, name: str = "") -> State:
    if isinstance(value, Stateful):
        value = value._memory()
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {} if value is None else {name: np.array(value)}
    parts = [_arrays(part, f"{name}.{str(inner).lstrip('_')}".lstrip(".")) for inner, part in value.items()]
    return {key: array for part in parts for key, array in part.items()}


def to_bytes(state: Mapping[str, NDArray[Any]]) -> bytes:
    """The state as the content of an uncompressed `.npz` file.

    >>> from_bytes(to_bytes({"time": np.array(1.5)}))
    {'time': array(1.5)}
    """
    buffer = io.BytesIO()
    np.savez(buffer, **dict[str, Any](state))
    return buffer.getvalue()


def from_bytes(content: bytes) -> State:
    """The state that `to_bytes` was given; nothing but arrays of numbers and strings is read."""
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            # `to_bytes` does not compress; what is compressed could fill the memory, and lie about its size.
            if any(member.compress_type != ZIP_STORED for member in archive.infolist()):
                raise ValueError("it is compressed")
            return {
                name.removesuffix(".npy"): read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
                for name in archive.namelist()
            }
    except Exception as error:  # of damaged files numpy and zipfile raise a dozen kinds
        raise InvalidInput(f"not a saved state of mien: {error}") from error
