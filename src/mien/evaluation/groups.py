"""For whom a classifier is accurate: its scores by group, and whether the groups differ by more than chance.

The names are Fairlearn's (`MetricFrame`: by_group, group_min, group_max, difference, ratio). All chance is that of
drawing people: faces of one subject are alike, so intervals come from a bootstrap over subjects and tests permute
subjects, never single faces.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.groups import Attribute, Groups
from mien.drift.statistics import holm
from mien.errors import InvalidInput
from mien.evaluation import metrics
from mien.evaluation.resampling import (
    LEVEL,
    Bootstrap,
    Columns,
    Floats,
    GapTest,
    bootstrap_test,
    num_subjects_of,
    permutation_tests,
)

LEAST_FACES: Final = 30
"""Groups with fewer faces are not scored, and neither is a group's recall of a class of which it has fewer."""

LEAST_SUBJECTS: Final = 10
"""Groups with fewer subjects are not scored: an interval over fewer is too narrow, and tells of persons."""

RESAMPLES: Final = 10_000

_COLUMN_OF: Final = {"accuracy": "correct", "standardised": "excess", "uncertain": "uncertain"}
"""The figures whose gaps are tested, and the columns that they are means of."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScores:
    """The scores of one group; all shares are 0 to 1.

    Attributes:
        num_faces: The group's faces.
        num_subjects: The people that they show.
        accuracy: The share of correctly classified faces.
        standardised: The accuracy that the group would have if its faces showed the expressions of all faces together
            (indirect standardisation): the overall accuracy, plus the difference between the group's accuracy and what
            it would be if each of its faces were classified as well as all faces of its label are.
        recall: The recall of each class, by its name; None for a class with too few faces in the group.
        confidence: The mean of the highest probability.
        overconfidence: The mean confidence minus the accuracy, -1 to 1.
        ece: The expected calibration error over 15 bins.
        ece_by_chance: What it would be in the mean if the confidences were exactly right. It is the higher, the fewer
            the faces, so compare groups of different size by how far `ece` is above it.
        uncertain: The share of faces that the classifier leaves undecided; None where that was not given.
    """

    num_faces: int
    num_subjects: int
    accuracy: Estimate
    standardised: Estimate
    recall: Mapping[str, Estimate | None]
    confidence: Estimate
    overconfidence: Estimate
    ece: float
    ece_by_chance: float
    uncertain: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How far apart the groups of an attribute are in one figure, and how likely chance alone takes them so far.

    Attributes:
        group_min: The lowest figure of a group.
        group_max: The highest.
        lowest: The group with the lowest figure.
        highest: The group with the highest.
        difference: `group_max - group_min`; its interval holds for all pairs of groups at once, so that it allows for
            these two having been chosen for being furthest apart; it is the test's, without adjustment for other
            attributes.
        ratio: `group_min / group_max`; None if the latter is 0.
        clearest: The two groups whose difference is largest in standard errors, the lower first: a small group may be
            the lowest by chance, and another one be clearly lower than the rest.
        p_value: How often chance alone makes the clearest difference as large, if all groups are the same.
        p_adjusted: The same, adjusted for all attributes (or all pairs of attributes) that were tested (Holm 1979).
        method: "permutation" of the subjects' values; or "bootstrap" where the faces of one subject have different
            values, which then cannot be permuted.
    """

    group_min: float
    group_max: float
    lowest: str
    highest: str
    difference: Estimate
    ratio: float | None
    clearest: tuple[str, str]
    p_value: float
    p_adjusted: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeScores:
    """The scores of the groups of one attribute, or of a pair of attributes.

    Attributes:
        attributes: The attribute's name, or two.
        num_unknown: The faces that are named in the table, but not with this attribute.
        by_group: The scores of each group by its name, which for pairs is both values with a comma; groups that are
            too small are not in it.
        too_small: The groups with fewer than 30 faces or 10 subjects.
        gaps: The gap in "accuracy", in "standardised" accuracy, and in "uncertain" where that was given; empty with
            fewer than two groups.
    """

    attributes: tuple[str, ...]
    num_unknown: int
    by_group: Mapping[str, GroupScores]
    too_small: tuple[str, ...]
    gaps: Mapping[str, Gap]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """The scores of a classifier by group.

    Attributes:
        table: The name of the table of groups.
        overall: The scores of all faces that the table names.
        num_unnamed: The faces that it does not name; they count nowhere.
        by_attribute: Each attribute, in the table's order; then each pair of those that have two groups or more.
        least_faces: The fewest faces with which a group is scored.
        least_subjects: The fewest subjects.
        resamples: Bootstrap samples, and permutations.
    """

    table: str
    overall: GroupScores
    num_unnamed: int
    by_attribute: tuple[AttributeScores, ...]
    least_faces: int = LEAST_FACES
    least_subjects: int = LEAST_SUBJECTS
    resamples: int = RESAMPLES


