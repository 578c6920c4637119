"""Whole batches: what is in the tables, going on, refusing, and inputs and processes that die."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.detection import yunet_file
from mien.errors import InvalidInput
from mien.images import DRAWN_COMMENT, write_image
from mien.jobs.batch.run import BatchSummary, Progress, batch
from mien.jobs.batch.shards import CHANGED
from mien.jobs.batch.verify import verify
from mien.jobs.run import analyze
from mien.jobs.settings import VideoSettings
from mien.recognition import shipped_models

pq = pytest.importorskip("pyarrow.parquet")

SCRIPT = """
import pathlib, sys, time, mien

def wait(progress):
    '''Begin no table beyond the inputs that the test allows, so that no machine is done before the last kill.'''
    while progress.num_before < progress.num_done and progress.num_done > int(pathlib.Path("allowed").read_text()):
        time.sleep(0.01)

if __name__ == "__main__":
    mien.batch("album", sys.argv[1], mien.Analyzer(), jobs=2, shard=40, watch=wait)
"""


def tables(folder: Path | str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.parquet"))}


def rows(folder: Path | str) -> list[dict[str, Any]]:
    return [row for path in sorted(Path(folder).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def counts(summary: BatchSummary) -> dict[str, Any]:
    """What is the same however often a batch was interrupted."""
    return {
        "inputs": summary.num_inputs, "rows": summary.num_rows, "faces": summary.num_faces,
        "frames": summary.num_frames, "statuses": summary.statuses, "labels": summary.labels,
        "drift": summary.drift and summary.drift.num_units,
    }  # fmt: skip


def blacken(picture: Path) -> None:
    """Make a picture one that ends its process."""
    write_image(picture, np.zeros((8, 8, 3), np.uint8))


def test_there_is_a_row_for_every_input_whatever_it_is(album: Path, analyzer: Analyzer, here: Any) -> None:
    (album / "4.png").write_bytes((album / "4.png").read_bytes()[:40])
    (album / "5-link.png").symlink_to("5.png")
    (album / "6-broken-link.png").symlink_to("nowhere.png")
    write_image(album / "7.jpg", np.full((8, 8, 3), 9, np.uint8), comment=DRAWN_COMMENT)
    Path("list.txt").write_text("nowhere.jpg\n*.gif\n")
    summary = batch(["album", "list.txt"], "out", analyzer, executor=here, shard=4)
    found = rows("out")
    assert [row["input"] for row in found] == [*range(15)]
    assert {row["source"]: row["status"] for row in found if row["status"] != "ok"} == {
        "album/4.png": "failed", "album/6-broken-link.png": "failed", "album/7.jpg": "skipped",
        "nowhere.jpg": "failed", "*.gif": "failed",
    }  # fmt: skip
    link = next(row for row in found if row["source"] == "album/5-link.png")
    assert (link["status"], link["face"]) == ("ok", 0)
    assert (summary.num_inputs, summary.num_failed, summary.num_shards, summary.num_faces) == (15, 4, 4, 10)
    assert summary.num_rows == 15
    assert [failure.source for failure in summary.failures][:1] == ["album/4.png"]
    record = json.loads(Path("out/_batch/summary.json").read_text())
    assert (record["inputs"], record["statuses"]) == (15, {"failed": 4, "ok": 10, "skipped": 1})
    assert [*Path("out/_batch/under-way").iterdir()] == []


def test_the_rows_are_those_of_the_parquet_output(album: Path, astronaut: Path, here: Any) -> None:
    shutil.copy(astronaut, album / "face.jpg")
    analyzer = Analyzer("mini-xception")
    analyze(["album"], analyzer, {"parquet": "one.parquet"})
    batch("album", "out", analyzer, executor=here, shard=3)
    more = ("status", "sha256", "input")
    found = [{name: cell for name, cell in row.items() if name not in more} for row in rows("out")]
    assert found == pq.read_table("one.parquet").to_pylist()


def test_readers_of_folders_see_the_tables_alone(album: Path, analyzer: Analyzer, here: Any) -> None:
    dataset = pytest.importorskip("pyarrow.dataset")
    batch("album", "out", analyzer, executor=here, shard=3)
    assert dataset.dataset("out").count_rows() == 10


def test_what_is_done_is_not_done_again(album: Path, analyzer: Analyzer, here: Any, detectors: ModuleType) -> None:
    seen: list[Progress] = []
    first = batch("album", "out", analyzer, executor=here, shard=3, watch=seen.append)
    assert [each.num_done for each in seen] == [0, 3, 6, 9, 10]
    before, detectors.seen[:] = tables("out"), []
    again = batch("album", "out", analyzer, executor=here)
    assert detectors.seen == []
    assert counts(again) == counts(first)
    assert (again.num_done, first.num_done) == (0, 10)
    Path("out/shard-0000002.parquet").unlink()
    third = batch([], "out", analyzer, executor=here)
    assert detectors.seen == [140, 160, 180]
    assert (tables("out"), counts(third), third.num_done) == (before, counts(first), 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"analyzer": Analyzer("mini-xception", "haar")}, "detector: mien_test_batch:Here then, haar now"),
        ({"settings": VideoSettings(fps=5)}, "the settings of videos"),
        ({"sources": ["album", "new.png"]}, "input 10 was nothing, and is new.png"),
        ({"sources": ["album/1.png"]}, "input 0 was album/0.png, and is album/1.png"),
        ({"shard": 5}, "--shard: the batch was begun with 3, and not with 5"),
        ({"part": 600.0}, "--part: the batch was begun without it, and not with 600"),
        ({"sources": [], "shard": 5}, "--shard: the batch was begun with 3"),
        ({"sources": [], "column": "file"}, "--column is for lists of inputs"),
    ],
)
def test_another_batch_in_the_folder_is_refused(
    album: Path, analyzer: Analyzer, here: Any, change: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"sources": ["album"], "analyzer": analyzer}
    batch(folder="out", executor=here, shard=3, **given)
    before = tables("out")
    with pytest.raises(InvalidInput) as refused:
        batch(folder="out", executor=here, **given | change)
    assert message in str(refused.value)
    assert tables("out") == before


def test_other_libraries_do_not_go_on_with_a_batch_but_verify_it(
    album: Path, analyzer: Analyzer, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        then.setattr("cv2.__version__", "4.0")
        batch("album", "out", analyzer, executor=here)
    with pytest.raises(InvalidInput, match=f"OpenCV: 4.0 then, {cv2.__version__} now"):
        batch("album", "out", analyzer, executor=here)
    assert verify("out", analyzer, sample=2).faults == ()


def test_a_file_that_was_added_or_removed_changes_the_list(album: Path, analyzer: Analyzer, here: Any) -> None:
    batch("album", "out", analyzer, executor=here)
    (album / "3.png").unlink()
    with pytest.raises(InvalidInput, match="by naming no input at all"):
        batch("album", "out", analyzer, executor=here)
    assert batch([], "out", analyzer, executor=here).num_inputs == 10


@pytest.mark.parametrize("was_there", [False, True])
def test_a_first_list_that_cannot_be_read_leaves_nothing(
    album: Path, analyzer: Analyzer, here: Any, was_there: bool
) -> None:
    if was_there:
        Path("out").mkdir()
    with pytest.raises(InvalidInput, match=r"nowhere.txt is not there"):
        batch(["album", "nowhere.txt"], "out", analyzer, executor=here)
    assert Path("out").is_dir() == was_there
    assert not [*Path().glob("out/*")]
    batch("album", "out", analyzer, executor=here)
    with pytest.raises(InvalidInput, match=r"nowhere.txt is not there"):
        batch(["album", "nowhere.txt"], "out", analyzer, executor=here)
    assert batch([], "out", analyzer, executor=here).num_inputs == 10
    assert not [*Path("out/_batch").glob("*.spool")]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("album/11.png", "album/11.png: no such file or folder"),
        ("holiday", "holiday: no such file or folder"),
        ("dead.png", "dead.png: no such file or folder"),
        ("*.gif", "*.gif: no file matches this pattern"),
        ("empty", "empty: the folder holds no picture"),
        (" ", "' ': the name is empty"),
        ("gopher://example.org/talk.mp4", "gopher:// is not known"),
        ("https://example.org/party.jpg", "pictures are not fetched from the network"),
        ("https://me:secret@example.org/talk.mp4", "its address holds a password"),
    ],
)
def test_a_mistyped_input_is_refused_and_leaves_nothing(
    album: Path, analyzer: Analyzer, here: Any, word: str, message: str
) -> None:
    Path("empty").mkdir()
    Path("dead.png").symlink_to("nowhere.png")
    with pytest.raises(InvalidInput) as refused:
        batch(["album", word], "out", analyzer, executor=here)
    assert message in str(refused.value)
    assert str(refused.value).endswith("Correct the name or leave it out; nothing was written")
    assert "secret" not in str(refused.value)
    assert not Path("out").exists()
    assert here.num_tasks == 0


def test_a_batch_goes_on_though_a_file_that_was_named_is_gone(album: Path, analyzer: Analyzer, here: Any) -> None:
    first = batch(["album/1.png", "album/2.png"], "out", analyzer, executor=here)
    (album / "1.png").unlink()
    assert counts(batch(["album/1.png", "album/2.png"], "out", analyzer, executor=here)) == counts(first)


@pytest.mark.parametrize("words", [["album"], []])
def test_a_batch_does_not_go_on_with_a_list_that_was_changed(
    album: Path, analyzer: Analyzer, here: Any, words: list[str]
) -> None:
    batch("album", "out", analyzer, executor=here)
    listed = Path("out/_batch/inputs.jsonl")
    listed.write_text(listed.read_text().replace("album/3", "album/2"))
    with pytest.raises(InvalidInput, match=r"inputs.jsonl: .* is not the one that was frozen"):
        batch(words, "out", analyzer, executor=here)


@pytest.mark.parametrize("what", ["file", "folder", "nothing"])
def test_a_folder_that_is_no_batch_is_left_alone(album: Path, analyzer: Analyzer, here: Any, what: str) -> None:
    words: list[str] = [] if what == "nothing" else ["album"]
    if what == "file":
        Path("out").write_text("mine")
    if what == "folder":
        Path("out").mkdir()
        Path("out/mine.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="name"):
        batch(words, "out", analyzer, executor=here)


def test_two_batches_do_not_write_one_folder(album: Path, analyzer: Analyzer, here: Any) -> None:
    def second(_: Progress) -> None:
        with pytest.raises(InvalidInput, match=f"being written by another mien \\(process {os.getpid()}\\)"):
            batch("album", "out", analyzer, executor=here)

    batch("album", "out", analyzer, executor=here, watch=second)


def test_an_interrupted_batch_goes_on_where_it_was(
    album: Path, analyzer: Analyzer, here: Any, detectors: ModuleType
) -> None:
    whole = batch("album", "whole", analyzer, executor=here, shard=4)
    detectors.seen.clear()

    def interrupt(progress: Progress) -> None:
        if progress.num_done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch("album", "out", analyzer, executor=here, shard=4, watch=interrupt)
    assert len(tables("out")) == 1
    done = batch("album", "out", analyzer, executor=here, shard=4)
    assert (tables("out"), counts(done)) == (tables("whole"), counts(whole))
    assert len(detectors.seen) == 10, "nothing is analysed twice"


def test_an_input_that_ends_its_process_costs_itself_alone(
    album: Path, analyzer: Analyzer, here: Any, detectors: ModuleType
) -> None:
    blacken(album / "2.png")
    blacken(album / "7.png")
    summary = batch("album", "out", analyzer, executor=here, shard=5)
    assert [row["source"] for row in rows("out") if row["status"] == "crashed"] == ["album/2.png", "album/7.png"]
    assert summary.statuses == {"ok": 8, "crashed": 2}
    assert [detectors.seen.count(0), len(detectors.seen)] == [6, 14], "three times each; the others once"
    assert "died" in summary.failures[0].error


def test_what_failed_is_done_again_when_asked(
    album: Path, analyzer: Analyzer, here: Any, detectors: ModuleType
) -> None:
    good = batch("album", "good", analyzer, executor=here, shard=5)
    kept = (album / "2.png").read_bytes()
    blacken(album / "2.png")
    (album / "3.png").rename("3.png")
    assert batch("album/*.png", "other", analyzer, executor=here, shard=5).num_inputs == 9
    Path("list.txt").write_text("".join(f"album/{number}.png\n" for number in range(10)))
    assert batch("list.txt", "out", analyzer, executor=here, shard=5).num_failed == 2
    detectors.seen.clear()
    assert batch("list.txt", "out", analyzer, executor=here, retry="failed").num_failed == 2, "neither was mended"
    (album / "2.png").write_bytes(kept)
    assert batch("list.txt", "out", analyzer, executor=here).num_failed == 2, "only when it is asked for"
    Path("3.png").rename(album / "3.png")
    detectors.seen.clear()
    summary = batch("list.txt", "out", analyzer, executor=here, retry="failed")
    assert detectors.seen == [60, 80], "the others are not analysed again"
    assert counts(summary) == counts(good)
    assert rows("out") == rows("good")
    assert verify("out", analyzer).faults == ()


@pytest.mark.parametrize("kind", [str, Path])
def test_workers_with_another_working_folder_find_the_files(album: Path, here: Any, tmp_path: Path, kind: Any) -> None:
    shutil.copy(shipped_models()["mini-xception"], "model.onnx")
    shutil.copy(yunet_file(), "yunet.onnx")

    class Elsewhere:
        num = 1

        def submit(self, function: Any, *arguments: Any) -> Any:
            (tmp_path / "elsewhere").mkdir(exist_ok=True)
            with contextlib.chdir(tmp_path / "elsewhere"):
                return here.submit(function, *arguments)

    analyzer = Analyzer(kind("model.onnx"), model_file=kind("yunet.onnx"))
    assert batch("album", "out", analyzer, executor=Elsewhere()).statuses == {"ok": 10}
    assert verify("out", sample=2).faults == ()


def test_two_processes_at_one_shard_do_it_once(album: Path, detectors: ModuleType, here: Any) -> None:
    """As where the command was killed and given again while the workers of a cluster went on."""
    batch("album", "whole", Analyzer("mini-xception", f"{detectors.__name__}:Here"), executor=here)

    class Twice:
        """Gives each task to two threads, the second when the first has begun."""

        num = 1

        def submit(self, function: Any, *arguments: Any) -> Any:
            first = threads.submit(function, *arguments)
            assert detectors.begun.wait(60)
            second = threads.submit(function, *arguments)
            detectors.go_on.set()
            wait([first, second])
            return second

    with ThreadPoolExecutor(2) as threads:
        summary = batch("album", "out", Analyzer("mini-xception", f"{detectors.__name__}:Held"), executor=Twice())
    assert len(detectors.seen) == 20, "ten pictures of each batch"
    assert rows("out") == rows("whole")
    assert summary.statuses == {"ok": 10}


def test_a_retry_that_dies_at_any_step_keeps_the_other_rows(album: Path, analyzer: Analyzer, here: Any) -> None:
    """Even those of files that are gone since. A process dies just before one of the files takes its place or goes."""
    kept = (album / "2.png").read_bytes()
    (album / "2.png").write_bytes(b"")
    batch("album", "begun", analyzer, executor=here, shard=10)
    (album / "2.png").write_bytes(kept)
    (album / "3.png").unlink()
    steps = 0
    while not Path("out").exists() or here.num_died:
        shutil.rmtree("out", ignore_errors=True)
        shutil.copytree("begun", "out")
        here.num_died, here.dies_after = 0, steps
        summary = batch([], "out", analyzer, executor=here, retry="failed")
        assert summary.statuses == {"ok": 10}, f"it died at step {steps}"
        assert [(row["source"], row["status"]) for row in rows("out")] == [
            (f"album/{number}.png", "ok") for number in range(10)
        ]
        steps += 1
    assert steps > 3


def test_a_file_that_is_replaced_while_it_is_analysed_is_a_failure(
    album: Path, detectors: ModuleType, here: Any
) -> None:
    """Its row would have the SHA-256 of the one and the faces of the other."""
    write_image(Path("new.png"), np.full((8, 8, 3), 9, np.uint8))
    analyzer = Analyzer("mini-xception", f"{detectors.__name__}:Replacing")
    assert batch("album", "out", analyzer, executor=here).num_failed == 1
    assert [row["source"] for row in rows("out") if row["error"] == CHANGED] == ["album/5.png"]
    assert batch("album", "out", analyzer, executor=here, retry="failed").num_failed == 0


def test_a_video_that_is_changed_while_it_is_analysed_is_a_failure(
    clip: Path, album: Path, detectors: ModuleType, here: Any
) -> None:
    shutil.copy(clip, "talk.mp4")
    analyzer = Analyzer("mini-xception", f"{detectors.__name__}:Touching")
    summary = batch("talk.mp4", "out", analyzer, executor=here, settings=VideoSettings(fps=5))
    assert (summary.statuses, rows("out")[-1]["error"]) == ({"failed": 1}, CHANGED)


def test_processes_that_cannot_begin_end_the_batch(album: Path, analyzer: Analyzer) -> None:
    from concurrent.futures import BrokenExecutor, Future

    class Dead:
        num = 1

        def submit(self, *_: Any) -> "Future[Any]":
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor("out of memory"))
            return future

    with pytest.raises(InvalidInput, match=r"5 processes in a row died .*out of memory.* the same command goes on"):
        batch("album", "out", analyzer, executor=Dead())


def test_a_video_is_a_shard_and_can_be_cut_into_parts(clip: Path, here: Any, tmp_path: Path) -> None:
    analyzer = Analyzer("mini-xception")
    whole = batch(str(clip), tmp_path / "whole", analyzer, executor=here)
    parts = batch(str(clip), tmp_path / "parts", analyzer, executor=here, part=0.75)
    assert batch(str(clip), tmp_path / "parts", analyzer, executor=here).num_done == 0, "what it was cut into is kept"
    with pytest.raises(InvalidInput, match=r"--part: the batch was begun with 0.75, and not with 0.5"):
        batch([], tmp_path / "parts", analyzer, executor=here, part=0.5)
    assert (whole.num_shards, whole.num_frames, parts.num_shards, parts.num_frames) == (1, 40, 3, 40)
    assert [row["frame"] for row in rows(tmp_path / "parts")] == [row["frame"] for row in rows(tmp_path / "whole")]
    found = [row["input"] for row in rows(tmp_path / "parts")]
    assert found == sorted(found)
    assert set(found) == {0, 1, 2}
    analyze(clip, analyzer, {"parquet": tmp_path / "one.parquet"})
    more = ("status", "sha256", "input")
    kept = [{name: cell for name, cell in row.items() if name not in more} for row in rows(tmp_path / "whole")]
    assert kept == pq.read_table(tmp_path / "one.parquet").to_pylist()
    assert verify(tmp_path / "parts", sample=3).num_exact == 3


def test_a_video_that_ends_its_process_keeps_the_frames_before(
    clip: Path, here: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detectors: ModuleType
) -> None:
    """Its first second is a grey wall."""
    monkeypatch.setattr("mien.jobs.videos.SECONDS_A_MARK", -1.0)
    summary = batch(
        str(clip), tmp_path / "out", Analyzer("mini-xception", f"{detectors.__name__}:Uneven"), executor=here
    )
    assert summary.statuses == {"crashed": 1}
    found = rows(tmp_path / "out")
    assert [row["status"] for row in found] == ["ok"] * (len(found) - 1) + ["crashed"]
    assert 10 < len(found) <= 21


def test_a_video_whose_processes_die_at_other_places_is_done(
    clip: Path, here: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detectors: ModuleType
) -> None:
    """Each time it goes on from its last mark."""
    monkeypatch.setattr("mien.jobs.videos.SECONDS_A_MARK", -1.0)
    analyzer = Analyzer("mini-xception", f"{detectors.__name__}:Fifth")
    summary = batch(str(clip), tmp_path / "out", analyzer, executor=here)
    assert (summary.statuses, summary.num_frames) == ({"ok": 1}, 40)
    assert here.num_tasks > 3
    batch(str(clip), tmp_path / "calm", Analyzer("mini-xception", f"{detectors.__name__}:Deadly"), executor=here)
    assert rows(tmp_path / "out") == rows(tmp_path / "calm")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"settings": VideoSettings(merge=((1, 2),))}, "merge"),
        ({"analyzer": Analyzer(explain=True)}, "explain"),
        ({"jobs": -1}, "jobs"),
        ({"shard": 0}, "shard is a whole number"),
        ({"part": 0.0}, "part is a number, above 0"),
        ({"sources": "-"}, "standard input"),
    ],
)
def test_what_a_batch_cannot_do_is_refused(album: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        batch(**{"sources": "album", "folder": "out"} | given)


def test_real_processes_write_the_same_bytes(album: Path, detectors: ModuleType, here: Any) -> None:
    """One of the pictures ends its process."""
    blacken(album / "3.png")
    dying = batch("album", "dying", Analyzer("mini-xception", f"{detectors.__name__}:Here"), executor=here, shard=4)
    analyzer = Analyzer("mini-xception", f"{detectors.__name__}:Deadly")
    summary = batch("album", "out", analyzer, jobs=1, shard=4)
    assert rows("out") == rows("dying")
    assert counts(summary) == counts(dying)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
@pytest.mark.timeout(600)
def test_after_ten_kills_the_tables_are_those_of_an_undisturbed_run(
    portrait: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte: 2,000 small pictures, workers and the whole run killed at random."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.py").write_text(SCRIPT)
    for number in range(20):
        write_image(tmp_path / "base" / f"{number}.jpg", np.roll(portrait, 3 * number, axis=1))
    (tmp_path / "album").mkdir()
    for number in range(2000):
        (tmp_path / "album" / f"{number:04d}.jpg").symlink_to(tmp_path / "base" / f"{number % 20}.jpg")
    allowed = tmp_path / "allowed"
    allowed.write_text("2000")
    subprocess.run([sys.executable, "run.py", "calm"], check=True, capture_output=True)
    generator = random.Random(2)
    num_kills = 10
    run = subprocess.Popen([sys.executable, "run.py", "wild"])
    for killed in range(num_kills):
        due = 2000 * killed // (num_kills + 1)
        replace_text(allowed, due + 180)
        while 40 * len(tables("wild")) < due or not (workers := _workers(run.pid)):
            assert run.poll() is None, "it ended although it still had tables to do"
            time.sleep(generator.uniform(0.01, 0.2))
        if generator.random() < 0.7:
            os.kill(generator.choice(workers), signal.SIGKILL)
            continue
        run.kill()
        run.wait()
        wait_until(lambda: not any(map(_lives, workers)))
        run = subprocess.Popen([sys.executable, "run.py", "wild"])
    replace_text(allowed, 2000)
    assert run.wait() == 0
    assert tables("wild") == tables("calm")
    assert verify("wild", sample=10, seed=1).faults == ()


def replace_text(path: Path, number: int) -> None:
    """Another process never reads half of it."""
    path.with_suffix(".new").write_text(str(number))
    path.with_suffix(".new").replace(path)


def wait_until(true: Callable[[], bool]) -> None:
    """Wait without a limit of its own: a slow machine fails no test, and one that hangs is ended by its timeout."""
    while not true():
        time.sleep(0.02)


def _workers(process: int) -> list[int]:
    """The processes of a pool; not the one with which Python keeps track of semaphores."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    except OSError:
        return []


def _lives(process: int) -> bool:
    """Whether there is such a process, and it is no zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_no_file_of_a_batch_has_a_password(album: Path, analyzer: Analyzer, here: Any) -> None:
    Path("list.txt").write_text("https://me:secret@example.org/talk.mp4\nalbum/1.png\n")
    summary = batch("list.txt", "out", analyzer, executor=here)
    assert summary.statuses == {"failed": 1, "ok": 1}
    assert [path for path in Path("out").rglob("*") if path.is_file() and b"secret" in path.read_bytes()] == []
