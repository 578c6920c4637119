"""What every output has in common: its header, the protocol, and the entry of the table that options are made from."""

import errno
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Protocol, Self, TypeAlias

from mien.files import STANDARD_OUTPUT, replacing
from mien.values import Failure, FrameResult

DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors after which a file that was being written cannot be relied on."""

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
        labels: K names that the model tells apart, in the order of the columns.
        detector_options: The detector's options that were not left at their defaults.
        settings: How videos were read and smoothed, as far as it was not left at the defaults.
    """

    model: str
    detector: str
    labels: tuple[str, ...]
    detector_options: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)


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
        module, _, name = self.sink.partition(":")
        found: SinkType = getattr(importlib.import_module(module), name)
        return found


class FileSink:
    """A sink that writes bytes. A subclass writes to `self.stream` in `begin`, `write` and `end`.

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

    def __init__(self, target: Target, header: Header) -> None:
        self.header = header
        self.path: Path | None = None
        self._target = target
        self._stack = ExitStack()

    def begin(self) -> None:
        """Write what comes before the first result."""

    def write(self, result: FrameResult | Failure) -> None:
        """Add one frame or failure."""
        raise NotImplementedError

    def end(self, *, complete: bool) -> None:
        """Write what comes after the last result.

        Args:
            complete: Whether the block ended without an exception.
        """

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.stream = stack.enter_context(self._opened())
            self.begin()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._stack:
            self.end(complete=kind is None)
            if error is not None:
                raise error

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
            with partial.open("wb") as stream:
                try:
                    yield stream
                except BaseException as error:
                    if isinstance(error, OSError) and error.errno in DISK_FULL:
                        raise
                    failure = error
            if failure and path.is_file() and path.stat().st_size:
                self.path = path.with_suffix(f".incomplete{path.suffix}")
                partial.chmod(path.stat().st_mode)
                partial.replace(self.path)
                raise failure
        if failure:
            raise failure
