"""mien analyze on videos: everything that one can have of them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import typer
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

import mien
from mien.analyzer import Analyzer
from mien.cli.console import complain, err, reason, tell
from mien.drawing import DrawnFace, History, annotate_frame, anonymized
from mien.drawing.anonymize import Anonymization
from mien.emotions import colour_of
from mien.errors import MienError, MissingExtra
from mien.files import STANDARD_OUTPUT
from mien.jobs.journal import Journal
from mien.jobs.sources import Source
from mien.jobs.video_job import Done, Portraits, identity, run
from mien.records.frames import (
    Event,
    FrameCsvWriter,
    FrameJsonWriter,
    FrameRecord,
    JsonLinesWriter,
    VideoHeader,
    write_events,
)
from mien.records.frames_parquet import ParquetWriter
from mien.records.table import events_of
from mien.records.wire import results_file
from mien.report.frames_page import VideoPage
from mien.tracking.stream import Stream
from mien.values import Box, Frame
from mien.video import VideoSource, VideoWriter, open_video
from mien.video.decoder import USUAL_RATE, has_pyav
from mien.video.writer import WRITTEN_SUFFIXES


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What is wanted of each video; None: not that. For several videos each of them is a folder.

    Attributes:
        csv, json, jsonl, parquet: a row or line a face and frame.
        events: .csv or .json.
        annotate: a video, or a folder for one.
        report: a page.
    """

    csv: Path | None = None
    json: Path | None = None
    jsonl: Path | None = None
    parquet: Path | None = None
    events: Path | None = None
    annotate: Path | None = None
    report: Path | None = None

    def wanted(self) -> dict[str, Path]:
        """Those that are."""
        return {name: path for name in self.__slots__ if (path := getattr(self, name)) is not None}

    def of_one(self, source: Source) -> "Outputs":
        """For the only video: the drawn one under its own name, where a folder was given for it."""
        if self.annotate is None or self.annotate.suffix.lower() in WRITTEN_SUFFIXES:
            return self
        if self.annotate.suffix and not self.annotate.is_dir():
            endings = ", ".join(sorted(WRITTEN_SUFFIXES))
            raise typer.BadParameter(f"videos are written as {endings}; got {self.annotate}", param_hint="--annotate")
        return replace(self, annotate=self.annotate / Path(source.place.name).with_suffix(".mp4"))

    def of(self, source: Source) -> "Outputs":
        """For one of several videos: a file in each folder, under the video's own name."""
        files = {}
        for name, folder in self.wanted().items():
            suffix = {"annotate": ".mp4", "report": ".html", "events": ".events.csv"}.get(name, f".{name}")
            files[name] = folder / source.place.with_name(source.place.name + suffix)
        return Outputs(**files)


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """The settings of a job on videos.

    Attributes:
        model: as it was named.
        detector: as it was named.
        reading: arguments of `open_video`.
        settings: arguments of `Stream`.
        options: of the detector, beside its name.
        anonymize: how faces are hidden in whatever is drawn; None: they are not.
        resume: whether to go on with an interrupted job.
    """

    model: str
    detector: str
    reading: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    anonymize: Anonymization | None = None
    resume: bool = False


class RecordWriter(Protocol):
    """Takes records one by one, in a `with` block."""

    def write(self, record: FrameRecord) -> None: ...


WRITERS: dict[str, Callable[..., Any]] = {
    "csv": FrameCsvWriter,
    "json": FrameJsonWriter,
    "jsonl": JsonLinesWriter,
    "parquet": ParquetWriter,
}


