"""A good portrait, spoilt in one way after another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.crop import crop_face
from mien.errors import InvalidInput
from mien.images import read_image
from mien.pose import NOSE
from mien.recognition.quality import FACE_SIDE, WEIGHTS, assess, sharpness
from mien.values import MEASURES, Box, Crop, Detection, Image, Landmarks, Quality

FACE = Box(172, 61, 277, 166)
"""The box of the astronaut's face."""


@pytest.fixture(scope="module")
def portrait(astronaut: Path) -> Image:
    return read_image(astronaut)


def blurred(image: Image, share: float) -> Image:
    """Out of focus by a Gaussian of that share of the face's side."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), share * FACE.width), np.uint8)


def exposed(image: Image, gain: float) -> Image:
    return np.asarray(np.clip(image * gain, 0, 255), np.uint8)


def darker(image: Image, levels: float) -> Image:
    return np.asarray(np.clip(image.astype(np.float32) - levels, 0, 255), np.uint8)


def flattened(image: Image, contrast: float) -> Image:
    """With that share of its contrast, about the middle grey."""
    return np.asarray(128 + contrast * (image.astype(np.float32) - 128), np.uint8)


def shaded(image: Image, light: float) -> Image:
    """With that share of its light on the right half of the face."""
    shadow = image.astype(np.float32)
    shadow[:, round(FACE.centre[0]) :] *= light
    return np.asarray(shadow, np.uint8)


def mouth_covered(image: Image, share: float) -> Image:
    """The lower part of the face behind something of one grey."""
    covered = image.copy()
    covered[round(FACE.bottom - share * FACE.height) : round(FACE.bottom), round(FACE.left) : round(FACE.right)] = 140
    return covered


def eyes_covered(image: Image, share: float) -> Image:
    """A grey bar around the eyes' height."""
    covered = image.copy()
    middle, half = FACE.top + 0.4 * FACE.height, share * FACE.height / 2
    covered[round(middle - half) : round(middle + half), round(FACE.left) : round(FACE.right)] = 60
    return covered


def scaled(image: Image, side: float) -> tuple[Image, Detection]:
    """The picture at the size at which the face has that side."""
    factor = side / FACE.width
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=kind), np.uint8)
    return resized, Detection(FACE.scaled(factor, factor), 1.0)


def landmarks(aside: float = 0.0) -> Landmarks:
    """Points of a face whose nose is that share of the distance between its eyes off the middle."""
    points = np.array([[-18, -15], [18, -15], [36 * aside, 6], [-14, 26], [14, 26]], np.float64)
    return (points + FACE.centre).astype(np.float32)


def falls(found: list[Quality], name: str) -> bool:
    """Whether a measure never rises, and falls by half in all."""
    scores = [quality.measures[name].score for quality in found]
    return scores == sorted(scores, reverse=True) and scores[-1] <= scores[0] - 50


def test_a_good_portrait_has_every_measure_and_nothing_wrong(portrait: Image) -> None:
    quality = assess(portrait, Detection(FACE, 1.0, landmarks()))
    assert tuple(quality.measures) == MEASURES
    assert all(each.score > 75 for each in quality.measures.values())
    assert quality.score > 90
    assert quality.reasons == ()


def test_without_landmarks_nobody_knows_how_far_a_head_is_turned(portrait: Image) -> None:
    quality = assess(portrait, Detection(FACE, 1.0))
    assert set(MEASURES) - set(quality.measures) == {"turned"}
    assert quality.score == assess(portrait, Detection(FACE, 1.0, landmarks())).score


@pytest.mark.parametrize(
    ("degrade", "amounts", "name"),
    [
        (blurred, [0.001, 0.01, 0.02, 0.04, 0.08], "sharpness"),
        (exposed, [0.7, 0.4, 0.3, 0.2, 0.1], "brightness"),
        (exposed, [1.0, 1.2, 1.5, 1.8, 2.5], "brightness"),
        (exposed, [1.0, 1.2, 1.5, 1.8, 2.5], "overexposure"),
        (darker, [0, 50, 100, 150, 200, 250], "underexposure"),
        (flattened, [1, 0.5, 0.3, 0.1, 0.03, 0], "contrast"),
        (shaded, [1, 0.8, 0.6, 0.4, 0.2], "uniformity"),
        (mouth_covered, [0, 0.1, 0.2, 0.4, 0.6, 0.8], "covered"),
        (eyes_covered, [0, 0.1, 0.2, 0.4, 0.6, 0.8], "covered"),
    ],
)
def test_the_worse_the_fault_the_lower_its_measure(
    portrait: Image, degrade: Callable[[Image, Any], Image], amounts: list[float], name: str
) -> None:
    assert falls([assess(degrade(portrait, amount), Detection(FACE, 1.0)) for amount in amounts], name)


def test_the_smaller_the_lower(portrait: Image) -> None:
    found = [assess(*scaled(portrait, side)) for side in (420, 105, 60, 40, 24, 16, 10)]
    assert falls(found, "size")
    assert [quality.measures["size"].raw for quality in found] == pytest.approx([420, 105, 60, 40, 24, 16, 10])
    assert ["small" in quality.reasons for quality in found] == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("spoilt", "reasons"),
    [
        (lambda image: blurred(image, 0.05), ("blurred",)),
        (lambda image: exposed(image, 12.0), ("bright",)),
        (lambda image: darker(image, 240), ("dark",)),
        (lambda image: np.full_like(image, 128), ("blurred", "low contrast")),
        (lambda image: mouth_covered(image, 0.5), ("covered",)),
    ],
)
def test_what_speaks_against_a_face_is_named(
    portrait: Image, spoilt: Callable[[Image], Image], reasons: tuple[str, ...]
) -> None:
    quality = assess(spoilt(portrait), Detection(FACE, 1.0))
    assert set(reasons) <= set(quality.reasons)
    assert quality.score < 80


