"""One shard of a batch, from its inputs to its table and its report; it is there as a whole or not at all."""

import json
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from mien.analyzer import Analyzer
from mien.drift import Comparison
from mien.errors import InvalidInput
from mien.files import replacing, sync_folder
from mien.jobs.batch.attempts import Attempts
from mien.jobs.batch.identity import analysis_of, check_same_analysis, file_sha256
from mien.jobs.batch.inputs import Input
from mien.jobs.batch.manifest import Manifest
from mien.jobs.batch.tally import RETRIED, Outcome, Status, Tally
from mien.jobs.journal import Journal, read_mark
from mien.jobs.outputs import header_of
from mien.jobs.pictures import analyze_picture, fault_of
from mien.jobs.settings import VideoSettings
from mien.jobs.sources import why_passed_over
from mien.jobs.videos import analyze_video
from mien.records.parquet import ParquetSink
from mien.records.rows import Cell, rows
from mien.records.sink import Header
from mien.values import Failure, FrameResult

FORMAT: Final = "mien-batch"

MORE: Final = ("status", "sha256", "input")
"""The columns that the tables of a batch have beside those of every table."""

DIED: Final = "the process that analysed it died, again and again, as by a lack of memory or a fault of a decoder"

CHANGED: Final = "the file was changed while it was analysed"


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything of a batch lies. Readers of folders of tables pass over what begins with an underscore."""

    folder: Path

    @property
    def records(self) -> Path:
        return self.folder / "_batch"

    @property
    def plan(self) -> Path:
        """What the batch is; once it is there, the batch is frozen."""
        return self.records / "batch.json"

    @property
    def manifest(self) -> Path:
        return self.records / "inputs.jsonl"

    @property
    def summary(self) -> Path:
        return self.records / "summary.json"

    @property
    def under_way(self) -> Path:
        """The folder with what is done of unfinished shards."""
        return self.records / "under-way"

    def table(self, shard: int) -> Path:
        return self.folder / f"{_name(shard)}.parquet"

    def report(self, shard: int) -> Path:
        return self.records / "shards" / f"{_name(shard)}.json"


def _name(shard: int) -> str:
    return f"shard-{shard:07d}"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a shard.

    Attributes:
        shard: Its number.
        tally: The counts.
        drift: What a comparison with the model's profile has counted; None where the model has none.
        seconds: How long the process took that finished it.
        host: The machine that finished it.
        table: The bytes and SHA-256 of its table.
    """

    shard: int
    tally: Tally
    drift: dict[str, Any] | None
    seconds: float
    host: str
    table: dict[str, Any]

    def write(self, path: Path, identity: str, before: "Report | None" = None) -> None:
        """Write it as JSON, with the report of the table that this one's table is about to replace.

        A table and its report cannot be replaced in one step. So the report comes first, and holds both: whichever
        table a process leaves that dies in between has its report.
        """
        earlier = before.to_record(identity) if before else None
        with replacing(path) as partial:
            partial.write_text(json.dumps({**self.to_record(identity), "before": earlier}) + "\n", encoding="utf-8")
        sync_folder(path.parent)

    def to_record(self, identity: str) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "format": FORMAT, "identity": identity, "shard": self.shard, **self.tally.to_dict(), "table": self.table,
            "seconds": round(self.seconds, 3), "host": self.host, "drift": self.drift,
        }  # fmt: skip

    @classmethod
    def read(cls, places: Places, shard: int, identity: str) -> "Report | None":
        """The report of a shard that is done: its table is there, whole, and of this batch; None of any other."""
        with suppress(AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError):
            record = json.loads(places.report(shard).read_text(encoding="utf-8"))
            expected = identity, shard, _content(places.table(shard))
            for each in filter(None, (record, record["before"])):
                if (each["identity"], each["shard"], each["table"]) == expected:
                    drift, seconds, host = each["drift"], each["seconds"], each["host"]
                    return cls(shard, Tally.from_dict(each), drift, seconds, host, each["table"])
        return None


def _content(table: Path) -> dict[str, Any]:
    return {"bytes": table.stat().st_size, "sha256": file_sha256(table)}


