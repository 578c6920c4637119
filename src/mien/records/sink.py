"""What every output has in common: its header, the protocol, and the entry of the table that options are made from."""

import io
import pkgutil
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final, Protocol, Self, TypeAlias

from mien.drift import Reference
from mien.files import STANDARD_OUTPUT, keep_incomplete, replacing
from mien.values import Failure, FrameResult

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_EXAMINED: Final = 2**20  # how many bytes of an existing file are examined, at its beginning and at its end

FORMAT: Final = "mien"  # what JSON and Parquet files call their format

VERSION: Final = 2
"""The format's version: it rises when a field changes its name or its meaning, and stays when one is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """How results were made; one for all sources of a job.

    Attributes:
        model: The model's name or file.
        detector: The detector's name.
        detector_options: The detector's options that were not left at their defaults.
        reading: Whose answers they are, "people" or "fer2013"; None of a model with labels of its own.
        prior: The share of each label that was assumed; None where none was.
        max_error: The share of wrong answers that was accepted; None keeps about nine of ten faces.
        sets: The share of prediction sets that hold the right label; None without sets.
        views: How many views of each face were averaged.
        labels: K names that the model tells apart, in the order of the columns.
        settings: How videos were read and smoothed, as far as it was not left at the defaults.
        drawing: Arguments of `mien.annotate` for whatever is drawn. They change no record, so no record has them.
        hidden: How faces are hidden in whatever is drawn, "blur" or "pixelate"; not recorded. None: not at all.
        explained: Whether faces carry explanations, which drawings then show; not recorded.
        pages: The page about each video that has one, by the video's name; not recorded.
        reference: What the faces are compared with; not recorded. None where the model's file has no profile.
    """

    model: str
    detector: str
    detector_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    reading: str | None = None
    prior: Mapping[str, float] | None = field(default=None, hash=False)
    max_error: float | None = None
    sets: float | None = None
    views: int = 1
    labels: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    drawing: Mapping[str, Any] = field(default_factory=dict, hash=False)
    hidden: str | None = None
    explained: bool = False
    pages: Mapping[str, Path] = field(default_factory=dict, hash=False)
    reference: Reference | None = field(default=None, compare=False)


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
        file: The name that its one file for all sources has in a folder, where its option names a folder.
        portraits: Whether pictures' results need to carry `portraits`.
    """

    name: str
    help: str
    suffixes: tuple[str, ...]
    sink: str
    each: bool = False
    pictures: bool = True
    videos: bool = True
    pipes: bool = False
    file: str = ""
    portraits: bool = False

    def takes(self, is_video: bool) -> bool:
        """Whether it applies to a video, or to a picture."""
        return self.videos if is_video else self.pictures

    def load(self) -> SinkType:
        """The class that writes it."""
        found: SinkType = pkgutil.resolve_name(self.sink)
        return found


class FileSink:
    """What sinks that write bytes have in common. A subclass adds `write`; it writes by `put` or to `self.stream`.

    A file takes its name when the `with` block ends. If the block is left by an exception, what was written until
    then is ended well-formed and kept: under the file's name, or, if an earlier file has that name, beside it as
    `NAME.incomplete.SUFFIX`. If the file itself could not be written, as on a full disk, nothing is kept and an
    earlier file is as it was.

    Attributes:
        path: The file that is written, after the block the one that was; None for a stream or standard output.
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
        """As `SinkType`; an empty file may be replaced too."""
        with path.open("rb") as file:
            content = file.read(_EXAMINED)
            file.seek(max(_EXAMINED, path.stat().st_size - _EXAMINED))
            content += file.read()
        return not content or re.match(cls.signature, content) is not None

    def begin(self) -> None:
        """Write what comes before the first result."""

    def end(self, *, complete: bool) -> None:
        """Write what comes after the last result; `complete` is false if an exception ended the block."""

    def put(self, text: str) -> None:
        """Write text as UTF-8."""
        # A file name that is not UTF-8 comes with lone surrogates, which UTF-8 has no bytes for. Python's escape of
        # one, \udc80, is JSON's too.
        self.stream.write(text.encode("utf-8", "backslashreplace"))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.stream = self._opened(stack)
            self.begin()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with self._stack:  # left without an error, the new file takes its name; else it is deleted
            self.end(complete=error is None)
            if error is not None and self.path is not None:
                self.stream.close()
                if not self._file.failed:
                    self.path = keep_incomplete(self._partial, self.path, self.replaces)
                raise error

    def _opened(self, stack: ExitStack) -> BinaryIO:
        if not isinstance(self._target, Path):
            return self._target
        if self._target == STANDARD_OUTPUT:
            stack.callback(sys.stdout.buffer.flush)
            return sys.stdout.buffer
        self.path = self._target
        self._partial = stack.enter_context(replacing(self.path))
        self._file = _File(self._partial, "wb")
        return stack.enter_context(io.BufferedWriter(self._file))


class _File(io.FileIO):
    """A file that remembers whether a write failed: something is missing then, even if later ones succeed."""

    failed = False

    def write(self, data: "ReadableBuffer") -> int:
        try:
            return super().write(data)
        except OSError:
            self.failed = True
            raise