@pytest.mark.parametrize("side", [100, 150, 200, 290, 400, 800])
def test_a_blur_counts_alike_at_any_size(portrait: Image, side: float) -> None:
    reference = assess(blurred(portrait, 0.02), Detection(FACE, 1.0)).score
    assert assess(*scaled(blurred(portrait, 0.02), side)).score == pytest.approx(reference, abs=10)


@pytest.mark.parametrize("gain", [0.5, 0.8])
def test_sharpness_does_not_depend_on_the_light(portrait: Image, gain: float) -> None:
    grey = portrait[78:150, 190:260, 1].copy()
    dim = np.asarray(grey * gain, np.uint8)
    assert sharpness(dim) == pytest.approx(sharpness(grey), rel=0.05)


def test_one_grey_is_not_sharp() -> None:
    assert sharpness(np.full((32, 32), 7, np.uint8)) == 0


@pytest.mark.parametrize("side", [-1, 1])
def test_a_nose_off_the_middle_is_a_turned_head(portrait: Image, side: int) -> None:
    found = [assess(portrait, Detection(FACE, 1.0, landmarks(side * aside))) for aside in (0, 0.1, NOSE, 0.6)]
    assert falls(found, "turned")
    assert found[2].measures["turned"] == (50, 45)


@pytest.mark.parametrize("roll", [0, 14, -27, 35, -60, 90, 135, 180])
def test_a_leaning_head_is_tilted_and_not_turned(portrait: Image, roll: float) -> None:
    crop = Crop(*FACE.centre, FACE.width, roll)
    quality = assess(portrait, Detection(FACE, 1.0, landmarks(), crop))
    assert quality.measures["tilted"].raw == pytest.approx(abs(roll), abs=1e-3)
    assert quality.measures["tilted"].score == pytest.approx(100 * max(0, np.cos(np.radians(roll))) ** 2, abs=0.06)
    assert quality.measures["turned"].score == 100


def test_eyes_in_one_point_are_no_reason_to_fail(portrait: Image) -> None:
    quality = assess(portrait, Detection(FACE, 1.0, np.zeros((5, 2), np.float32)))
    assert "turned" not in quality.measures


def test_a_face_at_the_edge_is_cut_off(portrait: Image) -> None:
    found = []
    for gone in (0.0, 0.04, 0.2, 0.4, 0.6):
        frame = np.ascontiguousarray(portrait[:, round(FACE.left + gone * FACE.width) :])
        crop = Box(-gone * FACE.width, FACE.top, (1 - gone) * FACE.width, FACE.bottom)
        found.append(
            assess(
                frame, Detection(crop.clipped(frame.shape[1], frame.shape[0]), 1.0, crop=Crop(*crop.centre, crop.width))
            )
        )
    assert falls(found, "cut_off")
    assert [quality.measures["cut_off"].raw for quality in found] == pytest.approx([1, 0.96, 0.8, 0.6, 0.4], abs=0.01)
    assert ["cut off" in quality.reasons for quality in found] == [False, False, True, True, True]


def test_a_face_outside_of_the_frame_scores_zero(portrait: Image) -> None:
    quality = assess(portrait, Detection(Box(600, 600, 700, 700), 1.0))
    assert (quality.score, quality.reasons, set(quality.measures)) == (0, ("cut off",), {"size", "cut_off", "tilted"})


@pytest.mark.parametrize("size", [FACE_SIDE, 64, 24])
def test_a_crop_at_hand_gives_what_a_new_one_does(portrait: Image, size: int) -> None:
    detection = Detection(FACE, 1.0, landmarks())
    expected, found = (
        assess(portrait, detection),
        assess(portrait, detection, crop_face(portrait, detection.region, size)),
    )
    assert found.score == pytest.approx(expected.score, abs=3)
    assert (found == expected) == (size != 64)


def test_what_does_not_predict_errors_does_not_count(portrait: Image) -> None:
    dim = assess(exposed(portrait, 0.3), Detection(FACE, 1.0))
    assert WEIGHTS["brightness"] == 0
    assert dim.measures["brightness"].score < 60
    assert dim.score == pytest.approx(assess(portrait, Detection(FACE, 1.0)).score, abs=5)
    assert "dark" not in dim.reasons


def test_what_is_not_an_image_is_refused() -> None:
    with pytest.raises(InvalidInput, match="an image is"):
        assess(np.zeros((20, 20), np.uint8), Detection(Box(0, 0, 9, 9), 1.0))


@given(
    left=st.floats(0, 80),
    top=st.floats(0, 60),
    width=st.floats(0.01, 500),
    height=st.floats(0.01, 500),
    seed=st.integers(0, 9),
    levels=st.integers(1, 256),
    points=st.none() | st.lists(st.floats(-1e6, 1e6, width=32), min_size=10, max_size=10),
)
def test_any_box_of_any_picture_gets_a_score(
    left: float, top: float, width: float, height: float, seed: int, levels: int, points: list[float] | None
) -> None:
    image = np.random.default_rng(seed).integers(0, levels, (60, 80, 3), dtype=np.uint8)
    known = None if points is None else np.array(points, np.float32).reshape(5, 2)
    quality = assess(image, Detection(Box(left, top, left + width, top + height), 1.0, known))
    assert 0 <= quality.score <= 100
    for measure in quality.measures.values():
        assert 0 <= measure.score <= 100
        assert np.isfinite(measure.raw)
