"""What every output has in common: its header, the protocol, and the entry of the table that options are made from."""

import errno
import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final, Protocol, Self, TypeAlias

from mien.files import STANDARD_OUTPUT, replacing
from mien.values import Failure, FrameResult

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors after which a file that was being written cannot be relied on."""

_EXAMINED: Final = 2**20
"""How many bytes of an existing file are examined, at its beginning and at its end."""

FORMAT: Final = "mien"
"""What JSON and Parquet files call their format."""

VERSION: Final = 2
"""The format's version: it rises when a field changes its name or its meaning, and stays when one is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """How results were made; one for all sources of a job.

    Attributes:
        model: The model's name or file.
        detector: The detector's name.
        detector_options: The detector's options that were not left at their defaults.
        labels: K names that the model tells apart, in the order of the columns.
        settings: How videos were read and smoothed, as far as it was not left at the defaults.
    """

    model: str
    detector: str
    detector_options: Mapping[str, object] = field(default_factory=dict, hash=False)
    labels: tuple[str, ...]
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)


class Sink(Protocol):
    """Takes results one by one, inside a `with` block.

    The frames of a video come one after another, in the order of their times; pictures and videos may alternate. A
    `Failure` stands for a source that could not be analysed, or ends the video before it, which broke off there.

    Attributes:
        wants_images: Whether results need to carry their frame's `image`.
    """

    wants_images: bool

    def write(self, result: FrameResult | Failure) -> None:
        """Add one frame or failure."""
        ...


Target: TypeAlias = Path | BinaryIO
"""Where an output goes: a file, standard output (`Path("-")`), or a binary stream."""


class SinkType(Protocol):
    """A class of sinks; what `Kind.sink` names."""

    def __call__(self, target: Target, header: Header) -> AbstractContextManager[Sink]:
        """Make a sink; raises `InvalidInput` or `MissingExtra` for what cannot be written."""
        ...

    def replaces(self, path: Path) -> bool:
        """Whether an existing file was written by mien as this kind, so that it may be replaced."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of output. Options of the command line, file suffixes and checks follow from these entries.

    Attributes:
        name: The option's name without dashes.
        help: What the option's help says.
        suffixes: Endings of file names in lower case, the usual one first.
        sink: The class that writes it, as "module:Name"; imported when it is used, as some take long.
        each: Whether each source has a file of its own; else one file holds all sources.
        pictures: Whether it takes pictures.
        videos: Whether it takes videos.
        pipes: Whether it can go to standard output.
    """

    name: str
    help: str
    suffixes: tuple[str, ...]
    sink: str
    each: bool = False
    pictures: bool = True
    videos: bool = True
    pipes: bool = False

    def load(self) -> SinkType:
        """The class that writes it."""
        found: SinkType = pkgutil.resolve_name(self.sink)
        return found


class FileSink:
    """A sink that writes bytes. A subclass writes by `put` or to `self.stream`, in `begin`, `write` and `end`.

    A file takes its name when the `with` block ends. If the block is left by an exception, what was written until
    then is ended well-formed and kept: under the file's name, or, if an earlier file has that name, beside it as
    `NAME.incomplete.SUFFIX`. If that cannot be written either, as on a full disk, nothing is kept and an earlier file
    is as it was.

    Args:
        target: Where to write.
        header: How the results were made.

    Attributes:
        path: The file that is written; None for a stream or standard output.
    """

    wants_images = False
    path: Path | None = None
    signature: ClassVar[bytes]
    """A regular expression that files of this kind match from their beginning, and no others."""

    def __init__(self, target: Target, header: Header) -> None:
        self.header = header
        self._target = target

    @classmethod
    def replaces(cls, path: Path) -> bool:
        """Whether an existing file was written by mien as this kind, so that it may be replaced; or is empty."""
        with path.open("rb") as file:
            content = file.read(_EXAMINED)
            file.seek(max(_EXAMINED, path.stat().st_size - _EXAMINED))
            content += file.read()
        return not content or re.match(cls.signature, content) is not None

    def begin(self) -> None:
        """Write what comes before the first result."""

    def write(self, result: FrameResult | Failure) -> None:
        """Add one frame or failure."""
        raise NotImplementedError

    def end(self, *, complete: bool) -> None:
        """Write what comes after the last result; `complete` is false if an exception ended the block."""

    def put(self, text: str) -> None:
        """Write text as UTF-8."""
        # A file name that is not UTF-8 comes with lone surrogates, which UTF-8 has no bytes for. Python's escape of
        # one, \udc80, is JSON's too.
        self.stream.write(text.encode("utf-8", "backslashreplace"))

    def __enter__(self) -> Self:
        self._writing = self._written()
        self._writing.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._writing.__exit__(*exception)

    @contextmanager
    def _written(self) -> Iterator[None]:
        with self._opened() as self.stream:
            self.begin()
            complete = False
            try:
                yield
                complete = True
            finally:
                self.end(complete=complete)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        if not isinstance(self._target, Path):
            yield self._target
        elif self._target == STANDARD_OUTPUT:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            yield from self._file(self._target)

    def _file(self, path: Path) -> Iterator[BinaryIO]:
        failure: BaseException | None = None
        self.path = path
        with replacing(path) as partial:
            try:
                with partial.open("wb") as stream:
                    yield stream
            except BaseException as error:
                if isinstance(error, OSError) and error.errno in DISK_FULL:
                    raise
                if path.is_file() and path.stat().st_size:
                    self.path = path.with_suffix(f".incomplete{path.suffix}")
                    partial.chmod(path.stat().st_mode)
                    partial.replace(self.path)
                    raise
                failure = error
        if failure:
            raise failure
