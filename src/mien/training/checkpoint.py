"""Tensors on disk: written whole or not at all, and read without running anybody's code."""

import json
import pickle
from pathlib import Path
from typing import Any

import torch

from mien.errors import ModelError
from mien.files import replacing


def save(path: Path, tensors: dict[str, Any], about: dict[str, Any]) -> None:
    """Write tensors and what is to be known about them.

    Args:
        path: takes the new content at once when all of it is on the disk; till then it is as it was.
        tensors: nested dicts and lists of tensors and numbers.
        about: plain values; kept as JSON.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    with replacing(path) as partial:
        try:
            torch.save({"tensors": tensors, "about": json.dumps(about)}, partial)
        except RuntimeError as error:  # torch's own writer hides the OSError of a full disk
            raise OSError(f"{path} could not be written whole: {error}") from error


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `save` wrote, onto the CPU.

    Only tensors and plain values are unpickled, so a stranger's file can do no harm.

    Raises:
        ModelError: the file is missing, damaged, or not one of mien's.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        about = json.loads(content["about"])
        if not isinstance(content["tensors"], dict) or not isinstance(about, dict):
            raise TypeError("it holds something else")
        return content["tensors"], about
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no such file") from error
    except (
        RuntimeError,
        pickle.UnpicklingError,
        LookupError,
        TypeError,
        EOFError,
        OSError,
        ValueError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path} is no checkpoint of mien's, or is damaged: {reason}") from error