@dataclass(frozen=True, slots=True)
class Task:
    """A shard to do; with `retry`, only those of its inputs that failed before."""

    shard: int
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Worker:
    """Does shards of one batch, in any process on any machine that sees its folder and its inputs.

    Attributes:
        analyzer: Finds and reads faces.
        settings: How videos are read.
        places: Where everything is.
        manifest: The inputs.
        identity: What tells this batch from others.
        analysis: What the batch was begun with.
        session: This run of the batch.
    """

    analyzer: Analyzer
    settings: VideoSettings
    places: Places
    manifest: Manifest
    identity: str
    analysis: dict[str, Any]
    session: str

    def __call__(self, task: Task) -> Report:
        """Do a shard, or what is left of it, and have its table and its report on the disk.

        One process at a time does: another one may be at it still, of a run that was killed, or on a machine that its
        cluster has lost sight of. It is waited for, and what it has done is not done again.

        Raises:
            InvalidInput: This machine sees another folder, or has another model or version.
            OSError: The shard cannot be written, as on a full disk.
        """
        from filelock import FileLock  # takes as long to import as a picture to analyse

        self._check()
        lock = self.places.under_way / f"{_name(task.shard)}.lock"
        with FileLock(lock):
            before = Report.read(self.places, task.shard, self.identity)
            report = before if before and not task.retry else self._do(task, before)
            with suppress(OSError):  # Windows removes it itself
                lock.unlink()
        return report

    def _do(self, task: Task, before: Report | None) -> Report:
        begun = time.monotonic()
        earlier = self._earlier(before) if before else _Earlier({}, Tally(), None)
        header = header_of(self.analyzer, self.settings)
        comparison = Comparison(header.reference) if header.reference else None
        if comparison and earlier.drift:
            comparison.add_counts(earlier.drift)
        # A retry would find the failures of one before it that was interrupted, and try nothing.
        name = f"{_name(task.shard)}-{self.session}" if task.retry else _name(task.shard)
        with Attempts(self.places.under_way / f"{name}.jsonl", self.session) as attempts:
            found = self._rows(task.shard, header, earlier, comparison, attempts)
            with self._table(task.shard, header, found) as table:
                drift = comparison.counts() if comparison else None
                seconds, host = time.monotonic() - begun, socket.gethostname()
                report = Report(task.shard, earlier.tally, drift, seconds, host, table)
                report.write(self.places.report(task.shard), self.identity, before)
        for suffix in (".jsonl", ".frames.jsonl", ".frames.mark"):
            (self.places.under_way / f"{name}{suffix}").unlink(missing_ok=True)
        return report

    def _rows(
        self, shard: int, header: Header, earlier: "_Earlier", comparison: Comparison | None, attempts: Attempts
    ) -> Iterator[list[tuple[Cell, ...]]]:
        """The rows of each picture or frame of a shard; they are counted."""
        tally = earlier.tally
        for each in self.manifest.shard(shard):
            if each.number in earlier.rows:
                tally.num_rows += len(earlier.rows[each.number])
                yield earlier.rows[each.number]
                continue
            for outcome in tally.add_input(self.outcomes(each, attempts)):
                if comparison:
                    comparison.add(outcome.result)
                found = cells(header, outcome)
                tally.num_rows += len(found)
                yield found

    def outcomes(self, each: Input, attempts: Attempts | None = None) -> Generator[Outcome]:
        """What became of a picture, or of each frame of a video; whatever is wrong with one, it does not raise.

        With `attempts`, what was done before is not done again, and what ends one process after the other is given up.
        """
        if each.source.is_video and not each.source.error:
            yield from self._of_video(each, attempts)
            return
        if attempts is None:
            yield self._of_picture(each)
            return
        outcome = attempts.outcomes.get(each.number)
        if outcome is None:
            if attempts.fatal(each.number):
                outcome = Outcome(each.number, Failure(each.source.name, DIED), "crashed", sha256_of(each))
            else:
                attempts.begin(each.number)
                outcome = self._of_picture(each)
            attempts.end(outcome)
        yield outcome

    def _of_picture(self, each: Input) -> Outcome:
        before, sha256 = _state(each), sha256_of(each)
        result: FrameResult | Failure
        try:
            if why := why_passed_over(each.source):
                return Outcome(each.number, Failure(each.source.name, why), "skipped", sha256)
            result = analyze_picture(each.source, self.analyzer)
        except Exception as error:  # noqa: BLE001 - a decoder may raise anything
            result = Failure(each.source.name, fault_of(error))
        if _state(each) != before:
            result = Failure(each.source.name, CHANGED)
        return Outcome(each.number, result, _status(result), sha256)

    def _of_video(self, each: Input, attempts: Attempts | None) -> Iterator[Outcome]:
        before, sha256 = _state(each), sha256_of(each)
        settings = replace(self.settings, **each.settings_of_part)
        journal = attempts.path.with_suffix(".frames.jsonl") if attempts else None
        mark = read_mark(journal.with_suffix(".mark")) if journal else None
        at = mark[0]["index"] if mark else -1
        if attempts and journal and attempts.fatal(each.number, at):
            kept = settings.finished(_whole(journal), self.analyzer.abstention)
            for result in kept:
                yield Outcome(each.number, result, _status(result), sha256)
            yield Outcome(each.number, Failure(each.source.name, DIED), "crashed", sha256)
            return
        if attempts:
            attempts.begin(each.number, at)
        if why := why_passed_over(each.source):
            yield Outcome(each.number, Failure(each.source.name, why), "skipped", sha256)
            return
        with closing(analyze_video(each.source, self.analyzer, settings, journal=journal, resume=True)) as results:
            for result in results:
                yield Outcome(each.number, result, _status(result), sha256)
        if _state(each) != before:
            yield Outcome(each.number, Failure(each.source.name, CHANGED), "failed", sha256)

    @contextmanager
    def _table(self, shard: int, header: Header, found: Iterable[list[tuple[Cell, ...]]]) -> Iterator[dict[str, Any]]:
        """Write a table beside its place, say what its report says of it, and put it there when the block ends."""
        path = self.places.table(shard)
        metadata = {FORMAT: json.dumps({"identity": self.identity, "shard": shard})}
        with replacing(path) as partial:
            with partial.open("wb") as stream, ParquetSink(stream, header, more=MORE, about=metadata) as sink:
                for each in found:
                    sink.add(each)
            yield _content(partial)
        sync_folder(path.parent)

    def _earlier(self, before: Report) -> "_Earlier":
        """What a shard has of the inputs that did not fail."""
        kept: dict[int, list[tuple[Cell, ...]]] = defaultdict(list)
        failed = set()
        for record in read_rows(self.places.table(before.shard)):
            kept[record["input"]].append(tuple(record.values()))
            if record["status"] in RETRIED:
                failed.add(record["input"])
        # A video is the only input of its shard, and is done anew with all of its frames.
        if any(each.source.is_video and each.number in failed for each in self.manifest.shard(before.shard)):
            return _Earlier({}, Tally(), None)
        good = Counter({status: num for status, num in before.tally.statuses.items() if status not in RETRIED})
        tally = replace(
            before.tally, statuses=good, labels=before.tally.labels.copy(), failures=[], num_rows=0,
            num_inputs=before.tally.num_inputs - len(failed),
        )  # fmt: skip
        return _Earlier({number: each for number, each in kept.items() if number not in failed}, tally, before.drift)

    def _check(self) -> None:
        try:
            plan = json.loads(self.places.plan.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            plan = {}
        host = socket.gethostname()
        if plan.get("identity") != self.identity:
            raise InvalidInput(
                f"{host} does not see the batch in {self.places.folder}; all machines need the folder and the inputs "
                "under the same names"
            )
        check_same_analysis(self.analysis, analysis_of(self.analyzer, self.settings), where=f"on {host}")


@dataclass(slots=True)
class _Earlier:
    """What an earlier run has left of a shard: rows by input, and their counts."""

    rows: dict[int, list[tuple[Cell, ...]]]
    tally: Tally
    drift: dict[str, Any] | None


def read_rows(table: Path | BinaryIO) -> Iterator[dict[str, Any]]:
    """The rows of a shard's table, in their order."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(table) as file:
        for batch in file.iter_batches():
            yield from batch.to_pylist()


def cells(header: Header, outcome: Outcome) -> list[tuple[Cell, ...]]:
    """The rows of one picture or frame: those of every table, and `MORE`."""
    more = (outcome.status, outcome.sha256, outcome.input)
    return [row + more for row in rows(header, outcome.result)]


def _status(result: FrameResult | Failure) -> Status:
    if isinstance(result, Failure):
        return "failed"
    return "damaged" if result.error else "ok"


def _state(each: Input) -> tuple[int, ...] | None:
    """What tells a file from the same one after it was changed or replaced; None where there is none."""
    with suppress(OSError, ValueError):
        if each.source.path is not None:
            found = each.source.path.stat()
            return found.st_ino, found.st_size, found.st_mtime_ns
    return None


def sha256_of(each: Input) -> str | None:
    """Of an input's content; None where it cannot be read, and of what would never end."""
    path = each.source.path
    with suppress(OSError):
        if path is not None and path.is_file():
            return file_sha256(path)
    return None


def _whole(journal: Path) -> Iterator[FrameResult]:
    """The results in a journal up to a line that was cut off."""
    with suppress(InvalidInput, FileNotFoundError):
        yield from Journal(journal).results()
