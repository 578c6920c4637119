from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from mien.data import class_counts, sample_faces
from mien.emotions import EMOTIONS

Make: TypeAlias = Callable[..., Any]


def test_classes_are_counted_by_split(noise: Make, face_set: Make) -> None:
    faces = face_set(noise(5), labels=[3, 3, 0, 6, 3], splits=["test", "train", "train", "train", "train"])

    counts = class_counts(faces)

    assert list(counts) == ["train", "test"]
    assert list(counts["train"]) == list(EMOTIONS)
    assert counts["train"] == dict.fromkeys(EMOTIONS, 0) | {"happy": 2, "angry": 1, "neutral": 1}
    assert counts["test"] == dict.fromkeys(EMOTIONS, 0) | {"happy": 1}


def test_samples_are_of_their_class_and_the_same_every_time(noise: Make, face_set: Make) -> None:
    faces = face_set(noise(60), labels=[place % 6 for place in range(60)])

    samples, again, other = (sample_faces(faces, 4, seed) for seed in (0, 0, 1))

    assert [len(sample) for sample in samples.values()] == [4] * 6 + [0]
    for code, name in enumerate(EMOTIONS):
        of_class = {face.tobytes() for face in faces.faces[faces.labels == code]}
        assert {face.tobytes() for face in samples[name]} <= of_class
        np.testing.assert_array_equal(samples[name], again[name])
    assert any((samples[name] != other[name]).any() for name in EMOTIONS)


def test_a_small_class_is_sampled_whole(noise: Make, face_set: Make) -> None:
    samples = sample_faces(face_set(noise(3), labels=[1, 1, 2]), 10)

    assert [len(sample) for sample in samples.values()] == [0, 2, 1, 0, 0, 0, 0]
