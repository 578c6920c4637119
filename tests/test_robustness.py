import numpy as np
import pytest
from numpy.typing import NDArray
from robustness import (
    DISTORTIONS,
    blurred,
    compressed,
    covered,
    cropped,
    gamma,
    noisy,
    robustness,
    rotated,
)

from mien.data import FaceSet


@pytest.fixture
def disc() -> NDArray[np.uint8]:
    """Two faces: a white disc of radius 7, a little up on the right, on black."""
    y, x = np.mgrid[:48, :48] - 23.5
    return np.repeat((np.hypot(y + 6, x - 6) < 7).astype(np.uint8)[None] * 255, 2, axis=0)


def centre(face: NDArray[np.uint8]) -> tuple[float, float]:
    """x and y of the bright part, from the middle."""
    y, x = np.mgrid[:48, :48] - 23.5
    return float((face * x).sum() / face.sum()), float((face * y).sum() / face.sum())


@pytest.mark.parametrize("name", DISTORTIONS)
def test_each_gives_other_faces_of_the_same_form(disc: NDArray[np.uint8], name: str) -> None:
    faces = np.maximum(disc // 2, 30) + np.arange(48, dtype=np.uint8)
    distorted = DISTORTIONS[name](faces)
    assert distorted.shape == faces.shape
    assert distorted.dtype == np.uint8
    assert not np.array_equal(distorted, faces)


@pytest.mark.parametrize("share", [-0.15, 0.2])
def test_a_grown_crop_shows_the_face_smaller(disc: NDArray[np.uint8], share: float) -> None:
    bright = (cropped(share)(disc)[0] > 127).sum() / (disc[0] > 127).sum()
    assert bright == pytest.approx(1 / (1 + share) ** 2, rel=0.08)


def test_every_other_face_turns_the_other_way(disc: NDArray[np.uint8]) -> None:
    turned = rotated(30)(disc)
    angles = [np.degrees(np.arctan2(*centre(face)[::-1])) for face in turned]
    assert angles[0] - angles[1] == pytest.approx(60, abs=2)


def test_gamma_leaves_black_and_white() -> None:
    assert gamma(2.5)(np.array([[[0, 128, 255]]], np.uint8)).tolist() == [[[0, 46, 255]]]


def test_blur_keeps_the_mean_and_softens_edges(disc: NDArray[np.uint8]) -> None:
    soft = blurred(2)(disc)
    assert soft.mean() == pytest.approx(disc.mean(), rel=0.02)
    assert np.abs(np.diff(soft.astype(int), axis=2)).max() < np.abs(np.diff(disc.astype(int), axis=2)).max() / 2


def test_noise_is_of_the_size_named_and_the_same_in_every_run() -> None:
    grey = np.full((50, 48, 48), 128, np.uint8)
    assert noisy(0.05)(grey).std() == pytest.approx(0.05 * 255, rel=0.02)
    np.testing.assert_array_equal(noisy(0.05)(grey), noisy(0.05)(grey))


def test_a_lower_quality_changes_more() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    changes = [np.abs(compressed(quality)(faces).astype(int) - faces).mean() for quality in (8, 20, 90)]
    assert changes[0] > changes[1] > changes[2]


def test_a_cover_hides_its_part_alone(disc: NDArray[np.uint8]) -> None:
    half = covered(0, 1, 0.5, 1)(disc)
    assert (half[:, :, 24:] == 128).all()
    np.testing.assert_array_equal(half[:, :, :24], disc[:, :, :24])


def test_a_report_of_a_classifier_that_looks_at_one_side() -> None:
    class RightIsBrighter:
        labels = ("left", "right")
        input_size = 48

        def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
            right = (faces[:, :, 24:].mean((1, 2)) > faces[:, :, :24].mean((1, 2))).astype(np.float32)
            return np.stack([1 - right, right], axis=1)

    faces = np.zeros((10, 48, 48), np.uint8)
    faces[:, :, 30:] = 200
    labels = np.ones(10, np.int64)
    labels[0] = 0
    data = FaceSet("sides", faces, ("left", "right"), labels, np.array(["val"] * 10), [""] * 10)
    report = robustness(RightIsBrighter(), data)
    assert set(report) == {"plain", *DISTORTIONS, "changed by mirroring"}
    assert report["plain"] == 0.9
    assert report["changed by mirroring"] == 1.0
