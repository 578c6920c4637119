"""Tensors on disk: written whole or not at all, and read without running code from the file."""

import json
import pickle
import struct
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import torch

from mien.errors import ModelError
from mien.files import begins_with, replacing

DAMAGE: Final = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, RuntimeError, TypeError,
    ValueError, pickle.UnpicklingError, struct.error, zipfile.BadZipFile,
)  # fmt: skip
"""What reading a damaged checkpoint, or making something of its content, may raise; seen in mutated files."""

_EXPECTED: Final = "expected a .pt file that `mien train` wrote"


def save(path: Path, tensors: dict[str, Any], about: dict[str, Any]) -> None:
    """Write nested dicts and lists of tensors and numbers, and a description of them in plain values, kept as JSON."""
    with replacing(path) as partial:
        try:
            torch.save({"tensors": tensors, "about": json.dumps(about)}, partial)
        except RuntimeError as error:  # torch's own writer hides the OSError of a full disk
            raise OSError(f"{path} could not be written whole: {error}") from error


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `save` wrote; only tensors and plain values are unpickled, so an untrusted file can do no harm."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of damaged files and of other versions of the format
        return _load(path)


def _load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            # `save` does not compress: what unpacks to more than the file's own size would fill the memory.
            if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
                raise zipfile.BadZipFile("it is compressed")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no such file") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        # torch's own messages are about pickles and keys.
        fault = "is damaged or compressed, or holds more than tensors and plain values, which mien does not load"
        if not begins_with(path, b"PK\3\4"):
            fault = f"is not a checkpoint of mien's; {_EXPECTED}"
        elif not zipfile.is_zipfile(path):
            fault = "is damaged: its end is missing"
        raise ModelError(f"{path} {fault}") from error
    with suppress(*DAMAGE):
        content = dict(content)
        about = json.loads(content["about"])
        if isinstance(content["tensors"], dict) and isinstance(about, dict):
            return content["tensors"], about
    raise ModelError(f"{path} is a file of torch's, but not a checkpoint of mien's; {_EXPECTED}")
