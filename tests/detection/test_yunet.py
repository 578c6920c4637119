import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.detection import Haar, YuNet
from mien.detection.yunet import CENTRE_ABOVE, SIDE_OF_WIDTH, haar_square
from mien.errors import InvalidInput, ModelError
from mien.images import read_image
from mien.values import Box


@pytest.mark.parametrize("side", [64, 300, 512, 2400])
def test_boxes_and_landmarks_are_in_the_pictures_own_pixels(astronaut: Path, yunet_model: Path, side: int) -> None:
    resized = cv2.resize(read_image(astronaut), (side, side), interpolation=cv2.INTER_AREA)
    picture = np.asarray(resized, dtype=np.uint8)
    (face,) = YuNet(yunet_model)(picture)
    assert face.box.scaled(512 / side, 512 / side).overlap(Box(176, 62, 270, 185)) > 0.6
    assert face.landmarks is not None
    eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
    assert face.box.top < eyes[1] < mouth[1] < face.box.bottom
    assert 0.7 < face.score <= 1


def test_its_crop_is_the_square_that_haar_draws(astronaut: Path, yunet_model: Path) -> None:
    picture = read_image(astronaut)
    (ours,), (haars,) = YuNet(yunet_model)(picture), Haar()(picture)
    assert ours.region.overlap(haars.box) > 0.75
    assert ours.region.width == pytest.approx(ours.region.height)


def test_the_map_to_haars_square_by_hand() -> None:
    landmarks = np.array([[40, 40], [60, 40], [50, 50], [42, 60], [58, 60]], np.float32)
    square = haar_square(Box(30, 20, 70, 75), landmarks)
    assert square.width == pytest.approx(SIDE_OF_WIDTH * 40)
    assert square.centre == pytest.approx((50, 50 - CENTRE_ABOVE * square.width))


def test_a_box_at_the_border_is_clipped_and_its_crop_is_not(astronaut: Path, yunet_model: Path) -> None:
    picture = read_image(astronaut)[85:, 200:]
    (face,) = YuNet(yunet_model)(picture)
    assert face.box.left >= 0
    assert face.box.top >= 0
    assert min(face.region.left, face.region.top) < 0


def test_many_threads_see_what_one_sees(astronaut: Path, yunet_model: Path) -> None:
    detector = YuNet(yunet_model)
    portrait = read_image(astronaut)
    pictures = [portrait, portrait[::2, ::2], portrait[100:, :300], np.zeros_like(portrait)] * 6
    alone = [[face.box for face in detector(picture)] for picture in pictures[:4]] * 6
    with ThreadPoolExecutor(8) as pool:
        together = [[face.box for face in faces] for faces in pool.map(detector, pictures)]
    assert together == alone


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (900, 2), (33, 47)])
def test_small_and_odd_pictures_hold_no_face(yunet_model: Path, shape: tuple[int, int]) -> None:
    assert YuNet(yunet_model)(np.full((*shape, 3), 128, np.uint8)) == []


def test_without_its_model_it_says_both_ways_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"mien models fetch yunet(.|\n)*--detector-model"):
        YuNet()
    with pytest.raises(ModelError, match="mien models fetch yunet"):
        YuNet(tmp_path / "elsewhere.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"hello")
    with pytest.raises(ModelError, match=r"no\.onnx is no model"):
        YuNet(tmp_path / "no.onnx")


@pytest.mark.parametrize(
    "options",
    [{"min_score": 0}, {"min_score": 1}, {"min_score": math.nan}, {"min_score": "0.5"}, {"min_score": True},
     {"longest_side": 8}, {"longest_side": 320.5}, {"longest_side": True}],
)  # fmt: skip
def test_values_out_of_range_are_refused_at_construction(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=f"^{next(iter(options))} is a"):
        YuNet(tmp_path / "any.onnx", **options)


def test_it_survives_pickle(astronaut: Path, yunet_model: Path) -> None:
    detector = pickle.loads(pickle.dumps(YuNet(str(yunet_model), min_score=0.6, longest_side=320)))
    assert (detector.model, detector.min_score, detector.longest_side) == (yunet_model, 0.6, 320)
    assert len(detector(read_image(astronaut))) == 1
