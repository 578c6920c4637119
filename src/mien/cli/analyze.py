"""mien analyze: pictures and videos in, faces and what they show out."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from mien.cli.console import above_zero, complain, note, seconds, tell
from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL

Model: TypeAlias = Annotated[str, typer.Option(help="A shipped model's name, or a file of `mien export`.")]
DetectorName: TypeAlias = Annotated[str, typer.Option(help="yunet, haar, or package.module:Name.")]
DetectorModel: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="YuNet's model, instead of the one installed.")
]
MinFace: TypeAlias = Annotated[float | None, typer.Option(
    help="The smallest face to find, in pixels; smaller ones take longer.")]  # fmt: skip
MinScore: TypeAlias = Annotated[float | None, typer.Option(help="YuNet: the least score of a face, 0 to 1.")]
Turned: TypeAlias = Annotated[bool | None, typer.Option(
    "--turned/--no-turned", show_default=False,
    help="YuNet: small faces at any angle too, or upright ones only.")]  # fmt: skip


def _of_videos(*names: str, **settings: Any) -> Any:
    """An option in the part of the help that is about videos."""
    return typer.Option(*names, rich_help_panel="Videos", **settings)


def analyze(
    sources: Annotated[list[str], typer.Argument(
        metavar="SOURCE", help="Pictures and videos: files, folders, patterns, URLs; - for a pipe.")],
    model: Model = DEFAULT_MODEL,
    detector: DetectorName = DEFAULT_DETECTOR,
    detector_model: DetectorModel = None,
    min_face: MinFace = None,
    min_score: MinScore = None,
    turned: Turned = None,
    scale_step: Annotated[float | None, typer.Option(help="Haar: from one size searched to the next.")] = None,
    neighbours: Annotated[int | None, typer.Option(help="Haar: hits that a face needs.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Haar: find faces from the side too.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Processes side by side; 0: one a core.")] = 1,
    anonymize: Annotated[str | None, typer.Option(
        metavar="HOW", help="blur or pixelate every face in whatever is drawn.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    start: Annotated[float, _of_videos(parser=seconds, metavar="TIME", help="As 3, 1.5s or 1:30.")] = 0.0,
    end: Annotated[float | None, _of_videos(parser=seconds, metavar="TIME", help="Likewise.")] = None,
    every: Annotated[int, _of_videos(min=1, help="Every n-th frame only.")] = 1,
    fps: Annotated[float | None, _of_videos(callback=above_zero, help="At most so many frames a second.")] = None,
    as_video: Annotated[bool, _of_videos("--as-video", help="Folders are numbered frames, - is Y4M.")] = False,
    rate: Annotated[float | None, _of_videos(
        callback=above_zero, help="Frames a second of numbered frames and raw pictures.")] = None,
    raw_size: Annotated[str | None, _of_videos(metavar="WxH", help="- is raw RGB of this size.")] = None,
    smoothing: Annotated[str, _of_videos(help="ema, median or off.")] = "ema",
    smoothing_seconds: Annotated[float | None, _of_videos(
        parser=seconds, callback=above_zero, metavar="TIME", help="Time constant, or window.")] = None,
    baseline: Annotated[float, _of_videos(
        parser=seconds, metavar="TIME", help="Take out what each face shows at first.")] = 0.0,
    resume: Annotated[bool, _of_videos("--resume", help="Go on with an interrupted job.")] = False,
    **outputs: Path | None,
) -> None:  # fmt: skip
    from mien.cli.screen import AnalysisScreen
    from mien.jobs.outputs import OutputRefused
    from mien.jobs.run import analyze as run
    from mien.jobs.sources import find_sources

    wanted = {name: path for name, path in outputs.items() if path}
    check_anonymize(anonymize, drawing=bool({"annotate", "report"} & set(wanted)))
    settings = _settings(
        start=start, end=end, every=every, fps=fps, rate=rate, raw_size=_size(raw_size), smoothing=smoothing,
        smoothing_seconds=smoothing_seconds, baseline=baseline,
    )  # fmt: skip
    options = {
        "min_face": min_face, "min_score": min_score, "turned": turned, "scale_step": scale_step,
        "neighbours": neighbours, "profile": profile or None,
    }  # fmt: skip
    analyzer = make_analyzer(model, detector, detector_model, options)
    found = find_sources(sources, as_video=as_video or raw_size is not None)
    changed = [*settings.changed(), *(["resume"] if resume else [])]
    if changed and not any(source.is_video or source.error for source in found.sources):
        hint = _option(changed[0])
        raise typer.BadParameter("applies to videos, and there is none among the inputs", param_hint=hint)
    files = [str(path) for path in wanted.values() if str(path) != "-"]
    if resume and not files:
        raise typer.BadParameter("name the outputs of the job to go on with", param_hint="--resume")
    silent = quiet or len(files) < len(wanted)
    screen = AnalysisScreen(found.sources, settings, silent=silent)
    try:
        with screen:
            summary = run(
                found, analyzer, wanted, settings=settings, anonymize=anonymize,  # type: ignore[arg-type] # as checked
                jobs=jobs, resume=resume, watch=screen.see,
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
    for each in () if quiet else found.notes:
        note(each)
    screen.summarize(summary)
    if not found.sources or summary.failures:
        failed = f"{len(summary.failures)} of {summary.num_sources} inputs failed"
        complain(failed if found.sources else "nothing is left to analyse")
        raise typer.Exit(1)


def _settings(**values: Any) -> Any:
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
        option = next((name for name in values if str(error).startswith(name)), "smoothing")
        raise typer.BadParameter(str(error), param_hint=_option(option)) from error


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise typer.BadParameter(f"expected WxH, as in 640x480; got {text}", param_hint="--raw-size")
    return int(width), int(height)


def check_anonymize(how: str | None, *, drawing: bool = True) -> None:
    """That faces can be hidden as asked, in something that is drawn."""
    if how not in (None, "blur", "pixelate"):
        raise typer.BadParameter(f"expected blur or pixelate; got {how}", param_hint="--anonymize")
    if how and not drawing:
        raise typer.BadParameter("hides faces in what is drawn; name --annotate or --report", param_hint="--anonymize")


def make_analyzer(model: str, detector: str, detector_model: Path | None, options: Mapping[str, Any]) -> Any:
    """As the options say; whatever is wrong with them ends the command with status 2."""
    from mien.analyzer import Analyzer
    from mien.errors import InvalidInput
    from mien.recognition import load_classifier

    given = {name: value for name, value in options.items() if value is not None}
    if detector_model:
        given["model_file"] = detector_model
    try:
        return Analyzer(model, detector, **given)
    except InvalidInput as error:
        text = str(error)
        at_fault = (name for name in given if text.startswith(name) or f"has no option {name}" in text)
        option = next((_option(name).replace("model-file", "detector-model") for name in at_fault), "--detector")
        try:
            load_classifier(model)
        except InvalidInput:
            option = "--model"
        raise typer.BadParameter(str(error), param_hint=option) from error


def _with_output_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every kind of output, in place of its `**outputs`."""
    from mien.jobs.kinds import HELP

    signature = inspect.signature(command)
    given = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    for name, text in HELP.items():
        place = "PLACE" if name == "annotate" else "FILE"
        option = typer.Option(f"--{name}", metavar=place, help=text, rich_help_panel="Outputs")
        kind = Annotated[Path | None, option]
        given.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    command.__signature__ = signature.replace(parameters=given)  # type: ignore[attr-defined] # read by inspect
    command.__annotations__ = {each.name: each.annotation for each in given}
    return command


analyze = _with_output_options(analyze)
