"""For whom a classifier is accurate: its scores by group, and whether the groups differ by more than chance.

The names are Fairlearn's (`MetricFrame`: by_group, group_min, group_max, difference, ratio). All chance is that of
drawing people: faces of one subject are alike, so intervals come from a bootstrap over subjects and tests permute
subjects, never single faces.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.data.groups import Attribute, Groups
from mien.drift.statistics import holm
from mien.errors import InvalidInput
from mien.evaluation import metrics

LEAST_FACES: Final = 30
"""Groups with fewer faces are not scored, and neither is a group's recall of a class of which it has fewer."""

LEAST_SUBJECTS: Final = 10
"""Groups with fewer subjects are not scored: an interval over fewer is too narrow, and tells of persons."""

RESAMPLES: Final = 10_000
LEVEL: Final = 0.95
"""How often an interval covers the truth."""

_CELLS_AT_ONCE: Final = 200_000  # subjects times samples; more do not fit into a processor's cache
_COLUMN_OF: Final = {"accuracy": "correct", "standardised": "excess", "uncertain": "uncertain"}
"""The figures whose gaps are tested, and the columns that they are means of."""

Floats: TypeAlias = NDArray[np.float64]


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
    faces = _Faces.of(
        labels[named], scores[named], groups.subjects[named], names, None if uncertain is None else uncertain[named]
    )
    everybody = Attribute("all", ("all",), np.zeros(len(faces.subjects), np.int64))
    overall = _scores_by_group(faces, everybody, [0], _Bootstrap(faces, everybody, [0], resamples, seed))["all"]
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


@dataclass(frozen=True, slots=True)
class _Faces:
    """What is summed over faces: (N, M) `columns`, of which `index` has the place of each by its name.

    The columns are "faces" (1 each), "correct", "excess" (of being correct over the overall recall of the label),
    "confidence", "uncertain" if given; for each class `("faces", k)` and `("correct", k)`.
    """

    names: tuple[str, ...]
    subjects: NDArray[np.int64]  # (N,) 0 to S - 1
    columns: Floats
    index: Mapping[object, int]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    overall_accuracy: float

    @classmethod
    def of(
        cls,
        labels: NDArray[np.int64],
        scores: NDArray[np.float32],
        subjects: NDArray[np.int64],
        names: Sequence[str],
        uncertain: NDArray[np.bool_] | None,
    ) -> "_Faces":
        correct = scores.argmax(axis=1) == labels
        is_class = np.eye(len(names))[labels]
        recall = (is_class * correct[:, None]).sum(axis=0) / np.maximum(is_class.sum(axis=0), 1)
        columns: dict[object, NDArray[np.generic]] = {
            "faces": np.ones(len(labels)),
            "correct": correct,
            "excess": correct - recall[labels],
            "confidence": scores.max(axis=1),
        }
        if uncertain is not None:
            columns["uncertain"] = uncertain
        for code in range(len(names)):
            columns["faces", code] = is_class[:, code]
            columns["correct", code] = is_class[:, code] * correct
        return cls(
            names=tuple(names),
            subjects=np.unique(subjects, return_inverse=True)[1].reshape(-1),
            columns=np.stack([np.asarray(column, np.float64) for column in columns.values()], axis=1),
            index={name: place for place, name in enumerate(columns)},
            labels=labels,
            scores=scores,
            overall_accuracy=float(correct.mean()),
        )

    @property
    def num_subjects(self) -> int:
        return int(self.subjects.max()) + 1


