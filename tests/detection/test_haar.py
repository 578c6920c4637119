import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.detection import Haar
from mien.detection.haar import cascade_file
from mien.errors import InvalidInput, MienError
from mien.images import read_image
from mien.values import Box, Image

COLLINS = Box(170, 66, 278, 174)
"""Her face in the picture of 512×512 pixels, as the unhurried cascade (scale step 1.05) boxes it."""


@pytest.fixture(scope="module")
def portrait(astronaut: Path) -> Image:
    return read_image(astronaut)


@pytest.mark.parametrize("side", [128, 300, 512, 1000, 2400, 4000])
def test_boxes_are_in_the_pictures_own_pixels(portrait: Image, side: int) -> None:
    interpolation = cv2.INTER_AREA if side < 512 else cv2.INTER_CUBIC
    picture = np.asarray(cv2.resize(portrait, (side, side), interpolation=interpolation), dtype=np.uint8)
    best = max(Haar()(picture), key=lambda face: face.score)
    assert best.box.scaled(512 / side, 512 / side).overlap(COLLINS) > 0.7


def test_one_face_is_one_box_with_its_score(portrait: Image) -> None:
    (face,) = Haar()(portrait)
    assert 0.5 < face.score <= 1
    assert face.landmarks is None
    assert face.region.box == pytest.approx(face.box)


@pytest.mark.parametrize("shift", [(-150, 0), (0, -50), (150, 0)])
def test_a_face_at_the_border_keeps_its_box_inside(portrait: Image, shift: tuple[int, int]) -> None:
    x, y = shift
    picture = portrait[max(0, -y) :, max(0, -x) : 512 - max(0, x)]
    for face in Haar()(picture):
        assert face.box.right <= picture.shape[1]
        assert face.box.bottom <= picture.shape[0]


def test_it_sees_the_same_in_rows_that_are_not_contiguous(portrait: Image) -> None:
    turned = np.ascontiguousarray(portrait[:, ::-1])[:, ::-1]
    assert not turned.flags["C_CONTIGUOUS"]
    assert [face.box for face in Haar()(turned)] == [face.box for face in Haar()(portrait)]


def test_many_threads_see_what_one_sees(portrait: Image) -> None:
    detector = Haar()
    pictures = [portrait, portrait[::2, ::2], portrait[:, ::-1], np.zeros_like(portrait)] * 6
    alone = [[face.box for face in detector(picture)] for picture in pictures[:4]] * 6
    with ThreadPoolExecutor(8) as pool:
        together = [[face.box for face in faces] for faces in pool.map(detector, pictures)]
    assert together == alone


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (23, 23), (24, 24), (25, 3000), (60, 60)])
@pytest.mark.parametrize("profile", [False, True])
def test_small_and_odd_pictures_hold_no_face(shape: tuple[int, int], profile: bool) -> None:
    flat = np.full((*shape, 3), 128, np.uint8)
    assert Haar(profile=profile)(flat) == []
    assert Haar(profile=profile, min_face=24)(flat) == []


def test_noise_holds_no_face() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    assert Haar()(noise) == []


def test_the_smallest_face_is_a_promise(portrait: Image) -> None:
    assert Haar(min_face=150)(portrait) == []
    assert Haar(min_face=70)(portrait)


def test_profiles_are_found_on_both_sides_and_merged_with_the_frontal_box(portrait: Image) -> None:
    detector = Haar(profile=True)
    boxes = detector(portrait)
    mirrored = detector(np.ascontiguousarray(portrait[:, ::-1]))
    assert sum(face.box.overlap(COLLINS) > 0.3 for face in boxes) == 1
    assert any(face.box.overlap(Box(512 - 278, 66, 512 - 170, 174)) > 0.3 for face in mirrored)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_face": 10}, "min_face is a number, 24 or more; got 10"),
        ({"min_face": -3}, "min_face is a number, 24"),
        ({"min_face": math.nan}, "min_face is a number, 24 or more; got nan"),
        ({"min_face": math.inf}, "min_face is"),
        ({"min_face": True}, "min_face is"),
        ({"min_face": "40"}, "min_face is a number, 24 or more; got '40'"),
        ({"scale_step": 1.0}, r"scale_step is a number, 1\.01 to 2; got 1\.0"),
        ({"scale_step": None}, "scale_step is a number"),
        ({"neighbours": 0}, "neighbours is a whole number, 1 to 1,000; got 0"),
        ({"neighbours": 2.5}, "neighbours is a whole number, 1 to 1,000; got 2.5"),
        ({"neighbours": 2**40}, "neighbours is"),
        ({"neighbours": True}, "neighbours is"),
        ({"profile": 1}, "profile is True or False; got 1"),
        ({"profile": "yes"}, "profile is"),
    ],
)
def test_values_out_of_range_are_refused_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{message}"):
        Haar(**options)


def test_numbers_of_numpy_are_numbers(portrait: Image) -> None:
    detector = Haar(min_face=np.float32(40), neighbours=np.int64(3))  # type: ignore[arg-type]
    assert len(detector(portrait)) == 1


def test_it_survives_pickle(portrait: Image) -> None:
    detector = pickle.loads(pickle.dumps(Haar(min_face=60, neighbours=3, profile=True)))
    assert (detector.min_face, detector.scale_step, detector.neighbours, detector.profile) == (60, 1.15, 3, True)
    assert [face.box for face in detector(portrait)] == [
        face.box for face in Haar(min_face=60, neighbours=3, profile=True)(portrait)
    ]


def test_a_cascade_that_is_not_there_says_which_package_to_install() -> None:
    with pytest.raises(MienError, match=r"no Haar cascades .*pip install 'opencv-python-headless>=4.13,<5'"):
        cascade_file("haarcascade_unheard_of.xml")


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(InvalidInput, match="an image is"):
        Haar()(np.zeros((50, 50), np.uint8))
