import hashlib
import json
import multiprocessing
from pathlib import Path

import pytest

from mien.errors import InvalidInput
from mien.jobs.journal import Journal, Mark, journal_folder
from mien.values import FrameResult, VideoInfo


def frame(index: int) -> FrameResult:
    return FrameResult(source="a.mp4", index=index, time=index / 25, width=64, height=48, video=VideoInfo(rate=25.0))


def written(path: Path, num: int, mark_at: int | None = None) -> None:
    with Journal(path, {"video": "a"}) as journal:
        journal.begin()
        for index in range(num):
            journal.append(frame(index))
            if index == mark_at:
                journal.mark(Mark(index, b"state\n\x00"))


def test_work_goes_on_after_the_last_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    written(path, 10, mark_at=6)
    with path.open("ab") as stream:
        stream.write(b'{"index": 10, "ti')  # a kill in the middle of a line
    with Journal(path, {"video": "a"}) as journal:
        assert journal.begin(resume=True) == Mark(6, b"state\n\x00")
        journal.append(frame(7))
        assert list(journal.results()) == [frame(index) for index in range(8)]


def test_the_last_mark_says_that_the_video_has_ended_and_how(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with Journal(path) as journal:
        journal.begin()
        journal.append(frame(0))
        journal.mark(Mark(0, b"", ended=True, error="it broke off"))
    with Journal(path) as journal:
        assert journal.begin(resume=True) == Mark(0, b"", ended=True, error="it broke off")


@pytest.mark.parametrize("fault", ["no mark", "other work", "damaged mark", "short journal"])
def test_without_a_mark_of_this_work_it_begins_anew(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "a.jsonl"
    written(path, 10, mark_at=None if fault == "no mark" else 6)
    about = {"video": "b" if fault == "other work" else "a"}
    if fault == "damaged mark":
        content = bytearray(path.with_suffix(".mark").read_bytes())
        content[-3] ^= 1
        path.with_suffix(".mark").write_bytes(bytes(content))
    if fault == "short journal":
        path.write_bytes(path.read_bytes()[:20])
    with Journal(path, about) as journal:
        assert journal.begin(resume=True) == Mark()
        assert list(journal.results()) == []


@pytest.mark.parametrize(
    "head",
    [[], None, {"length": 1}, {"about": "null", "index": "9", "length": 0, "ended": True, "error": None},
     {"about": "null", "index": 9, "length": -1, "ended": True, "error": None}, "[" * 100_000],
)  # fmt: skip
def test_a_mark_of_somebody_else_is_none(tmp_path: Path, head: object) -> None:
    """The checksum finds damage, and not what was written on purpose."""
    path = tmp_path / "a.jsonl"
    written(path, 10)
    content = (head if isinstance(head, str) else json.dumps(head)).encode() + b"\nstate"
    path.with_suffix(".mark").write_bytes(hashlib.sha256(content).hexdigest().encode() + content)
    with Journal(path) as journal:
        assert journal.begin(resume=True) == Mark()


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "null", "[]", "9" * 5000, '{"source": 1}', '{"time": []}', '{"index": "1"}', '{"video": 1}']
)
def test_a_line_of_somebody_else_is_an_error_that_names_the_journal(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    written(path, 1)
    if line.startswith("{"):
        line = json.dumps(json.loads(path.read_text()) | json.loads(line))
    path.write_text(line + "\n")
    with pytest.raises(InvalidInput, match=r"a\.jsonl is damaged: .*begin anew without --resume"):
        list(Journal(path).results())


def hold(output: Path, held: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event") -> None:
    with journal_folder(output):
        held.set()
        done.wait(100)


def test_two_jobs_never_share_a_journal_and_the_second_says_who_holds_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path / "out.csv", held, done))
    process.start()
    try:
        assert held.wait(100)
        with (
            pytest.raises(InvalidInput, match=f"another mien .process {process.pid}."),
            journal_folder(tmp_path / "out.csv"),
        ):
            pass
    finally:
        done.set()
        process.join()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_stays_after_an_error_and_can_be_locked_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), journal_folder(tmp_path / "out.csv"):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == [".out.csv.mien"]
    with journal_folder(tmp_path / "out.csv") as folder:
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []
