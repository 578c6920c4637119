"""A good portrait, degraded in one way after another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import InvalidInput
from mien.images import read_image
from mien.recognition.quality import assess, sharpness
from mien.values import Box, Crop, Detection, Image, Landmarks, Quality

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


def flattened(image: Image, level: float) -> Image:
    """In a fog of that grey."""
    return np.asarray(level + 0.1 * (image.astype(np.float32) - 128), np.uint8)


def scaled(image: Image, side: float) -> tuple[Image, Detection]:
    """The picture at the size at which the face has that side."""
    factor = side / FACE.width
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=kind), np.uint8)
    return resized, Detection(FACE.scaled(factor, factor), 1.0)


def landmarks(nose: float = 0.5, roll: float = 0.0) -> Landmarks:
    """Points of a face whose nose is at that share of the way from its right eye to its left, leaning by degrees."""
    upright = np.array([[-18, -15], [18, -15], [36 * nose - 18, 6], [-14, 26], [14, 26]], np.float64)
    angle = np.radians(roll)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points: Landmarks = (upright @ turn + FACE.centre).astype(np.float32)
    return points


def test_a_good_portrait_has_nothing_wrong(portrait: Image) -> None:
    quality = assess(portrait, Detection(FACE, 1.0, landmarks()))
    assert quality == Quality(1.0, ())


@pytest.mark.parametrize(
    ("degrade", "amounts", "reason"),
    [
        (blurred, [0.005, 0.01, 0.02, 0.04], "blurred"),
        (exposed, [0.5, 0.3, 0.2, 0.12], "dark"),
        (exposed, [1.2, 1.5, 1.8, 2.5], "bright"),
    ],
)
def test_the_worse_the_lower(
    portrait: Image, degrade: Callable[[Image, Any], Image], amounts: list[float], reason: str
) -> None:
    found = [assess(degrade(portrait, amount), Detection(FACE, 1.0)) for amount in amounts]
    scores = [quality.score for quality in found]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.9
    assert scores[-1] < 0.15
    assert found[0].reasons == ()
    assert found[-1].reasons == (reason,)


def test_the_smaller_the_lower(portrait: Image) -> None:
    found = [assess(*scaled(portrait, side)) for side in (420, 105, 60, 40, 24, 16)]
    scores = [quality.score for quality in found]
    assert scores[:3] == pytest.approx([1, 1, 1])
    assert 0.5 < scores[3] < 1
    assert scores[4] < 0.25
    assert scores[5] == 0
    assert all("small" not in quality.reasons for quality in found[:4])
    assert all("small" in quality.reasons for quality in found[4:])


@pytest.mark.parametrize("side", [100, 150, 200, 290, 400, 800])
def test_a_blur_counts_alike_at_any_size(portrait: Image, side: float) -> None:
    reference = assess(blurred(portrait, 0.02), Detection(FACE, 1.0)).score
    assert assess(*scaled(blurred(portrait, 0.02), side)).score == pytest.approx(reference, abs=0.1)


@pytest.mark.parametrize("gain", [0.5, 0.8])
def test_sharpness_does_not_depend_on_the_light(portrait: Image, gain: float) -> None:
    grey = portrait[78:150, 190:260, 1].copy()
    darker = np.asarray(grey * gain, np.uint8)
    assert sharpness(darker) == pytest.approx(sharpness(grey), rel=0.05)


def test_one_grey_is_not_sharp() -> None:
    assert sharpness(np.full((32, 32), 7, np.uint8)) == 0


@pytest.mark.parametrize(("level", "reason"), [(90, "dark"), (190, "bright")])
def test_fog_is_named_by_its_grey(portrait: Image, level: float, reason: str) -> None:
    quality = assess(flattened(portrait, level), Detection(FACE, 1.0))
    assert quality.reasons == (reason,)
    assert quality.score < 0.5


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(("way", "worst"), [(0.0, False), (0.2, False), (0.45, True)])
def test_a_nose_off_the_middle_is_a_turned_head(portrait: Image, side: int, way: float, worst: bool) -> None:
    quality = assess(portrait, Detection(FACE, 1.0, landmarks(nose=0.5 + side * way)))
    assert quality.reasons == ("turned",) * worst
    assert quality.score == pytest.approx(min(1, (1.1 - 2 * way) / 0.8), abs=1e-3)


@pytest.mark.parametrize(("roll", "score"), [(0, 1), (14, 1), (-27, 0.6), (35, 1 / 3), (-40, 1 / 6), (60, 0), (180, 0)])
def test_a_leaning_head_is_tilted_and_not_turned(portrait: Image, roll: float, score: float) -> None:
    quality = assess(portrait, Detection(FACE, 1.0, landmarks(roll=roll)))
    assert quality.score == pytest.approx(score, abs=1e-3)
    assert "turned" not in quality.reasons
    assert ("tilted" in quality.reasons) == (abs(roll) > 30)


def test_eyes_in_one_point_are_no_reason_to_fail(portrait: Image) -> None:
    quality = assess(portrait, Detection(FACE, 1.0, np.zeros((5, 2), np.float32)))
    assert quality == Quality(0.0, ("turned",))


@pytest.mark.parametrize(("gone", "score", "reasons"), [(0.04, 1, ()), (0.2, 2 / 3, ()), (0.4, 2 / 9, ("cut off",))])
def test_a_face_at_the_edge_is_cut_off(portrait: Image, gone: float, score: float, reasons: tuple[str, ...]) -> None:
    frame = np.ascontiguousarray(portrait[:, round(FACE.left + gone * FACE.width) :])
    box = Box(-gone * FACE.width, FACE.top, (1 - gone) * FACE.width, FACE.bottom)
    crop = Crop(*box.centre, FACE.width)
    detection = Detection(box.clipped(frame.shape[1], frame.shape[0]), 1.0, crop=crop)
    quality = assess(frame, detection)
    assert quality.reasons == reasons
    assert quality.score == pytest.approx(score, abs=0.02)


def test_a_face_outside_of_the_frame_scores_zero(portrait: Image) -> None:
    assert assess(portrait, Detection(Box(600, 600, 700, 700), 1.0)) == Quality(0.0, ("cut off",))


def test_reasons_come_together(portrait: Image) -> None:
    image, detection = scaled(blurred(exposed(portrait, 0.15), 0.04), 24)
    assert assess(image, detection).reasons == ("small", "blurred", "dark")


def test_what_is_not_an_image_is_refused() -> None:
    with pytest.raises(InvalidInput, match="an image is"):
        assess(np.zeros((20, 20), np.uint8), Detection(Box(0, 0, 9, 9), 1.0))


@given(
    left=st.floats(0, 80),
    top=st.floats(0, 60),
    width=st.floats(0.01, 500),
    height=st.floats(0.01, 500),
    seed=st.integers(0, 9),
)
def test_any_box_of_any_picture_gets_a_score(left: float, top: float, width: float, height: float, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    quality = assess(image, Detection(Box(left, top, left + width, top + height), 1.0))
    assert 0 <= quality.score <= 1
