"""Work that goes on in a thread of its own, a bounded number of steps ahead."""

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that leaving waits for a thread; one that reads from a pipe where nothing comes never ends."""


@dataclass(frozen=True, slots=True)
class _End:
    """What the last item is: why there are no more."""

    error: BaseException | None


class _Item(Generic[T]):
    """One item on its way; a class of its own, so that no item can be mistaken for the end."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


def in_background(items: Iterable[T], *, ahead: int = 8) -> Generator[T, None, None]:
    """The same items in the same order, made in a thread that runs at most so many ahead.

    Decoding, networks and encoding leave Python's lock alone while they compute, so stages chained like this run on
    as many cores as there are, in the memory of a few frames.

    Args:
        items: iterated in the thread only. An exception in it is raised here, after the items before it.
        ahead: items that may wait.

    Yields:
        Each item. Closing the generator (leaving its loop early) ends the thread before the next item.
    """
    waiting: queue.Queue[_Item[T] | _End] = queue.Queue(ahead)
    # A stage whose items come from another stage in the background has that one's thread waiting within its own; so
    # they are stopped together.
    stopped = threading.Event()

    def put(entry: _Item[T] | _End) -> bool:
        while not stopped.is_set():
            with suppress(queue.Full):
                waiting.put(entry, timeout=0.1)
                return True
        return False

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not put(_Item(item)):
                    break
        except BaseException as caught:  # noqa: BLE001 - it is raised where the items are used
            error = caught
        put(_End(error))

    thread = threading.Thread(target=work, daemon=True, name="mien")
    thread.mien_stopped = stopped  # type: ignore[attr-defined] # read by the stage before, in `_next`
    thread.start()
    try:
        while True:
            entry = _next(waiting, getattr(threading.current_thread(), "mien_stopped", None))
            if isinstance(entry, _End):
                if entry.error is not None:
                    raise entry.error
                return
            yield entry.value
    finally:
        stopped.set()
        thread.join(PATIENCE)


def _next(waiting: "queue.Queue[_Item[T] | _End]", stopped: threading.Event | None) -> "_Item[T] | _End":
    """The next entry, or the end when the thread that waits for it is to stop."""
    while stopped is None or not stopped.is_set():
        with suppress(queue.Empty):
            return waiting.get(timeout=0.1)
    return _End(None)
