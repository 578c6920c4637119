import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from mien.errors import InvalidInput
from mien.recognition import Reader, load_classifier, softmax
from mien.recognition.views import VIEWS, mean_map, views_of

NETWORK = load_classifier("mini-xception")
FACES = np.random.default_rng(0).integers(0, 256, (3, 6, 6), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)


@given(arrays.arrays(np.uint8, (2, 5, 5)))
def test_views_are_the_face_its_mirror_image_and_both_moved(faces: NDArray[np.uint8]) -> None:
    plain, mirrored, moved, other = views_of(faces, 4)
    np.testing.assert_array_equal(plain, faces)
    np.testing.assert_array_equal(mirrored, faces[:, :, ::-1])
    np.testing.assert_array_equal(moved[:, :-1, :-1], faces[:, 1:, 1:])
    np.testing.assert_array_equal(moved[:, -1, -1], faces[:, -1, -1])
    np.testing.assert_array_equal(other[:, 1:, :-1], faces[:, :-1, :-1][:, :, ::-1])


def test_views_come_in_pairs_of_opposite_places() -> None:
    assert len(set(VIEWS)) == len(VIEWS)
    assert all((-x, -y, True) in VIEWS for x, y, mirrored in VIEWS if not mirrored)


@pytest.mark.parametrize("views", [2, 4, 10])
def test_a_face_and_its_mirror_image_are_read_alike_with_two_views(views: int) -> None:
    reader = Reader(NETWORK, views=views)
    one, other = reader.read(FACES), reader.read(np.ascontiguousarray(FACES[:, :, ::-1]))
    if views == 2:
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    expected = np.mean([Reader(NETWORK).read(view).logits for view in views_of(FACES, views)], axis=0)
    np.testing.assert_allclose(one.logits, expected, atol=1e-4)
    np.testing.assert_allclose(one.scores, softmax(one.logits), atol=1e-6)


@pytest.mark.parametrize("views", [1, 2, 4])
@pytest.mark.parametrize("reading", ["people", "fer2013"])
def test_maps_still_add_up_to_the_logits(views: int, reading: str) -> None:
    read = Reader(NETWORK, reading, views=views).read(FACES, maps=True)
    assert read.maps is not None and len(read.maps) == len(FACES)
    np.testing.assert_allclose(read.maps.mean(axis=(2, 3)), read.logits, atol=1e-4)


def test_maps_of_mirrored_views_are_mirrored_back() -> None:
    maps = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3)
    np.testing.assert_array_equal(mean_map(np.concatenate([maps, maps[..., ::-1]]), 2), maps)


def test_no_faces_are_no_answers() -> None:
    assert Reader(NETWORK, views=3).read(FACES[:0], maps=True).scores.shape == (0, 7)


@given(st.one_of(st.integers(max_value=0), st.integers(min_value=11), st.booleans(), st.floats()))
def test_other_numbers_of_views_are_refused(views: object) -> None:
    with pytest.raises(InvalidInput, match="views is a whole number from 1 to 10"):
        Reader(NETWORK, views=views)  # type: ignore[arg-type]
