"""mien analyze: pictures and videos in, faces and what they show out."""

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from mien.cli.asking import Labels, MaxError, Prior, ProviderName, ReadingName, Sets, Views, parse_prior
from mien.cli.console import above_zero, complain, note, seconds, tell, warn
from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL, DETECTORS

if TYPE_CHECKING:
    from mien.drift import Drift

Model: TypeAlias = Annotated[str, typer.Option(help="A shipped model's name, or a file of `mien export`.")]
DETECTOR_NAMES = f"{', '.join(DETECTORS)}, or your.module:Name"

DetectorName: TypeAlias = Annotated[str, typer.Option(help=f"{DETECTOR_NAMES}.")]
DetectorModel: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="YuNet's model, instead of the one installed.")
]
MinFace: TypeAlias = Annotated[float | None, typer.Option(
    help="The smallest face to find, in pixels: 8 or more, for haar 24; smaller ones take longer.",
    show_default="for yunet 24, or a 64th of a large picture")]  # fmt: skip
MinScore: TypeAlias = Annotated[float | None, typer.Option(
    help="YuNet: the least score of a face, 0 to 1.", show_default="0.7")]  # fmt: skip
Turned: TypeAlias = Annotated[bool | None, typer.Option(
    "--turned/--no-turned", show_default=False,
    help="YuNet: small faces at any angle too, or upright ones only.")]  # fmt: skip


Threads: TypeAlias = Annotated[int, typer.Option(
    min=1, max=256, help="Processor threads for one picture; `mien benchmark` says what they bring.")]  # fmt: skip
Panels: TypeAlias = Annotated[bool, typer.Option(
    "--panels/--no-panels", help="Draw all probabilities, or the label alone.", show_default=False)]  # fmt: skip
Strip: TypeAlias = Annotated[bool, typer.Option(
    "--strip/--no-strip", help="Draw a timeline beneath videos.", show_default=False)]  # fmt: skip


def of_videos(*names: str, **settings: Any) -> Any:
    """An option in the part of the help that is about videos."""
    return typer.Option(*names, rich_help_panel="Videos", **settings)


