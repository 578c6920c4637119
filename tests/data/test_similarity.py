from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest

from mien.data.similarity import THRESHOLD, similar_pairs
from mien.values import GreyFaces

Make: TypeAlias = Callable[..., Any]


def darker(face: GreyFaces) -> GreyFaces:
    return (face * 0.4 + 20).astype(np.uint8)


def compressed(face: GreyFaces) -> GreyFaces:
    content = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), np.uint8)


def moved(face: GreyFaces) -> GreyFaces:
    matrix = np.array([[1, 0, 2], [0, 1, -1]], np.float32)
    return np.asarray(cv2.warpAffine(face, matrix, (48, 48), borderMode=cv2.BORDER_REFLECT), np.uint8)


def blurred(face: GreyFaces) -> GreyFaces:
    return np.asarray(cv2.GaussianBlur(face, (0, 0), 1), np.uint8)


@pytest.mark.parametrize("change", [darker, compressed, moved, blurred])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_changed_copy_is_found(clouds: Make, change: Callable[[GreyFaces], GreyFaces], mirrored: bool) -> None:
    faces = clouds(40)
    copy = change(faces[7])
    pairs = similar_pairs(np.concatenate([faces, copy[None, :, ::-1] if mirrored else copy[None]]))

    assert [(pair.first, pair.second, pair.mirrored) for pair in pairs] == [(7, 40, mirrored)]
    assert THRESHOLD <= pairs[0].similarity <= 1


def test_different_pictures_are_not_similar(clouds: Make, noise: Make) -> None:
    assert similar_pairs(clouds(300)) == []
    assert similar_pairs(noise(100)) == []


def test_many_are_compared_by_what_they_do_not_share(clouds: Make) -> None:
    """A thousand and more pictures that share half of what they show, as faces do."""
    own, shared = clouds(1200).astype(np.float32), clouds(1, seed=1).astype(np.float32)
    faces = ((own + 2 * shared) / 3).astype(np.uint8)
    faces[1100] = compressed(faces[5])

    assert [(pair.first, pair.second) for pair in similar_pairs(faces)] == [(5, 1100)]


@pytest.mark.parametrize("side", [24, 48, 96])
def test_faces_of_any_size_are_compared(clouds: Make, side: int) -> None:
    faces = clouds(20, side=side)
    faces[19] = faces[3] // 2 + 40

    assert [(pair.first, pair.second) for pair in similar_pairs(faces)] == [(3, 19)]


@pytest.mark.parametrize("count", [0, 1])
def test_few_faces_make_no_pairs(clouds: Make, count: int) -> None:
    assert similar_pairs(clouds(max(count, 1))[:count]) == []


def test_nearly_flat_faces_resemble_nothing() -> None:
    faces = np.full((6, 48, 48), 100, np.uint8)
    faces[np.arange(6), np.arange(6) * 8, 40 - np.arange(6) * 5] += 1

    assert similar_pairs(faces) == []
