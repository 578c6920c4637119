"""The composition of a data set."""

import numpy as np

from mien.data.dataset import SPLITS, FaceSet
from mien.values import GreyFaces


def class_counts(faces: FaceSet) -> dict[str, dict[str, int]]:
    """The number of faces by split and class, in the order of `SPLITS` and of the classes; without empty splits."""
    counts = {}
    for split in SPLITS:
        labels = faces.labels[faces.splits == split]
        if len(labels):
            numbers = np.bincount(labels, minlength=len(faces.classes)).tolist()
            counts[split] = dict(zip(faces.classes, numbers, strict=True))
    return counts


def sample_faces(faces: FaceSet, per_class: int, seed: int = 0) -> dict[str, GreyFaces]:
    """Up to `per_class` faces of each class, sampled from all splits: (M, S, S) uint8 by class name."""
    generator = np.random.default_rng(seed)
    samples = {}
    for code, name in enumerate(faces.classes):
        places = np.flatnonzero(faces.labels == code)
        chosen = generator.choice(places, min(per_class, len(places)), replace=False)
        samples[name] = faces.faces[np.sort(chosen)]
    return samples
