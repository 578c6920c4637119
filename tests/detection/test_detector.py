from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mien.detection.detector import MAX_OVERLAP, merged
from mien.values import Box, Detection

detections = st.lists(
    st.builds(
        lambda left, top, side, score: Detection(Box(left, top, left + side, top + side), score / 50),
        st.floats(0, 500), st.floats(0, 500), st.floats(5, 300), st.integers(1, 50).map(float),
    ),
    max_size=20,
)  # fmt: skip


@given(detections)
def test_what_is_kept_is_apart_and_was_there(found: list[Detection]) -> None:
    kept = merged(found)
    assert all(any(one is other for other in found) for one in kept)
    for number, one in enumerate(kept):
        assert all(one.box.overlap_of_smaller(other.box) < MAX_OVERLAP for other in kept[:number])


@given(detections)
def test_what_is_dropped_is_covered_by_a_better_one(found: list[Detection]) -> None:
    kept = merged(found)
    for one in found:
        assert any(one.box.overlap_of_smaller(other.box) >= MAX_OVERLAP and other.score >= one.score for other in kept)


@given(detections, st.randoms())
def test_the_order_they_come_in_does_not_matter(found: list[Detection], random: Random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert [one.box for one in merged(shuffled)] == [one.box for one in merged(found)]


@given(detections)
def test_the_largest_comes_first_and_merging_again_changes_nothing(found: list[Detection]) -> None:
    kept = merged(found)
    areas = [one.box.area for one in kept]
    assert areas == sorted(areas, reverse=True)
    assert merged(kept) == kept


def test_a_false_box_inside_a_face_goes() -> None:
    face, mouth = Detection(Box(0, 0, 100, 100), 0.9), Detection(Box(30, 60, 70, 100), 0.4)
    beside = Detection(Box(110, 0, 150, 40), 0.5)
    assert merged([mouth, beside, face]) == [face, beside]
