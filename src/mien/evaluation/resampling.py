"""What chance does to the scores of groups: a bootstrap over subjects, and tests that permute them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.data.groups import Attribute

LEVEL: Final = 0.95
"""How often an interval covers the truth."""

_CELLS_AT_ONCE: Final = 200_000  # subjects times samples; more do not fit into a processor's cache

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
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
    ) -> "Columns":
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


def num_subjects_of(faces: Columns, attribute: Attribute, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """(V,) the number of subjects that have a face in each group, or one of the chosen faces."""
    chosen = (attribute.codes >= 0) & (True if chosen is None else chosen)
    both = np.unique(attribute.codes[chosen] * faces.num_subjects + faces.subjects[chosen])
    return np.bincount(both // faces.num_subjects, minlength=len(attribute.values))


class Bootstrap:
    """Sums of the columns over each group: as observed, (G, M) `sums`, and in B samples of subjects, (B, G, M) `drawn`.

    The same subjects are drawn for every attribute.
    """

    def __init__(self, faces: Columns, attribute: Attribute, groups: Sequence[int], resamples: int, seed: int) -> None:
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


@dataclass(frozen=True, slots=True)
class GapTest:
    """The differences of G groups in one figure.

    Both methods take the largest difference of two groups in standard errors, and what it is by chance; the quantile of
    the latter makes intervals that hold for all pairs at once, and exclude 0 where the test finds a gap.
    """

    method: str
    p_value: float
    clearest: tuple[int, int]  # the lower group first
    widths: Floats  # (G, G) half of the interval of each difference

    @classmethod
    def of(cls, method: str, chance: Floats, observed: float, clearest: tuple[int, int], errors: Floats) -> "GapTest":
        critical = np.quantile(chance, LEVEL, method="higher")
        return cls(method, _share_as_large(chance, observed), clearest, critical * errors)


def bootstrap_test(observed: Floats, drawn: Floats, num_faces: Floats) -> GapTest:
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
    return GapTest.of("bootstrap", chance, statistic, clearest, errors)


def permutation_tests(
    faces: Columns, attribute: Attribute, groups: Sequence[int], columns: Sequence[str], resamples: int, seed: int
) -> dict[str, GapTest] | None:
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
        tests[column] = GapTest.of("permutation", np.concatenate(largest[column]), float(observed), clearest, errors)
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
