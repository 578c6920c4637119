import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.crop import crop_face
from mien.values import Box


@pytest.fixture
def ramp() -> np.ndarray:
    """100 pixels wide, 80 high; brighter to the right, the same downward."""
    grey = np.tile(np.linspace(0, 198, 100).astype(np.uint8), (80, 1))
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_a_region_of_the_size_asked_for_is_cut_out_as_it_is(ramp: np.ndarray) -> None:
    np.testing.assert_array_equal(crop_face(ramp, Box(10, 20, 58, 68), 48), ramp[20:68, 10:58, 0])


@pytest.mark.parametrize("size", [16, 48, 96])
def test_shrinking_and_growing_keep_the_picture(ramp: np.ndarray, size: int) -> None:
    face = crop_face(ramp, Box(10, 10, 70, 70), size)
    assert face.shape == (size, size)
    assert face.dtype == np.uint8
    assert abs(float(face.mean()) - float(ramp[10:70, 10:70].mean())) < 1
    assert (np.diff(face.mean(axis=0)) >= 0).all()


def test_beyond_the_edge_the_picture_is_mirrored_and_not_squeezed(ramp: np.ndarray) -> None:
    face = crop_face(ramp, Box(-20, 10, 40, 70), 60)
    np.testing.assert_array_equal(face[:, 20:], ramp[10:70, :40, 0])
    np.testing.assert_array_equal(face[:, :20], ramp[10:70, 20:0:-1, 0])


def test_grey_weighs_the_colours_as_the_eye_does() -> None:
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        image = np.zeros((10, 10, 3), np.uint8)
        image[:, :, channel] = 255
        assert abs(int(crop_face(image, Box(0, 0, 10, 10), 10)[0, 0]) - 255 * weight) <= 1


@given(
    left=st.floats(-300, 300), top=st.floats(-300, 300), side=st.floats(0.01, 400),
    width=st.integers(1, 60), height=st.integers(1, 60),
)  # fmt: skip
def test_any_square_gives_a_face(left: float, top: float, side: float, width: int, height: int) -> None:
    image = np.full((height, width, 3), 77, np.uint8)
    face = crop_face(image, Box(left, top, left + side, top + side), 24)
    assert face.shape == (24, 24)
    assert (face == 77).all()
