import json
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import InvalidInput
from mien.values import (
    Box,
    Crop,
    Detection,
    Evidence,
    Face,
    Failure,
    Frame,
    FrameResult,
    Prediction,
    checked_number,
    number,
)

coordinate = st.floats(-1000, 1000)
boxes = st.builds(
    lambda left, top, width, height: Box(left, top, left + width, top + height),
    coordinate, coordinate, st.floats(0.5, 500), st.floats(0.5, 500),
)  # fmt: skip


@given(boxes, boxes)
def test_overlap_is_symmetric_and_a_share(one: Box, other: Box) -> None:
    assert 0 <= one.overlap(other) <= 1 + 1e-9
    assert one.overlap(other) == pytest.approx(other.overlap(one))
    assert one.overlap(one) == pytest.approx(1)


@given(boxes, boxes)
def test_overlap_of_the_smaller_is_symmetric_and_no_less_than_that_of_the_union(one: Box, other: Box) -> None:
    share = one.overlap_of_smaller(other)
    assert one.overlap(other) - 1e-9 <= share <= 1 + 1e-9
    assert share == other.overlap_of_smaller(one)


def test_a_box_inside_another_overlaps_it_wholly() -> None:
    outer, inner, beside = Box(0, 0, 10, 10), Box(1, 1, 3, 3), Box(8, 0, 12, 5)
    assert outer.intersection(inner) == inner
    assert outer.overlap_of_smaller(inner) == inner.overlap_of_smaller(outer) == 1
    assert outer.overlap_of_smaller(beside) == pytest.approx(0.5)
    assert inner.overlap_of_smaller(beside) == 0
    assert Box(5, 5, 5, 9).overlap_of_smaller(outer) == 0


@given(boxes, st.integers(1, 500), st.integers(1, 500))
def test_a_clipped_box_is_inside_and_never_larger(box: Box, width: int, height: int) -> None:
    inside = box.clipped(width, height)
    assert 0 <= inside.left <= inside.right <= width
    assert 0 <= inside.top <= inside.bottom <= height
    assert inside.area <= box.area + 1e-6


@given(boxes)
def test_a_square_holds_its_box_around_the_same_centre(box: Box) -> None:
    square = box.squared()
    assert square.width == pytest.approx(square.height)
    assert square.centre == pytest.approx(box.centre)
    assert square.left <= box.left + 1e-9
    assert square.bottom >= box.bottom - 1e-9


def test_boxes_apart_do_not_overlap() -> None:
    assert Box(0, 0, 10, 10).overlap(Box(10, 0, 20, 10)) == 0
    assert Box(0, 0, 10, 10).overlap(Box(5, 0, 15, 10)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (5, 0, 4, 5), (-1, 0, 5, 5), (0, 0, float("nan"), 5)])
def test_a_detection_needs_a_box_inside_the_frame(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidInput, match="a detection's box has"):
        Detection(Box(*box), 1.0)


def test_a_detection_needs_five_landmarks_or_none() -> None:
    for landmarks in (np.zeros((4, 2), np.float32), np.full((5, 2), np.nan, np.float32)):
        with pytest.raises(InvalidInput, match=r"five points of shape \(5, 2\)"):
            Detection(Box(0, 0, 5, 5), 1.0, landmarks)


@pytest.mark.parametrize("crop", [Crop(0, 0, 0), Crop(0, 0, float("inf")), Crop(float("nan"), 0, 5), Crop(0, 0, -5)])
def test_a_detection_needs_a_score_and_a_crop_that_are_numbers(crop: Crop) -> None:
    with pytest.raises(InvalidInput, match="crop"):
        Detection(Box(0, 0, 5, 5), 1.0, crop=crop)
    with pytest.raises(InvalidInput, match="score"):
        Detection(Box(0, 0, 5, 5), float("nan"))


def test_the_region_is_the_detectors_own_or_the_square_of_the_box() -> None:
    assert Detection(Box(10, 10, 20, 30), 1.0).region == Crop(15, 20, 20)
    assert Detection(Box(10, 10, 20, 30), 1.0, crop=Crop(10, 15, 30, 20)).region == Crop(10, 15, 30, 20)


def test_the_corners_of_a_crop_turn_clockwise_with_it() -> None:
    np.testing.assert_allclose(Crop(10, 10, 4).corners, [[8, 8], [12, 12]])
    np.testing.assert_allclose(Crop(10, 10, 4, 90).corners, [[12, 8], [8, 12]])


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(1, 900), st.floats(-179, 179))
def test_a_crop_is_known_by_its_corners(x: float, y: float, side: float, roll: float) -> None:
    assert Crop.between(Crop(x, y, side, roll).corners) == pytest.approx((x, y, side, roll), abs=1e-6)


