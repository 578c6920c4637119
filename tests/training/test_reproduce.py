"""What `make reproduce` counts as the same."""

import pytest
from reproduce import differs, pairs


def test_every_figure_is_compared_with_the_one_in_its_place() -> None:
    before = {"a": {"accuracy": 0.5, "names": ["x", "y"]}, "gone": 1}
    assert list(pairs(before, {"a": {"accuracy": 0.5, "names": ["x"]}, "new": 2})) == [
        ("a.accuracy", 0.5, 0.5), ("a.names.0", "x", None), ("a.names.1", "y", None), ("gone", 1, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "before", "now", "is_other"),
    [
        ("accuracy", 2523 / 3589, 2523 / 3589, False),
        ("accuracy", 2523 / 3589, 2522 / 3589, True),
        ("rep-small.confusion.0.1", 7, 8, True),
        ("ece", 0.0101, 0.0102, False),
        ("ece", 0.0101, 0.0201, True),
        ("reading", "people", "fer2013", True),
        ("ece", 0.01, None, True),
        ("calibration_faces", True, False, True),
    ],
)
def test_what_is_counted_is_the_same_to_the_last_face(where: str, before: object, now: object, is_other: bool) -> None:
    assert differs(where, before, now) is is_other
