"""Parsed data sets, kept so that the second reading takes a fraction of a second.

A cache only ever costs speed: one that is stale, damaged or cannot be written is as good as none.
"""

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.files import cache_folder, replacing

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

# Part of every stamp: to be raised when what is kept, or how a reader makes it, changes.
_VERSION = 2

_ARCHIVE_ERRORS = (zipfile.BadZipFile, struct.error, zlib.error)


def cached(source: Path, kind: str, stamp: str, build: Callable[[], Arrays]) -> Arrays:
    """The arrays that `build` makes of a file or folder, from the cache when they were kept there under the same stamp.

    Each `kind` of a source has one place in the cache. No array may be called "stamp".
    """
    key = hashlib.sha256(f"{kind}\0{os.path.realpath(source)}".encode("utf-8", "surrogateescape")).hexdigest()
    path = cache_folder() / "data" / f"{key[:32]}.npz"
    stamp = f"{_VERSION} {stamp}"
    arrays = _read(path, stamp)
    if arrays is None:
        arrays = build()
        with suppress(OSError), replacing(path) as partial, partial.open("wb") as file:
            np.savez(file, stamp=np.array([stamp, *arrays]), **arrays)  # type: ignore[arg-type] # taken for allow_pickle
    return arrays


def _read(path: Path, stamp: str) -> Arrays | None:
    """The arrays kept in `path`, or None unless it is whole and carries `stamp`."""
    try:
        # numpy closes only what it was given open when the file is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            kept_stamp, *names = kept["stamp"].tolist()
            return {name: kept[name] for name in names} if kept_stamp == stamp else None
    # Damage shows in the archive, its checksums, or the header of an array.
    except (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, MemoryError, *_ARCHIVE_ERRORS):
        return None
