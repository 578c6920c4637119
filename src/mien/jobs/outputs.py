"""Which outputs there are, and where each goes; whatever cannot be written is refused before any work begins."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self

from mien.analyzer import Analyzer
from mien.errors import InvalidInput
from mien.files import STANDARD_OUTPUT, FileSet, check_output
from mien.jobs.hiding import Hiding
from mien.jobs.kinds import HELP, KINDS
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Source, output_places
from mien.recognition.reference import reference_of
from mien.records.sink import Header, Kind, Sink
from mien.values import Failure, FrameResult


class OutputRefused(InvalidInput):
    """An output cannot be written as asked, and nothing was done; `option` names its option, without dashes."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where everything goes: kinds that hold all sources in one file, and for each source those of its own."""

    tables: tuple[tuple[Kind, Path], ...]
    own: tuple[tuple[tuple[Kind, Path], ...], ...]

    @property
    def files(self) -> list[Path]:
        """All files that will be written, without standard output, pipes and devices."""
        paths = (path for _, path in chain(self.tables, *self.own))
        return [path for path in paths if path != STANDARD_OUTPUT and not _is_special(path)]


def plan_outputs(wanted: Mapping[str, Path], sources: Sequence[Source], header: Header) -> Outputs:
    """Where each output goes, by the names of kinds, once all of it is known to be possible.

    A kind that holds all sources is one file. A kind with a file for each source is that file, if there is one source
    and the path has a fitting suffix; else the path is a folder, in which the folders of the sources are kept.

    Raises:
        OutputRefused: An output has no place, would overwrite an input, another output or a file that mien did not
            write, or does not apply to any source.
    """
    tables: list[tuple[Kind, Path]] = []
    own: list[list[tuple[Kind, Path]]] = [[] for _ in sources]
    files = [header.model, *header.detector_options.values(), *(source.path for source in sources)]
    inputs = FileSet(Path(file) for file in files if isinstance(file, str | Path))
    for name, path in wanted.items():
        kinds = [kind for kind in KINDS if kind.name == name]
        if not kinds:
            raise OutputRefused(name, f"there is no output {name!r}; expected {', '.join(HELP)}")
        numbers = {kind: [num for num, source in enumerate(sources) if kind.takes(source.is_video)] for kind in kinds}
        single = len(set(chain(*numbers.values()))) == 1
        taken = [kind.file for kind in kinds if kind.file]
        for kind, chosen in numbers.items():
            if chosen and kind.each:
                places = _own_places(kind, path, sources, chosen, single=single, taken=taken)
                for number, place in zip(chosen, places, strict=True):
                    own[number].append((kind, place))
            elif chosen and kind.file and path != STANDARD_OUTPUT and not _names_file(kind, path, single=single):
                tables.append((kind, path / kind.file))
            elif chosen and not (kind.file and any(sources[number].is_video for number in chosen)):
                tables.append((kind, path))  # what one file cannot hold, the kind for each source refuses or has taken
        if sources and not any(numbers.values()):
            raise OutputRefused(name, f"needs a {'picture' if kinds[0].pictures else 'video'}; there is none")
    _check([*tables, *chain(*own)], inputs, header)
    return Outputs(tuple(tables), tuple(map(tuple, own)))


def _names_file(kind: Kind, path: Path, *, single: bool) -> bool:
    """Whether a path is meant as a file and not as a folder."""
    return bool(path.suffix) and not path.is_dir() and (single or path.suffix.lower() in kind.suffixes)


def _own_places(
    kind: Kind, path: Path, sources: Sequence[Source], chosen: Sequence[int], *, single: bool, taken: Sequence[str]
) -> list[Path]:
    if path == STANDARD_OUTPUT:
        raise OutputRefused(kind.name, "cannot go to standard output")
    if path.suffix and not path.is_dir():
        if single and path.suffix.lower() in kind.suffixes:
            return [path]
        if single:
            endings = ", ".join(kind.suffixes)
            raise OutputRefused(kind.name, f"expected a folder, or a file that ends in {endings}; got {path}")
        if path.is_file() or any(path.suffix.lower() in each.suffixes for each in KINDS if each.name == kind.name):
            raise OutputRefused(kind.name, f"{path} is a file's name; several inputs need a folder")
    folder = os.path.realpath(path)
    for number in chosen:
        given = sources[number].path
        if given and os.path.dirname(os.path.realpath(given)) == folder:
            raise OutputRefused(kind.name, f"{path} is the folder of {given}; name another folder than the inputs'")
    kept = kind.suffixes if kind.pictures else kind.suffixes[:1]  # of videos, all players play the usual kind
    return [path / place for place in output_places([sources[number] for number in chosen], kept, taken)]


