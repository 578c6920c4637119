from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mien.drawing import annotate, explain
from mien.drawing.evidence import LIMIT, shades, tint
from mien.errors import InvalidInput
from mien.values import Box, Crop, Detection, Evidence, Face, Image, Prediction

SIZE = (120, 160)
CROP = Crop(80, 60, 40)
NOISE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def face_with(happy: Any, sad: Any = 0.0, crop: Crop = CROP) -> Face:
    """A happy face with these maps of 2 by 2 cells."""
    maps = np.stack([np.broadcast_to(np.asarray(each, np.float32), (2, 2)) for each in (happy, sad)])
    evidence = Evidence(("happy", "sad"), maps, crop, SIZE)
    shown = Prediction(("happy", "sad"), np.array([0.75, 0.25], np.float32))
    return Face(Detection(Box(60, 40, 100, 80), 1.0), shown, explanation=evidence)


def tinted(face: Face, image: Image = NOISE) -> Image:
    drawn = image.copy()
    assert face.explanation is not None
    tint(drawn, image, face.explanation, "happy")
    return drawn


def lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB, (…, 3) uint8 → Oklab, by Ottosson's own formulas."""
    x = rgb / 255
    light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    cones = light @ np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                              [0.0883024619, 0.2817188376, 0.6299787005]]).T  # fmt: skip
    found: np.ndarray = np.cbrt(cones) @ np.array(
        [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
         [0.0259040371, 0.7827717662, -0.8086757660]]).T  # fmt: skip
    return found


def test_without_evidence_a_face_is_grey() -> None:
    middle = shades()[:, shades().shape[1] // 2].astype(int)
    assert np.ptp(middle, axis=1).max() <= 1
    assert abs(middle[:, 0] - np.arange(256)).max() <= 1


def test_equal_steps_of_evidence_are_equal_steps_of_colour_to_both_sides() -> None:
    row = lab(shades()[130])
    chroma = np.hypot(row[:, 1], row[:, 2])
    half = len(row) // 2
    steps = np.diff(chroma[half::16])
    assert steps.min() > 0.8 * steps.max() > 0.01
    np.testing.assert_allclose(chroma[::-1], chroma, atol=0.012)
    assert row[-1, 1] > 0.05  # for: warm
    assert row[0, 2] < -0.1  # against: blue


def test_the_face_stays_visible_under_the_strongest_evidence() -> None:
    for level in (0, -1):
        lightness = lab(shades()[:, level])[:, 0]
        assert (np.diff(lightness) > -0.004).all()
        assert lightness[230] - lightness[30] > 0.35


def test_colour_follows_the_sign_inside_the_crop_and_nothing_changes_outside() -> None:
    drawn = tinted(face_with([[9, -9], [9, -9]])).astype(int)
    assert (drawn[45:75, 61:75, 0] > drawn[45:75, 61:75, 2]).all()
    assert (drawn[45:75, 86:99, 0] < drawn[45:75, 86:99, 2]).all()
    outside = np.ones(SIZE, bool)
    outside[40:80, 60:100] = False
    np.testing.assert_array_equal(drawn[outside], NOISE[outside])


def test_the_scale_is_the_same_for_all_faces_and_ends_at_the_limit() -> None:
    once, twice, beyond = (tinted(face_with(value)) for value in (LIMIT / 4, LIMIT / 2, LIMIT))
    assert (once != twice).any()
    np.testing.assert_array_equal(tinted(face_with(10 * LIMIT)), beyond)


def test_a_crop_that_leaves_the_picture_is_drawn_as_far_as_it_is_inside() -> None:
    for crop in (Crop(5, 5, 40, 20), Crop(155, 118, 60, -35), Crop(80, 60, 1000, 10)):
        face = face_with(5, crop=crop)
        assert tinted(face).shape == (*SIZE, 3)
        assert explain(NOISE, face).shape == explain(NOISE, face_with(5)).shape
    far = face_with(5, crop=Crop(900, 900, 20))
    np.testing.assert_array_equal(tinted(far), NOISE)
    assert explain(NOISE, far).shape == explain(NOISE, face_with(5)).shape


def test_a_sheet_shows_other_maps_when_it_is_asked_for_others() -> None:
    face = face_with(6, [[6, 0], [0, 0]])
    usual = explain(NOISE, face)
    np.testing.assert_array_equal(usual, explain(NOISE, face, label="happy", against="sad"))
    assert (usual != explain(NOISE, face, label="sad", against="happy")).any()
    with pytest.raises(InvalidInput, match="there is no evidence for 'bored'"):
        explain(NOISE, face, label="bored")


def test_the_sheet_of_an_unclear_face_says_so_above_it() -> None:
    face = face_with(6, [[6, 0], [0, 0]])
    clear, unclear, other = (explain(NOISE, replace(face, uncertain=each)) for each in ((), ("unclear",), ("dark",)))
    changed = np.argwhere((clear != unclear).any(axis=2))
    assert len(changed)
    assert changed.max(axis=0)[0] < 60, "the title alone"
    assert changed.max(axis=0)[1] < 320, "of the first view alone"
    np.testing.assert_array_equal(unclear, other)


def test_a_face_without_explanation_has_no_sheet() -> None:
    with pytest.raises(InvalidInput, match="explain=True"):
        explain(NOISE, replace(face_with(1), explanation=None))


@pytest.mark.parametrize("labels", [("happy",), ("x" * 200, "sad" * 90)])
def test_a_sheet_holds_any_labels(labels: tuple[str, ...]) -> None:
    evidence = Evidence(labels, np.ones((len(labels), 3, 3), np.float32), Crop(80, 60, 40, 170), SIZE)
    scores = Prediction(labels, np.full(len(labels), 1 / len(labels), np.float32))
    face = Face(Detection(Box(60, 40, 100, 80), 1.0), scores, explanation=evidence)
    assert explain(NOISE, face).dtype == np.uint8


def test_annotated_faces_show_their_evidence_when_asked() -> None:
    image = np.full((480, 640, 3), 120, np.uint8)
    face = face_with(12)
    plain, shown = annotate(image, [face]), annotate(image, [face], evidence=True)
    assert (plain != shown)[45:75, 65:95].any()
    assert (plain != shown)[400:, :].any()  # the scale, in a corner
    np.testing.assert_array_equal(annotate(image, [replace(face, explanation=None)], evidence=True), plain)


def test_a_label_that_only_smoothing_knows_is_not_explained() -> None:
    face = replace(face_with(12), prediction=Prediction(("bored",), np.ones(1, np.float32)))
    image = np.full((240, 320, 3), 120, np.uint8)
    assert annotate(image, [face], evidence=True).shape == image.shape
