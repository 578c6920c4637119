import dataclasses
import doctest
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.drawing import History, annotate, anonymize
from mien.emotions import COLOURS, EMOTIONS, UNCLEAR_COLOUR, colours_of
from mien.errors import InvalidInput
from mien.values import Box, Detection, Face, Image, Prediction, Quality


def changed(before: Image, after: Image) -> np.ndarray:
    red, green, blue = np.moveaxis(before != after, 2, 0)  # `any` over so short an axis takes seconds
    return np.asarray(red | green | blue)


def near(image: Image, colour: tuple[int, int, int]) -> int:
    """How many pixels are about that colour."""
    low, high = (np.clip(np.array(colour) + change, 0, 255) for change in (-24, 24))
    return int(np.count_nonzero(cv2.inRange(image, low, high)))


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


@pytest.mark.parametrize("panels", [True, False])
def test_an_unclear_face_is_grey_and_its_scores_are_still_there(make_face: Callable[..., Face], panels: bool) -> None:
    image = np.full((300, 300, 3), 255, np.uint8)
    happy = make_face(90, 90, 60, happy=0.6, fear=0.4)
    clear, unclear, other = (
        annotate(image, [dataclasses.replace(happy, uncertain=reasons)], panels=panels)
        for reasons in ((), ("unclear",), ("blurred", "dark"))
    )
    assert near(clear, UNCLEAR_COLOUR) < near(unclear, UNCLEAR_COLOUR)
    assert 0 < near(unclear, COLOURS["happy"]) < near(clear, COLOURS["happy"]) - 100, "the outline"
    np.testing.assert_array_equal(unclear, other)


def test_the_labels_of_a_set_are_brighter(make_face: Callable[..., Face]) -> None:
    image = np.full((300, 300, 3), 60, np.uint8)
    face = make_face(90, 90, 60, happy=0.6, fear=0.4)
    one, both = (
        annotate(image, [dataclasses.replace(face, prediction_set=labels)]) for labels in (None, ("happy", "fear"))
    )
    assert near(both, (255, 255, 255)) > near(one, (255, 255, 255))


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


def test_the_trackers_boxes_look_alike_and_a_measured_quality_has_a_bar(
    make_face: Callable[..., Face],
) -> None:
    """Fault 23: dashes that came and went read as flicker."""
    image = np.full((600, 900, 3), 60, np.uint8)
    face = make_face(100, 100, 120)
    whole, followed, good, bad = (
        annotate(image, [dataclasses.replace(face, **more)])
        for more in ({}, {"interpolated": True}, {"quality": Quality(90)}, {"quality": Quality(20)})
    )
    np.testing.assert_array_equal(followed, whole)
    assert changed(image, good).sum() > changed(image, whole).sum()
    assert near(bad, COLOURS["surprise"]) > near(good, COLOURS["surprise"])  # the colour of a warning


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


def test_a_panel_hides_no_other_head_where_there_is_another_place(make_face: Callable[..., Face]) -> None:
    """Fault 22: hair and ears are outside of a detector's boxes."""
    image = np.full((900, 1400, 3), 60, np.uint8)
    faces = [make_face(600, 5, 100, happy=0.8), make_face(740, 235, 100, happy=0.8)]  # the first place is on hair
    touched = changed(image, annotate(image, faces))
    assert not touched[210:233, 740:840].any()


def test_a_crowd_still_shows_its_faces(make_face: Callable[..., Face]) -> None:
    image = np.full((600, 900, 3), 60, np.uint8)
    faces = [make_face(10 + 75 * column, 10 + 75 * row, 50, angry=0.7) for column in range(11) for row in range(7)]
    touched = changed(image, annotate(image, faces))
    assert touched.mean() < 0.75