def analyze(
    sources: Annotated[list[str] | None, typer.Argument(
        metavar="SOURCE", help="Pictures and videos: files, folders, patterns; URLs of videos; - for a pipe.",
        show_default=False)] = None,
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
    scale_step: Annotated[float | None, typer.Option(
        help="Haar: from one size searched to the next.", show_default="1.15")] = None,
    neighbours: Annotated[int | None, typer.Option(
        help="Haar: hits that a face needs.", show_default="2")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Haar: find faces from the side too.")] = False,
    threads: Threads = 1,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Processes side by side; 0: one a core.")] = 1,
    anonymize: Annotated[str | None, typer.Option(
        metavar="HOW", help="blur or pixelate every face in whatever is drawn.")] = None,
    panels: Panels = True,
    strip: Strip = True,
    evidence: Annotated[bool, typer.Option(
        "--evidence", help="Draw what in each face speaks for its label; in --annotate and --report.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    start: Annotated[float, of_videos(parser=seconds, metavar="TIME", help="As 3, 1.5s or 1:30.")] = 0.0,
    end: Annotated[float | None, of_videos(parser=seconds, metavar="TIME", help="Likewise.")] = None,
    every: Annotated[int, of_videos(min=1, help="Every n-th frame only.")] = 1,
    fps: Annotated[float | None, of_videos(callback=above_zero, help="At most so many frames a second.")] = None,
    as_video: Annotated[bool, of_videos("--as-video", help="Folders are numbered frames, - is Y4M.")] = False,
    rate: Annotated[float | None, of_videos(
        callback=above_zero, help="Frames a second of numbered frames and raw pictures.")] = None,
    raw_size: Annotated[str | None, of_videos(metavar="WxH", help="- is raw RGB of this size.")] = None,
    smoothing: Annotated[str, of_videos(help="ema, median or off.")] = "ema",
    smoothing_seconds: Annotated[float | None, of_videos(
        parser=seconds, callback=above_zero, metavar="TIME", help="Time constant, or window.")] = None,
    baseline: Annotated[float, of_videos(
        parser=seconds, metavar="TIME", help="Take out what each face shows at first.")] = 0.0,
    merge: Annotated[list[str] | None, of_videos(
        metavar="N,N", help="Persons that are one, as 1,3; for another person again.")] = None,
    resume: Annotated[bool, of_videos("--resume", help="Go on with an interrupted job.")] = False,
    **outputs: Path | None,
) -> None:  # fmt: skip
    from mien.cli.screen import AnalysisScreen
    from mien.jobs.drawings import sheets_at
    from mien.jobs.outputs import OutputRefused
    from mien.jobs.run import analyze as run
    from mien.jobs.sources import find_sources

    wanted = {name: path for name, path in outputs.items() if path}
    sources = _named(sources, wanted)
    _check_drawing({*wanted}, anonymize, panels=panels, strip=strip, evidence=evidence)
    settings = make_settings(
        start=start, end=end, every=every, fps=fps, rate=rate, raw_size=_size(raw_size), smoothing=smoothing,
        smoothing_seconds=smoothing_seconds, baseline=baseline, merge=tuple(map(_numbers, merge or ())),
    )  # fmt: skip
    options = {
        "min_face": min_face, "min_score": min_score, "turned": turned, "scale_step": scale_step,
        "neighbours": neighbours, "profile": profile or None, "reading": reading, "prior": prior, "labels": labels,
        "max_error": max_error, "sets": sets, "views": views if views > 1 else None, "num_threads": threads,
        "provider": provider,
        "explain": (evidence or "explain" in wanted) or None,
    }  # fmt: skip
    analyzer = make_analyzer(model, detector, detector_model, options)
    found = find_sources(sources, as_video=as_video or raw_size is not None)
    changed = [*settings.changed(), *(["resume"] if resume else [])]
    if changed and not any(source.is_video or source.error for source in found.sources):
        hint = _option(changed[0])
        raise typer.BadParameter("applies to videos, and there is none among the inputs", param_hint=hint)
    piped = any(source.name == "-" for source in found.sources)
    if raw_size and not piped:
        raise typer.BadParameter(
            "applies to standard input (-), which is not among the inputs", param_hint="--raw-size"
        )
    if rate and not piped and not any(source.path and source.path.is_dir() for source in found.sources):
        message = "applies to folders of numbered pictures (--as-video) and to raw pipes, and there is none"
        raise typer.BadParameter(message, param_hint="--rate")
    files = [str(path) for path in wanted.values() if str(path) != "-"]
    if resume and not files:
        raise typer.BadParameter("name the outputs of the job to go on with", param_hint="--resume")
    silent = quiet or len(files) < len(wanted)
    screen = AnalysisScreen(found.sources, settings, silent=silent)
    try:
        with screen:
            summary = run(
                found, analyzer, wanted, settings=settings, anonymize=anonymize,  # type: ignore[arg-type] # as checked
                panels=panels, strip=strip, evidence=evidence, jobs=jobs, resume=resume, watch=screen.see,
            )  # fmt: skip
    except OutputRefused as error:
        raise typer.BadParameter(str(error), param_hint=_option(error.option)) from error
    except KeyboardInterrupt:
        goes_on = ", and --resume goes on" if files and any(source.is_video for source in found.sources) else ""
        complain(f"interrupted; what was done is kept{goes_on}")
        raise typer.Exit(130) from None
    for file in () if silent else files:
        if Path(file).exists():
            tell(f"wrote {file}")
        elif sheets := sheets_at(Path(file)):  # as --explain names them that is given the name of a picture
            tell(f"wrote {', '.join(map(str, sheets))}")
    for each in () if quiet else found.notes:
        note(each)
    screen.summarize(summary)
    if not quiet:
        warn_of_drift(summary.drift)
    if not found.sources or summary.failures:
        failed = f"{summary.num_failed} of {summary.num_sources} inputs failed"
        complain(failed if found.sources else "nothing is left to analyse")
        raise typer.Exit(1)


def _named(sources: list[str] | None, wanted: Mapping[str, Path]) -> list[str]:
    """The sources, which are optional for typer: it would not say that an option took the only one as its file."""
    if not sources:
        taken = [f"; --{name} took {path} as the file to write" for name, path in wanted.items() if path.exists()]
        raise typer.BadParameter("".join(["name the pictures and videos to analyse", *taken]), param_hint="SOURCE")
    return sources


def warn_of_drift(drift: "Drift | None") -> None:
    """Say how the faces differ from those that the model was measured on, if they do."""
    for text in drift.texts if drift else ():
        warn(text)


def make_settings(**values: Any) -> Any:
    """The settings of videos; a wrong one ends the command with status 2."""
    from mien.errors import InvalidInput
    from mien.jobs.settings import VideoSettings

    if values["end"] is not None and values["end"] <= values["start"]:
        raise typer.BadParameter(
            f"comes after --start ({values['start']:g} s); got {values['end']:g} s", param_hint="--end"
        )
    try:
        return VideoSettings(**{name: value for name, value in values.items() if value is not None})
    except InvalidInput as error:
        option = next((name for name in values if str(error).startswith(f"{name} ")), "smoothing")
        raise typer.BadParameter(str(error), param_hint=_option(option)) from error


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9})x(\d{1,9})", text.lower())
    if not found or not all(map(int, found.groups())):
        raise typer.BadParameter(f"expected WxH, as in 640x480; got {text[:80]}", param_hint="--raw-size")
    return int(found[1]), int(found[2])


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(re.fullmatch(r"\s*\d{1,9}\s*", part) for part in parts):
        raise typer.BadParameter(
            f"expected the numbers of one person, as in 1,3; got {text[:80]}", param_hint="--merge"
        )
    return tuple(map(int, parts))


def _check_drawing(wanted: set[str], anonymize: str | None, *, panels: bool, strip: bool, evidence: bool) -> None:
    """That options which change what is drawn come with something that is."""
    check_anonymize(anonymize, drawing=bool({"annotate", "report", "explain"} & wanted))
    for option, given in (("--no-panels", not panels), ("--no-strip", not strip)):
        if given and "annotate" not in wanted:
            raise typer.BadParameter("changes what is drawn; name --annotate", param_hint=option)
    if evidence and not {"annotate", "report"} & wanted:
        raise typer.BadParameter("changes what is drawn; name --annotate or --report", param_hint="--evidence")


def check_anonymize(how: str | None, *, drawing: bool = True) -> None:
    """That faces can be hidden as asked, in something that is drawn."""
    if how not in (None, "blur", "pixelate"):
        raise typer.BadParameter(f"expected blur or pixelate; got {how}", param_hint="--anonymize")
    if how and not drawing:
        raise typer.BadParameter(
            "hides faces in what is drawn; name --annotate, --explain or --report", param_hint="--anonymize"
        )


def make_analyzer(model: str, detector: str, detector_model: Path | None, options: Mapping[str, Any]) -> Any:
    """As the options say; whatever is wrong with them ends the command with status 2."""
    from mien.analyzer import Analyzer
    from mien.errors import InvalidInput
    from mien.recognition import load_classifier

    given = {name: value for name, value in options.items() if value is not None}
    if detector_model:
        given["model_file"] = detector_model
    if "prior" in given:
        given["prior"] = parse_prior(given["prior"])
    try:
        return Analyzer(model, detector, **given)
    except InvalidInput as error:
        text = str(error)
        at_fault = (name for name in given if re.match(name, text) or re.search(rf"has no (option )?{name}\b", text))
        option = next((_option(name).replace("model-file", "detector-model") for name in at_fault), "--detector")
        try:
            load_classifier(model, provider=given.get("provider"))
        except InvalidInput as fault:
            option = "--provider" if str(fault).startswith("provider ") else "--model"
        raise typer.BadParameter(str(error), param_hint=option) from error


def _with_output_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every kind of output, in place of its `**outputs`."""
    from mien.jobs.kinds import HELP

    signature = inspect.signature(command)
    given = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    for name, text in HELP.items():
        place = {"annotate": "PLACE", "report": "PLACE", "explain": "FOLDER"}.get(name, "FILE")
        option = typer.Option(f"--{name}", metavar=place, help=text, rich_help_panel="Outputs")
        kind = Annotated[Path | None, option]
        given.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    command.__signature__ = signature.replace(parameters=given)  # type: ignore[attr-defined] # read by inspect
    command.__annotations__ = {each.name: each.annotation for each in given}
    return command


analyze = _with_output_options(analyze)
