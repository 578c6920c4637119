"""A whole job: pictures and videos, from their sources to every output, in one process or several."""

import hashlib
import os
import pickle
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mien.analyzer import Analyzer
from mien.drawing import Anonymization
from mien.drawing.anonymize import check_anonymization
from mien.errors import InvalidInput, MienError, reason
from mien.jobs.journal import Journal, journal_folder
from mien.jobs.outputs import Outputs, header_of, opened, plan_outputs
from mien.jobs.pictures import DISK_FULL, analyze_picture, read_picture
from mien.jobs.processes import Processes
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Found, Source, find_sources
from mien.jobs.videos import analyze_video
from mien.records.sink import Header, Kind
from mien.values import Failure, FrameResult, Image, checked_number
from mien.video.background import in_background
from mien.video.decoder import cores
from mien.video.source import STANDARD_INPUT

Result = FrameResult | Failure

_AHEAD: Final = 4
"""Tasks a process that are under way or done before their turn; more of them would only fill the memory."""


@dataclass(slots=True)
class Summary:
    """What a job did.

    Attributes:
        num_sources: Pictures and videos, failed ones included.
        num_frames: Pictures and frames of videos that were analysed.
        num_faces: Faces in them; a person counts once a frame.
        labels: How often each expression led.
        failures: What failed, in the order of the sources.
    """

    num_sources: int = 0
    num_frames: int = 0
    num_faces: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one more result."""
        if isinstance(result, Failure):
            self.failures.append(result)
            return
        self.num_frames += 1
        self.num_faces += len(result.faces)
        self.labels.update(face.label for face in result.faces)
        if result.error:
            self.failures.append(Failure(result.source, result.error))


@dataclass(frozen=True, slots=True)
class Task:
    """One source, the outputs that it has a file of its own of, and a video's journal."""

    source: Source
    own: tuple[tuple[Kind, Path], ...]
    journal: Path | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """Does tasks, in this process or another."""

    analyzer: Analyzer
    header: Header
    settings: VideoSettings
    hide: Anonymization | None
    resume: bool

    def results(self, task: Task, image: Image | Failure | None = None) -> Generator[Result]:
        """The results of a task, without images; its own outputs are written. `image` is as for `analyze_picture`."""
        try:
            with opened(task.own, self.header) as sinks:
                if not task.source.is_video:
                    result = analyze_picture(task.source, self.analyzer, image=image, sinks=sinks, hide=self.hide)
                    yield _drawn(result, task)
                    return
                results = analyze_video(
                    task.source, self.analyzer, self.settings,
                    sinks=sinks, hide=self.hide, journal=task.journal, resume=self.resume,
                )  # fmt: skip
                with closing(results):
                    for result in results:
                        yield _drawn(result, task)
        except (MienError, OSError) as error:
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                error.filename = error.filename or str(task.journal)
                raise  # no other source would fare better, and the journal can be resumed
            yield Failure(task.source.name, reason(error))

    def __call__(self, task: Task) -> list[Result]:
        """The results of a task in another process; of a video's frames there may be very many, in its journal."""
        with closing(self.results(task)) as results:
            return [result for result in results if not task.journal or isinstance(result, Failure)]


def analyze(
    sources: str | Path | Sequence[str | Path] | Found,
    analyzer: Analyzer,
    outputs: Mapping[str, str | Path | None] | None = None,
    *,
    settings: VideoSettings | None = None,
    anonymize: Anonymization | None = None,
    jobs: int = 1,
    resume: bool = False,
    watch: Callable[[Result], None] | None = None,
) -> Summary:
    """Analyse pictures and videos, and write every output that is wanted.

        >>> summary = analyze(["party.jpg", "talk.mp4"], Analyzer(), {"csv": "faces.csv", "annotate": "out"})
        >>> print(summary.num_faces, summary.labels.most_common(3), summary.failures)
        26 [('happy', 26)] []

    One input that fails does not stop the others; it is in the outputs and in the summary. Outputs are checked and
    opened before the first frame.

    Args:
        sources: A file, folder, pattern or URL, or several; or what `find_sources` found.
        analyzer: Finds and reads the faces.
        outputs: Files or folders by the names of `mien.jobs.kinds.KINDS`; None for one that is not wanted.
        settings: How videos are read and smoothed.
        anonymize: "blur" or "pixelate" every face in whatever is drawn; None leaves them.
        jobs: Processes that work side by side, each on a picture or video of its own; 0 for one a core. A script that
            asks for several needs `if __name__ == "__main__":` around its calls.
        resume: Whether to go on with an interrupted job on the same sources and outputs.
        watch: Is given every result, in the order of the sources, without its image.

    Returns:
        What was done.

    Raises:
        OutputRefused: An output cannot be written as asked; nothing was done.
        InvalidInput: A setting is wrong, another process writes the same outputs, or the analyzer cannot be sent to
            other processes.
        MissingExtra: An output needs an optional dependency that is not installed.
        OSError: A table cannot be written, as on a full disk; `resume` goes on.
    """
    settings = settings or VideoSettings()
    check_anonymization(anonymize)
    if anonymize:
        settings = replace(settings, every_frame=True)
    words = [sources] if isinstance(sources, str | Path) else sources
    found = words if isinstance(words, Found) else find_sources(words)
    header = header_of(analyzer, settings)
    plan = plan_outputs({name: Path(path) for name, path in (outputs or {}).items() if path}, found.sources, header)
    if resume and not plan.files:
        raise InvalidInput("resume goes on with the files of an interrupted job; name its outputs")
    worker = Worker(analyzer, header, settings, anonymize, resume)
    checked_number("jobs", jobs, kind="a whole number")
    piped = any(source.name == STANDARD_INPUT for source in found.sources)  # which other processes do not have
    num_processes = 1 if piped else min(jobs or cores(), len(found.sources))
    summary = Summary(num_sources=len(found.sources))
    with ExitStack() as stack:
        # The journals first, so that they end last: a table that cannot be finished is written again from them.
        journals = _journals(stack, found.sources, plan, num_processes, resume=resume)
        tables = stack.enter_context(opened(plan.tables, header))
        tasks = _tasks(found.sources, plan, journals)
        for result in stack.enter_context(closing(_results(tasks, worker, num_processes))):
            summary.add(result)
            for table in tables:
                table.write(result)
            if watch:
                watch(result)
    return summary


