"""Cuts and the camera's movement, in textures."""

import cv2
import numpy as np
import pytest

from mien.tracking.following import Grey, camera_motion

WIDTH, HEIGHT = 320, 180


def texture(seed: int, width: int = WIDTH, height: int = HEIGHT) -> Grey:
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 15, width // 15), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize(("x", "y"), [(10, 0), (-40, 5), (70, -20), (0, 30), (-80, 0)])
def test_a_move_of_the_whole_picture_is_measured_and_is_no_cut(x: int, y: int) -> None:
    world = texture(1, 2 * WIDTH, 2 * HEIGHT)
    before = world[90 : 90 + HEIGHT, 160 : 160 + WIDTH]
    after = world[90 - y : 90 - y + HEIGHT, 160 - x : 160 - x + WIDTH]
    motion = camera_motion(before, after)
    assert motion is not None
    assert motion.tolist() == pytest.approx([x, y], abs=4)
    assert motion.tolist() == pytest.approx([x, y], abs=4), "the pictures are as they were"


def test_unrelated_pictures_are_a_cut() -> None:
    assert all(camera_motion(texture(number), texture(number + 100)) is None for number in range(1, 50))


def test_who_walks_through_a_still_picture_does_not_move_the_camera() -> None:
    before, after = texture(1), texture(1)
    before[60:120, 100:160] = texture(2, 60, 60)
    after[60:120, 130:190] = texture(2, 60, 60)
    motion = camera_motion(before, after)
    assert motion is not None
    assert motion.tolist() == [0, 0]


@pytest.mark.parametrize(("light", "cut"), [(60, False), (-60, False)])
def test_a_change_of_exposure_is_neither(light: int, cut: bool) -> None:
    before = texture(1) // 4 + 96
    after = np.asarray(before.astype(int) + light, np.uint8)
    motion = camera_motion(before.astype(np.uint8), after)
    assert (motion is None) == cut
    assert motion is not None
    assert motion.tolist() == [0, 0]


def test_black_has_no_move_and_a_picture_after_black_is_a_cut() -> None:
    black = np.zeros((HEIGHT, WIDTH), np.uint8)
    motion = camera_motion(black, black)
    assert motion is not None
    assert motion.tolist() == [0, 0]
    assert camera_motion(black, texture(1)) is None
