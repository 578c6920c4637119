import logging
from collections.abc import Callable
from typing import Any

import pytest

from mien.errors import InvalidInput
from mien.tracking.merging import check_groups, merged
from mien.values import Face, Failure, FrameResult

Frames = Callable[..., FrameResult]
People = Callable[..., Face]


def ids(results: Any) -> list[Any]:
    return [result.error if isinstance(result, Failure) else [f.track_id for f in result.faces] for result in results]


def test_all_of_a_group_get_its_first_number(
    make_frame: Frames, make_person: People, caplog: pytest.LogCaptureFixture
) -> None:
    people = [[1], [3, 2], [7, 4], []]
    results = [make_frame(n, *map(make_person, numbers)) for n, numbers in enumerate(people)]
    failure = Failure("talk.mp4", "it broke off")
    with caplog.at_level(logging.WARNING, "mien"):
        assert ids(merged([*results, failure], [(1, 3, 7), (4, 2)])) == [[1], [1, 4], [1, 4], [], "it broke off"]
    assert not caplog.records


def test_without_groups_results_are_as_they_were(make_frame: Frames, make_person: People) -> None:
    results = [make_frame(0, make_person(1), make_person(2))]
    assert list(merged(results, ())) == results


def test_two_in_one_frame_keep_their_own_numbers_and_that_is_said(
    make_frame: Frames, make_person: People, caplog: pytest.LogCaptureFixture
) -> None:
    people = [[1], [3, 1], [3], [1, 3]]
    results = [make_frame(10 + n, *map(make_person, numbers)) for n, numbers in enumerate(people)]
    assert ids(merged(results, [(1, 3)])) == [[1], [3, 1], [1], [1, 3]]
    (record,) = caplog.records
    assert (
        "talk.mp4: --merge 1,3: frames that show more than one of them: 2, the first is frame 11" in record.getMessage()
    )


def test_a_number_that_nobody_has_is_said(
    make_frame: Frames, make_person: People, caplog: pytest.LogCaptureFixture
) -> None:
    assert ids(merged([make_frame(0, make_person(1))], [(1, 9), (4, 5)])) == [[1]]
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "talk.mp4: --merge 1,9: there is no person 9", "talk.mp4: --merge 4,5: there is no person 4 or 5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("groups", "words"),
    [([(1,)], "two or more"), ([(0, 1)], "two or more"), ([(1, 3), (3, 4)], "person 3 twice"), ([(2, 2)], "twice")],
)
def test_groups_that_cannot_be_are_refused(groups: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        check_groups(groups)
