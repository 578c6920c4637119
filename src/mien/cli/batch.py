"""mien batch: very many pictures and videos into a folder of tables, each exactly once."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mien.cli.analyze import (
    DetectorModel,
    DetectorName,
    MinFace,
    MinScore,
    Model,
    Turned,
    make_analyzer,
    make_settings,
    of_videos,
    warn_of_drift,
)
from mien.cli.asking import Labels, MaxError, Prior, ProviderName, ReadingName, Sets, Views
from mien.cli.console import above_zero, complain, err, named, note, seconds, tell
from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL
from mien.errors import reason

if TYPE_CHECKING:
    from mien.jobs.batch.run import BatchSummary
    from mien.jobs.batch.run import Progress as Done

_SECONDS_A_LINE: Final = 30.0  # between lines about progress where there is no terminal to draw a bar in


def batch(
    context: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(
        metavar="SOURCE", show_default=False,
        help="Folders, patterns, files, and lists of them: .txt, .csv, .parquet. None goes on with the list that the "
        "batch was begun with.")] = None,
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="DIR", help="Where the tables go; new, or that of the same batch.")] = None,
    column: Annotated[str | None, typer.Option(
        metavar="NAME", help="The column with the files, of lists that are tables.")] = None,
    jobs: Annotated[int, typer.Option(
        "--jobs", "-j", min=0, help="Processes side by side.", show_default="one a core")] = 0,
    dask: Annotated[str | None, typer.Option(
        metavar="ADDRESS", help="A Dask cluster does the work: its scheduler, as tcp://HOST:8786, or the scheduler's "
        "file.")] = None,
    shard: Annotated[int | None, typer.Option(
        min=1, help="Pictures in a table.", show_default="1,000, or fewer of few")] = None,
    part: Annotated[float | None, typer.Option(
        parser=seconds, callback=above_zero, metavar="TIME",
        help="Cut videos into parts of this length, with people numbered in each.")] = None,
    retry: Annotated[str | None, typer.Option(
        metavar="failed", help="Do the inputs again that failed in an earlier run.")] = None,
    verify: Annotated[Path | None, typer.Option(
        metavar="DIR", help="Check the tables of a batch instead, and analyse a sample of its inputs again.")] = None,
    sample: Annotated[int, typer.Option(min=0, help="With --verify: how many inputs to analyse again.")] = 100,
    model: Model = DEFAULT_MODEL,
    reading: ReadingName = None,
    prior: Prior = None,
    labels: Labels = "seven",
    max_error: MaxError = None,
    sets: Sets = None,
    views: Views = 1,
    provider: ProviderName = None,
    detector: DetectorName = DEFAULT_DETECTOR,
    detector_model: DetectorModel = None,
    min_face: MinFace = None,
    min_score: MinScore = None,
    turned: Turned = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    start: Annotated[float, of_videos(parser=seconds, metavar="TIME", help="As 3, 1.5s or 1:30.")] = 0.0,
    end: Annotated[float | None, of_videos(parser=seconds, metavar="TIME", help="Likewise.")] = None,
    every: Annotated[int, of_videos(min=1, help="Every n-th frame only.")] = 1,
    fps: Annotated[float | None, of_videos(callback=above_zero, help="At most so many frames a second.")] = None,
    smoothing: Annotated[str, of_videos(help="ema, median or off.")] = "ema",
    smoothing_seconds: Annotated[float | None, of_videos(
        parser=seconds, callback=above_zero, metavar="TIME", help="Time constant, or window.")] = None,
    baseline: Annotated[float, of_videos(
        parser=seconds, metavar="TIME", help="Take out what each face shows at first.")] = 0.0,
) -> None:  # fmt: skip
    origins = {parameter: context.get_parameter_source(parameter) for parameter in context.params}
    given = {parameter for parameter, origin in origins.items() if origin and origin.name == "COMMANDLINE"}
    if verify is not None:
        if others := sorted(given - {"verify", "detector", "sample", "quiet"}):
            named = ", ".join("SOURCE" if other == "sources" else f"--{other.replace('_', '-')}" for other in others)
            raise typer.BadParameter(
                f"checks a batch with the model and the settings that it was begun with; leave out {named}",
                param_hint="--verify",
            )
        _verify(verify, detector, sample, quiet=quiet)
        return
    if out is None:
        raise typer.BadParameter("name the folder for the tables", param_hint="--out")
    if "sample" in given:
        raise typer.BadParameter("goes with --verify; leave it out", param_hint="--sample")
    if retry not in (None, "failed"):
        raise typer.BadParameter(f"expected failed; got {retry}", param_hint="--retry")
    if dask is not None and jobs:
        raise typer.BadParameter("the cluster's workers are its own; leave out --jobs", param_hint="--dask")
    options = {
        "min_face": min_face, "min_score": min_score, "turned": turned, "reading": reading, "prior": prior,
        "labels": labels, "max_error": max_error, "sets": sets, "views": views if views > 1 else None,
        "provider": provider,
    }  # fmt: skip
    settings = make_settings(
        start=start, end=end, every=every, fps=fps, smoothing=smoothing, smoothing_seconds=smoothing_seconds,
        baseline=baseline,
    )  # fmt: skip
    analyzer = make_analyzer(model, detector, detector_model, options)
    from mien.jobs.batch.run import batch as run

    with ExitStack() as stack:
        executor = None
        if dask is not None:
            from mien.jobs.batch.cluster import Cluster

            executor = stack.enter_context(Cluster(dask))
        watch = stack.enter_context(_progress(silent=quiet))
        try:
            summary = run(
                sources or [], out, analyzer, settings=settings, column=column, shard=shard, part=part, jobs=jobs,
                executor=executor, retry="failed" if retry else None, watch=watch,
            )  # fmt: skip
        except KeyboardInterrupt:
            complain("interrupted; what was done is kept, and the same command goes on")
            raise typer.Exit(130) from None
        except OSError as error:
            where = "" if error.filename else f"{out}: "
            complain(f"{where}{reason(error)}; what was done is kept, and the same command goes on")
            raise typer.Exit(1) from None
    _summarize(summary, quiet=quiet)
    if summary.num_failed:
        raise typer.Exit(1)


@contextmanager
def _progress(*, silent: bool) -> Iterator[Any]:
    """A function that shows how far a batch is: in a terminal a bar, elsewhere a line now and then."""
    shown = err.is_terminal and not silent
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False), TimeRemainingColumn(),
    )  # fmt: skip
    begun = last = time.monotonic()
    # The rate is the whole run's: tables are done in bursts.
    with Progress(*columns, console=err, transient=True, disable=not shown, speed_estimate_period=3600.0) as bar:
        task = bar.add_task("inputs", total=None, rate="")

        def show(done: "Done") -> None:
            nonlocal last
            elapsed = time.monotonic() - begun
            rate = (done.num_done - done.num_before) / max(elapsed, 1e-3)
            if done.num_done == done.num_before:
                bar.update(task, total=done.num_inputs, completed=done.num_done)
                bar.reset(task, total=done.num_inputs, completed=done.num_done, rate="")
                return
            bar.update(task, total=done.num_inputs, completed=done.num_done, rate=f"{rate:,.0f} a second")
            if not (shown or silent) and time.monotonic() - last >= _SECONDS_A_LINE:
                last = time.monotonic()
                left = _time((done.num_inputs - done.num_done) / max(rate, 1e-9))
                note(f"{done.num_done:,} of {done.num_inputs:,} inputs, {rate:,.0f} a second, {left} left")

        yield show


def _time(length: float) -> str:
    minutes, rest = divmod(round(length), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _summarize(summary: "BatchSummary", *, quiet: bool) -> None:
    from mien.report.html import counted

    for failure in summary.failures:
        complain(named(failure.source, failure.error))
    if summary.num_failed:
        first = f"; the first {len(summary.failures)} are above" if summary.num_failed > len(summary.failures) else ""
        complain(
            f"{summary.num_failed:,} of {summary.num_inputs:,} inputs failed{first}; their rows say why (status, "
            "error), and --retry failed does them again"
        )
    if quiet:
        return
    if summary.num_twice:
        note(f"named twice, and analysed once: {counted(summary.num_twice, 'input')}")
    if skipped := summary.statuses.get("skipped"):
        note(f"passed over: {counted(skipped, 'input')}; their rows say why")
    shares = sorted(summary.labels.items(), key=lambda item: -item[1])
    faces = ", ".join(f"{label} {num / summary.num_faces:.0%}" for label, num in shares)
    tell(f"{counted(summary.num_inputs, 'input')}, {summary.num_frames:,} pictures and frames, "
         f"{counted(summary.num_faces, 'face')}"
         + (f": {faces}" if faces else ""))  # fmt: skip
    tables = f"{counted(summary.num_shards, 'table')}, {counted(summary.num_rows, 'row')}"
    if summary.num_done:
        before = summary.num_inputs - summary.num_done
        rate = summary.num_done / max(summary.seconds, 1e-3)
        tell(f"wrote {summary.folder}: {tables}; {counted(summary.num_done, 'input')} in {_time(summary.seconds)}, "
             f"{rate:,.1f} a second" + (f", done before: {before:,}" if before else ""))  # fmt: skip
    else:
        tell(f"{summary.folder}: {tables}; everything was done before")
    warn_of_drift(summary.drift)


def _verify(folder: Path, detector: str, sample: int, *, quiet: bool) -> None:
    from mien.jobs.batch.verify import verify
    from mien.report.html import counted

    found = verify(folder, detector=detector, sample=sample)
    for fault in found.faults:
        complain(fault)
    if not quiet:
        equal = f"{found.num_exact:,} equal to the last bit"
        close = f", {found.num_close:,} but for rounding (another processor, or other versions of libraries)"
        crashed = f"; did not repeat {counted(found.num_crashed, 'crash', 'crashes')}"
        tell(f"read {counted(found.num_shards, 'table')} with {counted(found.num_rows, 'row')} of "
             f"{counted(found.num_inputs, 'input')}; "
             f"analysed {found.num_sampled - found.num_crashed:,} again: {equal}{close if found.num_close else ''}"
             f"{crashed if found.num_crashed else ''}")  # fmt: skip
    if found.faults:
        complain(f"{folder} is not what it was, or not whole")
        raise typer.Exit(1)
