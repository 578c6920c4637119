"""The model file, written by training and read by analysis: ONNX with metadata that describes it."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, get_origin, get_type_hints

from mien.errors import ModelError

METADATA_KEY = "mien"  # the entry of an ONNX file's metadata that holds `ModelInfo`, as JSON
FORMAT_VERSION = 1

INPUT, LOGITS, EVIDENCE, VOTES = "faces", "logits", "cam", "votes"
"""Names in the graph: input `faces` (N, S, S) uint8; outputs `logits` (N, K) and `cam` (N, K, h, w), float32.

A class's logit is the mean of its class activation map in `cam`, so the map explains the logit. A network that was
trained on FER+'s votes too has a third output, their logits `votes` (N, 8).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """The metadata of a model file.

    Attributes:
        name: The model's name, as "mini-xception".
        architecture: A key of `training.architectures.ARCHITECTURES`, or "ensemble".
        labels: K names, in the order of the logits.
        vote_labels: FER+'s eight names, in the order of the logits of `votes`; empty without that output.
        input_size: S, the side of the input faces in pixels.
        num_parameters: The number of trained parameters.
        size_class: "nano" (under 62,000 parameters), "small" (under 1 M), "base" (under 15 M), "large" or "ensemble".
        licence: SPDX identifier.
        trained_on: The data set's name, number of faces and fingerprint.
        recipe: All settings of the training.
        commit: The commit of the code that trained it, with "+" if changed since; None if unknown.
        measured: Its accuracy and other metrics, the split, and the number of faces.
        format_version: The version of this metadata.
    """

    name: str
    architecture: str
    labels: tuple[str, ...]
    input_size: int
    num_parameters: int
    size_class: str
    vote_labels: tuple[str, ...] = ()
    licence: str = "Apache-2.0"
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)


def parse_model_info(text: str, source: str) -> ModelInfo:
    """The metadata in a model file's JSON under `METADATA_KEY`; entries that this mien does not know are ignored.

    A `ModelError` names the file, `source`, and the field that is missing or wrong.
    """
    try:
        values = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ModelError(f"{source}: its metadata is no JSON: {error}") from error
    version = values.get("format_version") if isinstance(values, dict) else None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{source}: model format {version!r}; this mien reads format {FORMAT_VERSION}. Export it again, or "
            "install a mien that reads it"
        )
    values = {"vote_labels": []} | values  # which was added to the format later
    hints = get_type_hints(ModelInfo)
    for name, hint in hints.items():
        kind = {tuple: list, Mapping: dict, UnionType: str | None}.get(get_origin(hint), hint)
        if name not in values or not isinstance(values[name], kind):
            raise ModelError(f"{source}: its metadata has no valid {name!r}; got {values.get(name)!r}")
    labels = values["labels"]
    if not labels or not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        raise ModelError(f"{source}: its metadata needs labels that are different names; got {labels}")
    names = {name: tuple(values[name]) for name in ("labels", "vote_labels")}
    return ModelInfo(**{name: values[name] for name in hints} | names)


def size_class(num_parameters: int) -> str:
    """The class of a network by its number of trained parameters."""
    limits = {"nano": 62_000, "small": 1_000_000, "base": 15_000_000}
    return next((name for name, limit in limits.items() if num_parameters < limit), "large")
