"""A whole job: pictures and videos, from their sources to every output, in one process or several."""

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mien.analyzer import Analyzer
from mien.drawing import Anonymization
from mien.drift import Comparison, Drift
from mien.errors import InvalidInput
from mien.files import remove_abandoned
from mien.jobs.drawings import explanation_files
from mien.jobs.hiding import Hiding
from mien.jobs.journal import Journal, journal_folder
from mien.jobs.outputs import Outputs, header_of, opened, plan_outputs
from mien.jobs.pictures import DISK_FULL, analyze_picture, fault_of, read_picture
from mien.jobs.processes import Processes, completed, do, pickled
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
        labels: How often each expression led; and how often none did so clearly, as "unclear".
        failures: What failed, in the order of the sources; damage in the middle of a video is one of several in it.
        drift: How the faces differ from those that the model was measured on; None where its file has no profile.
    """

    num_sources: int = 0
    num_frames: int = 0
    num_faces: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    drift: Drift | None = None

    @property
    def num_failed(self) -> int:
        """Sources of which at least a part failed."""
        return len({failure.source for failure in self.failures})

    def add(self, result: Result) -> None:
        """Count one more result."""
        if isinstance(result, Failure):
            self.failures.append(result)
            return
        self.num_frames += 1
        self.num_faces += len(result.faces)
        self.labels.update(face.shown for face in result.faces)
        if result.error:
            self.failures.append(Failure(result.source, result.error))


@dataclass(frozen=True, slots=True)
class Task:
    """One source, the outputs that it has a file of its own of, a video's journal; and whether its process died."""

    source: Source
    own: tuple[tuple[Kind, Path], ...]
    journal: Path | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Worker:
    """Does tasks, in this process or another."""

    analyzer: Analyzer
    header: Header
    settings: VideoSettings
    hide: Hiding | None
    resume: bool
    portraits: bool = False  # whether a table shows the faces of pictures

    def results(self, task: Task, image: Image | Failure | None = None) -> Generator[Result]:
        """The results of a task, without images; its own outputs are written. `image` is as for `analyze_picture`."""
        try:
            with opened(task.own, self.header) as sinks:
                if not task.source.is_video:
                    result = analyze_picture(
                        task.source, self.analyzer,
                        image=image, sinks=sinks, hide=self.hide, portraits=self.portraits,
                    )  # fmt: skip
                    yield _drawn(result, task)
                    return
                results = analyze_video(
                    task.source, self.analyzer, self.settings,
                    sinks=sinks, hide=self.hide, journal=task.journal, resume=self.resume or task.again,
                )  # fmt: skip
                with closing(results):
                    for result in results:
                        yield _drawn(result, task)
        except Exception as error:  # to open or end a drawing, memory may be lacking, or a library fail
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                error.filename = error.filename or str(task.journal)
                raise  # no other source would fare better, and the journal can be resumed
            yield Failure(task.source.name, fault_of(error))

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
    panels: bool = True,
    strip: bool = True,
    evidence: bool = False,
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
        anonymize: "blur" or "pixelate" whatever may be a face in all that is drawn; None leaves them.
        panels: Whether drawn faces have panels; otherwise all have the compact form.
        strip: Whether drawn videos have a timeline beneath them.
        evidence: Whether drawn faces show what speaks for their label; needs `Analyzer(explain=True)`.
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
    if not isinstance(analyzer, Analyzer):
        raise InvalidInput(f"analyze takes a mien.Analyzer; got {analyzer!r:.80}")
    settings = settings or VideoSettings()
    if not isinstance(settings, VideoSettings):
        raise InvalidInput(f"settings are mien.VideoSettings(…); got {settings!r:.80}")
    hide = None if anonymize is None else Hiding(anonymize)
    words = [sources] if isinstance(sources, str | Path) else sources
    found = words if isinstance(words, Found) else find_sources(words)
    if settings.merge and sum(source.is_video for source in found.sources) > 1:
        raise InvalidInput("merge is for one video at a time, as every video has its own person 1; name one video")
    if evidence and not analyzer.explain:
        raise InvalidInput("evidence needs faces with explanations: mien.Analyzer(explain=True)")
    if outputs is not None and not isinstance(outputs, Mapping):
        raise InvalidInput(f'outputs are files by their kinds, as {{"csv": "faces.csv"}}; got {outputs!r:.80}')
    header = header_of(analyzer, settings, hide=hide, panels=panels, strip=strip, evidence=evidence)
    plan = plan_outputs({name: Path(path) for name, path in (outputs or {}).items() if path}, found.sources, header)
    if resume and not plan.files:
        raise InvalidInput("resume goes on with the files of an interrupted job; name its outputs")
    portraits = any(kind.portraits for kind, _ in plan.tables)
    worker = Worker(analyzer, header, settings, hide, resume, portraits)
    checked_number("jobs", jobs, kind="a whole number")
    piped = any(source.name == STANDARD_INPUT for source in found.sources)  # which other processes do not have
    num_processes = 1 if piped else min(jobs or cores(), len(found.sources))
    summary = Summary(num_sources=len(found.sources))
    comparison = Comparison(header.reference) if header.reference else None
    with ExitStack() as stack:
        # The journals first, so that they end last: a table that cannot be finished is written again from them.
        remove_abandoned(plan.files)
        journals = _journals(stack, found.sources, plan, num_processes, resume=resume)
        tables = stack.enter_context(opened(plan.tables, replace(header, pages=_pages(found.sources, plan))))
        tasks = _tasks(found.sources, plan, journals)
        for result in stack.enter_context(closing(_results(tasks, worker, num_processes))):
            summary.add(result)
            if comparison:
                comparison.add(result)
            for table in tables:
                table.write(result)
            if watch:
                watch(result)
    if comparison:
        summary.drift = comparison.conclude()
    return summary