def _attribute_scores(faces: _Faces, attributes: tuple[Attribute, ...], resamples: int, seed: int) -> AttributeScores:
    """The scores by an attribute or a pair; the tests are not adjusted yet."""
    attribute = attributes[0] if len(attributes) == 1 else _crossed(*attributes)
    known = attribute.codes >= 0
    num_faces = np.bincount(attribute.codes[known], minlength=len(attribute.values))
    num_subjects = _num_subjects(faces, attribute)
    large = (num_faces >= LEAST_FACES) & (num_subjects >= LEAST_SUBJECTS)
    shown = np.flatnonzero(large).tolist()
    bootstrap = _Bootstrap(faces, attribute, shown, resamples, seed)
    by_group = _scores_by_group(faces, attribute, shown, bootstrap)
    gaps = {}
    if len(shown) >= 2:
        columns = {figure: column for figure, column in _COLUMN_OF.items() if column in faces.index}
        tests = _permutation_tests(faces, attribute, shown, list(columns.values()), resamples, seed)
        num = bootstrap.sums[:, faces.index["faces"]]
        for figure, column in columns.items():
            observed, drawn = _shares(faces, bootstrap, column)
            gaps[figure] = _gap(
                attribute, shown, observed, tests[column] if tests else _bootstrap_test(observed, drawn, num)
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


def _num_subjects(faces: _Faces, attribute: Attribute, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """(V,) the number of subjects that have a face in each group, or one of the chosen faces."""
    chosen = (attribute.codes >= 0) & (True if chosen is None else chosen)
    both = np.unique(attribute.codes[chosen] * faces.num_subjects + faces.subjects[chosen])
    return np.bincount(both // faces.num_subjects, minlength=len(attribute.values))


class _Bootstrap:
    """Sums of the columns over each group: as observed, (G, M) `sums`, and in B samples of subjects, (B, G, M) `drawn`.

    The same subjects are drawn for every attribute.
    """

    def __init__(self, faces: _Faces, attribute: Attribute, groups: Sequence[int], resamples: int, seed: int) -> None:
        cells = []
        for group in groups:
            inside = attribute.codes == group
            subjects, place = np.unique(faces.subjects[inside], return_inverse=True)
            sums = np.zeros((len(subjects), faces.columns.shape[1]))
            np.add.at(sums, place.reshape(-1), faces.columns[inside])
            cells.append((subjects, sums))
        self.sums = np.array([sums.sum(axis=0) for _, sums in cells]).reshape(len(groups), faces.columns.shape[1])
        self.drawn = np.empty((resamples, *self.sums.shape), np.float32)
        if not groups:
            return
        start = 0
        for times in _drawn_subjects(faces.num_subjects, resamples, seed):
            for number, (subjects, sums) in enumerate(cells):
                part = times if len(subjects) == faces.num_subjects else times[:, subjects]
                self.drawn[start : start + len(times), number] = part @ sums.astype(np.float32)
            start += len(times)

    def shares(self, numerator: int, denominator: int) -> tuple[Floats, Floats]:
        """(G,) and (B, G) ratios of two columns; a sample without any of a group's subjects has the observed ratio."""
        observed = self.sums[:, numerator] / np.maximum(self.sums[:, denominator], 1)
        below = self.drawn[:, :, denominator].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = np.where(below > 0, self.drawn[:, :, numerator] / below, observed)
        return observed, drawn


def _drawn_subjects(num_subjects: int, resamples: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """How often each subject is drawn in each sample, some samples at a time: (B', S)."""
    random_generator = np.random.default_rng(seed)
    at_once = max(1, _CELLS_AT_ONCE // num_subjects)
    for start in range(0, resamples, at_once):
        num = min(at_once, resamples - start)
        drawn = random_generator.integers(0, num_subjects, (num, num_subjects))
        drawn += np.arange(num)[:, None] * num_subjects
        times = np.bincount(drawn.reshape(-1), minlength=num * num_subjects)
        yield times.reshape(num, num_subjects).astype(np.float32)


def _shares(faces: _Faces, bootstrap: _Bootstrap, column: str) -> tuple[Floats, Floats]:
    """The (G,) means of a column, and the (B, G) means of the bootstrap's samples."""
    observed, drawn = bootstrap.shares(faces.index[column], faces.index["faces"])
    shift = faces.overall_accuracy if column == "excess" else 0.0
    return observed + shift, drawn + shift


def _scores_by_group(
    faces: _Faces, attribute: Attribute, groups: Sequence[int], bootstrap: _Bootstrap
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
    num_subjects = _num_subjects(faces, attribute)
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
    faces: _Faces, attribute: Attribute, groups: Sequence[int], bootstrap: _Bootstrap, code: int
) -> list[Estimate | None]:
    """The recall of one class in each group; None where the group has too few faces or subjects of that class."""
    found = _estimates(*bootstrap.shares(faces.index["correct", code], faces.index["faces", code]))
    num_subjects = _num_subjects(faces, attribute, faces.labels == code)[list(groups)]
    enough = (bootstrap.sums[:, faces.index["faces", code]] >= LEAST_FACES) & (num_subjects >= LEAST_SUBJECTS)
    return [each if shown else None for each, shown in zip(found, enough, strict=True)]


def _estimates(observed: Floats, drawn: Floats) -> list[Estimate]:
    """(G,) figures with percentiles of their (B, G) bootstrap samples."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return [Estimate(*map(float, each)) for each in zip(observed, low, high, strict=True)]


@dataclass(frozen=True, slots=True)
class _Test:
    """The differences of G groups in one figure.

    Both methods take the largest difference of two groups in standard errors, and what it is by chance; the quantile of
    the latter makes intervals that hold for all pairs at once, and exclude 0 where the test finds a gap.
    """

    method: str
    p_value: float
    clearest: tuple[int, int]  # the lower group first
    widths: Floats  # (G, G) half of the interval of each difference

    @classmethod
    def of(cls, method: str, chance: Floats, observed: float, clearest: tuple[int, int], errors: Floats) -> "_Test":
        critical = np.quantile(chance, LEVEL, method="higher")
        return cls(method, _share_as_large(chance, observed), clearest, critical * errors)


def _gap(attribute: Attribute, groups: Sequence[int], figures: Floats, test: _Test) -> Gap:
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


def _bootstrap_test(observed: Floats, drawn: Floats, num_faces: Floats) -> _Test:
    """The test of (G,) figures by their (B, G) bootstrap samples, whose deviations from the observed are chance."""
    least = _least_variance(num_faces)
    errors, chance = np.zeros((len(observed), len(observed))), np.zeros(len(drawn))
    statistic, clearest = -1.0, (0, 1)
    for first, second in itertools.combinations(range(len(observed)), 2):
        difference, samples = observed[first] - observed[second], drawn[:, first] - drawn[:, second]
        error = errors[first, second] = errors[second, first] = np.sqrt(samples.var() + least[first] + least[second])
        np.maximum(chance, np.abs(samples - difference) / error, out=chance)
        if abs(difference) / error > statistic:
            statistic = float(abs(difference) / error)
            clearest = (second, first) if difference > 0 else (first, second)
    return _Test.of("bootstrap", chance, statistic, clearest, errors)


def _permutation_tests(
    faces: _Faces, attribute: Attribute, groups: Sequence[int], columns: Sequence[str], resamples: int, seed: int
) -> dict[str, _Test] | None:
    """The test of each column; None if a subject is in more than one group, as its value cannot be permuted then."""
    inside = np.isin(attribute.codes, groups)
    subjects, place = np.unique(faces.subjects[inside], return_inverse=True)
    place, codes = place.reshape(-1), np.searchsorted(groups, attribute.codes[inside])
    group_of = np.zeros(len(subjects), np.int64)
    group_of[place] = codes
    if (group_of[place] != codes).any():
        return None
    order = np.argsort(group_of, kind="stable")  # makes each group a run of subjects
    sizes = np.bincount(group_of)
    number = np.bincount(place).astype(np.float64)[order]
    figures = {}
    for column in columns:
        total = np.bincount(place, faces.columns[inside, faces.index[column]]).astype(np.float64)
        figures[column] = _Subjects(number, total[order], sizes)
    largest: dict[str, list[Floats]] = {column: [] for column in columns}
    for orders in _permutations(len(subjects), resamples, seed):
        for column, figure in figures.items():
            largest[column].append(_largest_difference(*figure.means_and_variances(orders))[0])
    tests = {}
    for column, figure in figures.items():
        mean, variance = figure.means_and_variances(np.arange(len(subjects))[None])
        (observed,), clearest = _largest_difference(mean, variance)
        errors = np.sqrt(variance[0] + variance[0, :, None])
        tests[column] = _Test.of("permutation", np.concatenate(largest[column]), float(observed), clearest, errors)
    return tests


def _permutations(num_subjects: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Orders of the subjects, some at a time: (B', S)."""
    random_generator = np.random.default_rng((seed, 1))
    at_once = max(1, _CELLS_AT_ONCE // num_subjects)
    for start in range(0, resamples, at_once):
        orders = np.tile(np.arange(num_subjects), (min(at_once, resamples - start), 1))
        yield random_generator.permuted(orders, axis=1, out=orders)


@dataclass(frozen=True, slots=True)
class _Subjects:
    """Sums over the faces of each of S subjects, and how many of them, in this order, are in each of G groups."""

    number: Floats  # (S,) faces
    total: Floats  # (S,)
    sizes: NDArray[np.int64]  # (G,)

    def means_and_variances(self, orders: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """(B, G) means over faces and their squared standard errors over subjects, for each of (B, S) orders."""
        total, squares = self._by_group(self.total, orders), self._by_group(self.total**2, orders)
        if (self.number == 1).all():
            number = weights = self.sizes.astype(np.float64)
            products = total
        else:
            number, weights = self._by_group(self.number, orders), self._by_group(self.number**2, orders)
            products = self._by_group(self.number * self.total, orders)
        mean = total / number
        # The linearised variance of a ratio of sums, as of a sample of clusters (Cochran 1977).
        residuals = np.maximum(squares - 2 * mean * products + mean * mean * weights, 0)
        variance = residuals / number**2 * (self.sizes / (self.sizes - 1))
        return mean, variance + _least_variance(number)

    def _by_group(self, values: Floats, orders: NDArray[np.int64]) -> Floats:
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        return np.add.reduceat(values[orders], starts, axis=1)


def _least_variance(num_faces: Floats) -> Floats:
    """Keeps a group without any error from having a standard error of 0: as if half a face were misclassified."""
    return (0.5 / num_faces) ** 2


def _largest_difference(mean: Floats, variance: Floats) -> tuple[Floats, tuple[int, int]]:
    """(B,) the largest difference of two groups, in standard errors, in each row; the first row's, the lower first."""
    largest, clearest = np.full(len(mean), -1.0), (0, 1)
    for second in range(1, mean.shape[1]):
        difference = mean[:, :second] - mean[:, second, None]
        statistics = np.abs(difference) / np.sqrt(variance[:, :second] + variance[:, second, None])
        first = int(statistics[0].argmax())
        if statistics[0, first] > largest[0]:
            clearest = (second, first) if difference[0, first] > 0 else (first, second)
        np.maximum(largest, statistics.max(axis=1), out=largest)
    return largest, clearest


def _share_as_large(chance: Floats, observed: float) -> float:
    """The p-value of a statistic, which counts as one of the samples; never 0 (Phipson and Smyth 2010)."""
    # Equal sums in another order may differ in their last digits.
    return float((1 + (chance >= observed * (1 - 1e-9)).sum()) / (1 + len(chance)))


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
