"""What every reader gives: faces, labels, splits, and where each came from."""

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
        name: what to call the set in a report: its file's or folder's name.
        faces: (N, S, S) uint8, grey.
        classes: the K class names; `labels` counts in their order.
        labels: (N,) int64, 0 to K - 1.
        splits: (N,) of `SPLITS`.
        sources: for each face, the file it came from, and for a table's row its number: `fer2013.csv:17`.
        votes: (N, 10) uint8, FER+'s votes in the order of `emotions.FER_PLUS_VOTES`, or None.
        held_out: the share of the training split that `hold_out` moved to the validation split; 0 if it was not asked.
    """

    name: str
    faces: GreyFaces
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    sources: Sequence[str]
    votes: NDArray[np.uint8] | None = None
    held_out: float = 0.0

    def __post_init__(self) -> None:
        count = len(self.faces)
        if self.faces.ndim != 3 or self.faces.dtype != np.uint8 or self.faces.shape[1] != self.faces.shape[2]:
            raise DataError(f"{self.name}: faces are (N, S, S) uint8; got {self.faces.shape} {self.faces.dtype}")
        columns = {"labels": self.labels, "splits": self.splits, "sources": self.sources, "votes": self.votes}
        for column, values in columns.items():
            if values is not None and len(values) != count:
                raise DataError(f"{self.name}: {count} faces need as many {column}; got {len(values)}")
        if count and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            raise DataError(
                f"{self.name}: labels are 0 to {len(self.classes) - 1}; got {self.labels.min()} to {self.labels.max()}"
            )

    def __len__(self) -> int:
        return len(self.faces)

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "FaceSet":
        """The faces at a mask's or an index's places, in that order."""
        places = np.arange(len(self))[keep]
        return replace(
            self,
            faces=self.faces[places],
            labels=self.labels[places],
            splits=self.splits[places],
            sources=[self.sources[place] for place in places],
            votes=None if self.votes is None else self.votes[places],
        )

    def split_names(self) -> tuple[str, ...]:
        """Those of `SPLITS` that hold faces."""
        return tuple(split for split in SPLITS if (self.splits == split).any())

    def split(self, name: str, *, hint: str = "") -> "FaceSet":
        """The faces of one split, by mien's name or FER2013's ("val" or "PublicTest").

        Args:
            name: of the split.
            hint: what the user can do when it is empty.

        Raises:
            DataError: there is no such split, or it is empty; the message lists those there are.
        """
        wanted = parse_split(name)
        chosen = self.select(self.splits == wanted)
        if not len(chosen):
            there = ", ".join(self.split_names()) or "none"
            raise DataError(f"{self.name} has no faces in the split {name!r}; it has: {there}{hint and f'; {hint}'}")
        return chosen


_SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "publictest": "val",
    "test": "test", "testing": "test", "privatetest": "test",
}  # fmt: skip


def parse_split(text: str) -> str:
    """The one of `SPLITS` that `text` means, in mien's or FER2013's words and any case.

    Raises:
        DataError: no split goes by that name.
    """
    split = _SPLIT_NAMES.get(text.strip().casefold())
    if split is None:
        raise DataError(f"unknown split {text!r}; expected Training, PublicTest or PrivateTest (train, val or test)")
    return split


def resized(faces: FaceSet, size: int) -> FaceSet:
    """The same faces, `size` pixels a side: averaged over areas when they shrink, interpolated when they grow."""
    return replace(faces, faces=resize_faces(faces.faces, size))


def resize_faces(faces: GreyFaces, size: int) -> GreyFaces:
    """(N, S, S) uint8 → (N, size, size) uint8; the very array if it has that size."""
    if faces.shape[1] == size:
        return faces
    resized_faces = np.empty((len(faces), size, size), np.uint8)
    how = cv2.INTER_AREA if faces.shape[1] > size else cv2.INTER_LINEAR
    for face, place in zip(faces, resized_faces, strict=True):
        cv2.resize(face, (size, size), dst=place, interpolation=how)
    return resized_faces


def fingerprint(faces: FaceSet) -> str:
    """SHA-256, in hexadecimal, of pixels, labels, splits and votes: equal for the same data in any form.

    The order of the faces counts; the names of files do not.
    """
    digest = hashlib.sha256()
    for part in (
        faces.faces,
        faces.labels,
        np.array([SPLITS.index(split) for split in faces.splits]),
        faces.votes,
    ):
        if part is not None:
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
