import numpy as np
import pytest

from mien.data import FaceSet
from mien.data.folds import fold_of, hold_out
from mien.errors import DataError


def noise(num: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num, 8, 8), dtype=np.uint8)


def face_set(num: int, split: str = "train") -> FaceSet:
    return FaceSet("noise", noise(num), ("a",), np.zeros(num, np.int64), np.full(num, split), [""] * num)


def test_folds_are_even_and_follow_the_face_alone() -> None:
    faces = noise(2000)
    folds = fold_of(faces, 5)
    assert np.bincount(folds).min() > 340
    order = np.random.default_rng(1).permutation(2000)
    np.testing.assert_array_equal(fold_of(faces[order], 5), folds[order])
    np.testing.assert_array_equal(fold_of(faces[:10], 5), folds[:10])
    assert not fold_of(faces, 1).any()


def test_copies_are_never_apart() -> None:
    faces = noise(50)
    np.testing.assert_array_equal(fold_of(np.concatenate([faces, faces]), 7), np.tile(fold_of(faces, 7), 2))


def test_a_share_is_held_out() -> None:
    faces = hold_out(face_set(1000), 0.2)
    assert 150 < (faces.splits == "val").sum() < 250
    assert (faces.splits == "train").sum() + (faces.splits == "val").sum() == 1000


def test_folds_of_what_remains_are_even() -> None:
    faces = hold_out(face_set(2000), 0.2)
    assert np.bincount(fold_of(faces.split("train").faces, 5), minlength=5).min() > 250


@pytest.mark.parametrize(("faces", "share"), [(face_set(10, "val"), 0.5), (face_set(10), 0.0), (face_set(3), 1.0)])
def test_what_cannot_be_held_out_is_told(faces: FaceSet, share: float) -> None:
    with pytest.raises(DataError, match="noise"):
        hold_out(faces, share)


def test_a_share_that_leaves_a_split_empty_can_be_mended() -> None:
    with pytest.raises(DataError, match="give a larger share"):
        hold_out(face_set(3), 0.01)
    with pytest.raises(DataError, match="give a smaller share"):
        hold_out(face_set(3), 1.0)


def test_a_face_stays_on_its_side_whoever_else_is_there() -> None:
    faces = face_set(200)
    whole, part = hold_out(faces, 0.3), hold_out(faces.select(np.arange(200)[::-2]), 0.3)
    np.testing.assert_array_equal(part.splits, whole.splits[::-2])
