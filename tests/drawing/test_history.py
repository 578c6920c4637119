from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from mien.drawing import History, annotate
from mien.emotions import COLOURS
from mien.errors import InvalidInput
from mien.values import Box, Detection, Face, Image, Prediction


@pytest.fixture
def image() -> Image:
    return np.random.default_rng(0).integers(0, 255, (360, 640, 3), dtype=np.uint8)


@pytest.fixture
def face(make_face: Callable[..., Face]) -> Face:
    return replace(make_face(200, 100, 120, happy=0.7), track_id=1)


def test_a_frame_has_box_panel_and_timeline_on_a_copy(image: Image, face: Face) -> None:
    before = image.copy()
    drawn = annotate(image, [face], history=History())
    np.testing.assert_array_equal(image, before)
    assert drawn.shape[1:] == image.shape[1:]
    assert 360 < drawn.shape[0] < 1.2 * 360
    changed = (drawn[:360] != image).any(axis=2)
    assert changed[100:220, 195:206].any(), "the box's left edge"
    assert changed[:300, 320:].any(), "the panel"
    assert not changed[260:].any(), "the timeline is beneath the frame"
    assert not changed[130:190, 230:290].any(), "the face itself stays visible"


def test_without_faces_a_frame_stays_as_it_is_and_has_the_same_height(image: Image, face: Face) -> None:
    drawn = annotate(image, [], history=History())
    np.testing.assert_array_equal(drawn[:360], image)
    assert drawn.shape == annotate(image, [face], history=History()).shape


def test_panels_and_the_timeline_can_be_left_out(image: Image, face: Face) -> None:
    """Fault 22."""
    np.testing.assert_array_equal(annotate(image, [face], history=History(), strip=False), annotate(image, [face]))
    bare = annotate(image, [face], history=History(), panels=False, strip=False)
    assert bare.shape == image.shape
    drawn = annotate(image, [face])
    assert 0 < (bare != image).sum() < 0.3 * (drawn != image).sum()


def test_nobody_in_view_is_left_out_of_the_timeline(make_face: Callable[..., Face]) -> None:
    """Fault 22: it had room for a few people, and kept it for those who had left."""
    image = np.full((360, 640, 3), 90, np.uint8)
    heights = set()
    for num in (1, 2, 5, 8, 30):
        history = History(seconds=2.0)
        people = [replace(make_face(10 + 18 * track, 100, 12, happy=0.7), track_id=track) for track in range(num)]
        left = replace(make_face(300, 200, 50, sad=0.7), track_id=99)
        annotate(image, [left], history=history, time=0.0)
        for index in range(60):
            drawn = annotate(image, people, history=history, time=3 + index / 25)
        heights.add(drawn.shape[0])
        strip = drawn[360:]
        assert strip.size
        assert not (strip == COLOURS["sad"]).all(axis=2).any(), "who has left is forgotten"
        ribbons = (strip == COLOURS["happy"]).all(axis=2).astype(np.uint8)
        assert cv2.connectedComponents(ribbons)[0] - 1 == num
    assert len(heights) == 1


def test_a_face_without_a_person_s_number_is_drawn_and_has_no_timeline(image: Image, face: Face) -> None:
    alone = replace(face, track_id=None)
    np.testing.assert_array_equal(annotate(image, [alone], history=History())[:360], annotate(image, [alone]))


def test_a_frame_without_room_for_a_timeline_has_none(image: Image, face: Face) -> None:
    narrow = image[:, 180:280]
    np.testing.assert_array_equal(annotate(narrow, [face], history=History()), annotate(narrow, [face]))


def test_the_timeline_shows_its_seconds_and_no_more(image: Image, face: Face, make_face: Callable[..., Face]) -> None:
    history = History(seconds=2.0)
    sad = replace(make_face(200, 100, 120, sad=0.7), track_id=1)
    for index in range(100):
        annotate(image, [sad if index < 50 else face], time=index / 10, history=history)
    ribbon, seen = history.ribbon(1, 100)
    assert seen[20:].all()
    assert (ribbon[seen] == COLOURS["happy"]).all()
    assert len(history._moments) < 25


def test_the_timeline_of_a_model_s_own_labels_has_a_colour_for_each(image: Image) -> None:
    history = History(seconds=1.0)
    labels = ("attentive", "bored", "confused")
    for index in range(30):
        scores = np.roll(np.array([0.8, 0.1, 0.1], np.float32), index // 10)
        face = Face(Detection(Box(200, 100, 320, 220), 1.0), Prediction(labels, scores), track_id=1)
        annotate(image, [face], time=index / 30, history=history)
    ribbon, seen = history.ribbon(1, 300)
    assert len(np.unique(ribbon[seen], axis=0)) == 3


def test_out_of_view_the_timeline_has_a_gap(face: Face, image: Image) -> None:
    history = History(seconds=3.0)
    for index in range(30):
        annotate(image, [face] if not 10 <= index < 20 else [], time=index / 10, history=history)
    _, seen = history.ribbon(1, 30)
    assert not seen[12:18].any()
    assert seen[22:].all()
    assert seen[4:8].all()


def test_a_panel_stays_on_its_side_while_the_face_moves_to_the_edge_and_back(image: Image, face: Face) -> None:
    def moved(offset: float) -> Face:
        left, top, right, bottom = face.box
        return replace(face, detection=Detection(Box(left + offset, top, right + offset, bottom), 1.0))

    def sides(history: History) -> Iterator[int]:
        for offset in (0, 300, 0):
            annotate(image, [moved(offset)], history=history)
            yield history.sides[1]

    first, at_the_edge, back = sides(History())
    assert at_the_edge != first
    assert back == at_the_edge


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "10"])
def test_a_timeline_has_a_length(seconds: Any) -> None:
    with pytest.raises(InvalidInput, match="seconds is a number of seconds, above 0"):
        History(seconds)
