"""Whether the tables of a batch are whole, and belong to its inputs and its model."""

import io
import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from mien.analyzer import Analyzer
from mien.detection import DETECTORS
from mien.errors import InvalidInput, MienError, MissingExtra
from mien.jobs.batch.identity import LIBRARIES, analysis_of, check_same_analysis, identity_of
from mien.jobs.batch.inputs import Input
from mien.jobs.batch.run import Plan, read_plan
from mien.jobs.batch.shards import FORMAT, MORE, Places, Report, Worker, cells, read_rows, sha256_of
from mien.jobs.outputs import header_of
from mien.jobs.settings import VideoSettings
from mien.records.parquet import ParquetSink
from mien.records.sink import Header

FRAMES: Final = 100
"""Frames of a video that are analysed again, from its first."""

CLOSE: Final = 1e-3
"""Numbers that differ by no more are those of another processor, or of other versions of libraries."""

_MOST_FAULTS: Final = 100


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found.

    Attributes:
        num_shards: Tables that were read.
        num_inputs: Inputs that they should hold, each once.
        num_rows: Rows that they hold.
        num_sampled: Inputs of the sample.
        num_crashed: Of those, the ones that were not analysed again, as they ended their process then, and would end
            this one. Only their files were compared.
        num_exact: Of the sample, the ones whose rows are equal to the last bit.
        num_close: Of the sample, the ones whose rows are equal but for numbers that differ by 0.001 at most.
        faults: What is wrong, the first hundred; empty where nothing is.
    """

    num_shards: int
    num_inputs: int
    num_rows: int
    num_sampled: int
    num_crashed: int
    num_exact: int
    num_close: int
    faults: tuple[str, ...]


def verify(
    folder: str | Path,
    analyzer: Analyzer | None = None,
    *,
    detector: str | None = None,
    sample: int = 100,
    seed: int | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> Verified:
    """Check that a batch is whole, and that its tables belong to its inputs and its model.

        >>> _ = batch("party.jpg", "faces", jobs=1)
        >>> verify("faces", sample=20).faults
        ()

    Read are the list of inputs, every report, and every byte of every table: each input is in exactly one table, and no
    table was changed since. A random sample of inputs is then analysed again: they are opened wherever the folder says
    that they are, so verify no folder of somebody whom you do not trust.

    Args:
        folder: The batch's folder.
        analyzer: What the batch was made with; None where it was made of names, files and settings.
        detector: The detector of your own that it was made with, as "package.module:Name". Such a name is code that is
            imported and called, so it is not enough that the folder has it.
        sample: Inputs to analyse again.
        seed: Of the sample; None for another one each time.
        watch: Is called with the number of tables that were read, and of all.

    Raises:
        InvalidInput: There is no batch, its records are damaged, or its analyzer or its detector has to be given.
        MissingExtra: pyarrow is not installed.
    """
    if not find_spec("pyarrow"):
        raise MissingExtra("A batch", "parquet")
    places = Places(Path(folder).absolute())
    plan = read_plan(places)
    if plan is None:
        raise InvalidInput(f"{folder} holds no batch; name the folder that was --out")
    faults: list[str] = []
    analyzer, settings = _made_as(plan, analyzer, detector)
    with _as_fault(faults):
        # Other versions of libraries may differ by rounding, which the comparison of rows says.
        versions = {name: plan.analysis.get(name) for name in LIBRARIES}
        check_same_analysis(plan.analysis, analysis_of(analyzer, settings) | versions)
    if identity_of(plan.manifest.digest, plan.analysis) != plan.identity:
        faults.append(f"{places.plan} has been changed since the batch was begun")
    try:
        plan.manifest.check()
    except InvalidInput as error:
        return Verified(0, 0, 0, 0, 0, 0, 0, (*faults, str(error)))
    worker = Worker(analyzer, settings, places, plan.manifest, plan.identity, plan.analysis, session="")
    num_rows = num_inputs = 0
    for number in range(plan.manifest.num_shards):
        inputs = plan.manifest.shard(number)
        num_inputs += len(inputs)
        num_rows += _check_table(worker, number, inputs, faults)
        if watch:
            watch(number + 1, plan.manifest.num_shards)
    counts = Counter[str]()
    for each, before in () if faults else _sampled(worker, sample, random.Random(seed)):
        counts[_compared(worker, each, before, faults)] += 1
    return Verified(
        plan.manifest.num_shards, num_inputs, num_rows, counts.total(), counts["crashed"], counts["exact"],
        counts["close"], tuple(faults[:_MOST_FAULTS]),
    )  # fmt: skip


class _as_fault(suppress):  # noqa: N801 - a context manager
    """Notes one of mien's errors as a fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(MienError)
        self._faults = faults

    def __exit__(self, *error: Any) -> bool:
        suppressed = super().__exit__(*error)
        if suppressed:
            self._faults.append(str(error[1]))
        return suppressed


