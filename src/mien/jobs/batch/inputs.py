"""The inputs of a batch, one by one and however many: folders, patterns, URLs, files, and lists of files."""

import csv
import math
import mimetypes
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

from mien.errors import InvalidInput, MissingExtra, VideoError
from mien.jobs.processes import Processes
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Source, named_by
from mien.video import open_video
from mien.video.source import STANDARD_INPUT

LIST_SUFFIXES: Final = (".txt", ".csv", ".parquet", ".pq")
"""The endings of names, in lower case, that are taken for lists of inputs."""

_FIELDS: Final = {
    "source": str, "video": bool | None, "error": str | None, "url": bool | None, "nowhere": bool | None,
    "unread": bool | None,
    "start": float | int | None, "end": float | int | None,
}  # fmt: skip
"""What a line of the manifest may hold."""

_ROWS_READ: Final = 10_000  # of a Parquet list at a time


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a batch: a picture, a video or a part of one.

    Attributes:
        number: Its place in the batch, from 0.
        source: What it is.
        start, end: Seconds of the part of a video; None for the whole of it.
    """

    number: int
    source: Source
    start: float | None = None
    end: float | None = None

    def to_record(self) -> str | dict[str, Any]:
        """What a line of the manifest holds: of a picture the name alone."""
        source = self.source
        fields = {
            "video": source.is_video, "error": source.error, "url": bool(source.address), "start": self.start,
            "end": self.end, "nowhere": source.path is None and not source.address, "unread": source.is_unread,
        }  # fmt: skip
        unusual = {name: value for name, value in fields.items() if value is not None and value is not False}
        return {"source": source.name, **unusual} if unusual else source.name

    @classmethod
    def from_record(cls, number: int, record: str | dict[str, Any], folder: str) -> "Input":
        """The input of a manifest's line; names are relative to `folder`. Another line is a `ValueError`."""
        fields: dict[str, Any] = {"source": record} if isinstance(record, str) else record
        for key, kind in _FIELDS.items():
            if not isinstance(fields.get(key), kind):
                raise ValueError(f"a line's {key} is {fields.get(key)!r:.200}")
        name = fields["source"]
        is_file = not fields.get("url") and not fields.get("nowhere")
        path = Path(folder, name) if is_file else None
        source = Source(
            name, path, Path(), fields.get("video", False), fields.get("error"), name if fields.get("url") else None,
            fields.get("unread", False),
        )  # fmt: skip
        return cls(number, source, fields.get("start"), fields.get("end"))

    @property
    def key(self) -> str:
        """Two inputs with the same are one."""
        return os.path.abspath(self.source.path) if self.source.path else self.source.name

    @property
    def settings_of_part(self) -> dict[str, Any]:
        """The settings that the part has in place of the batch's own."""
        return {} if self.start is None else {"start": self.start, "end": self.end}


def named_sources(words: Iterable[str | Path], column: str | None = None) -> Iterator[Source]:
    """What words name, in their order, with the files in folders sorted; what cannot be found has an error.

    A word that ends in .txt, .csv or .parquet is a list of files, patterns and URLs: a text has one a line, a table
    has them in the named column, or in its only one. Names in lists are relative to the working folder.

    Raises:
        InvalidInput: A list cannot be read, names nothing or has no such column, or a word is standard input.
    """
    for word in map(str, words):
        if word == STANDARD_INPUT:
            raise InvalidInput("a batch reads no standard input (-), as it could not go on with it; name files")
        if _is_list(word):
            is_empty = True
            for name in _listed(Path(word), column):
                is_empty = False
                yield from map(_without_secret, named_by(name))
            if is_empty:
                raise InvalidInput(f"{word} names no file; a list has a file's name in each line or row")
        else:
            yield from map(_without_secret, named_by(word))


def check_words(words: Iterable[str | Path]) -> None:
    """Raise `InvalidInput` where one of the words that `named_sources` takes names nothing, as where it is mistyped.

    A line of a list may: its row then says so, and the other rows keep their places.
    """
    for word in map(str, words):
        if word == STANDARD_INPUT or _is_list(word):
            continue
        first, *more = map(_without_secret, islice(named_by(word), 2))
        error = first.error or ("no such file or folder" if first.path and not first.path.exists() else None)
        if error and not more:
            raise InvalidInput(f"{first.name}: {error}. Correct the name or leave it out; nothing was written")


def _is_list(word: str) -> bool:
    return word.lower().endswith(LIST_SUFFIXES) and "://" not in word and not Path(word).is_dir()


def _without_secret(source: Source) -> Source:
    if source.address and source.address != source.name:
        error = "its address holds a password, and a batch keeps the addresses of its inputs in a file; download it"
        return replace(source, error=error, address=None)
    return source