def analyze_videos(sources: Sequence[Source], analyzer: Analyzer, outputs: Outputs, how: How) -> None:
    """Analyse videos one after another; one that fails does not stop the others.

    Raises:
        typer.Exit: with status 1 if any failed, 130 if interrupted.
        typer.BadParameter: outputs that cannot be.
        OSError: the folder of the first output cannot be written.
    """
    check_outputs(sources, outputs, how)
    each = [outputs.of_one(sources[0])] if len(sources) == 1 else [outputs.of(source) for source in sources]
    _check_files(sources, each)
    num_failed, may_go_on = 0, False
    with ExitStack() as stack:
        desk = _set_up_desk(outputs) or Path(stack.enter_context(TemporaryDirectory()))
        for number, (source, files) in enumerate(zip(sources, each, strict=True)):
            try:
                done = _analyze(source, desk / f"{number:04d}.jsonl", analyzer, files, how)
            except (MienError, OSError) as error:
                text = reason(error)
                complain(text if source.name in text else f"{source.name}: {text}")
                num_failed += 1
                may_go_on = may_go_on or isinstance(error, OSError)  # a full disk, say
                continue
            if done.damage:
                complain(f"{source.name}: {done.damage}; everything up to there is kept")
                num_failed += 1
        if desk.exists() and not may_go_on:
            for path in desk.iterdir():
                path.unlink()
            desk.rmdir()
    if num_failed:
        complain(f"{num_failed} of {len(sources)} inputs failed")
        raise typer.Exit(1)


def check_outputs(sources: Sequence[Source], outputs: Outputs, how: How) -> None:
    """That every output has a place of its own, and that the job can have it at all.

    Raises:
        typer.BadParameter: one has not.
        MissingExtra: pyarrow is needed, and not installed.
    """
    inputs = {source.path.resolve() for source in sources if source.path}
    taken: dict[Path, str] = {}
    for name, path in outputs.wanted().items():
        option = f"--{name}"
        if path == STANDARD_OUTPUT and (name in ("annotate", "report", "parquet", "events") or len(sources) > 1):
            raise typer.BadParameter("cannot go to standard output", param_hint=option)
        if path.resolve() in inputs:
            raise typer.BadParameter(f"{path} is an input; it would be overwritten", param_hint=option)
        if len(sources) > 1 and path.is_file():
            raise typer.BadParameter(f"{path} is a file; several videos need a folder", param_hint=option)
        if len(sources) == 1 and name != "annotate" and path.is_dir():
            raise typer.BadParameter(f"{path} is a folder; expected a file's name", param_hint=option)
        if path.resolve() in taken and len(sources) == 1:
            raise typer.BadParameter(f"{path} is also that of {taken[path.resolve()]}", param_hint=option)
        taken[path.resolve()] = option
    if len(sources) == 1 and outputs.events and outputs.events.suffix.lower() not in (".csv", ".json"):
        raise typer.BadParameter(f"events are written as .csv or .json; got {outputs.events}", param_hint="--events")
    if outputs.parquet:
        header = VideoHeader(source="", width=1, height=1, rate=None, labels=(), model="", detector="")
        ParquetWriter(None, header)  # type: ignore[arg-type] # only to learn whether pyarrow is there
    if how.resume and not _desk(outputs):
        raise typer.BadParameter("name the outputs of the job to go on with", param_hint="--resume")


def _check_files(sources: Sequence[Source], each: Sequence[Outputs]) -> None:
    """That no file to be written is an input, or is written twice."""
    inputs = {source.path.resolve() for source in sources if source.path}
    taken: dict[Path, str] = {}
    for source, outputs in zip(sources, each, strict=True):
        for name, path in outputs.wanted().items():
            place = path.resolve()
            if path != STANDARD_OUTPUT and place in inputs:
                raise typer.BadParameter(f"{path} is an input; it would be overwritten", param_hint=f"--{name}")
            if path != STANDARD_OUTPUT and place in taken and taken[place] != source.name:
                raise typer.BadParameter(
                    f"{taken[place]} and {source.name} would both be written as {path}; analyse them by two commands",
                    param_hint=f"--{name}",
                )
            taken[place] = source.name


def _desk(outputs: Outputs) -> Path | None:
    """The folder of journals, beside the first output; None when all goes to the screen."""
    files = [path for path in outputs.wanted().values() if path != STANDARD_OUTPUT]
    return files[0].resolve().with_name(f".{files[0].name}.mien") if files else None


def _set_up_desk(outputs: Outputs) -> Path | None:
    """`_desk`, made; where it cannot be, the error names the output and not what is hidden beside it."""
    desk = _desk(outputs)
    if desk:
        try:
            desk.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            error.filename = str(next(path for path in outputs.wanted().values() if path != STANDARD_OUTPUT))
            raise
    return desk


