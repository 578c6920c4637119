"""A video's results on disk while it is analysed, so that a crash loses seconds and not hours."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from mien.errors import InvalidInput
from mien.files import replacing
from mien.records.results import result_from_dict, result_to_dict
from mien.values import FrameResult


@dataclass(frozen=True, slots=True)
class Mark:
    """A point from which work can go on.

    Attributes:
        index: The number of the last frame before it; -1 for none.
        state: What `Journal.mark` was given, as bytes.
        ended: Whether the whole video has been analysed.
        error: Why it broke off, if it did.
    """

    index: int
    state: bytes
    ended: bool = False
    error: str | None = None


class Journal:
    """One video's results, a line a frame, and now and then a mark from which work can go on. A context manager.

    Args:
        path: `NAME.jsonl`; marks lie beside it as `NAME.mark`.
        about: Plain values that say what is analysed and how. Marks of any other work are not gone on from.
    """

    def __init__(self, path: Path, about: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._mark = path.with_suffix(".mark")
        self._about = json.dumps(about, sort_keys=True, default=str)
        self._stream: BinaryIO | None = None

    def begin(self) -> None:
        """Start anew."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._mark.unlink(missing_ok=True)
        self._stream = self._path.open("wb")

    def resume(self) -> Mark | None:
        """Go on from the last mark; results after it are dropped.

        Returns:
            The mark; None, after a new start, when there is none, or one of other work.
        """
        try:
            content = self._mark.read_bytes()
            head, state = content[64:].split(b"\n", 1)
            if hashlib.sha256(content[64:]).hexdigest().encode() != content[:64]:
                raise ValueError("damaged")
            mark = json.loads(head)
            if mark["about"] != self._about or self._path.stat().st_size < mark["length"]:
                raise ValueError("of other work")
            self._stream = self._path.open("rb+")
        except (OSError, ValueError, KeyError):
            self.begin()
            return None
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
        about = {"about": self._about, "index": mark.index, "length": self._stream.tell()}
        content = json.dumps(about | {"ended": mark.ended, "error": mark.error}).encode() + b"\n" + mark.state
        with replacing(self._mark) as partial:
            partial.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)

    def results(self) -> Iterator[FrameResult]:
        """All results so far, from the first; read from the disk one by one.

        Raises:
            InvalidInput: The file is damaged.
        """
        if self._stream is not None and not self._stream.closed:
            self._stream.flush()
        with self._path.open("rb") as stream:
            for line in stream:
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise InvalidInput(f"{self._path} is damaged: {error}; begin anew without --resume") from error
                yield result_from_dict(record)

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class JournalFolder:
    """Where the journals of one job lie.

    Attributes:
        path: The folder.
        keep: Whether it stays when the job ends without an exception, because a part of it can be resumed.
    """

    path: Path
    keep: bool = False


@contextmanager
def journal_folder(output: Path) -> Iterator[JournalFolder]:
    """A hidden folder beside an output, locked against a second job on the same output.

    It is removed when the block ends well, and kept when it is left by an exception, so that the job can be resumed.

    Args:
        output: The job's first file or folder of results.

    Raises:
        InvalidInput: Another process works on the same output; the message says which.
        OSError: The folder cannot be made; the error names the output.
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
        journals = JournalFolder(folder)
        yield journals
        if not journals.keep:
            for path in folder.iterdir():
                path.unlink()
    if not journals.keep:
        folder.rmdir()
