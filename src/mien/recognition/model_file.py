"""The model file, written by training and read by analysis: ONNX with metadata that describes it."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, get_origin, get_type_hints

from mien.drift import parse_profile
from mien.emotions import EMOTIONS_AND_CONTEMPT, parse_vote
from mien.errors import InvalidInput, ModelError

METADATA_KEY = "mien"  # the entry of an ONNX file's metadata that holds `ModelInfo`, as JSON
FORMAT_VERSION = 1
MAX_INPUT_SIZE = 1024  # pixels; the largest side of the faces that a model may take
MAX_METADATA = 2**22  # characters, of which shipped models have 60,000; JSON may take eighty bytes of memory for each
LEAST_SHARE = 1e-6  # of each expression in the votes that people's reading is calibrated on

INPUT, LOGITS, EVIDENCE, VOTES, VOTES_EVIDENCE = "faces", "logits", "cam", "votes", "votes_cam"
"""Names in the graph: input `faces` (N, S, S) uint8; outputs `logits` (N, K) and `cam` (N, K, h, w), float32.

A class's logit is the mean of its class activation map in `cam`, so the map explains the logit. A network that was
trained on FER+'s votes too has the same for their logits: `votes` (N, 8) and `votes_cam` (N, 8, h, w), which files of
earlier versions lack.
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
        profile: What `mien.drift.parse_profile` reads: how the faces are distributed that it was measured on, and its
            answers on them; empty in files of earlier versions.
        readings: What was fitted for each of the file's readings. For "people": `natural`, the share of each expression
            in the votes that it was calibrated on, without which the file has no such reading.
            For each of "people", "fer2013" and "own" (of a file with labels of its own): `calibration`, the calibration
            faces of `mien.recognition.abstention`. Files of earlier versions lack them.
        unlike: The score of `mien.recognition.unlike`; empty in files of earlier versions.
        parity: How the file's answers differ from those of the network it was made from: what `mien.shipping.parity`
            measured when it was exported; empty in files of earlier versions.
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
    profile: Mapping[str, Any] = field(default_factory=dict)
    readings: Mapping[str, Any] = field(default_factory=dict)
    unlike: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        text = json.dumps(dataclasses.asdict(self), ensure_ascii=False)
        # Classes may be folders whose names are no UTF-8; JSON has the same escapes for their bytes as Python.
        return text.encode("utf-8", "backslashreplace").decode()


def parse_model_info(text: str, source: str) -> ModelInfo:
    """The metadata in a model file's JSON under `METADATA_KEY`; entries that this mien does not know are ignored.

    A `ModelError` names the file, `source`, and the field that is missing or wrong.
    """
    if len(text) > MAX_METADATA:
        raise ModelError(f"{source}: its metadata has {len(text):,} characters; at most {MAX_METADATA:,} are read")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: a number of thousands of digits, too
        raise ModelError(f"{source}: its metadata is no JSON: {error}") from error
    version = values.get("format_version") if isinstance(values, dict) else None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{source}: model format {version!r:.20}; this mien reads format {FORMAT_VERSION}. Export it again, or "
            "install a mien that reads it"
        )
    # What was added to the format later.
    values = {"vote_labels": [], "readings": {}, "profile": {}, "unlike": {}, "parity": {}} | values
    hints = get_type_hints(ModelInfo)
    for name, hint in hints.items():
        kind = {tuple: list, Mapping: dict, UnionType: str | None}.get(get_origin(hint), hint)
        if name not in values or not isinstance(values[name], kind):
            raise ModelError(f"{source}: its metadata has no valid {name!r}; got {values.get(name)!r:.200}")
    labels, size = values["labels"], values["input_size"]
    if not labels or not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        raise ModelError(f"{source}: its metadata needs labels that are different names; got {labels!s:.200}")
    if not all(isinstance(label, str) for label in values["vote_labels"]):
        raise ModelError(f"{source}: its metadata needs vote_labels that are names; got {values['vote_labels']!s:.200}")
    if not all(isinstance(each, dict) for each in values["readings"].values()):
        raise ModelError(f"{source}: its metadata needs an object for each reading; got {values['readings']!s:.200}")
    people = values["readings"].get("people")
    if people is not None and not _has_natural_shares(people, values["vote_labels"]):
        raise ModelError(
            f"{source}: its metadata needs a share of at least {LEAST_SHARE:g} of each of its votes' labels; "
            f"got {people!s:.200}"
        )
    if not 1 <= size <= MAX_INPUT_SIZE or isinstance(size, bool):
        raise ModelError(f"{source}: its input_size is {size}; expected 1 to {MAX_INPUT_SIZE} pixels")
    if values["profile"]:
        try:
            parse_profile(values["profile"])
        except InvalidInput as error:
            raise ModelError(f"{source}: its reference profile is damaged: {error}") from error
    names = {name: tuple(values[name]) for name in ("labels", "vote_labels")}
    return ModelInfo(**{name: values[name] for name in hints} | names)


def sums_of(contents: Mapping[str, bytes]) -> str:
    """The SHA-256 of each of several files, as JSON by their names' endings, for `check_sums`."""
    return json.dumps({_ending(name): hashlib.sha256(content).hexdigest() for name, content in contents.items()})


def check_sums(sums: str, contents: Mapping[str, bytes], path: Path) -> None:
    """Check that the parts of a model file, by their names, are those it was written with, by what `sums_of` gave.

    Raises:
        ModelError: One is another file, as of another export.
    """
    try:
        expected = json.loads(sums)
    except (ValueError, RecursionError):
        expected = None
    found = json.loads(sums_of(contents))
    for name in contents:
        if not isinstance(expected, dict) or expected.get(_ending(name)) != found[_ending(name)]:
            raise ModelError(
                f"{path}: {name} is not the file that was written with it; copy all parts of one export together, or "
                "export it again"
            )


def _ending(name: str) -> str:
    return name.rpartition(".")[2]  # so that all parts may be renamed together


def outputs_of(info: ModelInfo) -> tuple[str, ...]:
    """The outputs of a file that this mien writes: logits and their evidence, of the labels and then of the votes."""
    return (LOGITS, EVIDENCE, VOTES, VOTES_EVIDENCE) if info.vote_labels else (LOGITS, EVIDENCE)


def _has_natural_shares(people: Any, vote_labels: list[str]) -> bool:
    shares = people.get("natural") if isinstance(people, dict) else None
    return (
        isinstance(shares, dict)
        and sorted(shares) == sorted(map(parse_vote, vote_labels)) == sorted(EMOTIONS_AND_CONTEMPT)
        and all(isinstance(share, float) and LEAST_SHARE <= share < 1 for share in shares.values())
    )


def size_class(num_parameters: int) -> str:
    """The class of a network by its number of trained parameters."""
    limits = {"nano": 62_000, "small": 1_000_000, "base": 15_000_000}
    return next((name for name, limit in limits.items() if num_parameters < limit), "large")
