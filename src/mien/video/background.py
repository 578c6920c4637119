"""Work that goes on in a thread of its own, a bounded number of steps ahead."""

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")

_PATIENCE: Final = 2.0  # seconds that closing waits for the thread: it may read from a pipe that sends nothing
_Entry: TypeAlias = tuple[T] | BaseException | None  # an item; or the end, with the error that was the reason


def in_background(items: Iterable[T], *, ahead: int = 8) -> Generator[T, None, None]:
    """The same items in the same order, made in a thread that runs at most so many ahead.

    Decoding, networks and encoding release Python's lock while they compute, so stages chained like this run on
    as many cores as there are, in the memory of a few frames.

    A live source (whose attribute `live` is true: `Camera`, a `VideoSource` of a network camera) is read without a
    thread: frames that wait in a queue would be old when they are seen.

    The items are iterated in the thread only; an exception there is raised here, after the items before it. Closing the
    generator (leaving its loop early) ends the thread before the next item.
    """
    if getattr(items, "live", False):
        yield from items
        return
    waiting: queue.SimpleQueue[_Entry[T]] = queue.SimpleQueue()
    room = threading.Semaphore(ahead)
    # The items of one stage may come from another stage, whose loop then waits within this thread: both stop together.
    stopped = threading.Event()

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                room.acquire()
                if stopped.is_set():
                    return
                waiting.put((item,))
        except BaseException as caught:  # noqa: BLE001 - it is raised where the items are used
            error = caught
        waiting.put(error)

    thread = threading.Thread(target=work, daemon=True, name="mien")
    thread.mien_stopped = stopped  # type: ignore[attr-defined] # read by the stage before, in `_next`
    thread.start()
    try:
        while isinstance(entry := _next(waiting), tuple):
            room.release()
            yield entry[0]
        if entry is not None:
            raise entry
    finally:
        stopped.set()
        room.release()
        thread.join(_PATIENCE)


def _next(waiting: "queue.SimpleQueue[_Entry[T]]") -> "_Entry[T]":
    """The next entry, or the end when the thread that waits for it is to stop."""
    stopped: threading.Event | None = getattr(threading.current_thread(), "mien_stopped", None)
    while stopped is None or not stopped.is_set():
        with suppress(queue.Empty):
            return waiting.get(timeout=0.1)
    return None