def _check(outputs: Sequence[tuple[Kind, Path]], inputs: FileSet, header: Header) -> None:
    taken: dict[str, str] = {}
    standard_output = [kind.name for kind, path in outputs if path == STANDARD_OUTPUT]
    if len(standard_output) > 1:
        raise OutputRefused(standard_output[1], f"--{standard_output[0]} goes to standard output already")
    for kind, path in outputs:
        if path == STANDARD_OUTPUT:
            if not kind.pipes:
                raise OutputRefused(kind.name, "cannot go to standard output")
        elif path.suffix.lower() not in kind.suffixes and path.suffix and not _is_special(path):
            raise OutputRefused(kind.name, f"expected a file that ends in {', '.join(kind.suffixes)}; got {path}")
        else:
            place = os.path.realpath(path)
            if place in taken:
                raise OutputRefused(kind.name, f"{path} is also that of --{taken[place]}")
            taken[place] = kind.name
        try:
            check_output(path, inputs=inputs, may_replace=kind.load().replaces)
            kind.load()(path, header)
        except InvalidInput as error:
            raise OutputRefused(kind.name, str(error)) from error


def _is_special(path: Path) -> bool:
    """Whether it is a pipe or a device, whose name says nothing about a format."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def opened(sinks: Iterable[tuple[Kind, Path]], header: Header) -> Iterator[list[Sink]]:
    """Sinks of kinds and paths, ended together. Their errors name their files, which that of a full disk does not."""
    with ExitStack() as stack:
        yield [stack.enter_context(_Named(kind.load()(path, header), path)) for kind, path in sinks]


class _Named(AbstractContextManager[Sink]):
    """A sink whose `OSError`s name its file."""

    def __init__(self, sink: AbstractContextManager[Sink], path: Path) -> None:
        self._context, self._path = sink, path

    def __enter__(self) -> Self:
        self._sink = self._context.__enter__()
        self.wants_images = self._sink.wants_images
        return self

    def __exit__(self, *error: Any) -> None:
        with self._naming(error[1]):
            self._context.__exit__(*error)

    def write(self, result: FrameResult | Failure) -> None:
        with self._naming(None):
            self._sink.write(result)

    @contextmanager
    def _naming(self, foreign: BaseException | None) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error is not foreign:
                error.filename = error.filename or str(self._path)
            raise


def open_output(path: str | Path, analyzer: Analyzer, kind: str | None = None) -> AbstractContextManager[Sink]:
    """An output to write results to, for a loop of one's own.

        >>> with open_output("faces.csv", analyzer) as output:
        ...     for result in analyzer.stream("talk.mp4"):
        ...         output.write(result)

    Drawn videos and pages need results with images: `analyzer.stream(…, images=True)`.

    Args:
        path: The file; `-` is standard output. An existing file is replaced only if mien wrote it.
        analyzer: Gives the results.
        kind: The output's name, as "csv" or "events"; None: by the file's suffix.

    Raises:
        OutputRefused: There is no such kind, or the file cannot be written as asked.
        MissingExtra: The kind needs an optional dependency that is not installed.
    """
    path = Path(path)
    kinds = [each for each in KINDS if each.name == kind or (kind is None and path.suffix.lower() in each.suffixes)]
    if not kinds:
        known = ", ".join(HELP)
        raise OutputRefused(kind or "output", f"{path}: no kind of output is meant by that; name one of {known}")
    chosen = next((each for each in kinds if path.suffix.lower() in each.suffixes), kinds[0])
    header = header_of(analyzer)
    _check([(chosen, path)], FileSet(), header)
    return chosen.load()(path, header)


def header_of(
    analyzer: Analyzer, settings: VideoSettings | None = None, *, hide: Hiding | None = None, **drawing: bool
) -> Header:
    """The header of an analyzer's results, which are drawn with these arguments of `mien.annotate`."""
    options = analyzer.detector_options.items()
    return Header(
        model=analyzer.model,
        detector=analyzer.detector_name,
        reading=analyzer.reading,
        prior=analyzer.prior and {label: round(share, 6) for label, share in analyzer.prior.items()},
        max_error=analyzer.max_error,
        sets=analyzer.sets,
        views=analyzer.views,
        labels=analyzer.classifier.labels,
        detector_options={name: str(value) if isinstance(value, Path) else value for name, value in options},
        settings=settings.changed() if settings else {},
        drawing=drawing,
        hidden=hide.how if hide else None,
        explained=analyzer.explain,
        reference=reference_of(analyzer.classifier),
    )
