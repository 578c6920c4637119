from pathlib import Path

import pytest

from mien.jobs.journal import Journal
from mien.records.frames import FrameRecord


def frame(index: int) -> FrameRecord:
    return {"index": index, "time": index / 25, "faces": []}


def written(path: Path, num: int, mark_at: int | None = None) -> None:
    with Journal(path, {"video": "a"}) as journal:
        journal.begin()
        for index in range(num):
            journal.append(frame(index))
            if index == mark_at:
                journal.mark(index, b"state\n\x00", {"seconds": 3})


def test_work_goes_on_after_the_last_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    written(path, 10, mark_at=6)
    with path.open("ab") as stream:
        stream.write(b'{"index": 10, "ti')  # a kill in the middle of a line
    with Journal(path, {"video": "a"}) as journal:
        assert journal.resume() == (6, b"state\n\x00", {"seconds": 3})
        journal.append(frame(7))
        assert [record["index"] for record in journal.records()] == list(range(8))
        journal.forget()
    assert list(tmp_path.iterdir()) == []


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
        assert journal.resume() is None
        assert list(journal.records()) == []
