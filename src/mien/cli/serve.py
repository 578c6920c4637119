"""mien serve: pictures, videos and a camera's frames over HTTP."""

import inspect
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.analyze import DetectorModel, DetectorName, MinFace, MinScore, Model, Turned, make_analyzer
from mien.cli.asking import Labels, MaxError, Prior, ProviderName, ReadingName, Sets
from mien.cli.console import note, tell, warn
from mien.defaults import DEFAULT_DETECTOR, DEFAULT_MODEL
from mien.errors import InvalidInput, MissingExtra
from mien.files import opening_errors

TOKEN = "MIEN_TOKEN"  # the environment variable with the token; processes' arguments can be seen by others


def serve(
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for all of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Its port; 0 for one that is free.")] = 8000,
    model: Model = DEFAULT_MODEL,
    detector: DetectorName = DEFAULT_DETECTOR,
    detector_model: DetectorModel = None,
    reading: ReadingName = None,
    prior: Prior = None,
    labels: Labels = "seven",
    max_error: MaxError = None,
    sets: Sets = None,
    provider: ProviderName = None,
    min_face: MinFace = None,
    min_score: MinScore = None,
    turned: Turned = None,
    workers: Annotated[int, typer.Option(min=0, help="Threads that analyse pictures; 0: one a core.")] = 0,
    token_file: Annotated[Path | None, typer.Option(
        metavar="FILE", help=f"Answer only those who know the token in it; or in the environment's {TOKEN}.")] = None,
    allow_host: Annotated[list[str] | None, typer.Option(
        metavar="NAME", help="A name by which the service may be asked, beside localhost and numbers.")] = None,
    allow_origin: Annotated[list[str] | None, typer.Option(
        metavar="URL", help="Another site whose pages may ask, as https://example.org.")] = None,
    **limits: float,
) -> None:  # fmt: skip
    try:
        from mien.serve.guard import Access
        from mien.serve.limits import Limits
        from mien.serve.server import serve as run
    except ImportError as error:
        raise MissingExtra("The service", "serve", error) from error

    try:
        bounds = Limits(**limits)  # type: ignore[arg-type] # as their options have it
        access = Access(_token(token_file), tuple(allow_host or ()), tuple(allow_origin or ()))
    except InvalidInput as error:
        named = f"--token-file {token_file}" if token_file else TOKEN
        raise typer.BadParameter(str(error), param_hint=named if "a token has" in str(error) else None) from error
    options = {
        "min_face": min_face, "min_score": min_score, "turned": turned, "reading": reading, "prior": prior,
        "labels": labels, "max_error": max_error, "sets": sets, "provider": provider,
    }  # fmt: skip
    analyzer = make_analyzer(model, detector, detector_model, options)

    def listening(url: str) -> None:
        tell(f"{analyzer.model} and {analyzer.detector_name} answer at {url}; Ctrl-C ends")
        if not access.token and not url.startswith(("http://127.", "http://[::1]")):
            warn(f"whoever reaches this address may use it; name a token by --token-file or {TOKEN}")

    try:
        run(analyzer, host=host, port=port, limits=bounds, access=access, workers=workers or None, listening=listening)
    except KeyboardInterrupt:  # how the server passes the signal on that ended it
        note("stopped; what was accepted has been answered")


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN)
    with opening_errors(file, f"--token-file: {file}", "a text file that holds the token", InvalidInput):
        return file.read_text(encoding="utf-8", errors="replace").strip()


def _with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every limit, in place of its `**limits`."""
    from mien.serve.limits import Limits

    signature = inspect.signature(command)
    given = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    for limit in fields(Limits):
        name = f"--{limit.name.replace('_', '-')}"
        option = typer.Option(name, help=limit.metadata["help"], rich_help_panel="Limits")
        kind: Any = Annotated[type(limit.default), option]
        given.append(
            inspect.Parameter(limit.name, inspect.Parameter.KEYWORD_ONLY, default=limit.default, annotation=kind)
        )
    command.__signature__ = signature.replace(parameters=given)  # type: ignore[attr-defined] # read by inspect
    command.__annotations__ = {each.name: each.annotation for each in given}
    return command


serve = _with_limits(serve)