def test_the_pose_has_the_roll_of_the_crop_and_no_more_without_landmarks() -> None:
    pose = Detection(Box(10, 10, 20, 30), 1.0, crop=Crop(10, 15, 30, 20)).pose
    assert pose.roll == 20
    assert math.isnan(pose.yaw)


@pytest.mark.parametrize("scores", [[0.5, 0.5, 0.1], [0.9, 0.05], [1.5, -0.5, 0], [float("nan"), 0, 1]])
def test_a_prediction_needs_probabilities(scores: list[float]) -> None:
    with pytest.raises(InvalidInput):
        Prediction(("a", "b", "c"), np.array(scores, np.float32))


def test_a_face_answers_by_name() -> None:
    face = Face(Detection(Box(0, 0, 5, 5), 1.0), Prediction(("sad", "happy"), np.array([0.25, 0.75], np.float32)))
    assert face.label == "happy"
    assert face.scores["sad"] == 0.25
    assert face.box == Box(0, 0, 5, 5)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 3)),
        "picture.jpg",
        None,
    ],
)
def test_a_frame_needs_an_image(image: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="an image is"):
        Frame(0, 0.0, image)


LARGEST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (1e39, None),
        (-1e39, None),
        (math.inf, None),
        (math.nan, None),
        (None, None),
        (LARGEST, 3.4028235e38),
        (-3.4028235e38, -3.4028235e38),
        (np.float32(LARGEST), 3.4028235e38),
        (0.1, 0.1),
        (np.float32(0.1), 0.1),
        (7, 7.0),
    ],
)
def test_numbers_are_recorded_as_32_bits_have_them(value: float | None, recorded: float | None) -> None:
    assert number(value) == recorded


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_recorded_number_gives_back_the_same_32_bits(value: float) -> None:
    assert np.float32(number(value)) == np.float32(value)
    assert number(number(value)) == number(value)


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.5), np.int64(1), Fraction(1, 2)])
def test_numbers_of_any_type_become_floats(value: object) -> None:
    number = checked_number("hold", value, most=1)
    assert type(number) is float
    assert number == value


@pytest.mark.parametrize(
    "value", [True, np.True_, "1", None, [1.0], np.array([1.0]), 1j, math.nan, math.inf, 2**64, -1e-9]
)
def test_anything_else_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidInput, match="hold is a number, 0 or more; got"):
        checked_number("hold", value)


def test_ranges_are_named() -> None:
    with pytest.raises(InvalidInput, match="margin is a share, 0 to 1; got 2"):
        checked_number("margin", 2, kind="a share", most=1)
    with pytest.raises(InvalidInput, match="window is a number, above 0; got 0"):
        checked_number("window", 0, above=True)


@pytest.fixture
def talking(make_person: Callable[..., Face]) -> Face:
    """A face of a video, with everything that one can have."""
    face = make_person(3, happy=0.75, uncertain=("small",), prediction_set=("happy", "sad"))
    landmarks = np.arange(10, dtype=np.float32).reshape(5, 2)
    return replace(face, detection=Detection(Box(10.5, 20, 110.5, 130.25), 0.875, landmarks, Crop(60, 65, 130, -12.5)))


def test_values_survive_pickle_and_are_equal_to_themselves(talking: Face) -> None:
    """Fault 41."""
    frame = Frame(3, 0.12, np.full((4, 5, 3), 9, np.uint8))
    result = FrameResult(source="a.mp4", index=3, time=0.12, width=5, height=4, faces=(talking,), image=frame.image)
    for value in (talking, talking.detection, talking.prediction, frame, result, Failure("a.jpg", "it is empty")):
        again = pickle.loads(pickle.dumps(value))
        assert again == value
        assert hash(again) == hash(value)
    other = replace(result, image=np.zeros((4, 5, 3), np.uint8))
    assert other != result
    assert len({result, pickle.loads(pickle.dumps(result)), other}) == 2


def test_a_face_is_json_and_back(talking: Face) -> None:
    """Fault 41."""
    assert Face.from_dict(json.loads(json.dumps(talking.to_dict()))) == talking


def test_no_representation_fills_the_screen(talking: Face) -> None:
    """Fault 41."""
    scores = np.array([0.25, 0.75], np.float32)
    long = Face(talking.detection, Prediction(("a" * 500, "b" * 500), scores), track_id=10**9)
    frame = Frame(3, 0.12, np.zeros((4, 5, 3), np.uint8))
    result = FrameResult(source="x" * 500, width=5, height=4, faces=(long,) * 50)
    for value in (long, talking, long.detection, long.prediction, frame, result):
        assert len(repr(value)) < 200
        assert "\n" not in repr(value)


