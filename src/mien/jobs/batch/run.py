"""A whole batch: freeze its inputs, do what is left of them, wherever, and say what became of them."""

import json
import os
import secrets
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from mien.analyzer import Analyzer
from mien.drift import Comparison, Drift
from mien.errors import InvalidInput, MissingExtra
from mien.files import remove_abandoned_in, replacing, sync_folder
from mien.jobs.batch.attempts import TRIES
from mien.jobs.batch.identity import analysis_of, check_same_analysis, identity_of
from mien.jobs.batch.inputs import check_words
from mien.jobs.batch.manifest import Manifest, check_same, freeze
from mien.jobs.batch.shards import FORMAT, MORE, Places, Report, Task, Worker
from mien.jobs.batch.tally import Tally
from mien.jobs.outputs import header_of
from mien.jobs.processes import Executor, Processes, completed, do, pickled
from mien.jobs.settings import VideoSettings
from mien.recognition import shipped_models
from mien.records.rows import check_columns, columns
from mien.values import Failure, checked_number
from mien.video.decoder import cores

VERSION: Final = 2

_IDLE_DEATHS: Final = TRIES + 2
"""Processes that may die at one shard without anything being done of it, until the batch ends with an error."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is.

    Attributes:
        num_inputs: All inputs.
        num_before: Inputs that an earlier run had done.
        num_done: Inputs that are done, with those.
        num_failed: How many of these failed.
    """

    num_inputs: int
    num_before: int
    num_done: int
    num_failed: int


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What became of a batch.

        >>> summary = batch(["party.jpg", "talk.mp4"], "faces", jobs=1)
        >>> summary.num_inputs, summary.num_failed, summary.num_faces
        (2, 0, 26)

    Attributes:
        folder: The folder with the tables.
        num_inputs: Pictures, and videos or parts of them.
        num_shards: Tables.
        num_frames: Pictures and frames that were analysed.
        num_faces: Faces in them; a person counts once a frame.
        num_rows: Rows of the tables.
        statuses: How many inputs became what, as `mien.jobs.batch.tally.Status` describes.
        labels: How often each expression led; and how often none did so clearly, as "unclear".
        failures: The first ten inputs that failed; the tables have all.
        num_failed: Inputs of which at least a part failed.
        num_done: Inputs that this run did; an earlier one did the others.
        num_twice: Inputs that were named twice, and are analysed once.
        seconds: How long this run took.
        drift: How the faces differ from those that the model was measured on; None where its file has no profile.
    """

    folder: Path
    num_inputs: int
    num_shards: int
    num_frames: int
    num_faces: int
    num_rows: int
    statuses: Mapping[str, int] = field(hash=False)
    labels: Mapping[str, int] = field(hash=False)
    failures: tuple[Failure, ...]
    num_failed: int
    num_done: int
    num_twice: int
    seconds: float
    drift: Drift | None


def batch(
    sources: str | Path | Sequence[str | Path],
    folder: str | Path,
    analyzer: Analyzer | None = None,
    *,
    settings: VideoSettings | None = None,
    column: str | None = None,
    shard: int | None = None,
    part: float | None = None,
    jobs: int = 0,
    executor: Executor | None = None,
    retry: Literal["failed"] | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> BatchSummary:
    """Analyse very many pictures and videos into a folder of Parquet tables, each input exactly once.

        >>> summary = batch("party.jpg", "tables", Analyzer("mini-xception"), jobs=1)
        >>> summary.statuses
        {'ok': 1}

    The same call goes on with a batch that was interrupted, however it was. docs/batch.md says what is guaranteed. A
    script needs `if __name__ == "__main__":` around the call, as other processes import it.

    Args:
        sources: Folders, files, patterns, URLs, and lists of them (.txt, .csv, .parquet). An empty sequence goes on
            with the list of inputs that the batch was begun with.
        folder: Where the tables go; new, empty, or that of the same batch.
        analyzer: Finds and reads the faces; None for the defaults.
        settings: How videos are read and smoothed.
        column: The column of lists that are tables, if they have several.
        shard: Pictures in a table; None for 1,000, or fewer of few.
        part: Seconds of a video in a table, each part analysed by itself; None for the whole video.
        jobs: Processes on this machine; 0 for one a core.
        executor: Does the work in place of processes on this machine, as `mien.jobs.batch.cluster.Cluster` does.
        retry: "failed" does the inputs again that failed in an earlier run.
        watch: Is called when the list is frozen, and whenever a table is done.

    Raises:
        InvalidInput: The folder is another batch's, or that of the same one with other inputs, another model or other
            settings; or another process is working on it. A source names nothing; a line of a list may, and fails.
        MissingExtra: pyarrow is not installed.
        OSError: A table cannot be written, as on a full disk. What is done is kept.
    """
    begun = time.monotonic()
    analyzer, settings = _anywhere(analyzer or Analyzer()), settings or VideoSettings()
    _check(analyzer, settings, jobs, shard, part)
    words = [sources] if isinstance(sources, str | Path) else list(sources)
    places = Places(Path(os.path.abspath(folder)))
    with _locked(places):
        plan, num_twice = _frozen(places, words, analyzer, settings, column=column, size=shard, part=part)
        worker = Worker(
            analyzer, settings, places, plan.manifest, plan.identity, plan.analysis, session=secrets.token_hex(6)
        )
        totals = _Totals(worker, watch)
        with ExitStack() as stack:
            # Its tasks are never so many that it is worth starting more processes than there are tables.
            executor = executor or stack.enter_context(
                Processes(min(jobs or cores(), plan.manifest.num_shards), patience=0)
            )
            for report in _done(worker, executor, totals.left(retry)):
                totals.add(report)
        summary = totals.summary(num_twice, time.monotonic() - begun)
        _write_summary(places, plan, summary)
        for leftover in places.under_way.iterdir():
            leftover.unlink(missing_ok=True)  # a worker of an earlier run may have been first
    return summary


def _check(
    analyzer: Analyzer, settings: VideoSettings, jobs: int, shard: int | None, part: float | None
) -> None:  # fmt: skip
    """Raise where a batch cannot be made so, whatever its inputs."""
    if not find_spec("pyarrow"):
        raise MissingExtra("A batch", "parquet")
    checked_number("jobs", jobs, kind="a whole number")
    if shard is not None:
        checked_number("shard", shard, least=1, kind="a whole number")
    if part is not None:
        checked_number("part", part, above=True)
    if settings.merge:
        raise InvalidInput("merge is for one video at a time, as every video has its own person 1; use mien analyze")
    if analyzer.explain:
        raise InvalidInput("a batch draws nothing, so that explanations would be lost; leave out explain")
    header = header_of(analyzer, settings)
    check_columns((*columns(header), *MORE), header)


class _Totals:
    """The counts of all shards, of earlier runs and of this one."""

    def __init__(self, worker: Worker, watch: Callable[[Progress], None] | None) -> None:
        reference = header_of(worker.analyzer).reference
        self._worker, self._watch = worker, watch
        self._tally = Tally()
        self._comparison = Comparison(reference) if reference else None
        self._num_before = 0

    def left(self, retry: str | None) -> Iterator[Task]:
        """The shards that are still to be done; the counts of the others are added."""
        worker = self._worker
        self._show()
        for number in range(worker.manifest.num_shards):
            report = Report.read(worker.places, number, worker.identity)
            if report is None:
                yield Task(number)
            elif retry and report.tally.num_failed:
                self._num_before += report.tally.num_inputs - report.tally.num_failed
                yield Task(number, retry=True)
            else:
                self._num_before += report.tally.num_inputs
                self.add(report)

    def add(self, report: Report) -> None:
        """Add the counts of one shard."""
        self._tally.add(report.tally)
        if self._comparison and report.drift:
            self._comparison.add_counts(report.drift)
        self._show()

    def _show(self) -> None:
        if self._watch:
            self._watch(
                Progress(
                    self._worker.manifest.num_inputs, self._num_before, self._tally.num_inputs, self._tally.num_failed
                )
            )

    def summary(self, num_twice: int, seconds: float) -> BatchSummary:
        tally, manifest = self._tally, self._worker.manifest
        return BatchSummary(
            self._worker.places.folder, tally.num_inputs, manifest.num_shards, tally.num_frames, tally.num_faces,
            tally.num_rows, dict(tally.statuses), dict(tally.labels), tuple(tally.failures), tally.num_failed,
            tally.num_inputs - self._num_before, num_twice, seconds,
            self._comparison.conclude() if self._comparison else None,
        )  # fmt: skip


def _done(worker: Worker, executor: Executor, tasks: Iterator[Task]) -> Iterator[Report]:
    """The reports of all tasks. One whose process dies is done again: what it has done is kept, and the worker itself
    gives an input up that ends one process after the other."""
    work = pickled(worker)
    again: deque[Task] = deque()
    deaths: Counter[tuple[int, int]] = Counter()

    def submit(task: Task) -> "Future[Any]":
        return executor.submit(do, work, task)

    for task, future in completed(executor, lambda: again.popleft() if again else next(tasks, None), submit):
        try:
            yield future.result()
        except BrokenExecutor as error:
            # Grows with everything that is begun and done.
            size = sum(path.stat().st_size for path in worker.places.under_way.glob(f"*{task.shard:07d}*"))
            deaths[task.shard, size] += 1
            if deaths[task.shard, size] >= _IDLE_DEATHS:
                raise InvalidInput(
                    f"{_IDLE_DEATHS} processes in a row died before they began anything of shard {task.shard} "
                    f"({error}); what is done is kept, and the same command goes on. Is there enough memory?"
                ) from error
            again.append(task)


@dataclass(frozen=True, slots=True)
class Plan:
    """A frozen batch."""

    manifest: Manifest
    analysis: dict[str, Any]
    identity: str
    arguments: list[Any] | None


def read_plan(places: Places) -> Plan | None:
    """The plan of a batch; None where there is none yet.

    Raises:
        InvalidInput: It is damaged, or of another version.
    """
    try:
        record = json.loads(places.plan.read_text(encoding="utf-8"))
        if record["format"] != FORMAT or record["version"] != VERSION:
            raise InvalidInput(f"{places.plan} is of another version of mien; name another --out")
        inputs, arguments = record["inputs"], record["arguments"]
        numbers = inputs["num"], inputs["shards"], inputs["size"]
        texts = [inputs["folder"], inputs["sha256"], record["identity"]]
        tables = [record["analysis"], record["analysis"]["settings"]]
        if arguments is not None:
            model, detector, options, _ = arguments
            texts, tables = [*texts, model, detector], [*tables, options]
        for kind, values in ((int, numbers), (str, texts), (dict, tables)):
            if not all(type(value) is kind for value in values):
                raise ValueError(f"expected {kind.__name__} in place of one of {values!r:.500}")
        part = None if inputs["part"] is None else float(inputs["part"])
        manifest = Manifest(places.manifest, texts[0], *numbers, part, texts[1])
        return Plan(manifest, record["analysis"], record["identity"], arguments)
    except FileNotFoundError:
        return None
    except InvalidInput:
        raise
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise InvalidInput(f"{places.plan} is damaged: {error}; name another --out") from error


def _frozen(
    places: Places, words: Sequence[str | Path], analyzer: Analyzer, settings: VideoSettings, *,
    column: str | None, size: int | None, part: float | None,
) -> tuple[Plan, int]:  # fmt: skip
    """The plan of this batch, frozen now or by an earlier run, and how many inputs were named twice."""
    analysis = analysis_of(analyzer, settings)
    plan, num_twice = read_plan(places), 0
    if plan:
        check_same_analysis(plan.analysis, analysis)
        plan.manifest.check_cut(size, part)
        plan.manifest.check()
        if not words and column:
            raise InvalidInput("--column is for lists of inputs, and the batch goes on with its own; leave it out")
        if words:
            at = places.records / "inputs-now.jsonl"
            try:
                then = plan.manifest
                now, num_twice = freeze(words, at, column=column, size=then.size, part=then.part, settings=settings)
                check_same(plan.manifest, now)
            finally:
                at.unlink(missing_ok=True)
                at.with_suffix(".npy").unlink(missing_ok=True)
        return plan, num_twice
    if not words:
        raise InvalidInput(f"{places.folder} holds no batch to go on with; name its inputs")
    check_words(words)
    manifest, num_twice = freeze(words, places.manifest, column=column, size=size, part=part, settings=settings)
    identity = identity_of(manifest.digest, analysis)
    record: dict[str, Any] = {
        "format": FORMAT, "version": VERSION, "identity": identity,
        "inputs": {
            "num": manifest.num_inputs, "shards": manifest.num_shards, "size": manifest.size,
            "part": manifest.part, "sha256": manifest.digest, "folder": manifest.folder,
            "named_by": [str(word) for word in words],
        },
        "analysis": analysis, "arguments": _arguments(analyzer, settings),
    }  # fmt: skip
    with replacing(places.plan) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    sync_folder(places.records)
    return Plan(manifest, analysis, identity, record["arguments"]), num_twice


def _anywhere(analyzer: Analyzer) -> Analyzer:
    """The same analyzer, made with the full paths of its files, as a cluster's workers have other working folders."""
    make, arguments = analyzer.__reduce__()
    model, detector, options = arguments

    def full(value: Any) -> Any:
        is_file = isinstance(value, Path) or (isinstance(value, str) and Path(value).is_file())
        return os.path.abspath(value) if is_file else value

    named = analyzer.model in shipped_models()
    found = model if named else full(model), detector, {name: full(value) for name, value in options.items()}
    same: Analyzer = analyzer if found == arguments else make(*found)
    return same