def _made_as(plan: Plan, analyzer: Analyzer | None, own: str | None) -> tuple[Analyzer, VideoSettings]:
    """The analyzer and the settings that a batch was made with; `own` is a detector's name that may be imported."""
    recorded = plan.analysis["settings"]
    settings = VideoSettings(**{**recorded, "merge": (), "raw_size": None})
    if analyzer is not None:
        return analyzer, settings
    if plan.arguments is None:
        raise InvalidInput(
            "the batch was made with a model or a detector of your own; give it: verify(folder, analyzer)"
        )
    model, detector, options, _ = plan.arguments
    if detector not in (*DETECTORS, own):
        raise InvalidInput(
            f"the batch was made with the detector {detector}, which is none of mien's, and code is not run because a "
            "folder names it; if it is yours, name it too: --detector, or verify(folder, detector=…)"
        )
    return Analyzer(model, detector, **options), settings


def _check_table(worker: Worker, number: int, inputs: list[Input], faults: list[str]) -> int:
    """The number of a table's rows; whatever is wrong with it becomes a fault."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    path = worker.places.table(number)
    if Report.read(worker.places, number, worker.identity) is None:
        faults.append(
            f"{path.name} is missing, of another batch, or has been changed since it was written; the same command "
            "writes it again"
        )
        return 0
    try:
        with ParquetFile(path) as table:
            origin = json.loads(table.schema_arrow.metadata[FORMAT.encode()])
            found = [key for key, _ in groupby(table.read(columns=["input"]).column(0).to_pylist())]
            num_rows: int = table.metadata.num_rows
    except (ArrowException, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        faults.append(f"{path.name} cannot be read: {error}")
        return 0
    if origin != {"identity": worker.identity, "shard": number}:
        faults.append(f"{path.name} belongs to another batch, or to another place in it")
    if found != [each.number for each in inputs]:
        faults.append(f"{path.name} does not hold each of its {len(inputs):,} inputs once")
    return num_rows


def _sampled(worker: Worker, num: int, generator: random.Random) -> Iterator[tuple[Input, list[dict[str, Any]]]]:
    """Some inputs with their rows, a table at a time; all of equal probability."""
    manifest = worker.manifest
    chosen = set(generator.sample(range(manifest.num_inputs), min(num, manifest.num_inputs)))
    for number in range(manifest.num_shards) if chosen else ():
        inputs = {each.number: each for each in manifest.shard(number) if each.number in chosen}
        if not inputs:
            continue
        rows = defaultdict(list)
        for row in read_rows(worker.places.table(number)):
            if row["input"] in inputs:
                rows[row["input"]].append(row)
        yield from ((inputs[each], rows[each]) for each in sorted(inputs))


def _compared(worker: Worker, each: Input, before: list[dict[str, Any]], faults: list[str]) -> str:
    """What the comparison of one input comes to: exact, close, crashed or other, which is a fault."""
    if before[0]["sha256"] != sha256_of(each):
        faults.append(f"{each.source.name} is not the file any more that was analysed: its content has changed")
        return "other"
    if before[-1]["status"] == "crashed":  # and would crash this process too
        return "crashed"
    if each.source.is_video:
        # A frame has a row for each face, and a fault at the video's end one without a frame.
        frames = groupby(before, key=itemgetter("frame"))
        before = [row for _, found in islice(frames, FRAMES) for row in found]
    now = _again(worker, each)
    if before == now:
        return "exact"
    differences = _differences(before, now)
    if differences:
        faults.append(f"{each.source.name}: {differences}")
        return "other"
    return "close"


def _again(worker: Worker, each: Input) -> list[dict[str, Any]]:
    """The rows of an input, of a video those of its first frames, as a table gives them back."""
    header = header_of(worker.analyzer, worker.settings)
    with closing(worker.outcomes(each)) as outcomes:
        first = list(islice(outcomes, FRAMES if each.source.is_video else None))
    return _through_table(header, [row for outcome in first for row in cells(header, outcome)])


def _through_table(header: Header, lines: list[Any]) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    with ParquetSink(stream, header, more=MORE) as sink:
        sink.add(lines)
    return list(read_rows(io.BytesIO(stream.getvalue())))


def _differences(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> str | None:
    """The first cell that is another one, beyond `CLOSE`."""
    if len(before) != len(now):
        return f"{len(before)} rows in the table, {len(now)} now"
    for old, new in zip(before, now, strict=True):
        for name, value in old.items():
            other = new.get(name)
            if value != other and not _close(value, other):
                return f"{name} is {value!r:.60} in the table, and {other!r:.60} now"
    return None


def _close(value: object, other: object) -> bool:
    if not (isinstance(value, float) and isinstance(other, float)):
        return False
    return math.isclose(value, other, rel_tol=CLOSE, abs_tol=CLOSE)
