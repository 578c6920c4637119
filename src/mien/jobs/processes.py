"""Processes that work side by side, and end with the one that began them."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Self

import cv2

from mien.errors import InvalidInput
from mien.video.decoder import cores

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_PATIENCE: Final = 5.0  # seconds that a process has to remove its unfinished files before it is killed


class Processes:
    """Processes that do one task each at a time. A context manager; an exception in its block ends them at once.

    They share the processor's cores. `work` is pickled once for each, as are the tasks and what it returns.
    """

    def __init__(self, work: Callable[[Any], Any], num: int) -> None:
        # Imported here, as they take as long as a picture, and most jobs need no other process.
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        # Not fork: threads of onnxruntime and OpenCV do not survive it.
        context = multiprocessing.get_context("spawn")
        # Nothing is ever sent through this pipe. Its other end closes with this process, even when it is killed.
        ending, self._open = context.Pipe(duplex=False)
        arguments = work, max(1, cores() // num), ending
        self._pool = ProcessPoolExecutor(num, mp_context=context, initializer=_begin, initargs=arguments)
        self._started = self._submit(os.getpid)

    def submit(self, task: Any) -> "Future[Any]":
        """Have a task done; it and all unfinished futures raise `BrokenExecutor` when one of the processes has died."""
        return self._submit(_do, task)

    def check(self) -> None:
        """Raise `InvalidInput` where no process could be started at all."""
        if self._started.exception():
            raise InvalidInput(
                'no process can be started; a script needs `if __name__ == "__main__":` around its calls, and classes '
                "of one's own a module that can be imported; or use jobs=1"
            )

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        if not hasattr(signal, "pthread_sigmask"):
            return self._pool.submit(function, *arguments)
        # A process inherits what is blocked. At Ctrl-C, one that has just been started would print a traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._pool.submit(function, *arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0]:
            self._open.close()
        self._pool.shutdown(cancel_futures=True)
        self._open.close()


_work: Callable[[Any], Any] | None = None  # what a process of a pool does with its tasks
_in_task = False  # whether this process is doing a task, whose unfinished files have to be removed before it ends


def _begin(work: Callable[[Any], Any], num_threads: int, ending: "Connection") -> None:
    global _work  # noqa: PLW0603 - a process pool gives its processes no other place for what they keep
    _work = work
    cv2.setNumThreads(num_threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first ends the others
    signal.signal(signal.SIGTERM, _exit)
    threading.Thread(target=_end_with, args=(ending,), daemon=True).start()


def _exit(number: int, frame: FrameType | None) -> None:
    if not _in_task:
        os._exit(1)
    sys.exit(1)


def _do(task: Any) -> Any:
    global _in_task  # noqa: PLW0603 - as above
    assert _work is not None
    try:
        _in_task = True
        return _work(task)
    except SystemExit:  # a pool's process would go on with the next task
        os._exit(1)
    finally:
        _in_task = False


def _end_with(ending: "Connection") -> None:
    """End this process, but not before its unfinished files are removed, when the pipe is closed."""
    with contextlib.suppress(EOFError, OSError):
        ending.recv()
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        time.sleep(_PATIENCE)
    os._exit(1)