def _arguments(analyzer: Analyzer, settings: VideoSettings) -> list[Any] | None:
    """What makes such an analyzer anew, as JSON has it; None where it is made of objects of one's own."""
    _, (model, detector, options) = analyzer.__reduce__()
    named = isinstance(model, str) and isinstance(detector, str)
    return [model, detector, options, settings.changed()] if named else None


def _write_summary(places: Places, plan: Plan, summary: BatchSummary) -> None:
    record = {
        "format": FORMAT, "identity": plan.identity, "inputs": summary.num_inputs, "shards": summary.num_shards,
        "rows": summary.num_rows, "frames": summary.num_frames, "faces": summary.num_faces,
        "statuses": dict(sorted(summary.statuses.items())), "labels": dict(sorted(summary.labels.items())),
        "last_run": {"inputs": summary.num_done, "seconds": round(summary.seconds, 3)},
        "drift": summary.drift and summary.drift.to_dict(),
    }  # fmt: skip
    with replacing(places.summary) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    sync_folder(places.records)


@contextmanager
def _locked(places: Places) -> Iterator[None]:
    """Keeps other batches out of the folder; the lock ends with this process, however it ends."""
    from filelock import FileLock, Timeout  # takes as long to import as a picture to analyse

    folder = places.folder
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file; name a folder")
    if folder.is_dir() and not places.records.is_dir() and any(folder.iterdir()):
        raise InvalidInput(f"{folder} is not empty and holds no batch; name another folder")
    made = [each for each in (places.records, folder) if not each.is_dir()]
    for each in (places.records / "shards", places.under_way):
        each.mkdir(parents=True, exist_ok=True)
    holder, lock = places.records / "process", FileLock(places.records / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder.read_text(encoding="utf-8") if holder.is_file() else "unknown"
        raise InvalidInput(
            f"{folder} is being written by another mien (process {who}); wait for it, or name another folder"
        ) from None
    with lock:
        lock.release()  # one of two: `with` acquired it once more
        holder.write_text(str(os.getpid()), encoding="utf-8")
        for each in (folder, places.records, places.records / "shards"):
            remove_abandoned_in(each)
        try:
            yield
            holder.unlink()
        finally:
            if made and not places.plan.is_file():  # no list was frozen
                shutil.rmtree(places.records, ignore_errors=True)
                with suppress(OSError):
                    made[-1].rmdir()