def _listed(path: Path, column: str | None) -> Iterator[str]:
    try:
        if path.suffix.lower() == ".txt":
            with path.open(encoding="utf-8-sig", errors="surrogateescape") as text:
                yield from (line for line in (line.rstrip("\n") for line in text) if line.strip())
        elif path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as table:
                rows = csv.reader(table)
                names = next(rows, [])
                place = _place(names, column, path)
                if column is None and _is_a_file(names[place]):
                    raise InvalidInput(
                        f"{path}, row 1: expected a column's name; got that of a file, {names[place]!r:.80}. Put a "
                        "line above it, as: file; or end the list's name in .txt"
                    )
                yield from _cells((row[place] if place < len(row) else "" for row in rows), path)
        else:
            yield from _cells(_of_parquet(path, column), path)
    except FileNotFoundError as error:
        raise InvalidInput(f"{path} is not there; expected a list of files") from error
    except (OSError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read as a list of files: {error}") from error


def _is_a_file(name: str) -> bool:
    kind = mimetypes.guess_type(name)[0] or ""
    return kind.startswith(("image/", "video/")) or "/" in name or Path(name).exists()


def _of_parquet(path: Path, column: str | None) -> Iterator[Any]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtra("Parquet", "parquet", error) from error
    try:
        with ParquetFile(path) as table:
            names = table.schema_arrow.names
            wanted = names[_place(names, column, path)]
            for batch in table.iter_batches(_ROWS_READ, columns=[wanted]):
                yield from batch.column(0).to_pylist()
    except ArrowException as error:
        raise InvalidInput(f"{path} cannot be read as a Parquet list of files: {error}") from error


def _place(names: Sequence[str], column: str | None, path: Path) -> int:
    if column in names:
        return names.index(column)
    known = ", ".join(names[:20]) or "none"
    if column is not None:
        raise InvalidInput(f"{path} has no column {column!r}; it has: {known}")
    if len(names) != 1:
        raise InvalidInput(f"{path} has {len(names)} columns; name the one with the files by --column: {known}")
    return 0


def _cells(cells: Iterable[Any], path: Path) -> Iterator[str]:
    for row, cell in enumerate(cells, start=1):
        if not isinstance(cell, str) or not cell.strip():
            raise InvalidInput(f"{path}, row {row}: expected a file's name; got {cell!r:.80}")
        yield cell


Cutting: TypeAlias = Callable[[Source], list[tuple[float | None, float | None]]]
"""Gives start and end of each part of a source, in seconds; one without either where it is not cut."""


@contextmanager
def cutting(seconds: float | None, settings: VideoSettings) -> Iterator[Cutting]:
    """Cuts videos into parts of so many seconds; None cuts none.

    Another process opens them: one that ends it stays whole, and is dealt with as any such input is.
    """
    if seconds is None:
        yield lambda source: [(None, None)]
        return
    with Processes(1, patience=0) as processes:

        def cut(source: Source) -> list[tuple[float | None, float | None]]:
            if not source.is_video or source.error or source.path is None:
                return [(None, None)]
            try:
                duration = processes.submit(_duration, source.path).result()
            except BrokenExecutor:
                duration = None
            return [(None, None)] if duration is None else parts(duration, seconds, settings)

        yield cut


def _duration(video: Path) -> float | None:
    """A video's length in seconds, as its file says; None where it does not."""
    try:
        with open_video(video) as opened:
            return opened.duration
    except VideoError:
        return None


def parts(duration: float, seconds: float, settings: VideoSettings) -> list[tuple[float | None, float | None]]:
    """Start and end of each part of a video, in seconds; one without either for the whole of a short one.

    >>> parts(25.0, 10.0, VideoSettings())
    [(0.0, 10.0), (10.0, 20.0), (20.0, None)]
    """
    last = duration if settings.end is None else min(settings.end, duration)
    num = math.ceil((last - settings.start) / seconds)
    if num < 2:
        return [(None, None)]
    cuts = [settings.start + seconds * number for number in range(num)]
    return list(zip(cuts, [*cuts[1:], settings.end], strict=True))


def arranged(inputs: Iterable[Input], size: int) -> Iterator[list[Input]]:
    """The inputs of each shard: so many pictures, or one video or a part of one. They are numbered in this order."""
    number = 0
    for shard in _grouped(inputs, size):
        yield [replace(each, number=number + place) for place, each in enumerate(shard)]
        number += len(shard)


def _grouped(inputs: Iterable[Input], size: int) -> Iterator[list[Input]]:
    pictures: list[Input] = []
    for each in inputs:
        if each.source.is_video and not each.source.error:
            yield [each]
            continue
        pictures.append(each)
        if len(pictures) == size:
            yield pictures
            pictures = []
    if pictures:
        yield pictures
