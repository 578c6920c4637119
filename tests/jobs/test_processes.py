"""Processes that die, alone and with the one that began them."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import pytest

from mien.jobs.processes import Processes, completed, do, pickled

PARENT = """
import os, time
from mien.jobs.processes import Processes

if __name__ == "__main__":
    with Processes(2, patience={patience}) as processes:
        pids = [processes.submit(os.getpid) for _ in range(2)]
        print(*(pid.result() for pid in pids), flush=True)
        waiting = [processes.submit(time.sleep, 60) for _ in range(2)]
        time.sleep(60)
"""


def test_a_process_that_dies_fails_its_own_task_alone() -> None:
    with Processes(2) as processes:
        long, deadly = processes.submit(time.sleep, 1.0), processes.submit(os._exit, 9)
        with pytest.raises(BrokenExecutor):
            deadly.result(60)
        assert processes.submit(abs, -3).result(60) == 3, "another takes its place"
        assert long.result(60) is None


def test_a_process_that_dies_between_two_tasks_is_replaced() -> None:
    with Processes(1) as processes:
        process = processes.submit(os.getpid).result(60)
        os.kill(process, signal.SIGTERM)
        while _lives(process):
            time.sleep(0.02)
        with pytest.raises(BrokenExecutor):
            processes.submit(abs, -3).result(60)
        assert processes.submit(abs, -3).result(60) == 3


def test_every_task_is_done_once_and_no_more_than_so_many_at_a_time() -> None:
    class Counting:
        num, most, under_way = 3, 0, 0

        def submit(self, function: Any, *arguments: Any) -> Any:
            from concurrent.futures import Future

            self.under_way += 1
            self.most = max(self.most, self.under_way)
            future: Future[Any] = Future()
            future.set_result(function(*arguments))
            return future

    executor = Counting()
    tasks = iter(range(10))
    done = []
    for task, future in completed(executor, lambda: next(tasks, None), lambda task: executor.submit(abs, -task)):
        executor.under_way -= 1
        done.append((task, future.result()))
    assert sorted(done) == [(task, task) for task in range(10)]
    assert executor.most == 3


def test_work_is_unpickled_once() -> None:
    work = pickled(Path.exists)
    assert do(work, Path(__file__)) is True
    assert do(work, Path("nowhere")) is False


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGKILL")
@pytest.mark.parametrize("patience", [0, 5])
def test_no_process_outlives_a_killed_one(tmp_path: Path, patience: int) -> None:
    (tmp_path / "parent.py").write_text(PARENT.format(patience=patience))
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = {int(pid) for pid in parent.stdout.readline().split()}
        assert len(pids) == 2
        assert all(map(_lives, pids))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        end = time.monotonic() + 30  # the tasks of those that did would take a minute
        while any(map(_lives, pids)) and time.monotonic() < end:
            time.sleep(0.02)
        assert not any(map(_lives, pids))


def _lives(process: int) -> bool:
    """Whether there is such a process, and it is no zombie that nobody has waited for."""
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
