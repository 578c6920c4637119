"""A video's results on disk while it is analysed, so that a crash loses seconds and not hours."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from mien.errors import InvalidInput
from mien.files import replacing
from mien.records.results import result_from_dict, result_to_dict
from mien.values import FrameResult

_LOG: Final = logging.getLogger("mien")


@dataclass(frozen=True, slots=True)
class Mark:
    """A point from which work can go on."""

    index: int = -1  # of the last frame before it; -1 for none
    state: bytes = b""  # all that the analysis remembers of the frames so far
    ended: bool = False  # whether the whole video has been analysed
    error: str | None = None  # why it broke off, if it did


class Journal:
    """One video's results, a line a frame, and now and then a mark from which work can go on. A context manager.

    Marks lie beside it as `NAME.mark`. `about` says what is analysed and how; other work's marks are not gone on from.
    """

    def __init__(self, path: Path, about: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._mark = path.with_suffix(".mark")
        self._about = json.dumps(about, sort_keys=True, default=str)
        self._name = (about or {}).get("source", path.name)
        self._stream: BinaryIO | None = None

    def begin(self, *, resume: bool = False) -> Mark:
        """Start anew, or go on from the last mark of the same work, which is returned; results after it are dropped."""
        found = read_mark(self._mark) if resume else None
        length = self._path.stat().st_size if self._path.is_file() else -1
        if found is None or found[0].get("about") != self._about or length < found[0]["length"]:
            if found:
                _LOG.warning(
                    "%s: the settings or the file have changed since; it is analysed from its first frame", self._name
                )
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._mark.unlink(missing_ok=True)
            self._stream = self._path.open("wb")
            return Mark()
        mark, state = found
        self._stream = self._path.open("rb+")
        self._stream.truncate(mark["length"])
        self._stream.seek(mark["length"])
        return Mark(mark["index"], state, mark["ended"], mark["error"])

    def append(self, result: FrameResult) -> None:
        """Add the next frame."""
        assert self._stream is not None
        self._stream.write(json.dumps(result_to_dict(result)).encode() + b"\n")

    def mark(self, mark: Mark) -> None:
        """Make sure that all results are on the disk, and that work can go on after them."""
        assert self._stream is not None
        self._stream.flush()
        os.fsync(self._stream.fileno())
        head = {"about": self._about, "index": mark.index, "length": self._stream.tell()}
        content = json.dumps(head | {"ended": mark.ended, "error": mark.error}).encode() + b"\n" + mark.state
        with replacing(self._mark) as partial:
            partial.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)

    def results(self) -> Iterator[FrameResult]:
        """All results so far, from the first; read from the disk one by one."""
        if self._stream is not None and not self._stream.closed:
            self._stream.flush()
        with self._path.open("rb") as stream:
            for line in stream:
                try:
                    result = result_from_dict(json.loads(line))
                except (RecursionError, ValueError) as error:  # InvalidInput is one
                    raise InvalidInput(f"{self._path} is damaged: {error}; begin anew without --resume") from error
                yield result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._stream is not None:
            self._stream.close()


def read_mark(path: Path) -> tuple[dict[str, Any], bytes] | None:
    """A mark and the state in it; None for one that is missing or damaged."""
    try:
        content = path.read_bytes()
        text, state = content[64:].split(b"\n", 1)
        head = json.loads(text)
        whole = hashlib.sha256(content[64:]).hexdigest().encode() == content[:64]
        return (head, state) if whole and _is_head(head) else None
    except (OSError, RecursionError, ValueError):
        return None


def _is_head(head: Any) -> bool:
    """Whether it is what `Journal.mark` writes: the checksum finds damage, not what somebody else has written."""
    kinds = {"about": str, "index": int, "length": int, "ended": bool, "error": str | None}
    if not isinstance(head, dict) or not kinds.keys() <= head.keys():
        return False
    return all(isinstance(head[name], kind) for name, kind in kinds.items()) and head["length"] >= 0


@contextmanager
def journal_folder(output: Path, *, resume: bool = False) -> Iterator[Path]:
    """A hidden folder beside an output, locked against a second job on the same output.

    It is removed when the block ends well. It is kept when the block is left by an exception, or when a video in it
    broke off so that it can be resumed.

    Journals of an earlier job are removed first, unless it is resumed.
    """
    from filelock import FileLock, Timeout  # takes as long to import as a picture to analyse; pictures need no lock

    folder = Path(os.path.abspath(output)).parent / f".{output.name}.mien"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        error.filename = str(output)
        raise
    holder = folder / "process"
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder.read_text() if holder.is_file() else "unknown"
        raise InvalidInput(
            f"{output} is being written by another mien (process {who}); wait for it, or name another output"
        ) from None
    with lock:
        lock.release()  # one of two: `with` acquired it once more
        holder.write_text(str(os.getpid()))
        if not resume:
            if any(folder.glob("*.mark")):
                _LOG.warning("%s: a job was interrupted here; it is done anew, as --resume was not given", output)
            for path in [*folder.glob("*.mark"), *folder.glob("*.jsonl")]:
                path.unlink()
        yield folder
        if any((mark := read_mark(path)) and not mark[0]["ended"] for path in folder.glob("*.mark")):
            return
        for path in folder.iterdir():
            path.unlink()
    folder.rmdir()