def score_groups(
    labels: NDArray[np.int64],
    scores: NDArray[np.float32],
    groups: Groups,
    names: Sequence[str],
    *,
    uncertain: NDArray[np.bool_] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> GroupReport:
    """The scores of a classifier by group, with intervals and tests.

    Intervals are percentiles of a bootstrap that draws subjects with all their faces (Efron and Tibshirani 1993). The
    test of an attribute takes the largest difference between two of its groups, in standard errors that allow for
    subjects (a studentised statistic, with which a permutation test holds for groups that differ in anything but the
    mean: Chung and Romano 2013), and permutes the subjects' values; taking the largest corrects for the number of
    groups, and the interval of a difference is what the test does not reject. Holm's method corrects for the number of
    attributes, and by itself for the number of pairs: 5 % of all tables without any gap show an adjusted p below .05
    for one of the attributes.

        >>> import numpy as np
        >>> from mien.data import Attribute, Groups
        >>> random = np.random.default_rng(0)
        >>> glasses = np.repeat([0, 1], 100)
        >>> wrong = random.random(200) < np.where(glasses, 0.5, 0.1)
        >>> scores = np.where(wrong[:, None], [0.2, 0.8], [0.8, 0.2]).astype(np.float32)
        >>> table = Groups("groups.csv", np.arange(200), (Attribute("glasses", ("no", "yes"), glasses),))
        >>> report = score_groups(np.zeros(200, np.int64), scores, table, ("happy", "sad"))
        >>> gap = report.by_attribute[0].gaps["accuracy"]
        >>> gap.lowest, gap.p_adjusted < 0.01
        ('yes', True)

    Args:
        labels: (N,) the right class of each face, 0 to K - 1.
        scores: (N, K) probabilities.
        groups: Who is on the N faces.
        names: The K classes.
        uncertain: (N,) whether each face is left undecided.
        resamples: Bootstrap samples, and permutations; the time that it takes is proportional to them.
        seed: The random generator's.

    Raises:
        InvalidInput: The arrays do not fit together, or the table names none of the faces.
    """
    count = len(labels)
    if (
        scores.shape != (count, len(names))
        or len(groups.subjects) != count
        or (uncertain is not None and len(uncertain) != count)
    ):
        raise InvalidInput(
            f"expected labels, scores, groups and uncertain of as many faces, and a score for each of {len(names)} "
            f"classes; got {labels.shape}, {scores.shape}, {groups.subjects.shape} and "
            f"{None if uncertain is None else uncertain.shape}"
        )
    named = groups.subjects >= 0
    if not named.any():
        raise InvalidInput(f"{groups.name} names none of the {count:,} faces that are scored")
    faces = Columns.of(
        labels[named], scores[named], groups.subjects[named], names, None if uncertain is None else uncertain[named]
    )
    everybody = Attribute("all", ("all",), np.zeros(len(faces.subjects), np.int64))
    overall = _scores_by_group(faces, everybody, [0], Bootstrap(faces, everybody, [0], resamples, seed))["all"]
    attributes = groups.select(named).attributes
    single = [_attribute_scores(faces, (each,), resamples, seed) for each in attributes]
    compared = [each for each, found in zip(attributes, single, strict=True) if len(found.by_group) >= 2]
    pairs = [_attribute_scores(faces, pair, resamples, seed) for pair in itertools.combinations(compared, 2)]
    return GroupReport(
        table=groups.name,
        overall=overall,
        num_unnamed=int((~named).sum()),
        by_attribute=(*_adjusted(single), *_adjusted(pairs)),
        resamples=resamples,
    )


def _attribute_scores(faces: Columns, attributes: tuple[Attribute, ...], resamples: int, seed: int) -> AttributeScores:
    """The scores by an attribute or a pair; the tests are not adjusted yet."""
    attribute = attributes[0] if len(attributes) == 1 else _crossed(*attributes)
    known = attribute.codes >= 0
    num_faces = np.bincount(attribute.codes[known], minlength=len(attribute.values))
    num_subjects = num_subjects_of(faces, attribute)
    large = (num_faces >= LEAST_FACES) & (num_subjects >= LEAST_SUBJECTS)
    shown = np.flatnonzero(large).tolist()
    bootstrap = Bootstrap(faces, attribute, shown, resamples, seed)
    by_group = _scores_by_group(faces, attribute, shown, bootstrap)
    gaps = {}
    if len(shown) >= 2:
        columns = {figure: column for figure, column in _COLUMN_OF.items() if column in faces.index}
        tests = permutation_tests(faces, attribute, shown, list(columns.values()), resamples, seed)
        num = bootstrap.sums[:, faces.index["faces"]]
        for figure, column in columns.items():
            observed, drawn = _shares(faces, bootstrap, column)
            gaps[figure] = _gap(
                attribute, shown, observed, tests[column] if tests else bootstrap_test(observed, drawn, num)
            )
    return AttributeScores(
        attributes=tuple(each.name for each in attributes),
        num_unknown=int((~known).sum()),
        by_group=by_group,
        too_small=tuple(attribute.values[code] for code in np.flatnonzero(~large & (num_faces > 0))),
        gaps=gaps,
    )


def _crossed(first: Attribute, second: Attribute) -> Attribute:
    """A pair of attributes as one, whose values are those pairs that faces have."""
    known = (first.codes >= 0) & (second.codes >= 0)
    both = np.where(known, first.codes * len(second.values) + second.codes, -1)
    pairs, codes = np.unique(both, return_inverse=True)
    codes = codes.reshape(-1) - (pairs < 0).sum()
    names = [[f'"{value}"' if "," in value else value for value in each.values] for each in (first, second)]
    values = (
        f"{names[0][pair // len(names[1])]}, {names[1][pair % len(names[1])]}" for pair in pairs[pairs >= 0].tolist()
    )
    return Attribute(f"{first.name}, {second.name}", tuple(values), codes)


def _shares(faces: Columns, bootstrap: Bootstrap, column: str) -> tuple[Floats, Floats]:
    """The (G,) means of a column, and the (B, G) means of the bootstrap's samples."""
    observed, drawn = bootstrap.shares(faces.index[column], faces.index["faces"])
    shift = faces.overall_accuracy if column == "excess" else 0.0
    return observed + shift, drawn + shift


def _scores_by_group(
    faces: Columns, attribute: Attribute, groups: Sequence[int], bootstrap: Bootstrap
) -> dict[str, GroupScores]:
    index = faces.index
    right, sure = _shares(faces, bootstrap, "correct"), _shares(faces, bootstrap, "confidence")
    accuracy, confidence = _estimates(*right), _estimates(*sure)
    standardised = _estimates(*_shares(faces, bootstrap, "excess"))
    overconfidence = _estimates(*(mean - share for mean, share in zip(sure, right, strict=True)))
    uncertain: Sequence[Estimate | None] = [None] * len(groups)
    if "uncertain" in index:
        uncertain = _estimates(*_shares(faces, bootstrap, "uncertain"))
    recalls = [_recalls(faces, attribute, groups, bootstrap, code) for code in range(len(faces.names))]
    num_subjects = num_subjects_of(faces, attribute)
    result = {}
    for number, group in enumerate(groups):
        inside = attribute.codes == group
        result[attribute.values[group]] = GroupScores(
            num_faces=int(inside.sum()),
            num_subjects=int(num_subjects[group]),
            accuracy=accuracy[number],
            standardised=standardised[number],
            recall={name: recalls[code][number] for code, name in enumerate(faces.names)},
            confidence=confidence[number],
            overconfidence=overconfidence[number],
            ece=metrics.expected_calibration_error(faces.labels[inside], faces.scores[inside]),
            ece_by_chance=metrics.calibration_error_by_chance(faces.scores[inside])["mean"],
            uncertain=uncertain[number],
        )
    return result


def _recalls(
    faces: Columns, attribute: Attribute, groups: Sequence[int], bootstrap: Bootstrap, code: int
) -> list[Estimate | None]:
    """The recall of one class in each group; None where the group has too few faces or subjects of that class."""
    found = _estimates(*bootstrap.shares(faces.index["correct", code], faces.index["faces", code]))
    num_subjects = num_subjects_of(faces, attribute, faces.labels == code)[list(groups)]
    enough = (bootstrap.sums[:, faces.index["faces", code]] >= LEAST_FACES) & (num_subjects >= LEAST_SUBJECTS)
    return [each if shown else None for each, shown in zip(found, enough, strict=True)]


def _estimates(observed: Floats, drawn: Floats) -> list[Estimate]:
    """(G,) figures with percentiles of their (B, G) bootstrap samples."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return [Estimate(*map(float, each)) for each in zip(observed, low, high, strict=True)]


def _gap(attribute: Attribute, groups: Sequence[int], figures: Floats, test: GapTest) -> Gap:
    """The gap in one figure of G groups, and its test."""
    lowest, highest = int(figures.argmin()), int(figures.argmax())
    group_min, group_max = float(figures[lowest]), float(figures[highest])
    values = [attribute.values[group] for group in groups]
    difference, width = group_max - group_min, float(test.widths[lowest, highest])
    low, high = test.clearest
    return Gap(
        group_min=group_min,
        group_max=group_max,
        lowest=values[lowest],
        highest=values[highest],
        difference=Estimate(difference, difference - width, difference + width),
        ratio=group_min / group_max if group_max > 0 else None,
        clearest=(values[low], values[high]),
        p_value=test.p_value,
        p_adjusted=test.p_value,
        method=test.method,
    )


def _adjusted(found: Sequence[AttributeScores]) -> list[AttributeScores]:
    """The same with each figure's p-values adjusted for their number."""
    result = list(found)
    for figure in dict.fromkeys(figure for each in found for figure in each.gaps):
        places = [place for place, each in enumerate(found) if figure in each.gaps]
        adjusted = holm([found[place].gaps[figure].p_value for place in places])
        for place, p_value in zip(places, adjusted, strict=True):
            gaps = result[place].gaps
            changed = {**gaps, figure: replace(gaps[figure], p_adjusted=p_value)}
            result[place] = replace(result[place], gaps=changed)
    return result
