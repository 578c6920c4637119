"""The scenes of the benchmark of detection hold faces where they say, and what is found is counted by place."""

import numpy as np
import pytest
from detection import SCORES, Count, add_scored
from numpy.typing import NDArray
from scenes import LIGHTS, Kind, Pasted, Scene, lit, paste

from mien.values import Box, Detection

GREY = [np.full((300, 400, 3), 90, np.uint8)]
FACES = np.full((12, 48, 48), 200, np.uint8)
EMPTY = np.zeros((100, 100, 3), np.uint8)


def brightened(image: NDArray[np.uint8]) -> Box:
    """The rectangle of what was pasted into the grey photograph."""
    y, x = np.nonzero((image != 90).any(axis=2))
    return Box(float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))


@pytest.mark.parametrize("side", [12, 48, 200])
def test_a_face_is_where_its_square_says(side: int) -> None:
    (scene,) = Kind((640, 480), side, most=1).scenes(FACES[:1], GREY, seed=0)
    found = brightened(scene.image)
    assert found.centre == pytest.approx(scene.faces[0].centre, abs=1)
    assert found.width / side == pytest.approx(1.15, abs=0.2)


def test_scenes_hold_every_face_once_and_apart() -> None:
    scenes = list(Kind((640, 480), 100, most=5).scenes(FACES, GREY, seed=0))
    assert sum(len(scene.faces) for scene in scenes) == len(FACES)
    for scene in scenes:
        shared = [one.overlap(two) for one in scene.faces for two in scene.faces if one is not two]
        assert max(shared, default=0) == 0
        assert all(face == face.clipped(640, 480) for face in scene.faces)


def test_the_same_seed_gives_the_same_scenes() -> None:
    first, second, other = (next(Kind((640, 480), 64).scenes(FACES, GREY, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.image, second.image)
    assert first.faces == second.faces != other.faces


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_a_cut_face_is_outside_by_its_share(share: float) -> None:
    for scene in Kind((640, 480), 100, outside=share).scenes(FACES, GREY, seed=0):
        for face in scene.faces:
            assert face.clipped(640, 480).area / face.area == pytest.approx(1 - share)


def test_a_turned_face_is_turned_counter_clockwise() -> None:
    face = np.zeros((48, 48), np.uint8)
    face[:12] = 255  # a bright forehead
    canvas = np.zeros((100, 100, 3), np.uint8)
    paste(canvas, face, Pasted(50, 50, 60, turn=90), np.random.default_rng(0))
    assert canvas[50, 30].max() > 200  # is at the left now
    assert canvas[30, 50].max() < 50


@pytest.mark.parametrize("light", LIGHTS)
def test_light_changes_what_it_says(light: str) -> None:
    image = np.repeat(np.linspace(0, 255, 256, dtype=np.uint8)[None, :, None], 3, axis=2)
    changed = lit(image, light, np.random.default_rng(0)).astype(float)
    middle, spread = changed.mean(), changed.max() - changed.min()
    expected = {"dark": middle < 40, "bright": middle > 200, "low contrast": spread < 50 and 100 < middle < 150}
    assert expected.get(light, np.array_equal(changed, image))


def test_regions_are_counted_by_place() -> None:
    count = Count()
    face, other = Box(10, 10, 50, 50), Box(60, 60, 90, 90)
    regions = [Box(12, 10, 52, 50), Box(5, 5, 45, 45), Box(0, 60, 30, 90)]  # two on the first face, one nowhere
    count.add(Scene(EMPTY, (face, other)), regions)
    assert count == Count(pictures=1, faces=2, found=1, false=2, nowhere=1)
    count.add(Scene(EMPTY, ()), [])
    assert count == Count(pictures=2, faces=2, found=1, false=2, nowhere=1)
    assert count.as_json()["recall"] == 0.5


def test_what_is_outside_of_the_picture_does_not_count() -> None:
    count = Count()
    count.add(Scene(EMPTY, (Box(-40, 0, 60, 100),)), [Box(0, 20, 60, 80)])  # .36 of the whole face, .6 of what is seen
    assert count.found == 1


def test_a_higher_score_leaves_fewer_regions() -> None:
    scores: dict[float, dict[str, Count]] = {least: {} for least in SCORES}
    found = [Detection(Box(10, 10, 50, 50), score=0.72), Detection(Box(60, 60, 90, 90), score=0.5)]
    add_scored(scores, "turn", Scene(EMPTY, (Box(10, 10, 50, 50),)), found)
    by_score = {least: (counts["turn"].found, counts["turn"].false) for least, counts in scores.items()}
    assert (by_score[0.5], by_score[0.6], by_score[0.75]) == ((1, 1), (1, 0), (0, 0))
