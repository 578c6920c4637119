"""mien analyze: pictures or videos in, faces and what they show out."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol

import cv2
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from mien.analyzer import DEFAULT_DETECTOR, DEFAULT_MODEL, Analyzer
from mien.cli.console import complain, err, note, out, reason, tell
from mien.cli.times import above_zero, seconds
from mien.cli.videos import How, Outputs, analyze_videos, missing_backend
from mien.detection import Detector, fetch_yunet, load_detector
from mien.drawing import annotate, anonymized
from mien.emotions import colour_of
from mien.errors import InvalidInput, MienError
from mien.files import STANDARD_OUTPUT
from mien.images import read_image, read_pipe, write_image
from mien.jobs.sources import Source, find_sources, left_out_videos
from mien.recognition import load_classifier
from mien.records.wire import (
    CsvWriter,
    Header,
    JsonWriter,
    Record,
    error_record,
    record,
    results_file,
)
from mien.tracking.smoothing import SMOOTHINGS
from mien.values import Face, Image
from mien.video.decoder import USUAL_RATE

_VIDEO = "Videos"

MOST_PIXELS_AT_ONCE = 100_000_000
"""Of the pictures that wait for the network together; large ones go in smaller batches."""

FEW = 12
"""Up to so many pictures the table itself shows how far it is, and no bar is drawn."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one source.

    Attributes:
        source: what was read.
        image: (H, W, 3) uint8 RGB; None if it could not be read.
        faces: from the largest to the smallest.
        fault: why it could not be read; None if it was.
    """

    source: Source
    image: Image | None
    faces: Sequence[Face]
    fault: str | None


class Sink(Protocol):
    """Takes records one by one; `JsonWriter` and `CsvWriter` are two."""

    def write(self, record: Record) -> None: ...


def analyze(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Pictures or videos: files, folders, patterns, URLs; - for a pipe."),
    ],
    annotated: Annotated[
        Path | None,
        typer.Option("--annotate", metavar="PLACE", help="Draw into this folder, or one video into this .mp4."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="- for standard output.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="- for standard output.")] = None,
    model: Annotated[str, typer.Option(help="A shipped model's name, or a file of `mien export`.")] = DEFAULT_MODEL,
    detector: Annotated[str, typer.Option(help="haar, or yunet (fetched once).")] = DEFAULT_DETECTOR,
    detector_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YuNet's model, instead of the one in the cache.")
    ] = None,
    min_face: Annotated[float | None, typer.Option(help="Haar: the smallest face to find, in pixels.")] = None,
    scale_step: Annotated[float | None, typer.Option(help="Haar: from one size searched to the next.")] = None,
    neighbours: Annotated[int | None, typer.Option(help="Haar: hits that a face needs.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Haar: find faces from the side too.")] = False,
    batch: Annotated[int, typer.Option(min=1, help="Pictures whose faces go through the network together.")] = 32,
    anonymize: Annotated[
        str | None, typer.Option(metavar="HOW", help="blur or pixelate every face in whatever is drawn.")
    ] = None,
    jsonl: Annotated[Path | None, typer.Option(metavar="FILE", help="A line a frame.", rich_help_panel=_VIDEO)] = None,
    parquet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A row a face and frame.", rich_help_panel=_VIDEO)
    ] = None,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Who showed what when; .csv or .json.", rich_help_panel=_VIDEO)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A page with a timeline of each person.", rich_help_panel=_VIDEO)
    ] = None,
    start: Annotated[
        float, typer.Option(parser=seconds, metavar="TIME", help="As 3, 1.5s or 1:30.", rich_help_panel=_VIDEO)
    ] = 0.0,
    end: Annotated[
        float | None, typer.Option(parser=seconds, metavar="TIME", help="Likewise.", rich_help_panel=_VIDEO)
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Each n-th frame only.", rich_help_panel=_VIDEO)] = 1,
    fps: Annotated[
        float | None,
        typer.Option(callback=above_zero, help="At most so many frames a second.", rich_help_panel=_VIDEO),
    ] = None,
    as_video: Annotated[
        bool, typer.Option("--as-video", help="Folders are numbered frames, - is Y4M.", rich_help_panel=_VIDEO)
    ] = False,
    rate: Annotated[
        float,
        typer.Option(
            callback=above_zero, help="Of numbered frames and raw pictures, a second.", rich_help_panel=_VIDEO
        ),
    ] = USUAL_RATE,
    raw_size: Annotated[
        str | None, typer.Option(metavar="WxH", help="- is raw RGB of this size.", rich_help_panel=_VIDEO)
    ] = None,
    smoothing: Annotated[str, typer.Option(help="ema, median or off.", rich_help_panel=_VIDEO)] = "ema",
    smoothing_seconds: Annotated[
        float | None,
        typer.Option(
            parser=seconds,
            callback=above_zero,
            metavar="TIME",
            help="Its time constant, or window.",
            rich_help_panel=_VIDEO,
        ),
    ] = None,
    baseline: Annotated[
        float,
        typer.Option(
            parser=seconds, metavar="TIME", help="Take out what each face shows at first.", rich_help_panel=_VIDEO
        ),
    ] = 0.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted job.", rich_help_panel=_VIDEO)
    ] = False,
) -> None:
    """Find the faces in pictures and videos, and say what each one shows."""
    options = {"min_face": min_face, "scale_step": scale_step, "neighbours": neighbours, "profile": profile or None}
    options = {name: value for name, value in options.items() if value is not None}
    _check_anonymize(anonymize, drawing=bool(annotated or report))
    _check_video_options(smoothing, start, end)
    analyzer = make_analyzer(model, detector, detector_model, options)
    left_out: dict[Path, Sequence[Source]] = {}
    found = find_sources(
        sources, but_not=annotated, as_video=as_video or raw_size is not None, leave_out=left_out.__setitem__
    )
    videos = [source for source in found if source.video]
    if videos:
        _check_no_pictures(videos, found)
        reading = {"start": start, "end": end, "every": every, "fps": fps, "rate": rate, "raw_size": _size(raw_size)}
        settings = {"smoothing": smoothing, "smoothing_seconds": smoothing_seconds, "baseline": baseline}
        how = How(
            model=model,
            detector=detector,
            reading={name: value for name, value in reading.items() if value is not None},
            settings={name: value for name, value in settings.items() if value is not None},
            options=options | ({"detector_model": str(detector_model)} if detector_model else {}),
            anonymize=anonymize,  # type: ignore[arg-type] # as checked
            resume=resume,
        )
        outputs = Outputs(
            csv=csv_file, json=json_file, jsonl=jsonl, parquet=parquet, events=events, annotate=annotated, report=report
        )
        lack = missing_backend(outputs)
        if lack:
            note(lack)
        analyze_videos(videos, analyzer, outputs, how)
        return
    for option, value in {"--jsonl": jsonl, "--parquet": parquet, "--events": events, "--report": report}.items():
        if value:
            why = "; ".join(["needs a video", *(left_out_videos(*each) for each in left_out.items())])
            raise typer.BadParameter(why, param_hint=option)
    _check_outputs(found, json_file, csv_file)
    header = Header(model=model, detector=detector, labels=analyzer.classifier.labels, options=options)

    try:
        with ExitStack() as stack:
            sinks: list[Sink] = []
            if json_file:
                sinks.append(stack.enter_context(JsonWriter(stack.enter_context(results_file(json_file)), header)))
            if csv_file:
                sinks.append(stack.enter_context(CsvWriter(stack.enter_context(results_file(csv_file)), header)))
            drawings = _Drawings(annotated, found, anonymize) if annotated else None
            bar = stack.enter_context(_progress(len(found)))
            # Two streams on one screen: what does not go around the bar breaks it.
            console = bar.console if out.is_terminal and not bar.disable else out
            show = _nothing if STANDARD_OUTPUT in (json_file, csv_file) else partial(_show, console)
            num_failed = work(bar.track(results(analyzer, found, batch), total=len(found)), sinks, drawings, show)
    except KeyboardInterrupt:
        complain("interrupted; what was done is kept")
        raise typer.Exit(130) from None
    for path in (json_file, csv_file):
        if path and path != STANDARD_OUTPUT:
            tell(f"wrote {path}")
    for each in left_out.items():  # at the end, where thousands of pictures do not scroll it away
        note(left_out_videos(*each))
    if num_failed:
        complain(f"{num_failed} of {len(found)} inputs failed")
        raise typer.Exit(1)


def _check_anonymize(anonymize: str | None, *, drawing: bool) -> None:
    if anonymize not in (None, "blur", "pixelate"):
        raise typer.BadParameter(f"expected blur or pixelate; got {anonymize}", param_hint="--anonymize")
    if anonymize and not drawing:
        raise typer.BadParameter("hides faces in what is drawn; name --annotate or --report", param_hint="--anonymize")


def _check_video_options(smoothing: str, start: float, end: float | None) -> None:
    """What would fail each video alike."""
    if smoothing not in SMOOTHINGS:
        raise typer.BadParameter(f"expected {', '.join(SMOOTHINGS)}; got {smoothing}", param_hint="--smoothing")
    if end is not None and end <= start:
        raise typer.BadParameter(f"comes after --start ({start:g} s); got {end:g} s", param_hint="--end")


def _check_no_pictures(videos: Sequence[Source], found: Sequence[Source]) -> None:
    pictures = [source for source in found if not source.video and not source.fault]
    if pictures:
        raise typer.BadParameter(
            f"{videos[0].name} is a video and {pictures[0].name} a picture; analyse them by two commands",
            param_hint="SOURCE",
        )


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise typer.BadParameter(f"expected WxH, as in 640x480; got {text}", param_hint="--raw-size")
    return int(width), int(height)


def _check_outputs(sources: Sequence[Source], json_file: Path | None, csv_file: Path | None) -> None:
    """That what is written overwrites neither an input nor one another."""
    inputs = {source.path.resolve() for source in sources if source.path}
    if json_file and csv_file and json_file.resolve() == csv_file.resolve():
        raise typer.BadParameter("--json and --csv cannot go to the same place", param_hint="--csv")
    for option, file in (("--json", json_file), ("--csv", csv_file)):
        if file and file != STANDARD_OUTPUT:
            if file.is_dir():
                raise typer.BadParameter(f"{file} is a folder; expected a file's name", param_hint=option)
            if file.resolve() in inputs:
                raise typer.BadParameter(f"{file} is an input; it would be overwritten", param_hint=option)


def results(analyzer: Analyzer, sources: Sequence[Source], batch: int) -> Iterator[Result]:
    """Read, detect and classify, batch by batch; a source that fails does not stop the others."""
    waiting: list[Result] = []
    pixels = 0
    for source in sources:
        waiting.append(_read(source))
        image = waiting[-1].image
        pixels += 0 if image is None else image.shape[0] * image.shape[1]
        if len(waiting) >= batch or pixels >= MOST_PIXELS_AT_ONCE:
            yield from _analyzed(analyzer, waiting)
            waiting, pixels = [], 0
    yield from _analyzed(analyzer, waiting)


def work(
    results: Iterable[Result],
    sinks: Sequence[Sink],
    drawings: "_Drawings | None" = None,
    show: Callable[[Result, Path | None], None] | None = None,
) -> int:
    """Draw every result, write it to every sink, and show it; the number of sources that failed."""
    num_failed = 0
    for result in results:
        fault = result.fault
        drawing = None
        if result.image is None:
            row = error_record(result.source.name, fault or "")
        else:
            height, width = result.image.shape[:2]
            row = record(result.source.name, (width, height), result.faces)
            if drawings:
                try:
                    drawing = drawings.write(result)
                except (MienError, OSError) as error:
                    fault = f"its drawing could not be written: {reason(error)}"
        for sink in sinks:
            sink.write(row)
        if show:
            show(result, drawing)
        if fault:
            num_failed += 1
            complain(fault if result.source.name in fault else f"{result.source.name}: {fault}")
    return num_failed


class _Drawings:
    """Annotated pictures in a folder, under their own names, never over an input or one another.

    Args:
        folder: made when the first is written.
        sources: all that will be read; in a folder that was given, its own folders are kept.
        anonymize: "blur" or "pixelate" every face; None leaves them.
    """

    def __init__(self, folder: Path, sources: Sequence[Source], anonymize: str | None = None) -> None:
        self._folder = folder
        self._anonymize = anonymize
        self._taken = {source.path.resolve() for source in sources if source.path}

    def write(self, result: Result) -> Path:
        """Draw one; the file it is in."""
        assert result.image is not None
        path = self._free(self._folder / result.source.place)
        image = result.image
        if self._anonymize:
            image = anonymized(image, [face.box for face in result.faces], how=self._anonymize)  # type: ignore[arg-type] # as checked
        write_image(path, annotate(image, result.faces))
        return path

    def _free(self, wanted: Path) -> Path:
        suffix = ".jpg" if wanted.suffix.lower() in (".jpg", ".jpeg", ".jpe", ".jfif") else ".png"
        path, number = wanted.with_suffix(suffix), 1
        while path.resolve() in self._taken:
            number += 1
            path = wanted.with_name(f"{wanted.stem}-{number}{suffix}")
        self._taken.add(path.resolve())
        return path


def make_analyzer(model: str, detector: str, detector_model: Path | None, options: dict[str, Any]) -> Analyzer:
    """As the options say; whatever is wrong with them ends the command with status 2."""
    try:
        classifier = load_classifier(model)
    except InvalidInput as error:
        raise typer.BadParameter(str(error), param_hint="--model") from error
    try:
        return Analyzer(classifier, _make_detector(detector, detector_model, options))
    except InvalidInput as error:
        raise typer.BadParameter(str(error), param_hint="--detector") from error


def _make_detector(name: str, file: Path | None, options: dict[str, Any]) -> Detector:
    if name == "yunet" and file is None:
        file = fetch_yunet()
    return load_detector(name, **options, **({"model": file} if file else {}))


def _read(source: Source) -> Result:
    if source.fault:
        return Result(source, None, (), source.fault)
    try:
        image = read_image(source.path or read_pipe(sys.stdin.buffer, "standard input"), name=source.name)
    except (MienError, OSError) as error:
        return Result(source, None, (), reason(error))
    return Result(source, image, (), None)


def _analyzed(analyzer: Analyzer, waiting: Sequence[Result]) -> Iterator[Result]:
    images = [result.image for result in waiting if result.image is not None]
    try:
        faces = iter(analyzer.analyze(images))
    except (MienError, MemoryError, cv2.error) as error:
        if len(waiting) == 1:
            fault = str(error) or "not enough memory"
            yield Result(waiting[0].source, None, (), f"it cannot be analysed: {fault}")
            return
        for result in waiting:  # one by one, so that only the one fails that is at fault
            yield from _analyzed(analyzer, [result])
        return
    for result in waiting:
        yield result if result.image is None else Result(result.source, result.image, next(faces), None)


def _progress(total: int) -> Progress:
    """A bar on standard error, if there is much to do and somebody to see it."""
    columns = TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=err, transient=True, disable=total <= FEW or not err.is_terminal)


def _nothing(result: Result, drawing: Path | None) -> None:
    """Show nothing: standard output belongs to the results."""


def _show(console: Console, result: Result, drawing: Path | None) -> None:
    """One picture for people: a line for itself, two for each face, one for its drawing."""
    if result.image is None:
        return
    height, width = result.image.shape[:2]
    count = {0: "no face", 1: "1 face"}.get(len(result.faces), f"{len(result.faces)} faces")
    title = Text.assemble((result.source.name, "bold"), (f"  {width}×{height}, {count}", "dim"))
    console.print(title, soft_wrap=True)
    for number, face in enumerate(result.faces):  # as in the results' files
        console.print(_face_lines(number, face), soft_wrap=True)
    if drawing:
        console.print(Text.assemble(("  drawn in ", "dim"), str(drawing)), soft_wrap=True)


BAR = 28
"""Characters that share out a face's probabilities by colour."""


def _face_lines(number: int, face: Face) -> Text:
    """`0  happy 72%  ████░░  at 173,61, 102 px`, and all probabilities beneath."""
    left, top, *_ = map(round, face.box)
    share = face.scores[face.label]
    text = Text.assemble(
        f"  {number:>2}  ",
        (f"{face.label:<9}", f"bold {_style(face.label)}"),
        f"{share:>4.0%}  ",
    )
    filled = 0
    so_far = 0.0
    for label, score in sorted(face.scores.items(), key=lambda item: -item[1]):
        so_far += score
        cells = round(BAR * so_far) - filled
        # The leading one also stands out where there are no colours.
        text.append(("█" if label == face.label else "░") * cells, _style(label))
        filled += cells
    text.append(f"  at {left},{top}, {round(face.box.width)} px\n", "dim")
    text.append("      ")
    for label, score in face.scores.items():
        text.append(f"{label} ", "dim")
        text.append(f"{score:.0%}  ", "bold" if label == face.label else "" if score >= 0.05 else "dim")
    return text


def _style(label: str) -> str:
    red, green, blue = colour_of(label)
    return f"rgb({red},{green},{blue})"
