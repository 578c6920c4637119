"""Parsed data sets, kept so that the second reading takes a fraction of a second.

A cache only ever costs speed: one that is stale, damaged or cannot be written is as good as none.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.files import cache_folder, replacing

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

# Part of every stamp: raise it when what is kept, or how a reader makes it, changes.
_VERSION = 1


def cached(source: Path, kind: str, stamp: str, build: Callable[[], Arrays]) -> Arrays:
    """What `build` gives, from the cache when it was kept there under the same stamp.

    Args:
        source: the file or folder that the arrays come from; each has one place in the cache.
        kind: tells apart what is kept of one source.
        stamp: changes whenever `build` would give something else.
        build: makes the arrays; what it raises passes through, and nothing is kept.

    Returns:
        Writable arrays by name.
    """
    key = hashlib.sha256(f"{kind}\0{source.resolve()}".encode("utf-8", "surrogateescape")).hexdigest()
    path = cache_folder() / "data" / f"{key[:32]}.mien"
    stamp = f"{_VERSION} {stamp}"
    arrays = _read(path, stamp)
    if arrays is None:
        arrays = build()
        with suppress(OSError):
            _write(path, stamp, arrays)
    return arrays


def _write(path: Path, stamp: str, arrays: Arrays) -> None:
    """One line of JSON that describes the arrays, then their bytes, one after the other."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    checksum = 0
    for array in contiguous.values():
        checksum = zlib.crc32(_bytes_of(array), checksum)
    shapes = [[name, array.dtype.str, list(array.shape)] for name, array in contiguous.items()]
    header = json.dumps({"stamp": stamp, "checksum": checksum, "arrays": shapes}).encode()
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(header + b"\n")
        for array in contiguous.values():
            file.write(_bytes_of(array))


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _read(path: Path, stamp: str) -> Arrays | None:
    """The arrays kept in `path`, or None unless it is whole and carries `stamp`."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(1 << 20))
            if header["stamp"] != stamp:
                return None
            # A bytearray, because arrays over bytes could not be written to.
            content = bytearray(file.read())
        if zlib.crc32(content) != header["checksum"]:
            return None
        arrays, start = {}, 0
        for name, dtype, shape in header["arrays"]:
            count = int(np.prod(shape, dtype=np.int64))
            arrays[name] = np.frombuffer(content, dtype, count, start).reshape(shape)
            start += arrays[name].nbytes
    # ValueError: not JSON, or fewer bytes than the header promises; KeyError and TypeError: JSON of another make.
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return arrays
