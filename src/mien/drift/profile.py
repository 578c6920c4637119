"""The reference profile in a model file: how the faces that the model was measured on are distributed, as numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Final

from mien.errors import InvalidInput

CONFIDENCE: Final = "confidence"
"""The name under which the score of the leading label is compared, beside the measures of quality."""

COMPARED: Final = (
    "sharpness", "brightness", "overexposure", "underexposure", "contrast", "uniformity", "covered",
)  # fmt: skip
"""The measures of a face's quality that are compared: those of the 48 pixels that the network sees. Others need the
picture around the face, which FER2013 has not."""

MOST_LEVELS: Final = 1000
MOST_FACES: Final = 10**9
"""What a profile may hold at most; files may come from anybody."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one measure is distributed over the reference faces.

    Attributes:
        levels: L values of the measure, rising.
        shares: Of each level, the share of the faces whose measure is at most that; rising, 0 to 1.
        mean: The measure's mean.
    """

    levels: tuple[float, ...]
    shares: tuple[float, ...]
    mean: float


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model answers on the reference faces, in one of its readings.

    Attributes:
        labels: K names, in the order of all that follows.
        counts: In how many of the faces each label leads.
        confidence: Of the faces in which each label leads, how the leading score is distributed; one for each label,
            all with the same levels.
    """

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    confidence: tuple[Distribution, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """The reference profile of a model file; `mien.evaluation.profile_of` makes one.

    Attributes:
        data: The data set's name and split.
        num_faces: How many faces were measured.
        measures: Each measure of a face's quality that can be taken of the crop alone, by its name.
        answers: By the name of the reading, as "fer2013", under its default prior.
    """

    data: str
    num_faces: int
    measures: Mapping[str, Distribution] = field(hash=False)
    answers: Mapping[str, Answers] = field(hash=False)

    def to_dict(self) -> dict[str, Any]:
        """The profile as a model file's metadata holds it: plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Reference:
    """What the faces of an analysis are compared with.

    Attributes:
        model: The model's name.
        profile: The profile in its file.
        reading: The reading in use; its answers are compared if the profile has them.
        factors: By label, what the analysis's scores are multiplied with, and divided by their sum, so that they are
            under the prior that the profile was made with; empty where they are already.
    """

    model: str
    profile: Profile
    reading: str = ""
    factors: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def answers(self) -> Answers | None:
        """Those of the reading in use; None where the profile has none."""
        return self.profile.answers.get(self.reading)


def parse_profile(values: object) -> Profile:
    """The profile that `Profile.to_dict` gave; measures that this mien does not know are ignored.

        >>> parse_profile({"data": "fer2013, val", "num_faces": 3589, "measures": {}, "answers": {}}).num_faces
        3589

    Raises:
        InvalidInput: An entry is missing or cannot be; the message names it.
    """
    entries = _entries(values, "the profile", "data", "num_faces", "measures", "answers")
    if not isinstance(entries["data"], str):
        raise InvalidInput(f"data is a name; got {entries['data']!r:.80}")
    measures = _entries(entries["measures"], "measures")
    answers = _entries(entries["answers"], "answers")
    return Profile(
        data=entries["data"],
        num_faces=_count(entries["num_faces"], "num_faces", least=1),
        measures={name: _distribution(each, name) for name, each in measures.items() if name in COMPARED},
        answers={name: _answers(each, f"answers of {name!r:.80}") for name, each in answers.items()},
    )


def _answers(values: object, name: str) -> Answers:
    entries = _entries(values, name, "labels", "counts", "confidence")
    labels = _listed(entries["labels"], f"labels in {name}")
    if not labels or not all(isinstance(label, str) for label in labels) or len({*labels}) < len(labels):
        raise InvalidInput(f"labels in {name} are different names; got {labels!r:.80}")
    num = len(labels)
    confidence = _listed(entries["confidence"], f"confidence in {name}", num)
    distributions = tuple(_distribution(each, f"confidence in {name}") for each in confidence)
    if len({each.levels for each in distributions}) > 1:
        raise InvalidInput(f"confidence in {name} has the same levels for each label; got several")
    return Answers(
        labels=tuple(labels),
        counts=tuple(
            _count(each, f"counts in {name}") for each in _listed(entries["counts"], f"counts in {name}", num)
        ),
        confidence=distributions,
    )


def _distribution(values: object, name: str) -> Distribution:
    entries = _entries(values, name, "levels", "shares", "mean")
    levels = _numbers(entries["levels"], f"levels of {name}")
    if not 0 < len(levels) <= MOST_LEVELS or not all(low < high for low, high in pairwise(levels)):
        raise InvalidInput(f"levels of {name} are 1 to {MOST_LEVELS:,} rising numbers; got {levels!r:.80}")
    shares = _numbers(entries["shares"], f"shares of {name}", len(levels), least=0, most=1)
    if not all(low <= high for low, high in pairwise(shares)):
        raise InvalidInput(f"shares of {name} never fall; got {shares!r:.80}")
    return Distribution(levels, shares, _numbers([entries["mean"]], f"mean of {name}")[0])


def _entries(values: object, name: str, *needed: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping) or not all(isinstance(each, str) for each in values):
        raise InvalidInput(f"{name}: expected entries by name; got {values!r:.80}")
    if missing := [each for each in needed if each not in values]:
        raise InvalidInput(f"{name}: there is no {missing[0]!r}")
    return values


def _listed(values: object, name: str, num: int | None = None) -> Sequence[Any]:
    if not isinstance(values, list | tuple) or (num is not None and len(values) != num):
        raise InvalidInput(f"{name}: expected {'a list' if num is None else f'{num} entries'}; got {values!r:.80}")
    return values


def _numbers(
    values: object, name: str, num: int | None = None, *, least: float = -math.inf, most: float = math.inf
) -> tuple[float, ...]:
    listed = _listed(values, name, num)
    for each in listed:
        if not isinstance(each, int | float) or isinstance(each, bool) or not least <= each <= most:
            raise InvalidInput(f"{name}: expected numbers of {least:g} to {most:g}; got {each!r:.80}")
        if not abs(each) < 1e300:  # a whole number of any length, too, which no float can hold
            raise InvalidInput(f"{name}: expected finite numbers; got {each!r:.80}")
    return tuple(float(each) for each in listed)


def _count(value: object, name: str, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MOST_FACES:
        raise InvalidInput(f"{name}: expected a whole number, {least} to {MOST_FACES:,}; got {value!r:.80}")
    return value
