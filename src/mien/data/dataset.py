"""What every reader returns: faces, labels, splits, and where each came from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import DataError
from mien.values import GreyFaces

SPLITS = ("train", "val", "test")
"""FER2013's Training, PublicTest and PrivateTest."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """Labelled faces.

    Attributes:
        name: The set's name in messages and reports: that of its file or folder.
        faces: (N, S, S) uint8, grey.
        classes: The K class names, in the order of the labels' codes.
        labels: (N,) int64, 0 to K - 1.
        splits: (N,), each one of `SPLITS`.
        sources: The file that each face came from, with the line number in a table: `fer2013.csv:17`.
        votes: (N, 10) uint8, FER+'s votes in the order of `emotions.FER_PLUS_VOTES`, or None.
        held_out: The share of the training split that `hold_out` moved to the validation split; 0 without it.
        passed_over: Paths in a folder that are neither files nor folders (pipes, links to themselves), left out.
    """

    name: str
    faces: GreyFaces
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    sources: Sequence[str]
    votes: NDArray[np.uint8] | None = None
    held_out: float = 0.0
    passed_over: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.faces)
        if self.faces.ndim != 3 or self.faces.dtype != np.uint8 or self.faces.shape[1] != self.faces.shape[2]:
            raise DataError(f"{self.name}: faces are (N, S, S) uint8; got {self.faces.shape} {self.faces.dtype}")
        for column in ("labels", "splits", "sources", "votes"):
            values = getattr(self, column)
            if values is not None and len(values) != count:
                raise DataError(f"{self.name}: {count} faces need as many {column}; got {len(values)}")
        if count and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            raise DataError(
                f"{self.name}: labels are 0 to {len(self.classes) - 1}; got {self.labels.min()} to {self.labels.max()}"
            )

    def __len__(self) -> int:
        return len(self.faces)

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "FaceSet":
        """The faces that a mask or an array of indices selects, in its order."""
        places = np.arange(len(self))[keep]
        arrays = {name: getattr(self, name)[places] for name in ("faces", "labels", "splits")}
        votes = None if self.votes is None else self.votes[places]
        return replace(self, **arrays, sources=[self.sources[place] for place in places], votes=votes)

    def split_names(self) -> tuple[str, ...]:
        """The names of the splits that hold faces, in the order of `SPLITS`."""
        return tuple(split for split in SPLITS if (self.splits == split).any())

    def split(self, name: str, *, hint: str = "") -> "FaceSet":
        """The faces of one split, by mien's name or FER2013's ("val" or "PublicTest").

        Args:
            name: The split's name.
            hint: What the user can do when the split is empty, for the message.

        Raises:
            DataError: There is no such split, or it is empty; the message lists those there are.
        """
        wanted = parse_split(name)
        chosen = self.select(self.splits == wanted)
        if not len(chosen):
            names = ", ".join(self.split_names()) or "none"
            raise DataError(f"{self.name} has no faces in the split {name!r}; it has: {names}{hint and f'; {hint}'}")
        return chosen


_SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "publictest": "val",
    "test": "test", "testing": "test", "privatetest": "test",
}  # fmt: skip


def parse_split(text: str) -> str:
    """The split that `text` names, by mien's or FER2013's name and in any case: one of `SPLITS`."""
    split = _SPLIT_NAMES.get(text.strip().casefold())
    if split is None:
        raise DataError(f"unknown split {text!r}; expected Training, PublicTest or PrivateTest (train, val or test)")
    return split


def resized(faces: FaceSet, size: int) -> FaceSet:
    """The same faces, `size` pixels a side; see `fit_square`."""
    return replace(faces, faces=resize_faces(faces.faces, size))


def resize_faces(faces: GreyFaces, size: int) -> GreyFaces:
    """(N, S, S) uint8 → (N, size, size) uint8; the same array if it has that size already."""
    if faces.shape[1] == size:
        return faces
    return np.array([fit_square(face, size) for face in faces], np.uint8).reshape(-1, size, size)


def fit_square(grey: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A face in a square of `size` pixels a side, its proportions kept: (H, W) uint8 → (size, size) uint8.

    The longer side is resized to `size`, by averaging where it shrinks (INTER_AREA) and linearly where it grows. A
    picture that is not square is centred, and its outermost pixels are repeated to the square's edge: that cuts nothing
    off, distorts no face, and leaves no hard edge for a network to learn.
    """
    height, width = grey.shape
    if height == width == size:
        return grey
    longest = max(height, width)
    new_height, new_width = (max(1, round(side * size / longest)) for side in (height, width))
    method = cv2.INTER_AREA if longest > size else cv2.INTER_LINEAR
    fitted = cv2.resize(grey, (new_width, new_height), interpolation=method)
    if new_height != new_width:
        top, left = (size - new_height) // 2, (size - new_width) // 2
        margins = top, size - new_height - top, left, size - new_width - left
        fitted = cv2.copyMakeBorder(fitted, *margins, cv2.BORDER_REPLICATE)
    return np.asarray(fitted, dtype=np.uint8)


def fingerprint(faces: FaceSet) -> str:
    """SHA-256, in hexadecimal, of pixels, labels, splits and votes: equal for the same data in any form.

    The order of the faces counts; the names of files do not.
    """
    digest = hashlib.sha256()
    split_codes = np.array([SPLITS.index(split) for split in faces.splits])
    for part in (faces.faces, faces.labels, split_codes, faces.votes):
        if part is not None:
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def class_counts(faces: FaceSet) -> dict[str, dict[str, int]]:
    """The number of faces by split and class, in the order of `SPLITS` and of the classes; without empty splits."""
    counts = {}
    for split in faces.split_names():
        numbers = np.bincount(faces.labels[faces.splits == split], minlength=len(faces.classes)).tolist()
        counts[split] = dict(zip(faces.classes, numbers, strict=True))
    return counts


def sample_faces(faces: FaceSet, per_class: int, seed: int = 0) -> dict[str, GreyFaces]:
    """Up to `per_class` faces of each class, sampled from all splits: (M, S, S) uint8 by class name."""
    generator = np.random.default_rng(seed)
    places = {name: np.flatnonzero(faces.labels == code) for code, name in enumerate(faces.classes)}
    chosen = {name: generator.choice(each, min(per_class, len(each)), replace=False) for name, each in places.items()}
    return {name: faces.faces[np.sort(each)] for name, each in chosen.items()}
