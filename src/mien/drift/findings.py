"""What an analysis's faces differ in from a model's reference profile, and what that says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.drift.profile import CONFIDENCE, Distribution, Reference
from mien.drift.statistics import fisher_exact, holm, kolmogorov_smirnov

LEAST_UNITS: Final = 30
"""From so many pictures, and people in videos, on something is said."""

FALSE_ALARMS: Final = 0.01
"""At most this share of analyses is said to have drifted although its faces come from where the reference's do. Each
half of it is that of one kind of drift."""

LEAST_DISTANCE: Final = 0.25
"""How far the shares of the faces at or below some value of a measure need to differ to be worth a word, however many
faces there are."""

TOLERATED: Final[Mapping[str, float]] = {
    "sharpness": 0.5, "brightness": 0.05, "overexposure": 0.15, "underexposure": 0.15, "contrast": 0.15,
    "uniformity": 0.05, "covered": 0.1, CONFIDENCE: 0.05,
}  # fmt: skip
"""How far they differ where nothing has drifted, as faces in pictures are cut and turned anew, and FER2013's crops are
not (benchmarks/drift.py measures it). Only what is beyond that is tested."""

LEAST_DIFFERENCE: Final = 0.1
"""The same for the share of the faces in which a label leads."""

DIRECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "sharpness": ("more blurred", "sharper or noisier"),
    "brightness": ("darker", "brighter"),
    "overexposure": ("less overexposed", "more overexposed"),
    "underexposure": ("less underexposed", "more underexposed"),
    "contrast": ("lower in contrast", "higher in contrast"),
    "uniformity": ("lit less evenly", "lit more evenly"),
    "covered": ("with more detail, or noise", "with less detail"),
    CONFIDENCE: ("read with less confidence", "read with more confidence"),
}
"""What is said of faces that are below the reference in a measure, and above it."""


class Compared(NamedTuple):
    """One measure of the reference faces and of those here.

    Attributes:
        name: The measure's name.
        reference: Over the reference faces.
        here: Over the faces of the analysis, at the same levels.
        num: How many pictures and people there are here.
        num_reference: How many faces the reference is as good as.
    """

    name: str
    reference: Distribution
    here: Distribution
    num: float
    num_reference: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference from the reference.

    Attributes:
        name: The measure, or the label.
        level: The value of the measure at which the two differ most; None of a label.
        share: The share of the faces here at or below that level, or in which the label leads, 0 to 1.
        reference: The same share of the reference faces.
        probability: How likely some difference as large is by chance, at most; corrected for the number of
            comparisons.
        text: The difference in words.
    """

    name: str
    level: float | None
    share: float
    reference: float
    probability: float
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Drift:
    """How the faces of an analysis differ from those that the model was measured on.

        >>> drift = analyze("party.jpg", Analyzer()).drift
        >>> drift.num_reference, drift.num_units, drift.enough, drift.texts
        (3589, 1, False, [])
        >>> print(drift)
        too few to say anything: 1 picture or person in a video; it takes 30

    Attributes:
        model: The model's name.
        data: The name of the data set that it was measured on.
        num_reference: How many faces of it.
        num_faces: Faces here.
        num_units: Pictures with a face, and people in videos; each counts once.
        enough: Whether there are enough of them to say anything.
        image: What the pictures of the faces differ in, the largest difference first.
        classes: Which labels lead more or less often, likewise.
        shares: By label, the share of the faces in which it leads, here and in the reference, both under the default
            prior; empty where labels cannot be compared.
        compared: All measures that were compared.
    """

    model: str
    data: str
    num_reference: int
    num_faces: int
    num_units: int
    image: tuple[Finding, ...] = ()
    classes: tuple[Finding, ...] = ()
    shares: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False, repr=False)
    compared: tuple[Compared, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        if self.texts:
            return "\n".join(self.texts)
        if self.enough:
            return f"no drift found: {self.num_faces:,} faces compared with {self._those}"
        units = "picture or person in a video" if self.num_units == 1 else "pictures and people in videos"
        return f"too few to say anything: {self.num_units} {units}; it takes {LEAST_UNITS}"

    @property
    def enough(self) -> bool:
        return self.num_units >= LEAST_UNITS

    @property
    def texts(self) -> list[str]:
        """What is to be said: a sentence for each kind of drift that was found."""
        return [text for text in (self.image_text, self.class_text) if text]

    @property
    def image_text(self) -> str | None:
        """Image drift as a sentence; None if there is none."""
        if not self.image:
            return None
        return (
            f"image drift: compared with {self._those}, these are {_joined(self.image)}; figures measured there may "
            f"not hold here ({_chance(self.image)})"
        )

    @property
    def class_text(self) -> str | None:
        """Class drift as a sentence; None if there is none."""
        if not self.classes:
            return None
        why = (
            "the pictures have drifted too, which may be the reason"
            if self.image
            else "no drift was found in the pictures, so these faces probably do show something else"
        )
        return f"class drift: compared with {self._those}, {_joined(self.classes)}; {why} ({_chance(self.classes)})"

    @property
    def _those(self) -> str:
        return f"the {self.num_reference:,} faces that {self.model} was measured on"

    def to_dict(self) -> dict[str, Any]:
        """The drift as JSON has it, field by field as docs/drift.md describes them."""
        findings = {kind: [asdict(each) for each in getattr(self, kind)] for kind in ("image", "classes")}
        plain = {
            name: getattr(self, name) for name in ("model", "data", "num_reference", "num_faces", "num_units", "enough")
        }
        shares = {label: {"share": here, "reference": reference} for label, (here, reference) in self.shares.items()}
        return plain | findings | {"shares": shares}


def concluded(
    reference: Reference, compared: Sequence[Compared], *, num_faces: int, num_units: int,
    leading: NDArray[np.float64],
) -> Drift:  # fmt: skip
    """What is said of an analysis.

    Args:
        reference: What it is compared with.
        compared: The measures.
        num_faces, num_units: As `Drift` has them.
        leading: (K,), of how many pictures and people each label leads.
    """
    answers, num = reference.answers, float(leading.sum())
    shares: dict[str, tuple[float, float]] = {}
    if answers and num > 0:
        of_all = np.array(answers.counts) / max(1, sum(answers.counts))
        pairs = zip((leading / num).tolist(), of_all.tolist(), strict=True)
        shares = dict(zip(answers.labels, pairs, strict=True))
    return Drift(
        reference.model, reference.profile.data, reference.profile.num_faces, num_faces, num_units,
        image=_image_findings([each for each in compared if each.num >= LEAST_UNITS]),
        classes=_class_findings(shares, num, sum(answers.counts)) if answers and num >= LEAST_UNITS else (),
        shares=shares, compared=tuple(compared),
    )  # fmt: skip


def _image_findings(compared: Sequence[Compared]) -> tuple[Finding, ...]:
    found = []
    for each in compared:
        differences = np.subtract(each.here.shares, each.reference.shares)
        at = int(np.abs(differences).argmax())
        beyond = max(0.0, abs(float(differences[at])) - TOLERATED[each.name])
        probability = kolmogorov_smirnov(beyond, each.num, each.num_reference)
        found.append((each, at, float(differences[at]), probability))
    corrected = holm([probability for *_, probability in found])
    findings = [
        (abs(difference), _image_finding(each, at, difference, probability))
        for (each, at, difference, _), probability in zip(found, corrected, strict=True)
        if abs(difference) >= LEAST_DISTANCE and probability <= FALSE_ALARMS / 2
    ]
    return tuple(finding for _, finding in sorted(findings, key=lambda pair: -pair[0]))


def _image_finding(each: Compared, at: int, difference: float, probability: float) -> Finding:
    level, here, reference = each.reference.levels[at], each.here.shares[at], each.reference.shares[at]
    direction = DIRECTIONS[each.name][0 if difference > 0 else 1]
    side = ("at most", here, reference) if difference > 0 else ("above", 1 - here, 1 - reference)
    text = f"{direction} ({each.name} {side[0]} {level:.2g} in {side[1]:.0%} of them, there in {side[2]:.0%})"
    return Finding(each.name, level, here, reference, probability, text)


def _class_findings(shares: Mapping[str, tuple[float, float]], num: float, num_reference: int) -> tuple[Finding, ...]:
    probabilities = []
    for here, reference in shares.values():
        # Means of several faces of a picture are no whole numbers: rounded towards the reference.
        hits = here * num
        hits = np.floor(hits) if here > reference else np.ceil(hits)
        probabilities.append(fisher_exact(int(hits), round(num), round(reference * num_reference), num_reference))
    findings = [
        Finding(label, None, here, reference, probability,
                f"{label} leads in {here:.0%} of the faces instead of {reference:.0%}")
        for (label, (here, reference)), probability in zip(shares.items(), holm(probabilities), strict=True)
        if abs(here - reference) >= LEAST_DIFFERENCE and probability <= FALSE_ALARMS / 2
    ]  # fmt: skip
    return tuple(sorted(findings, key=lambda each: -abs(each.share - each.reference)))


def _joined(findings: Sequence[Finding]) -> str:
    """What several differences are, as one enumeration."""
    *others, last = [each.text for each in findings]
    return f"{', '.join(others)} and {last}" if others else last


def _chance(findings: Sequence[Finding]) -> str:
    """How likely the least certain of several differences is by chance."""
    largest = max(each.probability for each in findings)
    return f"by chance alone: less than once in {_round_down(1 / max(largest, 1e-6)):,} analyses"


def _round_down(value: float) -> int:
    """A number of which one digit is not 0: 7,312 becomes 7,000."""
    digits: int = 10 ** int(math.log10(value))
    return int(value / digits) * digits
