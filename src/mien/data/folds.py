"""Splitting faces by their pixels, so that identical faces always stay together."""

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.data.dataset import FaceSet
from mien.errors import DataError
from mien.values import GreyFaces


def fold_of(faces: GreyFaces, num_folds: int) -> NDArray[np.int64]:
    """The fold, 0 to `num_folds` - 1, that each face belongs to.

    It depends on the face's pixels alone, not on the order of the faces or on the other ones. Copies of a face fall
    into the same fold, so that no teacher labels a face that it was trained on.
    """
    return np.floor(_hashed(faces, b"") * num_folds).astype(np.int64)


def without_fold(faces: FaceSet, num_folds: int, fold: int) -> FaceSet:
    """The faces outside of a fold, by their pixels as they are; all of them if there is but one."""
    return faces if num_folds == 1 else faces.select(fold_of(faces.faces, num_folds) != fold)


def hold_out(faces: FaceSet, share: float) -> FaceSet:
    """The same faces, with a share, 0 to 1, of the training split moved to the validation split.

    The choice depends on a face's pixels alone, as in `fold_of`: it stays the same when faces are added or left out, so
    that no face that a model was trained on validates it later. The share therefore holds on average only; of 20 faces,
    .1 may be 0 or 6.

    Raises:
        DataError: There is a validation split already, or one of the two would be empty.
    """
    if (faces.splits == "val").any():
        raise DataError(f"{faces.name} has a validation split of its own; nothing can be held out")
    held = (faces.splits == "train") & (_hashed(faces.faces, b"hold out") < share)
    splits = np.where(held, "val", faces.splits)
    if not held.any() or not (splits == "train").any():
        raise DataError(
            f"{faces.name}: holding out {share:g} of its {len(faces)} faces leaves a split empty; as faces are chosen "
            f"by their pixels, give {'a larger' if not held.any() else 'a smaller'} share"
        )
    return replace(faces, splits=splits, held_out=share)


def _hashed(faces: GreyFaces, purpose: bytes) -> NDArray[np.float64]:
    """A hash of each face as a number from 0 to 1, (N,); another one for another purpose."""
    digests = [hashlib.sha256(purpose + face.tobytes()).digest()[:6] for face in np.ascontiguousarray(faces)]
    return np.array([int.from_bytes(digest) for digest in digests], np.float64) / 2**48