def test_an_unclear_face_says_so_when_it_is_printed(talking: Face) -> None:
    clear, unclear = (repr(replace(talking, uncertain=reasons)) for reasons in ((), ("blurred",)))
    assert "unclear" not in clear
    assert unclear.startswith("Face(unclear: ")
    assert unclear.replace("unclear: ", "") == clear


SQUARE = np.arange(6, dtype=np.float32).reshape(2, 3) - 2


@given(
    st.floats(-50, 150), st.floats(-50, 150), st.floats(0.5, 300), st.floats(-180, 180), st.integers(1, 90),
    st.integers(1, 90),
)  # fmt: skip
def test_a_map_laid_back_stays_within_its_values_and_its_crop(
    x: float, y: float, side: float, roll: float, height: int, width: int
) -> None:
    laid = Crop(x, y, side, roll).back(SQUARE, (height, width))
    assert laid.shape == (height, width)
    assert laid.dtype == np.float32
    inside = laid[np.isfinite(laid)]
    assert inside.size == 0 or (inside.min() >= SQUARE.min() - 1e-4 and inside.max() <= SQUARE.max() + 1e-4)
    rows, columns = np.nonzero(np.isfinite(laid))
    away = np.hypot(columns + 0.5 - x, rows + 0.5 - y)
    assert away.size == 0 or away.max() <= side / math.sqrt(2) + 1e-2
    near = np.hypot(np.arange(width) + 0.5 - x, np.arange(height)[:, None] + 0.5 - y) < side / 2 - 1e-2
    assert np.isfinite(laid[near]).all()


def test_a_turned_map_lies_as_the_face_does() -> None:
    upper_left = np.array([[8, 0], [0, 0]], np.float32)
    for roll, corner in ((0, (20, 20)), (90, (20, 80)), (180, (80, 80)), (-90, (80, 20))):
        laid = Crop(50, 50, 80, roll).back(upper_left, (100, 100))
        assert laid[corner] > 6, roll  # clockwise: what was on top is on the right


def test_the_mean_of_a_map_is_kept_where_nothing_is_cut_off() -> None:
    maps = np.random.default_rng(0).normal(size=(3, 6, 6)).astype(np.float32)
    laid = Crop(60, 60, 96).back(maps, (120, 120))
    assert laid.shape == (3, 120, 120)
    cells = laid[:, 12:108, 12:108].reshape(3, 6, 16, 6, 16)[:, :, 7:9, :, 7:9].mean((2, 4))
    np.testing.assert_allclose(cells, maps, atol=0.15)  # the cells' centres


@pytest.mark.parametrize("maps", [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 0, 3))])
def test_what_is_no_map_is_refused(maps: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="maps of a crop"):
        Crop(5, 5, 5).back(maps, (10, 10))
    with pytest.raises(InvalidInput, match="shape of a picture"):
        Crop(5, 5, 5).back(SQUARE, (10, 0))


def explained(make_face: Callable[..., Face]) -> Face:
    maps = np.stack([SQUARE, -SQUARE])
    return replace(make_face(10, 20), explanation=Evidence(("happy", "sad"), maps, Crop(35, 45, 50), (100, 90)))


def test_evidence_is_in_the_pictures_pixels_and_its_maps_mean_is_the_logit(make_face: Callable[..., Face]) -> None:
    face = explained(make_face)
    assert face.explanation is not None
    assert (face.explanation.logit("happy"), face.explanation.logit("happy", against="sad")) == (0.5, 1.0)
    assert face.evidence("happy").shape == (100, 90)
    np.testing.assert_allclose(
        face.evidence("happy", against="sad"), face.evidence("happy") - face.evidence("sad"), atol=1e-5
    )
    assert "3 by 2 cells" in repr(face.explanation)
    with pytest.raises(InvalidInput, match="'bored'; expected one of happy, sad"):
        face.evidence("bored")
    with pytest.raises(InvalidInput, match="explain=True"):
        make_face(0, 0).evidence("happy")


def test_explained_faces_compare_and_survive_pickle_and_their_maps_are_not_recorded(
    make_face: Callable[..., Face],
) -> None:
    face = explained(make_face)
    assert pickle.loads(pickle.dumps(face)) == face != replace(face, explanation=None)
    assert hash(face) == hash(pickle.loads(pickle.dumps(face)))
    assert Face.from_dict(json.loads(json.dumps(face.to_dict()))).explanation is None


@pytest.mark.parametrize(
    "maps", [np.zeros((3, 2, 2)), np.zeros((2, 2)), np.full((2, 2, 2), np.nan), np.zeros((2, 0, 2))]
)
def test_evidence_that_does_not_fit_its_labels_is_refused(maps: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match=r"maps|NaN"):
        Evidence(("happy", "sad"), maps.astype(np.float32), Crop(5, 5, 5), (10, 10))
