"""Dividing faces by what they are, so that identical ones are never apart."""

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.data.dataset import FaceSet
from mien.errors import DataError
from mien.values import GreyFaces


def fold_of(faces: GreyFaces, num_folds: int) -> NDArray[np.int64]:
    """Which of so many folds, 0 to `num_folds` - 1, each face belongs to.

    It is drawn from the pixels alone: the order of the faces does not matter, nor what other faces there are, and
    copies of a face fall into the same fold, so that none is taught by a network that was trained on it.

    Args:
        faces: (N, S, S) uint8.
        num_folds: at least 1.

    Returns:
        (N,) int64.
    """
    return np.floor(_draws(faces, b"") * num_folds).astype(np.int64)


def hold_out(faces: FaceSet, share: float) -> FaceSet:
    """The same faces, with a share of the training split moved to the validation split.

    Each face is drawn by its pixels alone, as in `fold_of`: it stays on its side when others come or are left out, so
    that none that a model was trained on validates it later. The price is that the share holds on average only; of 20
    faces, .1 may be 0 or 6.

    Args:
        faces: without a validation split.
        share: 0 to 1.

    Raises:
        DataError: there is a validation split already, or one of the two would be empty.
    """
    if (faces.splits == "val").any():
        raise DataError(f"{faces.name} has a validation split of its own; nothing is to be held out")
    held = (faces.splits == "train") & (_draws(faces.faces, b"hold out") < share)
    splits = np.where(held, "val", faces.splits)
    if not held.any() or not (splits == "train").any():
        raise DataError(
            f"{faces.name}: holding out {share:g} of its {len(faces)} faces leaves a split empty; as faces are drawn "
            f"by their pixels, name {'a larger' if not held.any() else 'a smaller'} share"
        )
    return replace(faces, splits=splits, held_out=share)


def _draws(faces: GreyFaces, purpose: bytes) -> NDArray[np.float64]:
    """A number from 0 to 1 for each face, as even as a hash; another one for another purpose."""
    digests = [hashlib.sha256(purpose + face.tobytes()).digest()[:6] for face in np.ascontiguousarray(faces)]
    return np.array([int.from_bytes(digest) for digest in digests], np.float64) / 2**48
