"""Write public.txt anew: every name that others may rely on, a line each.

    python tests/make_public.py

docs/stability.md says which of them may change, and how. Run it when one is added; a change of public.txt that takes
something away, or gives it another meaning, is a change that CHANGELOG.md announces.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import typer

import mien
from mien import errors
from mien.cli import VERBS, app
from mien.cli import _load as command_of
from mien.jobs.kinds import KINDS
from mien.recognition import ModelInfo
from mien.recognition.model_file import (
    EVIDENCE,
    FORMAT_VERSION,
    INPUT,
    LOGITS,
    METADATA_KEY,
    VOTES,
    VOTES_EVIDENCE,
)  # fmt: skip
from mien.records.results import header_to_dict
from mien.records.rows import columns
from mien.records.sink import Header, Kind
from mien.values import Box, Crop, Detection, Face, Prediction

GOLDEN: Final = Path(__file__).with_name("public.txt")
LABELS: Final = ("dark", "bright")


def python() -> Iterator[str]:
    """The names in `mien`, with their arguments and defaults; of a class also what its objects have."""
    for name in mien.__all__:
        public = getattr(mien, name)
        if isinstance(public, type):
            yield f"mien.{name}{arguments(public)}"
            yield from (f"mien.{name}.{member}" for member in members(public))
            if public is mien.Analyzer:
                made = vars(mien.Analyzer())
                yield from (f"mien.{name}().{member}" for member in sorted(made) if not member.startswith("_"))
        else:
            yield f"mien.{name}{arguments(public)}" if callable(public) else f"mien.{name} = {public!r}"


def members(public: type) -> Iterator[str]:
    """Fields, properties and methods of a class of mien's, without those that begin with an underscore."""
    own = [each for each in public.__mro__ if each.__module__.startswith("mien")]
    names = {name for each in own for name in vars(each)} | {each.name for each in own_fields(public)}
    for name in sorted(name for name in names if not name.startswith("_")):
        value = inspect.getattr_static(public, name, None)
        value = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        yield f"{name}{arguments(value)}" if inspect.isfunction(value) else name


def own_fields(public: type) -> tuple[Any, ...]:
    return fields(public) if is_dataclass(public) else ()


def arguments(public: Any) -> str:
    """Names, kinds and defaults; types are for type checkers, and Python versions write them in different ways."""
    try:
        signature = inspect.signature(public)
    except ValueError:
        return ""
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def error_codes() -> Iterator[str]:
    """The errors, whose codes programs may compare."""
    for name, value in sorted(vars(errors).items()):
        if isinstance(value, type) and issubclass(value, errors.MienError):
            yield f"mien.errors.{name}({value.__mro__[1].__name__}) code={value.code}"


def command_line() -> Iterator[str]:
    """The verbs with their arguments and options."""
    for each in typer.main.get_command(app).params:
        yield f"mien {' / '.join(each.opts)}"
    for verb in VERBS:
        yield from command(f"mien {verb}", command_of(verb))


def command(words: str, found: Any) -> Iterator[str]:
    """A verb's line for each argument and option, and those of the verbs below it."""
    yield words
    yield from sorted(f"{words} {parameter(each)}" for each in found.params if each.name != "help")
    for name, below in sorted(getattr(found, "commands", {}).items()):
        yield from command(f"{words} {name}", below)


def parameter(found: Any) -> str:
    """An argument, or an option with its other names and its default."""
    if found.param_type_name == "argument":
        return f"{found.name.upper()}{'…' if found.nargs != 1 else ''}"
    default = f" = {found.default}" if isinstance(found.default, str | int | float) else ""
    return f"{' / '.join([*found.opts, *found.secondary_opts])}{' …' if found.multiple else default}"


def records() -> Iterator[str]:
    """The outputs, the columns of the tables, and the fields of JSON; of a model with the labels dark and bright."""
    header = Header(model="made", detector="made", labels=LABELS)
    face = Face(
        Detection(Box(0, 0, 8, 8), 0.5, crop=Crop(4, 4, 8)), Prediction(LABELS, np.array([0.25, 0.75], np.float32))
    )
    for kind in KINDS:
        yield f"output {kind.name}: {' '.join(kind.suffixes)}"
    yield from (f"table: {name}" for name in columns(header))
    for kind in KINDS:
        if kind.name in ("events", "seconds"):
            yield from (f"{kind.name}: {name}" for name in first_line(kind, header))
    yield from (f"json: {name}" for name in header_to_dict(header))
    yield from nested("json face", face.to_dict())


def first_line(kind: Kind, header: Header) -> list[str]:
    """The columns of a table."""
    stream = BytesIO()
    with kind.load()(stream, header):
        pass
    return stream.getvalue().decode().splitlines()[0].split(",")


def nested(words: str, value: dict[str, Any]) -> Iterator[str]:
    """The keys of an object, and of the objects in it."""
    for name, below in value.items():
        yield f"{words}: {name}"
        if isinstance(below, dict) and name in ("box", "crop", "pose"):
            yield from nested(f"{words} {name}", below)


def model_file() -> Iterator[str]:
    """What a model file says about itself, and the names in its graph."""
    yield f"metadata key {METADATA_KEY}, format version {FORMAT_VERSION}"
    yield from (f"metadata: {each.name}" for each in fields(ModelInfo))
    yield f"input: {INPUT}"
    yield from (f"output: {name}" for name in (LOGITS, EVIDENCE, VOTES, VOTES_EVIDENCE))


def service() -> Iterator[str]:
    """The routes of `mien serve`, with their queries."""
    from mien.serve import pictures, streams, videos
    from mien.serve.app import router

    for each in (router, pictures.router, streams.router, videos.router):
        for route in each.routes:
            methods = " ".join(sorted(getattr(route, "methods", None) or {"WS"}))
            dependant = getattr(route, "dependant", None)
            asked = ", ".join(sorted(each.alias for each in dependant.query_params)) if dependant else ""
            yield f"{methods} {route.path}" + (f" ({asked})" if asked else "")  # type: ignore[attr-defined]


SECTIONS: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "Python": python,
    "errors": error_codes,
    "command line": command_line,
    "records": records,
    "model file": model_file,
    "service": service,
}


def text(name: str) -> str:
    """One section."""
    return "\n".join([f"# {name}", *SECTIONS[name]()]) + "\n"


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(map(text, SECTIONS)), encoding="utf-8")
