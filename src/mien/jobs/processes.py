"""Processes that work side by side, each on one task at a time, and end with the one that began them.

A new process imports this file before it can be told to end with its parent, so nothing here takes long to import.
"""

import contextlib
import ctypes
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from functools import lru_cache
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

from mien.errors import InvalidInput

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing.connection import Connection

T = TypeVar("T")

PATIENCE: Final = 5.0
"""Seconds that a process has to remove its unfinished files before it is killed."""

_TRIES: Final = 3  # processes in a row that may die before they do anything, until no other is started


class Executor(Protocol):
    """Does tasks elsewhere. It is asked for no more than `num` at once, by one thread.

        >>> class Here:  # a fake for tests, which does each at once
        ...     num = 1
        ...     def submit(self, function, *arguments):
        ...         future = Future()
        ...         future.set_result(function(*arguments))
        ...         return future

    Attributes:
        num: How many tasks it can do side by side; it may change.
    """

    @property
    def num(self) -> int: ...

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Have one task done; the future raises `BrokenExecutor` where the process that did it has died."""
        ...


def completed(executor: Executor, next_task: Callable[[], T | None], submit: Callable[[T], "Future[Any]"]) -> Generator[
    tuple[T, "Future[Any]"]
]:  # fmt: skip
    """Each task with its future when that is done, in the order in which they end.

    Args:
        executor: Does the tasks.
        next_task: Gives a task that can begin now; None if there is none, which ends it once nothing is under way.
        submit: Gives one task to the executor.
    """
    under_way: dict[Future[Any], T] = {}
    while True:
        while len(under_way) < max(1, executor.num) and (task := next_task()) is not None:
            under_way[submit(task)] = task
        if not under_way:
            return
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            yield under_way.pop(future), future


def pickled(work: Callable[[Any], Any]) -> bytes:
    """Work that `do` does in other processes.

    Raises:
        InvalidInput: It cannot be sent there.
    """
    try:
        return pickle.dumps(work)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidInput(f"the analyzer cannot be sent to other processes ({error}); use jobs=1") from error


def do(work: bytes, task: Any) -> Any:
    """Do a task; the work, which loads a model, is unpickled once in each process."""
    return _unpickled(work)(task)


@lru_cache(maxsize=2)
def _unpickled(work: bytes) -> Callable[[Any], Any]:
    unpickled: Callable[[Any], Any] = pickle.loads(work)
    return unpickled


class Processes:
    """An executor of processes on this machine. A context manager; an exception in its block ends them at once.

    Each process is a pool of its own, since a pool whose process dies loses all of its tasks: here one that dies fails
    its own task alone, and another takes its place.

    Args:
        num: How many processes.
        threads: Threads of OpenCV in each.
        patience: Seconds that each has to remove its unfinished files when this process ends; 0: killed at once.
    """

    def __init__(self, num: int, *, threads: int = 1, patience: float = PATIENCE) -> None:
        # Imported here, as it takes as long as a picture, and most jobs need no other process.
        import multiprocessing

        # Not fork: threads of onnxruntime and OpenCV do not survive it.
        self._context = multiprocessing.get_context("spawn")
        # Nothing is ever sent through this pipe. Its other end closes with this process, even when it is killed.
        self._ending, self._open = self._context.Pipe(duplex=False)
        self._arguments = threads, self._ending, patience, os.getpid()
        self._slots: list[_Slot] = []
        self._num_stillborn = 0
        self.num = num

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """As `Executor` says; raises `InvalidInput` where no process could be started at all."""
        for slot in [slot for slot in self._slots if slot.ended]:
            self._slots.remove(slot)
            slot.pool.shutdown(wait=False)
            self._num_stillborn = 0 if slot.lived else self._num_stillborn + 1
        if self._num_stillborn >= _TRIES:
            raise InvalidInput(
                'no process can be started; a script needs `if __name__ == "__main__":` around its calls, and classes '
                "of one's own a module that can be imported; or use jobs=1"
            )
        free = [slot for slot in self._slots if slot.task.done()]
        slot = free[0] if free else self._begun()
        try:
            slot.task = _submitted(slot.pool, function, *arguments)
        except BrokenExecutor as error:  # it died between two tasks
            slot.task = Future()
            slot.task.set_exception(error)
        return slot.task

    def _begun(self) -> "_Slot":
        from concurrent.futures import ProcessPoolExecutor

        pool = ProcessPoolExecutor(1, mp_context=self._context, initializer=_begin, initargs=self._arguments)
        started = _submitted(pool, os.getpid)
        self._slots.append(_Slot(pool, started, started))
        return self._slots[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0]:
            self._open.close()
        for wait_for_them in (False, True):
            for slot in self._slots:
                slot.pool.shutdown(wait=wait_for_them, cancel_futures=True)
        self._open.close()
        self._ending.close()


@dataclass(slots=True)
class _Slot:
    """A process, and what it does."""

    pool: "ProcessPoolExecutor"
    started: "Future[int]"
    task: "Future[Any]"

    @property
    def ended(self) -> bool:
        return self.task.done() and isinstance(self.task.exception(), BrokenExecutor)

    @property
    def lived(self) -> bool:
        return self.started.done() and not self.started.exception()


def _submitted(pool: "ProcessPoolExecutor", function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
    """Submit; this may start the process, in this very thread: it is killed when the thread ends that started it."""
    if not hasattr(signal, "pthread_sigmask"):
        return pool.submit(_done, function, arguments)
    # A process inherits what is blocked. At Ctrl-C, one that has just been started would print a traceback.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_done, function, arguments)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_in_task = False  # whether this process is doing a task, whose unfinished files have to be removed before it ends


def _begin(num_threads: int, ending: "Connection", patience: float, parent: int) -> None:
    _die_with(parent, signal.SIGTERM if patience else getattr(signal, "SIGKILL", signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first ends the others
    signal.signal(signal.SIGTERM, _exit)
    threading.Thread(target=_end_with, args=(ending, patience), daemon=True).start()
    import cv2

    cv2.setNumThreads(num_threads)


def _die_with(parent: int, number: int) -> None:
    """Have Linux send this process a signal when its parent ends; elsewhere the pipe's end alone says so."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it has ended meanwhile
            os._exit(1)


def _exit(number: int, frame: FrameType | None) -> None:
    if not _in_task:
        os._exit(1)
    sys.exit(1)


def _done(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    global _in_task  # noqa: PLW0603 - a process pool gives its processes no other place for what they keep
    try:
        _in_task = True
        return function(*arguments)
    except SystemExit:  # a pool's process would go on with the next task
        os._exit(1)
    finally:
        _in_task = False


def _end_with(ending: "Connection", patience: float) -> None:
    """End this process when the pipe is closed, but not before its unfinished files are removed."""
    with contextlib.suppress(EOFError, OSError):
        ending.recv()
    if patience and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        time.sleep(patience)
    os._exit(1)
