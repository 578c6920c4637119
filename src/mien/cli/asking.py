"""Options that say what a model is asked: whose answer, under which prior, with which labels, and how sure; and what
runs it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, TypeAlias

import typer

from mien.cli.console import share
from mien.errors import InvalidInput, ModelError

ReadingName: TypeAlias = Annotated[str | None, typer.Option(
    "--reading", help="Whose answer: people (what they would name) or fer2013 (its label).",
    show_default="people")]  # fmt: skip
Prior: TypeAlias = Annotated[str | None, typer.Option(
    metavar="SHARES", help="How frequent the expressions are: natural, halfway, even, or happy=3,neutral=1.",
    show_default="halfway")]  # fmt: skip
Labels: TypeAlias = Annotated[str, typer.Option(help="seven, or ferplus for contempt too.")]
MaxError: TypeAlias = Annotated[float | None, typer.Option(
    parser=share, metavar="SHARE", show_default="keeps nine of ten faces",
    help="Wrong answers to accept, as 5%: fewer leave more faces unclear.")]  # fmt: skip
Sets: TypeAlias = Annotated[float | None, typer.Option(
    parser=share, metavar="SHARE",
    help="Give each face a set of labels, of which this share, as 90%, holds the right one.")]  # fmt: skip
Views: TypeAlias = Annotated[int, typer.Option(
    min=1, max=10, help="Views of each face to average: 2 adds its mirror image, more move both.")]  # fmt: skip
ProviderName: TypeAlias = Annotated[str | None, typer.Option(
    "--provider", help="What runs an ONNX network: cpu, cuda, openvino, coreml or directml, where onnxruntime has it.",
    show_default="cpu")]  # fmt: skip


@contextmanager
def naming_model(argument: str) -> Iterator[None]:
    """A model or a provider that cannot be had ends the command with status 2, and with the name of its argument."""
    try:
        yield
    except ModelError as error:
        raise typer.BadParameter(str(error), param_hint=argument) from error
    except InvalidInput as error:
        if str(error).startswith("provider "):
            raise typer.BadParameter(str(error), param_hint="--provider") from error
        raise


def parse_prior(text: str | None) -> str | dict[str, float] | None:
    """`--prior`: a name, or the shares of some labels."""
    if text is None or "=" not in text:
        return text
    pairs = [re.fullmatch(r"\s*([^=]+?)\s*=\s*(\d*\.?\d+)\s*", part) for part in text.split(",")]
    shares = {found[1]: float(found[2]) for found in pairs if found}
    if len(shares) < len(pairs):
        raise typer.BadParameter(
            f"expected a share for each of several labels, as in happy=3,neutral=1; got {text[:80]}",
            param_hint="--prior",
        )
    return shares
