import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.detection import YuNet, align, detect
from mien.images import read_image
from mien.values import Box, Crop, Detection, Image

CENTRE = (224.0, 113.5)
COLLINS = Crop(*CENTRE, 105)
"""Haar's box."""


def turned_by(image: Image, degrees: float) -> Image:
    """The picture turned clockwise around the face."""
    matrix = cv2.getRotationMatrix2D(CENTRE, -degrees, 1)
    return np.asarray(cv2.warpAffine(image, matrix, (512, 512), borderMode=cv2.BORDER_REFLECT_101), np.uint8)


@pytest.fixture(scope="module")
def picture(astronaut: Path) -> Image:
    return read_image(astronaut)


@pytest.mark.parametrize("degrees", [-50, -30, -15, 0, 15, 30, 50])
def test_the_crop_is_turned_as_the_face_is(picture: Image, degrees: float) -> None:
    rough = Detection(COLLINS.box, 1.0, crop=COLLINS)
    (face,) = align(turned_by(picture, degrees), [rough])
    assert face.region.roll == pytest.approx(degrees, abs=10)
    assert math.dist(face.region[:2], CENTRE) < 0.06 * COLLINS.side
    assert face.region.side == pytest.approx(COLLINS.side, rel=0.12)
    assert (face.box, face.score) == (rough.box, rough.score)


def test_it_begins_at_the_roll_that_the_detector_gives(picture: Image) -> None:
    upside_down = turned_by(picture, 180)
    (face,) = align(upside_down, [Detection(COLLINS.box, 1.0, crop=COLLINS._replace(roll=150))])
    assert abs(face.region.roll % 360 - 180) < 12


def test_each_face_of_a_picture_is_aligned_by_itself(picture: Image) -> None:
    both = np.concatenate([turned_by(picture, -25), turned_by(picture, 25)], axis=1)
    right = COLLINS._replace(x=COLLINS.x + 512)
    crops = [face.region for face in align(both, [Detection(each.box, 1.0) for each in (COLLINS, right)])]
    assert [crop.roll for crop in crops] == [pytest.approx(-25, abs=10), pytest.approx(25, abs=10)]
    assert align(both, []) == []


def test_faces_of_every_detector_are_aligned(picture: Image) -> None:
    def own(image: Image) -> list[Detection]:
        return [Detection(COLLINS.box, 1.0)]

    for detector in (own, YuNet()):
        (face,) = detect(detector, turned_by(picture, 30))
        assert face.region.roll == pytest.approx(30, abs=10)


def test_a_crop_outside_of_the_picture_does_no_harm(picture: Image) -> None:
    (face,) = align(picture, [Detection(Box(500, 500, 512, 512), 1.0, crop=Crop(900, 900, 50))])
    assert np.isfinite(face.region).all()
