import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.drawing import annotate
from mien.emotions import COLOURS, EMOTIONS
from mien.errors import InvalidInput
from mien.values import Box, Detection, Face, Image, Prediction


def changed(before: Image, after: Image) -> np.ndarray:
    return np.asarray((before != after).any(axis=2))


def near(image: Image, colour: tuple[int, int, int]) -> int:
    """How many pixels are about that colour."""
    return int((np.abs(image.astype(int) - colour).max(axis=2) < 25).sum())


@pytest.mark.parametrize(
    ("side", "background"), [(300, 0), (300, 255), (1000, 0), (1000, 128), (1000, 255), (6000, 128)]
)
def test_a_face_has_a_frame_and_a_panel_beside_it(make_face: Callable[..., Face], side: int, background: int) -> None:
    image = np.full((side, side, 3), background, np.uint8)
    face = make_face(side * 0.3, side * 0.3, side * 0.2, happy=0.6, sad=0.3)
    drawn = annotate(image, [face])
    touched = changed(image, drawn)
    inside = slice(int(side * 0.34), int(side * 0.46))
    assert not touched[inside, inside].any()  # the face itself stays to be seen
    assert 0.005 < touched.mean() < 0.3
    assert near(drawn, COLOURS["happy"]) > 4 * 0.2 * side  # the frame and the longest bar
    assert near(drawn, COLOURS["sad"]) > 0


def test_the_picture_that_was_given_stays_as_it_is(make_face: Callable[..., Face]) -> None:
    image = np.full((200, 300, 3), 90, np.uint8)
    image.flags.writeable = False
    annotate(image, [make_face(20, 20)])
    assert (image == 90).all()


def test_of_several_faces_each_bears_its_place_or_its_persons_number(make_face: Callable[..., Face]) -> None:
    image = np.full((600, 900, 3), 60, np.uint8)
    faces = [make_face(100, 100, 120), make_face(600, 300, 120)]
    people = [dataclasses.replace(face, track_id=number) for number, face in enumerate(faces)]
    np.testing.assert_array_equal(annotate(image, faces), annotate(image, people))
    assert changed(annotate(image, faces), annotate(image, faces[::-1])).any()
    assert changed(annotate(image, faces[:1]), annotate(image, people[:1])).any()  # one alone has no number


def test_without_faces_nothing_is_drawn() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    np.testing.assert_array_equal(annotate(image, []), image)


def test_panels_hide_no_other_face(make_face: Callable[..., Face]) -> None:
    image = np.full((900, 1400, 3), 60, np.uint8)
    faces = [make_face(150 + 420 * column, 150 + 380 * row, 120, happy=0.8) for column in range(3) for row in range(2)]
    touched = changed(image, annotate(image, faces))
    for face in faces:
        left, top, right, bottom = map(int, face.box)
        assert not touched[top + 20 : bottom - 20, left + 20 : right - 20].any()


def test_a_crowd_still_shows_its_faces(make_face: Callable[..., Face]) -> None:
    image = np.full((600, 900, 3), 60, np.uint8)
    faces = [make_face(10 + 75 * column, 10 + 75 * row, 50, angry=0.7) for column in range(11) for row in range(7)]
    touched = changed(image, annotate(image, faces))
    assert touched.mean() < 0.75


boxes = st.tuples(st.floats(0, 250), st.floats(0, 250), st.floats(0.5, 400), st.floats(0.5, 400))


@settings(deadline=None, max_examples=60)
@given(st.lists(boxes, max_size=8), st.integers(1, 300), st.integers(1, 300))
def test_any_boxes_in_any_picture_can_be_drawn(
    places: list[tuple[float, float, float, float]], width: int, height: int
) -> None:
    prediction = Prediction(EMOTIONS, np.full(7, 1 / 7, np.float32))
    faces = [Face(Detection(Box(x, y, x + w, y + h), 1.0), prediction) for x, y, w, h in places]
    drawn = annotate(np.zeros((height, width, 3), np.uint8), faces)
    assert drawn.shape == (height, width, 3)
    assert drawn.dtype == np.uint8


def test_labels_of_ones_own_can_be_drawn() -> None:
    face = Face(
        Detection(Box(50, 50, 90, 90), 1.0), Prediction(("bored", "Überraschung"), np.array([0.2, 0.8], np.float32))
    )
    image = np.zeros((200, 400, 3), np.uint8)
    assert changed(image, annotate(image, [face])).any()


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(InvalidInput, match="an image is"):
        annotate(np.zeros((5, 5), np.uint8), [])
