import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.crop import crop_face
from mien.values import Crop


@pytest.fixture
def ramp() -> np.ndarray:
    """100 pixels wide, 80 high; brighter to the right, the same downward."""
    grey = np.tile(np.linspace(0, 198, 100).astype(np.uint8), (80, 1))
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_a_region_of_the_size_asked_for_is_cut_out_as_it_is(ramp: np.ndarray) -> None:
    np.testing.assert_array_equal(crop_face(ramp, Crop(34, 44, 48), 48), ramp[20:68, 10:58, 0])


@pytest.mark.parametrize("size", [16, 48, 96])
def test_shrinking_and_growing_keep_the_picture(ramp: np.ndarray, size: int) -> None:
    face = crop_face(ramp, Crop(40, 40, 60), size)
    assert face.shape == (size, size)
    assert face.dtype == np.uint8
    assert abs(float(face.mean()) - float(ramp[10:70, 10:70].mean())) < 1
    assert (np.diff(face.mean(axis=0)) >= 0).all()


def test_beyond_the_edge_the_picture_is_mirrored_and_not_squeezed(ramp: np.ndarray) -> None:
    face = crop_face(ramp, Crop(10, 40, 60), 60)
    np.testing.assert_array_equal(face[:, 20:], ramp[10:70, :40, 0])
    np.testing.assert_array_equal(face[:, :20], ramp[10:70, 20:0:-1, 0])


def test_grey_weighs_the_colours_as_the_eye_does() -> None:
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        image = np.zeros((10, 10, 3), np.uint8)
        image[:, :, channel] = 255
        assert abs(int(crop_face(image, Crop(5, 5, 10), 10)[0, 0]) - 255 * weight) <= 1


@given(
    left=st.floats(-300, 300), top=st.floats(-300, 300), side=st.floats(0.01, 400),
    roll=st.floats(-180, 180), width=st.integers(1, 60), height=st.integers(1, 60),
)  # fmt: skip
def test_any_square_gives_a_face(left: float, top: float, side: float, roll: float, width: int, height: int) -> None:
    image = np.full((height, width, 3), 77, np.uint8)
    face = crop_face(image, Crop(left, top, side, roll), 24)
    assert face.shape == (24, 24)
    assert (face == 77).all()


@pytest.mark.parametrize("roll", [-150, -90, -30, 10, 45, 90, 180])
@pytest.mark.parametrize("side", [20, 48, 120])
def test_a_turned_crop_is_that_of_the_turned_picture(portrait: np.ndarray, roll: float, side: int) -> None:
    """The picture turned clockwise by the roll, cut by a crop of that roll, is the picture cut level."""
    smooth = np.asarray(cv2.GaussianBlur(portrait, (0, 0), 4), np.uint8)
    turn = cv2.getRotationMatrix2D((99.5, 99.5), -roll, 1)
    turned = np.asarray(cv2.warpAffine(smooth, turn, (200, 200), borderMode=cv2.BORDER_REFLECT_101), np.uint8)
    level, upright = crop_face(smooth, Crop(100, 100, side), 48), crop_face(turned, Crop(100, 100, side, roll), 48)
    difference = np.abs(level.astype(int) - upright.astype(int))[4:-4, 4:-4]
    assert difference.mean() < 2
    assert difference.max() < 20


@pytest.mark.parametrize(("x", "y"), [(-200, 40), (900, 40), (50, -300), (50, 5000), (-90, -90), (5e4, 5e4)])
def test_a_crop_outside_of_the_picture_shows_the_nearest_edge(ramp: np.ndarray, x: float, y: float) -> None:
    face = crop_face(ramp, Crop(x, y, 20), 20)
    edge = ramp[:, 0 if x < 0 else 99, 0] if not 0 <= x < 100 else ramp[0, :, 0]
    assert face.shape == (20, 20)
    assert np.isin(face, ramp[:, :20, 0] if x < 0 else ramp[:, 80:, 0] if x >= 100 else edge).all()


def test_turning_an_enormous_crop_takes_no_memory_of_its_size(ramp: np.ndarray) -> None:
    assert crop_face(ramp, Crop(50, 50, 1e9, 45), 48).shape == (48, 48)


def test_the_last_digits_of_a_crop_change_no_pixel(portrait: np.ndarray) -> None:
    crop = Crop(81.3, 70.7, 63.1, -12.3)
    near = Crop(*(each + 1e-4 for each in crop))
    np.testing.assert_array_equal(crop_face(portrait, crop, 48), crop_face(portrait, near, 48))
