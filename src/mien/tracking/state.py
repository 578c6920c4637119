"""The memory of an analysis as named arrays, so that it can continue after a crash.

There are no objects in it, only numbers and strings, so that reading a file from somebody else runs no code.
"""

import io
import tokenize
import zlib
from collections.abc import Mapping
from typing import Any, ClassVar, Final, TypeAlias, TypeVar, cast
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib.format import read_array
from numpy.typing import NDArray

from mien.errors import InvalidInput

State: TypeAlias = dict[str, NDArray[Any]]
"""Arrays by name; numbers, booleans and strings are arrays without dimensions. A dot separates the name of a part from
the names inside it."""

READING_ERRORS: Final = (
    BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError, SyntaxError, tokenize.TokenError,
    OverflowError, MemoryError, RuntimeError,
)  # fmt: skip
"""What numpy and zipfile raise on damaged files; RuntimeError stands for encrypted members and unknown compression."""

Value = TypeVar("Value")


class Stateful:
    """An object whose memory is in attributes that are numbers, booleans, arrays, or stateful objects themselves.

    A subclass names them in `_remembered`; an attribute that is None has no memory.
    """

    _remembered: ClassVar[tuple[str, ...]] = ()

    def state(self) -> State:
        """A copy of everything remembered of the frames so far."""
        state: State = {}
        for attribute in self._remembered:
            value, name = getattr(self, attribute), attribute.lstrip("_")
            if isinstance(value, Stateful):
                state |= prefixed(name, value.state())
            elif value is not None:
                state[name] = np.array(value)
        return state

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue exactly as the object would have that gave the state.

        Args:
            state: The state of an object with the same settings.

        Raises:
            InvalidInput: An array is missing, or of another type or number of dimensions.
        """
        values = {}
        for attribute in self._remembered:
            value, name = getattr(self, attribute), attribute.lstrip("_")
            if isinstance(value, Stateful):
                value.restore(part(name, state))
            elif value is not None:
                values[attribute] = entry(name, state, value)
        for attribute, value in values.items():
            setattr(self, attribute, value)


def prefixed(name: str, state: Mapping[str, NDArray[Any]]) -> State:
    """The state of a part, to be put into the state of the whole under that name."""
    return {f"{name}.{inner}": value for inner, value in state.items()}


def part(name: str, state: Mapping[str, NDArray[Any]]) -> State:
    """The state of a part of the whole; empty where there is no such part."""
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}


def entry(name: str, state: Mapping[str, NDArray[Any]], example: Value) -> Value:
    """One value of a state, with the type of `example` and, if that is an array, as many dimensions.

    Raises:
        InvalidInput: It is missing, of another type or number of dimensions, or NaN.
    """
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
    return cast(Value, result if isinstance(example, np.ndarray) else result.item())


def to_bytes(state: Mapping[str, NDArray[Any]]) -> bytes:
    """The state as the content of an uncompressed `.npz` file.

    >>> from_bytes(to_bytes({"time": np.array(1.5)}))
    {'time': array(1.5)}
    """
    buffer = io.BytesIO()
    np.savez(buffer, **dict[str, Any](state))
    return buffer.getvalue()


def from_bytes(content: bytes) -> State:
    """The state that `to_bytes` was given.

    Raises:
        InvalidInput: The content is damaged, or holds anything but arrays of numbers and strings.
    """
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            # `to_bytes` does not compress: content that unpacks to more than its own size would fill the memory.
            if sum(member.file_size for member in archive.infolist()) > len(content):
                raise ValueError("it is compressed")
            return {
                name.removesuffix(".npy"): read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
                for name in archive.namelist()
            }
    except READING_ERRORS as error:
        raise InvalidInput(f"not a saved state of mien: {error}") from error
