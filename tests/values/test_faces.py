import json
import math
import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.errors import InvalidInput
from mien.values import Box, Crop, Detection, Evidence, Face, Failure, Frame, FrameResult, Prediction


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