def _drawn(result: Result, task: Task) -> Result:
    """The result with the name of its drawing, if it was drawn: of a video's frames, an error is of those before."""
    if isinstance(result, Failure) or (result.error and not task.source.is_video):
        return result
    own = {kind.name: path for kind, path in task.own}
    sheets = explanation_files(own["explain"], len(result.faces)) if "explain" in own else ()
    return replace(
        result, drawing=str(own["annotate"]) if "annotate" in own else None, explanations=tuple(map(str, sheets))
    )


def _pages(sources: Sequence[Source], plan: Outputs) -> dict[str, Path]:
    pairs = zip(sources, plan.own, strict=True)
    return {source.name: path for source, own in pairs for kind, path in own if kind.name == "report"}


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
    for task, failures in _in_processes(tasks, worker, num_processes):
        if task.journal:
            with suppress(FileNotFoundError):  # a video that could not be opened has none
                found = Journal(task.journal).results()
                for result in worker.settings.finished(found, worker.analyzer.abstention):
                    yield _drawn(result, task)
        yield from failures


def _read(tasks: Iterable[Task]) -> Iterator[tuple[Task, Image | Failure | None]]:
    """Each task with its picture; a video is read while it is analysed."""
    for task in tasks:
        yield task, None if task.source.is_video else read_picture(task.source)


def _in_processes(tasks: Iterable[Task], worker: Worker, num: int) -> Generator[tuple[Task, list[Result]]]:
    """Each task with what was done of it, in their order. One whose process dies is done again once."""
    work, numbered = pickled(worker), enumerate(tasks)
    again: deque[tuple[int, Task]] = deque()
    done: dict[int, tuple[Task, list[Result]]] = {}
    turn = num_begun = 0

    def next_task() -> tuple[int, Task] | None:
        nonlocal num_begun
        if again:
            return again.popleft()
        found = next(numbered, None) if num_begun < turn + _AHEAD * num else None
        num_begun += found is not None
        return found

    with Processes(num, threads=max(1, cores() // num)) as processes:
        for (number, task), future in completed(processes, next_task, lambda each: processes.submit(do, work, each[1])):
            try:
                done[number] = task, future.result()
            except BrokenExecutor:
                if not task.again:
                    again.append((number, replace(task, again=True)))
                    continue
                died = "the process that analysed it died, as by a lack of memory"
                done[number] = task, [Failure(task.source.name, died)]
            while turn in done:
                yield done.pop(turn)
                turn += 1
