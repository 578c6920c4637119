"""What is noted of a shard while it is worked on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mien.jobs.batch.attempts import TRIES, Attempts
from mien.jobs.batch.tally import Outcome, Tally
from mien.values import Failure, FrameResult


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shard.jsonl"


def test_what_is_done_is_there_for_the_next_process(path: Path, make_picture: Callable[..., FrameResult]) -> None:
    outcomes = [
        Outcome(3, make_picture(3), "ok", "ab" * 32), Outcome(4, Failure("x\udcff.jpg", "no picture"), "failed"),
    ]  # fmt: skip
    with Attempts(path, "one") as attempts:
        for outcome in outcomes:
            attempts.begin(outcome.input)
            attempts.end(outcome)
    with Attempts(path, "two") as attempts:
        assert attempts.outcomes == {outcome.input: outcome for outcome in outcomes}


def test_an_input_is_given_up_after_three_deaths_in_one_run(path: Path) -> None:
    for session, deaths in (("earlier", TRIES + 2), ("now", TRIES)):
        for _ in range(deaths):
            with Attempts(path, session) as attempts:
                assert not (session == "now" and attempts.fatal(5))
                attempts.begin(5)
    with Attempts(path, "now") as attempts:
        assert (attempts.fatal(5), attempts.fatal(6), attempts.fatal(5, at=100)) == (True, False, False)
    with Attempts(path, "another") as attempts:
        assert not attempts.fatal(5), "the end of a whole run is no input's fault"


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_off_is_done_again(path: Path, cut: int) -> None:
    first, second = Outcome(1, Failure("a.jpg", "no"), "failed"), Outcome(2, Failure("b.jpg", "no"), "failed")
    with Attempts(path, "one") as attempts:
        attempts.end(first)
        attempts.end(second)
    path.write_bytes(path.read_bytes()[:-cut])
    with Attempts(path, "one") as attempts:
        assert attempts.outcomes == ({1: first} if cut > 1 else {1: first, 2: second})
        attempts.end(second)
    with Attempts(path, "one") as attempts:
        assert attempts.outcomes == {1: first, 2: second}


def test_counts_of_shards_add_up(make_picture: Callable[..., FrameResult]) -> None:
    results = [make_picture(number, label=label) for number, label in enumerate(("happy", "sad", "happy"))]
    failed = Outcome(3, Failure("d.jpg", "no"), "crashed")
    whole, first, second = Tally(), Tally(), Tally()
    for place, outcome in enumerate([*(Outcome(place, result, "ok") for place, result in enumerate(results)), failed]):
        for tally in (whole, second if place > 1 else first):
            assert list(tally.add_input([outcome])) == [outcome]
    first.add(Tally.from_dict(second.to_dict()))
    assert first == whole
    assert (whole.num_inputs, whole.num_failed, whole.labels["happy"]) == (4, 1, 2)


def test_the_worst_of_a_video_counts() -> None:
    tally = Tally()
    frames = [
        Outcome(0, FrameResult(source="a.mp4", width=1, height=1), "ok"),
        Outcome(0, Failure("a.mp4", "x"), "failed"),
    ]
    list(tally.add_input([frames[0], Outcome(0, frames[0].result, "damaged"), frames[1], frames[0]]))
    assert tally.statuses == {"failed": 1}
