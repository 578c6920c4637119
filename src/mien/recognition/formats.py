"""The formats of model files: what each is called, what runs it, and what it is good for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mien.recognition.classifier import FileClassifier, OnnxClassifier
from mien.recognition.ncnn_file import NcnnClassifier
from mien.recognition.openvino_file import OpenvinoClassifier

Opener = Callable[..., FileClassifier]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of model files.

    Attributes:
        suffix: How the name of its file ends.
        beside: How the names of the files end that belong to it; they lie beside it and have the same beginning.
        opener: The class that runs it.
        extra: The extra of mien that brings what runs it; None where nothing more is needed.
        export_extra: The extra that exporting needs, beside the extra `train`, which every export needs.
        good_for: Who should take it, in a few words.
    """

    suffix: str
    beside: tuple[str, ...] = ()
    opener: Opener
    extra: str | None = None
    export_extra: str | None = None
    good_for: str


FORMATS: Final = {
    "onnx": Format(suffix=".onnx", opener=OnnxClassifier, good_for="everywhere; the reference of the others"),
    "onnx-fp16": Format(
        suffix=".onnx", opener=OnnxClassifier, good_for="half the file at best, same answers, same time: 16 bits"
    ),
    "onnx-int8": Format(
        suffix=".onnx", opener=OnnxClassifier,
        good_for="a quarter of the file at best, less time where dense convolutions are most of it; needs --data",
    ),
    "openvino": Format(
        suffix=".xml", beside=(".bin",), opener=OpenvinoClassifier, extra="openvino", export_extra="openvino",
        good_for="many faces at once on Intel's and AMD's processors",
    ),
    "ncnn": Format(
        suffix=".ncnn.param", beside=(".ncnn.bin",), opener=NcnnClassifier, extra="ncnn",
        export_extra="pnnx", good_for="small boards and phones, with programs in C++ too",
    ),
}  # fmt: skip
"""Each format by the name that `mien export --format` takes."""

SUFFIXES: Final = tuple(dict.fromkeys(each.suffix for each in FORMATS.values()))
"""How the names of model files end."""

_OPENERS: Final = {each.suffix: each.opener for each in FORMATS.values()}


def opener_of(path: Path) -> Opener | None:
    """What runs a model file of that name; None for a name of no format."""
    return next((opener for suffix, opener in _OPENERS.items() if path.name.casefold().endswith(suffix)), None)


def files_of(path: Path) -> list[Path]:
    """A model file and those that belong to it.

    >>> [each.name for each in files_of(Path("small.xml"))]
    ['small.xml', 'small.bin']
    """
    known = next((each for each in FORMATS.values() if path.name.casefold().endswith(each.suffix)), None)
    if known is None:
        return [path]
    begin = path.name[: -len(known.suffix)]
    return [path, *(path.with_name(begin + end) for end in known.beside)]