def _drawn(result: Result, task: Task) -> Result:
    """The result with the name of its drawing, if it was drawn."""
    if isinstance(result, Failure) or result.error:
        return result
    return replace(result, drawing=next((str(path) for kind, path in task.own if kind.name == "annotate"), None))


def _journals(
    stack: ExitStack, sources: Sequence[Source], plan: Outputs, num_processes: int, *, resume: bool
) -> Path | None:
    """Where videos keep their journals: beside the first output, or nowhere that outlives the job."""
    if not any(source.is_video for source in sources):
        return None
    if plan.files:
        return stack.enter_context(journal_folder(plan.files[0], resume=resume))
    return Path(stack.enter_context(TemporaryDirectory())) if num_processes > 1 else None


def _tasks(sources: Sequence[Source], plan: Outputs, journals: Path | None) -> Iterator[Task]:
    for source, own in zip(sources, plan.own, strict=True):
        journal = None
        if journals and source.is_video and not source.error and source.name != STANDARD_INPUT:
            # Not by its place among the sources, which changes when a file is added to a folder.
            journal = journals / f"{hashlib.sha256(os.fsencode(source.name)).hexdigest()[:16]}.jsonl"
        yield Task(source, own, journal)


def _results(tasks: Iterable[Task], worker: Worker, num_processes: int) -> Generator[Result]:
    """The results of all tasks, in their order."""
    if num_processes < 2:
        with closing(in_background(_read(tasks), ahead=1)) as read:
            for task, image in read:
                yield from worker.results(task, image)
        return
    try:
        pickle.dumps(worker)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidInput(f"the analyzer cannot be sent to other processes ({error}); use jobs=1") from error
    for task, failures in _in_processes(tasks, worker, num_processes):
        if task.journal:
            with suppress(FileNotFoundError):  # a video that could not be opened has none
                for result in Journal(task.journal).results():
                    yield _drawn(result, task)
        yield from failures


def _read(tasks: Iterable[Task]) -> Iterator[tuple[Task, Image | Failure | None]]:
    """Each task with its picture; a video is read while it is analysed."""
    for task in tasks:
        yield task, None if task.source.is_video else read_picture(task.source)


def _in_processes(tasks: Iterable[Task], worker: Worker, num: int) -> Generator[tuple[Task, list[Result]]]:
    """Each task with what was done of it, in their order."""
    rest = iter(tasks)
    under_way: deque[Task] = deque()
    futures: deque[Future[list[Result]]] = deque()
    with ExitStack() as stack:
        processes = stack.enter_context(Processes(worker, num))
        while True:
            try:
                for task in islice(rest, _AHEAD * num - len(under_way)):
                    under_way.append(task)
                    futures.append(processes.submit(task))
                if not under_way:
                    return
                done = futures.popleft().result()
                yield under_way.popleft(), done
            except BrokenExecutor:
                processes.check()
                yield from _one_by_one(under_way, worker)
                under_way.clear()
                futures.clear()
                processes = stack.enter_context(Processes(worker, num))


def _one_by_one(tasks: Iterable[Task], worker: Worker) -> Generator[tuple[Task, list[Result]]]:
    """Tasks done again of which one has ended its process, so that no other fails with it."""
    with ExitStack() as stack:
        process: Processes | None = None
        for task in tasks:
            process = process or stack.enter_context(Processes(replace(worker, resume=True), 1))
            try:
                yield task, process.submit(task).result()
            except BrokenExecutor:
                process = None
                yield task, [Failure(task.source.name, "the process that analysed it died, as by a lack of memory")]