def test_three_hundred_faces_are_all_outlined() -> None:
    image = np.full((1000, 1500, 3), 60, np.uint8)
    prediction = Prediction(("happy", "sad"), np.array([0.9, 0.1], np.float32))
    corners = [(20 + 74 * (number % 20), 20 + 64 * (number // 20)) for number in range(300)]
    faces = [Face(Detection(Box(x, y, x + 40, y + 40), 1.0), prediction) for x, y in corners]
    drawn = annotate(image, faces)
    for x, y in corners:
        assert near(drawn[y : y + 3, x : x + 40], COLOURS["happy"]) > 20


def test_a_face_that_leaves_the_image_is_drawn_as_far_as_it_is_inside() -> None:
    image = np.full((200, 300, 3), 60, np.uint8)
    prediction = Prediction(EMOTIONS, np.full(7, 1 / 7, np.float32))
    partly, inside = (Face(Detection(Box(200, 100, *corner), 1.0), prediction) for corner in [(900, 700), (300, 200)])
    outside = Face(Detection(Box(300, 100, 400, 200), 1.0), prediction)
    np.testing.assert_array_equal(annotate(image, [partly]), annotate(image, [inside]))
    np.testing.assert_array_equal(annotate(image, [outside]), image)


@st.composite
def any_face(draw: st.DrawFn, labels: st.SearchStrategy[str]) -> Face:
    names = tuple(draw(st.lists(labels, min_size=1, max_size=9, unique=True)))
    weights = np.array(draw(st.lists(st.floats(0.01, 1), min_size=len(names), max_size=len(names))))
    left, top, width, height = draw(st.tuples(*[st.floats(0, 250)] * 2, *[st.floats(0.5, 400)] * 2))
    return Face(
        Detection(Box(left, top, left + width, top + height), 1.0),
        Prediction(names, (weights / weights.sum()).astype(np.float32)),
        track_id=draw(st.none() | st.integers(0, 12)),
        interpolated=draw(st.booleans()),
        quality=draw(st.none() | st.builds(Quality, st.floats(0, 100))),
    )


@settings(max_examples=60)
@given(st.lists(any_face(st.sampled_from(EMOTIONS)), max_size=8), st.integers(1, 300), st.integers(1, 300))
def test_any_faces_can_be_drawn_on_a_picture_of_any_size(faces: list[Face], width: int, height: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    for drawn in (annotate(image, faces), annotate(image, faces, history=History(), time=3.5)):
        assert drawn.shape[1:] == image.shape[1:]
        assert height <= drawn.shape[0] <= 1.25 * height
        assert drawn.dtype == np.uint8
    assert not image.any()


@settings(max_examples=60)
@given(any_face(st.text(max_size=20)), st.sampled_from([(1, 1), (60, 60), (300, 400)]))
def test_labels_of_ones_own_can_be_drawn_whatever_their_characters(face: Face, shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    drawn = annotate(image, [face])
    inside = face.box.clipped(shape[1], shape[0])
    if min(inside.width, inside.height) > 1:
        assert changed(image, drawn).any()


def test_labels_of_ones_own_have_colours_that_differ_in_every_form() -> None:
    labels = ("attentive", "bored", "confused")
    prediction = Prediction(labels, np.array([0.4, 0.35, 0.25], np.float32))
    image = np.full((300, 600, 3), 60, np.uint8)
    alone = annotate(image, [Face(Detection(Box(50, 50, 150, 150), 1.0), prediction)])
    crowd = [Face(Detection(Box(x, 20, x + 90, 240), 1.0), prediction) for x in range(5, 500, 95)]
    for drawn in (alone, annotate(image, crowd)):
        assert all(near(drawn, colour) > 20 for colour in colours_of(labels).values())


@pytest.mark.parametrize("image", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), np.zeros((5, 5, 4), np.uint8)])
def test_what_is_no_image_is_refused_with_advice(image: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match=r"an image is .*mien\.read_image converts"):
        annotate(image, [])


def test_what_is_no_face_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"a list of mien\.Face.*Detection\("):
        annotate(np.zeros((5, 5, 3), np.uint8), [Detection(Box(0, 0, 5, 5), 1.0)])  # type: ignore[list-item]


@pytest.mark.parametrize("function", [annotate, anonymize])
def test_the_examples_in_docstrings_run(function: Callable[..., Image]) -> None:
    runner = doctest.DocTestRunner()
    for example in doctest.DocTestFinder().find(function):
        runner.run(example)
    assert runner.tries > 3
    assert runner.failures == 0
