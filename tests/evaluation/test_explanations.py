import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mien.errors import DataError
from mien.evaluation.explanations import (
    PARTS,
    _of_another_face,
    curves,
    enlarged,
    evaluate_explanations,
    explained_by,
    landmarks_of,
    parts_of,
    rank_correlation,
    shares_in,
)
from mien.recognition import Reader, load_classifier
from mien.values import Image

SIZE = 24
POINTS = np.array([[8, 8], [16, 8], [12, 13], [9, 17], [15, 17]], np.float32)
NAMES = ("dark", "bright")


def corner_reader(faces: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A fake that looks at a face's upper left quarter alone, and says so in its maps of 2 by 2 cells."""
    bright = faces[:, : SIZE // 2, : SIZE // 2].mean(axis=(1, 2)) / 255
    logits = np.stack([np.zeros_like(bright), 20 * (bright - 0.5)], axis=1)
    maps = np.zeros((len(faces), 2, 2, 2), np.float32)
    maps[:, :, 0, 0] = 4 * logits
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return scores.astype(np.float32), maps


@pytest.fixture
def faces() -> NDArray[np.uint8]:
    """Grey noise with a bright corner, which the fake calls bright."""
    noise = np.random.default_rng(0).integers(0, 120, (20, SIZE, SIZE), dtype=np.uint8)
    noise[:, : SIZE // 2, : SIZE // 2] += 120
    return noise


def test_the_map_of_what_decides_is_better_than_any_other(faces: NDArray[np.uint8]) -> None:
    labels = corner_reader(faces)[0].argmax(axis=1)
    assert (labels == 1).all()
    areas = {}
    for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
        maps = np.zeros((len(faces), 2, 2), np.float32)
        maps[:, corner[0], corner[1]] = 1
        found = curves(corner_reader, faces, maps, labels)
        areas[corner] = found.deletion.mean(), found.insertion.mean()
    assert min(areas, key=lambda corner: areas[corner][0]) == (0, 0)
    assert max(areas, key=lambda corner: areas[corner][1]) == (0, 0)
    assert all(0 <= area <= 1 for pair in areas.values() for area in pair)


def test_good_maps_beat_random_ones_with_a_margin_and_bad_ones_do_not(faces: NDArray[np.uint8]) -> None:
    def misleading(shown: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scores, maps = corner_reader(shown)
        return scores, maps[:, :, ::-1, ::-1]

    good = evaluate_explanations(corner_reader, NAMES, faces)
    bad = evaluate_explanations(misleading, NAMES, faces)
    for measure in ("deletion", "insertion"):
        low, high = good["margins"]["random"][measure]["interval"]
        assert 0 < low <= good["margins"]["random"][measure]["mean"] <= high
        assert bad["margins"]["random"][measure]["interval"][1] < 0
    assert good["resolution"] == [2, 2]
    assert good["num_faces"] == 20


def test_shuffled_weights_are_compared_with(faces: NDArray[np.uint8]) -> None:
    def other(shown: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scores, maps = corner_reader(shown)
        return scores, -maps

    found = evaluate_explanations(corner_reader, NAMES, faces, randomized={"all": other, "none": corner_reader})
    assert found["randomized"]["all"]["mean"] == pytest.approx(-1)
    assert found["randomized"]["none"]["mean"] == pytest.approx(1)


def test_the_same_seed_gives_the_same_figures(faces: NDArray[np.uint8]) -> None:
    one, other = (evaluate_explanations(corner_reader, NAMES, faces, num_faces=5, seed=3) for _ in range(2))
    assert one == other
    assert one["num_faces"] == 5


def test_no_face_is_refused() -> None:
    with pytest.raises(DataError, match="there is none"):
        evaluate_explanations(corner_reader, NAMES, np.empty((0, SIZE, SIZE), np.uint8))


@given(
    st.floats(0, 360), st.floats(2, 30), st.floats(-20, 50), st.floats(-20, 50),
)  # fmt: skip
def test_parts_share_no_pixel_and_turn_with_the_face(angle: float, scale: float, x: float, y: float) -> None:
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turned = (POINTS - 12) * scale / 8 @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    parts = parts_of(turned.astype(np.float32), 48)
    assert tuple(parts) == PARTS
    assert np.sum([*parts.values()], axis=0).max() <= 1


def test_parts_lie_where_they_are_in_a_face() -> None:
    parts = parts_of(POINTS * 4, 96)
    middle = {name: np.mean(np.nonzero(part), axis=1) for name, part in parts.items()}
    assert middle["brows"][0] < middle["eyes"][0] < middle["nose"][0] < middle["mouth"][0]
    assert all(abs(column - 48) < 2 for _, column in middle.values())
    for name, (x, y) in (("eyes", (32, 32)), ("eyes", (64, 32)), ("nose", (48, 50)), ("mouth", (48, 68))):
        assert parts[name][y, x], name


def test_yunet_finds_the_points_of_a_face_that_fills_its_picture(portrait: Image) -> None:
    face = np.ascontiguousarray(portrait[40:150:2, 55:165:2, 1])
    [points, none] = landmarks_of(np.stack([face, np.full_like(face, 90)]))
    assert none is None
    assert points is not None
    assert points[0, 0] < points[2, 0] < points[1, 0]
    assert points[:2, 1].max() < points[2, 1] < points[3:, 1].min()
    assert ((points > 0) & (points < 55)).all()


def test_shares_are_of_what_speaks_for_a_label() -> None:
    maps = np.array([[[3, -5], [1, 0]], [[-1, -1], [-1, -1]]], np.float32)
    part = np.array([[True, True], [False, False]])
    first, second = shares_in(maps, [part, part])
    assert first == pytest.approx(0.75)
    assert np.isnan(second)


@given(arrays(np.float32, (1, 2, 3), elements=st.floats(-5, 5, width=32)))
def test_rank_correlation_is_one_with_itself_and_not_changed_by_scale(maps: NDArray[np.float32]) -> None:
    expected = 0 if np.ptp(maps) == 0 else 1
    assert rank_correlation(maps, maps)[0] == pytest.approx(expected)
    assert rank_correlation(maps, -maps)[0] == pytest.approx(-expected)
    assert rank_correlation(maps, np.float32(4) * maps)[0] == pytest.approx(expected)


def test_maps_are_enlarged_within_their_values() -> None:
    maps = np.random.default_rng(0).normal(size=(3, 6, 6)).astype(np.float32)
    large = enlarged(maps, 30)
    assert large.shape == (3, 30, 30)
    assert large.max() <= maps.max() + 1e-6
    np.testing.assert_allclose(large[:, 2::5, 2::5], maps, atol=1e-5)  # the cells' centres


def test_a_model_file_is_read_with_its_maps() -> None:
    reader = Reader(load_classifier("mini-xception"))
    scores, maps = explained_by(reader)(np.zeros((2, 48, 48), np.uint8))
    assert (scores.shape, maps.shape[:2]) == ((2, 7), (2, 7))


def test_a_map_without_a_partner_is_compared_with_none() -> None:
    maps = np.random.default_rng(0).random((3, 2, 2)).astype(np.float32)
    others = _of_another_face(maps, np.array([0, 0, 1]), np.random.default_rng(0))
    np.testing.assert_array_equal(others[:2], maps[1::-1])
    correlation = rank_correlation(maps, others)
    assert list(np.isnan(correlation)) == [False, False, True]
