"""A whole job: pictures and videos, from their sources to every output, in one process or several."""

import contextlib
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from mien.analyzer import Analyzer
from mien.drawing import Anonymization, anonymize
from mien.errors import MienError, reason
from mien.jobs.journal import Journal, JournalFolder, journal_folder
from mien.jobs.outputs import Outputs, header_of, opened, plan_outputs
from mien.jobs.pictures import analyze_pictures
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import Found, Source, find_sources
from mien.jobs.videos import analyze_video
from mien.records.sink import Header, Kind
from mien.values import Failure, FrameResult

if TYPE_CHECKING:
    from concurrent.futures import Future

Result = FrameResult | Failure

PICTURES_A_TASK: Final = 32
"""Most pictures that one process analyses before it takes the next task."""


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
    """Sources that are analysed together: some pictures, or one video.

    Attributes:
        sources: The pictures, or the one video.
        own: For each source, the outputs that it has a file of its own of.
        journal: The video's journal; None for none.
    """

    sources: tuple[Source, ...]
    own: tuple[tuple[tuple[Kind, Path], ...], ...]
    journal: Path | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """Does tasks, in this process or another."""

    analyzer: Analyzer
    header: Header
    settings: VideoSettings
    hide: Anonymization | None
    resume: bool

    def __call__(self, task: Task) -> Generator[Result]:
        """The results of a task, without images; its own outputs are written."""
        if task.sources[0].is_video:
            yield from self._video(task)
        else:
            finish = lambda place, result: self._finish(task.own[place], result)  # noqa: E731
            yield from analyze_pictures(task.sources, self.analyzer, batch=len(task.sources), finish=finish)

    def _finish(self, own: Sequence[tuple[Kind, Path]], result: FrameResult) -> FrameResult:
        """Write a picture's own outputs; what cannot be written is an error of this picture alone."""
        if not own or result.image is None:
            return result
        hidden = result
        if self.hide:
            hidden = replace(result, image=anonymize(result.image, result.faces, how=self.hide))
        try:
            with opened(own, self.header) as sinks:
                for sink in sinks:
                    sink.write(hidden)
        except (MienError, OSError) as error:
            return replace(result, error=f"its drawing could not be written: {reason(error)}")
        return replace(result, drawing=_drawing(own))

    def _video(self, task: Task) -> Generator[Result]:
        (source,), (own,) = task.sources, task.own
        drawing = _drawing(own)
        with opened(own, self.header) as sinks:
            results = analyze_video(
                source,
                self.analyzer,
                self.settings,
                sinks=sinks,
                hide=self.hide,
                journal=task.journal,
                resume=self.resume,
            )
            with closing(results):
                for result in results:
                    yield replace(result, drawing=drawing) if isinstance(result, FrameResult) else result


