from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mien.drawing import Anonymization, anonymize
from mien.errors import InvalidInput
from mien.values import Box, Detection, Face, Image

BOX = Box(200, 100, 320, 220)


@pytest.fixture
def image() -> Image:
    return np.random.default_rng(0).integers(0, 255, (360, 640, 3), dtype=np.uint8)


@pytest.mark.parametrize("box", [BOX, Box(0, 0, 60, 60), Box(600, 320, 640, 360), Box(-30, -30, 50, 50)])
@pytest.mark.parametrize("how", ["blur", "pixelate"])
def test_a_hidden_face_cannot_be_recognised_and_the_rest_stays(image: Image, box: Box, how: Anonymization) -> None:
    hidden = anonymize(image, [box], how=how)
    x, y = (round(value) for value in box.clipped(640, 360).centre)
    inside = np.s_[max(0, y - 6) : y + 6, max(0, x - 6) : x + 6]
    assert hidden[inside].std() < 0.4 * image[inside].std()
    far = np.ones((360, 640), bool)
    far[max(0, int(box.top - 60)) : int(box.bottom + 60), max(0, int(box.left - 60)) : int(box.right + 60)] = False
    np.testing.assert_array_equal(hidden[far], image[far])


def test_faces_detections_and_boxes_are_hidden_alike(image: Image, make_face: Callable[..., Face]) -> None:
    face = make_face(200, 100, 120)
    assert face.box == BOX
    expected = anonymize(image, [BOX])
    np.testing.assert_array_equal(anonymize(image, [face]), expected)
    np.testing.assert_array_equal(anonymize(image, [Detection(BOX, 1.0)]), expected)
    np.testing.assert_array_equal(anonymize(image, (each for each in (face, BOX))), anonymize(image, [BOX, BOX]))


@pytest.mark.parametrize(
    "wrong",
    [
        [(200, 100, 320, 220)],  # left, top, width and height elsewhere
        [np.array(BOX)],
        BOX,  # not in a list
        [None],
        ["face"],
    ],
)
def test_what_is_no_face_is_refused(image: Image, wrong: object) -> None:
    with pytest.raises(InvalidInput, match=r"a list of faces, detections or boxes as mien\.Box"):
        anonymize(image, wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("box", [(0, 0, float("nan"), 5), (0, 0, float("inf"), 5), (5, 0, 0, 5), (0, 5, 5, 0)])
def test_a_box_that_cannot_be_hidden_is_refused(image: Image, box: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidInput, match="finite, left before right"):
        anonymize(image, [Box(*box)])


def test_another_way_of_hiding_is_refused(image: Image) -> None:
    with pytest.raises(InvalidInput, match="blur"):
        anonymize(image, [BOX], how="hide")  # type: ignore[arg-type]


@pytest.mark.parametrize("image", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3))])
def test_grey_and_float_images_are_refused(image: Image) -> None:
    with pytest.raises(InvalidInput, match="converts"):
        anonymize(image, [])


sides = st.floats(-1e6, 1e6)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(sides, sides, st.floats(0, 1e6), st.floats(0, 1e6)), max_size=4),
    st.sampled_from(["blur", "pixelate"]), st.integers(1, 80), st.integers(1, 80),
)  # fmt: skip
@example([(0.0, 0.0, 1.0, 1.1e-308)], "blur", 1, 1)
def test_any_boxes_in_a_picture_of_any_size(
    places: list[tuple[float, float, float, float]], how: Anonymization, width: int, height: int
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    before = image.copy()
    hidden = anonymize(image, [Box(x, y, x + w, y + h) for x, y, w, h in places], how=how)
    assert hidden.shape == image.shape
    np.testing.assert_array_equal(image, before)