def _analyze(source: Source, place: Path, analyzer: Analyzer, outputs: Outputs, how: How) -> Done:
    if source.fault:
        raise MienError(source.fault)
    what = source.path or source.address or source.name
    # Who comes in is not to be seen before the detector's next turn.
    stream = Stream(analyzer.detector, analyzer.classifier, **how.settings, every_frame=how.anonymize is not None)
    about = {
        **identity(source.path or Path(source.name)),
        "reading": how.reading,
        "settings": how.settings,
        "model": how.model,
        "detector": how.detector,
        "options": how.options,
        "files": [identity(Path(file)) for file in (how.model, how.options.get("detector_model")) if file],
        "every_frame": how.anonymize is not None,
        "mien": mien.__version__,
    }
    portraits = Portraits() if outputs.report else None
    with ExitStack() as stack:
        video = stack.enter_context(open_video(what, **how.reading))
        header = VideoHeader(
            source=source.name,
            width=video.width,
            height=video.height,
            rate=video.rate,
            labels=analyzer.classifier.labels,
            model=how.model,
            detector=how.detector,
            settings={**how.reading, **how.settings, **how.options},
        )
        journal = stack.enter_context(Journal(place, about))
        try:
            with _drawing(outputs.annotate, video, what, how) as sink, _progress(video) as shown:
                done = run(video, stream, journal, resume=how.resume, portraits=portraits, sink=sink, tell=shown)
        except KeyboardInterrupt as interruption:
            write_outputs(journal, header, outputs, portraits, how, interruption)
            complain("interrupted; what was done is kept, and --resume goes on")
            raise typer.Exit(130) from None
        write_outputs(journal, header, outputs, portraits, how)
        _summarize(journal, header, done, outputs)
    return done


def write_outputs(
    journal: Journal,
    header: VideoHeader,
    outputs: Outputs,
    portraits: Portraits | None,
    how: How,
    interruption: BaseException | None = None,
) -> None:
    """All that was asked for, from the journal; well-formed, and marked as incomplete, after an interruption."""
    for name, make in WRITERS.items():
        path = getattr(outputs, name)
        if path:
            try:
                with results_file(path) as file, make(file, header) as writer:
                    _fill(writer, journal)
                    if interruption:
                        raise interruption
            except KeyboardInterrupt:
                if not interruption:
                    raise
    if outputs.events:
        write_events(_events(journal), outputs.events)
    if outputs.report:
        pictures = portraits.pictures() if portraits else {}
        if how.anonymize:
            whole = {track: [Box(0, 0, *picture.shape[1::-1])] for track, picture in pictures.items()}
            pictures = {track: anonymized(picture, whole[track], how=how.anonymize)
                        for track, picture in pictures.items()}  # fmt: skip
        page = VideoPage(header)
        for record in journal.records():
            page.add(record)
        for track, picture in pictures.items():
            page.add_thumbnail(track, picture)
        page.write(outputs.report, _events(journal))


def _events(journal: Journal) -> Iterator[Event]:
    for event in events_of(journal.records()):
        yield Event(**asdict(event))  # type: ignore[typeddict-item] # the same fields


def _fill(writer: RecordWriter, journal: Journal) -> None:
    for record in journal.records():
        writer.write(record)
    if isinstance(writer, FrameJsonWriter):
        writer.add_events(_events(journal))


def _drawing(path: Path | None, video: VideoSource, what: object, how: How) -> Any:
    """A context whose value draws frames into a video; or one of None."""
    if path is None:
        return nullcontext()
    return _Drawing(path, video, what, how)


class _Drawing:
    """Draws every frame, and writes it into a video with the sound of the original."""

    def __init__(self, path: Path, video: VideoSource, what: object, how: How) -> None:
        sound = what if isinstance(what, Path) and what.is_file() and video.has_audio and has_pyav() else None
        start = float(how.reading.get("start", 0.0))
        self._writer = VideoWriter(
            path, rate=_rate(video, how), audio_from=sound, start=start, end=how.reading.get("end")
        )
        self._history = History()
        self._anonymize = how.anonymize

    def __enter__(self) -> "_Drawing":
        self._writer.__enter__()
        return self

    def __exit__(self, *how: Any) -> None:
        self._writer.__exit__(*how)
        if self._writer.damage:
            complain(f"the sound broke off: {self._writer.damage}")

    def __call__(self, frame: Frame, record: FrameRecord) -> None:
        faces = [drawn(face) for face in record["faces"]]
        image = frame.image
        if self._anonymize:
            image = anonymized(image, places_of(record), how=self._anonymize)
        self._writer.write(annotate_frame(image, faces, time=frame.time, history=self._history), frame.time)