def analyze(
    words: Sequence[str | Path] | Found,
    analyzer: Analyzer,
    outputs: Mapping[str, str | Path] | None = None,
    *,
    settings: VideoSettings | None = None,
    anonymize: Anonymization | None = None,
    batch: int = PICTURES_A_TASK,
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
        words: Files, folders, patterns and URLs; or what `find_sources` found.
        analyzer: Finds and reads the faces.
        outputs: Files or folders by the names of `mien.jobs.outputs.KINDS`.
        settings: How videos are read and smoothed.
        anonymize: "blur" or "pixelate" every face in whatever is drawn; None leaves them.
        batch: Pictures whose faces go through the network together.
        jobs: Processes that work side by side, each on pictures or a video of its own.
        resume: Whether to go on with an interrupted job on the same sources and outputs.
        watch: Is given every result, in the order of the sources, without its image.

    Returns:
        What was done.

    Raises:
        OutputRefused: An output cannot be written as asked; nothing was done.
        InvalidInput: A setting is wrong, or another process writes the same outputs.
        MissingExtra: An output needs an optional dependency that is not installed.
        OSError: A table cannot be written, as on a full disk; `resume` goes on.
    """
    settings = settings or VideoSettings()
    if anonymize:
        settings = replace(settings, every_frame=True)
    found = words if isinstance(words, Found) else find_sources(words)
    header = header_of(analyzer, settings)
    plan = plan_outputs({name: Path(path) for name, path in (outputs or {}).items()}, found.sources, header)
    worker = Worker(analyzer, header, settings, anonymize, resume)
    summary = Summary(num_sources=len(found.sources))
    with ExitStack() as stack:
        tables = stack.enter_context(opened(plan.tables, header))
        has_videos = any(source.is_video for source in found.sources)
        journals = _journals(stack, plan, jobs) if has_videos else None
        tasks = list(_tasks(found.sources, plan, batch, journals))
        results = stack.enter_context(closing(_results(tasks, worker, jobs, journals)))
        for result in results:
            summary.add(result)
            for table in tables:
                table.write(result)
            if watch:
                watch(result)
    return summary


def _drawing(own: Sequence[tuple[Kind, Path]]) -> str | None:
    return next((str(path) for kind, path in own if kind.name == "annotate"), None)


def _journals(stack: ExitStack, plan: Outputs, jobs: int) -> JournalFolder | None:
    """Where videos keep their journals: beside the first output, or nowhere that outlives the job."""
    if plan.files:
        first = plan.tables[0][1] if plan.tables and plan.tables[0][1] in plan.files else plan.files[0]
        return stack.enter_context(journal_folder(first))
    if jobs > 1:
        return JournalFolder(Path(stack.enter_context(TemporaryDirectory())), keep=True)
    return None


def _tasks(sources: Sequence[Source], plan: Outputs, batch: int, journals: JournalFolder | None) -> Iterator[Task]:
    """Each video by itself, and pictures that follow each other together."""
    pictures: list[int] = []

    def together() -> Iterator[Task]:
        if pictures:
            yield Task(tuple(sources[each] for each in pictures), tuple(plan.own[each] for each in pictures))
            pictures.clear()

    for number, source in enumerate(sources):
        if source.is_video:
            yield from together()
            journal = journals.path / f"{number:06d}.jsonl" if journals else None
            yield Task((source,), (plan.own[number],), journal)
        else:
            pictures.append(number)
            if len(pictures) >= batch:
                yield from together()
    yield from together()


def _results(tasks: Sequence[Task], worker: Worker, jobs: int, journals: JournalFolder | None) -> Generator[Result]:
    """The results of all tasks in their order; a task whose own outputs cannot be written fails alone."""
    done = (
        _in_processes(tasks, worker, jobs) if jobs > 1 and len(tasks) > 1 else ((task, worker(task)) for task in tasks)
    )
    with closing(done):
        for task, results in done:
            try:
                yield from results
            except OSError as error:
                if journals:
                    journals.keep = True
                yield Failure(task.sources[0].name, reason(error))


def _in_processes(tasks: Sequence[Task], worker: Worker, jobs: int) -> Generator[tuple[Task, Iterator[Result]]]:
    """Tasks done by several processes, and given in their order; a few are under way at a time."""
    # Imported here, as most jobs need neither, and they take as long as a picture.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Not fork: threads of onnxruntime and OpenCV do not survive it.
    context = multiprocessing.get_context("spawn")
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_process, initargs=(worker,))
    waiting: deque[tuple[Task, Future[list[Result] | None]]] = deque()
    rest = iter(tasks)
    try:
        while True:
            while len(waiting) < 2 * jobs and (task := next(rest, None)):
                waiting.append((task, pool.submit(_do, task)))
            if not waiting:
                break
            task, future = waiting.popleft()
            yield task, _collected(task, future)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:  # a pool would wait for an hour's video
            process.terminate()


_worker: Worker | None = None
"""The worker of this process, where it is one of several."""


def _begin_process(worker: Worker) -> None:
    global _worker  # noqa: PLW0603 - a process pool gives its processes no other place for what they keep
    _worker = worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first ends the others
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that unfinished files are removed


def _do(task: Task) -> list[Result] | None:
    """In another process: do a task. A video's results go through its journal, as there may be very many."""
    assert _worker is not None
    if task.journal is None:
        return list(_worker(task))
    failures: list[Result] = [result for result in _worker(task) if isinstance(result, Failure)]
    return failures


def _collected(task: Task, future: "Future[list[Result] | None]") -> Iterator[Result]:
    from concurrent.futures.process import BrokenProcessPool

    try:
        results = future.result() or []
    except BrokenProcessPool:
        for source in task.sources:
            yield Failure(source.name, "the process that analysed it died, as by a lack of memory; try fewer --jobs")
        return
    if task.journal:
        drawing = _drawing(task.own[0])
        with contextlib.suppress(FileNotFoundError):  # a video that could not be opened has none
            for result in Journal(task.journal).results():
                yield replace(result, drawing=drawing)
    yield from results


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
