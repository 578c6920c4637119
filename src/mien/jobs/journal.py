"""Frame records on disk while a video is worked on, so that a crash loses seconds and not hours."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from mien.errors import InvalidInput
from mien.files import replacing
from mien.records.frames import FrameRecord


class Journal:
    """One video's records, a line a frame, and now and then a mark from which work can go on. A context manager.

    Args:
        path: `NAME.jsonl`; marks lie beside it as `NAME.mark`.
        about: plain values that say what is worked on and how. Marks of anything else are not gone on from.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self._path = path
        self._mark = path.with_suffix(".mark")
        self._about = json.dumps(about, sort_keys=True, default=str)
        self._stream: BinaryIO | None = None

    def begin(self) -> None:
        """Start anew."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._mark.unlink(missing_ok=True)
        self._stream = self._path.open("wb")

    def resume(self) -> tuple[int, bytes, dict[str, Any]] | None:
        """Go on from the last mark: the index of its frame, the state that was kept with it, and what it was told.

        Records after the mark are dropped. None, and a new start, when there is no mark, or one of another work.
        """
        try:
            content = self._mark.read_bytes()
            head, state = content[64:].split(b"\n", 1)
            if hashlib.sha256(content[64:]).hexdigest().encode() != content[:64]:
                raise ValueError("damaged")
            mark = json.loads(head)
            if mark["about"] != self._about or self._path.stat().st_size < mark["length"]:
                raise ValueError("of another work")
            self._stream = self._path.open("rb+")
        except (OSError, ValueError, KeyError):
            self.begin()
            return None
        self._stream.truncate(mark["length"])
        self._stream.seek(mark["length"])
        return mark["index"], state, mark["told"]

    def append(self, record: FrameRecord) -> None:
        """Add the next frame."""
        assert self._stream is not None
        self._stream.write(json.dumps(record).encode() + b"\n")

    def mark(self, index: int, state: bytes, told: Mapping[str, Any] | None = None) -> None:
        """Make sure that all records are on the disk, and that work can go on after the frame `index`.

        Args:
            index: of the last frame appended.
            state: of the work after it.
            told: plain values to be given back by `resume`, such as how the work ended.
        """
        assert self._stream is not None
        self._stream.flush()
        os.fsync(self._stream.fileno())
        mark = {"about": self._about, "index": index, "length": self._stream.tell(), "told": dict(told or {})}
        content = json.dumps(mark).encode() + b"\n" + state
        with replacing(self._mark) as partial:
            partial.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)

    def records(self) -> Iterator[FrameRecord]:
        """All records so far, from the first; read from the disk one by one."""
        if self._stream is not None and not self._stream.closed:
            self._stream.flush()
        with self._path.open("rb") as stream:
            for line in stream:
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise InvalidInput(f"{self._path} is damaged: {error}; begin anew without --resume") from error

    def forget(self) -> None:
        """Remove it from the disk."""
        self.close()
        self._path.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)

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