def places_of(record: FrameRecord) -> list[Box]:
    """Wherever there is a face in a frame, or may be."""
    boxes = [*(face["box"] for face in record["faces"]), *record.get("doubtful", [])]
    return [Box(box["left"] or 0, box["top"] or 0, box["right"] or 0, box["bottom"] or 0) for box in boxes]


def _rate(video: VideoSource, how: How) -> float:
    rate = (video.rate or USUAL_RATE) / float(how.reading.get("every", 1))
    return min(rate, how.reading.get("fps") or rate)


def drawn(face: Mapping[str, Any]) -> DrawnFace:
    """A face of a record, as it is drawn."""
    box = face["box"]
    return DrawnFace(
        box=Box(box["left"], box["top"], box["right"], box["bottom"]),
        track_id=face["track_id"],
        label=face["label"],
        scores=face["scores"],
        interpolated=face["interpolated"],
        quality=face["quality"],
    )


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.0f} frames/s")


class _progress:  # noqa: N801 - used as a function: a context whose value is told of every frame
    def __init__(self, video: VideoSource) -> None:
        columns = TextColumn("{task.description}", markup=False), BarColumn(), _Speed(), TimeRemainingColumn()
        self._bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        self._task = self._bar.add_task(Path(video.name).name, total=video.num_frames)
        self._shown = 0.0

    def __enter__(self) -> Callable[[int, float], None]:
        self._bar.start()
        return self._tell

    def __exit__(self, *how: object) -> None:
        self._bar.stop()

    def _tell(self, index: int, at: float) -> None:
        now = time.monotonic()
        if now - self._shown > 0.1:
            self._bar.update(self._task, completed=index + 1)
            self._shown = now


def _summarize(journal: Journal, header: VideoHeader, done: Done, outputs: Outputs) -> None:
    """A line for the video, one for each person, one for each file; nothing when results go to standard output."""
    if STANDARD_OUTPUT in outputs.wanted().values():
        return
    seen: dict[int, dict[str, int]] = {}
    spans: dict[int, list[float]] = {}
    last = 0.0
    for record in journal.records():
        last = record["time"]
        for face in record["faces"]:
            counts = seen.setdefault(face["track_id"], {})
            counts[face["label"]] = counts.get(face["label"], 0) + 1
            spans.setdefault(face["track_id"], [record["time"], 0.0])[1] = record["time"]
    people = {0: "no face", 1: "1 person"}.get(len(seen), f"{len(seen)} people")
    tell(f"{header.source}  {header.width}×{header.height}, {done.num_frames} frames, {last:.1f} s, {people}")
    for line in _people(seen, spans):
        err.print(line) if outputs.wanted() else tell(line.plain)
    baseline = float(str(header.settings.get("baseline", 0)))
    if seen and max(end - start for start, end in spans.values()) < baseline - 1e-6:  # rounding of times
        complain(f"nobody was in view for the {baseline:g} s of --baseline, so no resting face was taken out")
    for path in outputs.wanted().values():
        tell(f"wrote {path}")


def _people(seen: Mapping[int, Mapping[str, int]], spans: Mapping[int, Sequence[float]]) -> Iterator[Text]:
    for track, counts in sorted(seen.items()):
        total = sum(counts.values())
        line = Text(f"  {track:3d}  {spans[track][0]:7.1f} to {spans[track][1]:.1f} s  ")
        for label, count in sorted(counts.items(), key=lambda item: -item[1])[:4]:
            red, green, blue = colour_of(label)
            line.append(f"{label} {count / total:.0%}  ", style=f"rgb({red},{green},{blue})")
        yield line


def missing_backend(outputs: Outputs) -> str | None:
    """What an annotated video lacks without PyAV, as a sentence; None when nothing."""
    if outputs.annotate is None or has_pyav():
        return None
    return f"{MissingExtra('H.264 and sound', 'video')} Without it the annotated video is MPEG-4 Part 2, without sound."
