import numpy as np
import pytest

from mien.shipping.outliers import KINDS, outliers


@pytest.mark.parametrize("side", [8, 48, 64])
def test_as_many_of_each_kind_and_the_same_for_the_same_seed(side: int) -> None:
    faces = np.random.default_rng(1).integers(0, 256, (5, side, side), dtype=np.uint8)
    found = outliers(faces, per_kind=3)
    assert found.shape == (3 * len(KINDS), side, side)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, outliers(faces, per_kind=3))
    assert (found != outliers(faces, seed=1, per_kind=3)).any()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_kind_leaves_a_face_as_it_is(kind: object) -> None:
    assert callable(kind)
    across, down = np.meshgrid(np.arange(48), np.arange(48))
    face = (128 + 60 * np.sin(across / 2) + 60 * np.cos(down / 3)).astype(np.uint8)
    before = face.copy()
    for seed in range(20):
        picture = kind(face, np.random.default_rng(seed))
        assert np.abs(picture.astype(int) - face).mean() > 4
    np.testing.assert_array_equal(face, before)
