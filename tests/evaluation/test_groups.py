import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.data import Attribute, Groups
from mien.drift.statistics import holm
from mien.errors import InvalidInput
from mien.evaluation import GroupReport, score_groups
from mien.evaluation.groups import LEAST_FACES, LEAST_SUBJECTS

NAMES = ("happy", "sad")
FEW = 499  # resamples


def attribute(name: str, codes: NDArray[np.int64]) -> Attribute:
    return Attribute(name, tuple(f"{name} {number}" for number in range(int(codes.max()) + 1)), codes)


def scored(
    correct: NDArray[np.bool_],
    *attributes: Attribute,
    subjects: NDArray[np.int64] | None = None,
    labels: NDArray[np.int64] | None = None,
    uncertain: NDArray[np.bool_] | None = None,
    resamples: int = FEW,
) -> GroupReport:
    """The report on faces of which these are correctly classified, each with a confidence of .8."""
    count = len(correct)
    labels = np.arange(count) % 2 if labels is None else labels
    likely = np.where(correct, labels, 1 - labels)
    scores = np.where(np.arange(2) == likely[:, None], 0.8, 0.2).astype(np.float32)
    groups = Groups("groups.csv", np.arange(count) if subjects is None else subjects, attributes)
    return score_groups(labels, scores, groups, NAMES, uncertain=uncertain, resamples=resamples)


def share(count: int, right: float) -> NDArray[np.bool_]:
    return np.arange(count) < round(count * right)


def test_figures_by_hand() -> None:
    correct = np.concatenate([share(40, 0.5), share(60, 0.9)])
    labels = np.concatenate([np.arange(40) % 2, np.arange(60) % 2])
    side = attribute("side", np.repeat([0, 1], [40, 60]))
    report = scored(correct, side, labels=labels, uncertain=np.arange(100) < 10)
    (scores,) = report.by_attribute
    left, right = scores.by_group.values()
    assert (left.num_faces, left.num_subjects, right.num_faces) == (40, 40, 60)
    assert (left.accuracy.value, right.accuracy.value) == (0.5, 0.9)
    assert report.overall.accuracy.value == pytest.approx(0.74)
    assert left.confidence.value == pytest.approx(0.8)
    assert [left.overconfidence.value, right.overconfidence.value] == pytest.approx([0.3, -0.1])
    assert [left.ece, right.ece] == pytest.approx([0.3, 0.1])
    assert left.uncertain and left.uncertain.value == 0.25
    assert left.recall["happy"] is None  # 20 faces
    assert right.recall["sad"] and right.recall["sad"].value == 0.9
    gap = scores.gaps["accuracy"]
    assert (gap.lowest, gap.highest, gap.method) == ("side 0", "side 1", "permutation")
    assert [gap.group_min, gap.group_max, gap.ratio] == pytest.approx([0.5, 0.9, 0.5 / 0.9])
    assert gap.difference.value == pytest.approx(0.4)
    assert 0.15 < gap.difference.low < 0.3
    assert 0.5 < gap.difference.high < 0.65
    assert gap.p_value == 1 / (FEW + 1)
    assert set(scores.gaps) == {"accuracy", "standardised", "uncertain"}


def test_intervals_are_those_of_a_binomial_where_every_face_is_another_subject() -> None:
    correct = np.random.default_rng(0).permutation(share(400, 0.7))
    overall = scored(correct, attribute("all", np.zeros(400, np.int64)), resamples=4000).overall.accuracy
    assert [overall.low, overall.high] == pytest.approx([0.7 - 0.045, 0.7 + 0.045], abs=0.005)


def test_intervals_are_wider_where_the_faces_of_a_subject_are_alike() -> None:
    subjects = np.arange(400) // 10
    correct = (subjects % 10) < 7  # all faces of a subject, or none
    side = attribute("side", subjects % 2)
    faces, people = scored(correct, side).overall, scored(correct, side, subjects=subjects).overall
    assert people.num_subjects == 40
    width = (people.accuracy.high - people.accuracy.low) / (faces.accuracy.high - faces.accuracy.low)
    assert width == pytest.approx(np.sqrt(10), rel=0.15)


def test_what_is_a_gap_of_faces_is_none_of_subjects() -> None:
    """Two of 40 subjects make the difference."""
    subjects = np.repeat(np.arange(40), 10)
    correct = (subjects >= 3) & (np.arange(400) % 10 < 9)
    side = attribute("side", (subjects < 20).astype(np.int64))
    assert scored(correct, side).by_attribute[0].gaps["accuracy"].p_value < 0.01
    assert scored(correct, side, subjects=subjects).by_attribute[0].gaps["accuracy"].p_value > 0.05


def test_groups_of_few_faces_or_subjects_are_named_and_not_scored() -> None:
    codes = np.repeat([0, 1, 2, 3, -1], [LEAST_FACES, LEAST_FACES - 1, 60, 40, 7])
    subjects = np.where(codes == 2, 1000 + np.arange(len(codes)) % (LEAST_SUBJECTS - 1), np.arange(len(codes)))
    (scores,) = scored(codes % 2 == 0, attribute("age", codes), subjects=subjects).by_attribute
    assert list(scores.by_group) == ["age 0", "age 3"]
    assert scores.too_small == ("age 1", "age 2")
    assert scores.num_unknown == 7


def test_one_group_alone_has_no_gap() -> None:
    report = scored(share(60, 0.5), attribute("age", np.zeros(60, np.int64)), attribute("sex", np.arange(60) % 2))
    assert report.by_attribute[0].gaps == {}
    assert [each.attributes for each in report.by_attribute] == [("age",), ("sex",)]  # and no pair


def test_pairs_of_attributes_are_groups_too() -> None:
    """Neither attribute shows what both together do."""
    first, second = np.arange(400) % 2, np.arange(400) // 2 % 2
    correct = np.where(first == second, np.arange(400) % 10 < 5, True)
    report = scored(correct, attribute("a", first), attribute("b", second))
    a, b, both = report.by_attribute
    assert a.gaps["accuracy"].p_adjusted > 0.05
    assert b.gaps["accuracy"].p_adjusted > 0.05
    assert list(both.by_group) == ["a 0, b 0", "a 0, b 1", "a 1, b 0", "a 1, b 1"]
    assert both.attributes == ("a", "b")
    assert both.gaps["accuracy"].p_adjusted < 0.01


def test_pairs_of_values_with_commas_stay_apart() -> None:
    first = Attribute("a", ("x", "x, y"), np.repeat([0, 1], 40))
    second = Attribute("b", ("y, z", "z"), np.repeat([0, 1], 40))
    mixed = Attribute("c", ("1", "2"), np.arange(80) % 2)
    report = scored(np.arange(80) < 60, first, second, mixed)
    assert list(report.by_attribute[3].by_group) == ['x, "y, z"', '"x, y", z']


def test_a_gap_of_expressions_is_no_gap_once_standardised() -> None:
    """The left are happy four times of five, the right one of five; happy is found by 90 %, sad by 50 %, in both."""
    side, labels = np.repeat([0, 1], 500), np.tile([0, 0, 0, 0, 1], 200)
    labels[500:] = 1 - labels[500:]
    correct = np.zeros(1000, np.bool_)
    for group in (0, 1):
        for label, right in ((0, 0.9), (1, 0.5)):
            places = np.flatnonzero((side == group) & (labels == label))
            correct[places] = share(len(places), right)
    (scores,) = scored(correct, attribute("side", side), labels=labels).by_attribute
    assert scores.gaps["accuracy"].p_adjusted < 0.01
    assert scores.gaps["standardised"].p_adjusted > 0.5
    left, right_ = scores.by_group.values()
    assert left.standardised.value == pytest.approx(right_.standardised.value)
    assert left.standardised.value == pytest.approx(0.7)


def test_the_clearest_difference_need_not_be_the_largest() -> None:
    correct = np.concatenate([share(900, 0.7), share(900, 0.6), share(30, 0.55)])
    (scores,) = scored(correct, attribute("age", np.repeat([0, 1, 2], [900, 900, 30]))).by_attribute
    gap = scores.gaps["accuracy"]
    assert (gap.lowest, gap.highest) == ("age 2", "age 0")
    assert gap.clearest == ("age 1", "age 0")
    assert gap.p_value < 0.01


def test_where_values_change_within_subjects_the_bootstrap_tests() -> None:
    subjects, glasses = np.repeat(np.arange(100), 4), np.tile([0, 0, 1, 1], 100)
    worse = np.where(glasses == 1, np.arange(400) % 3 > 0, True)
    gap = scored(worse, attribute("glasses", glasses), subjects=subjects).by_attribute[0].gaps["accuracy"]
    assert (gap.method, gap.clearest) == ("bootstrap", ("glasses 1", "glasses 0"))
    assert gap.p_value < 0.01
    same = np.arange(400) % 5 > 0
    assert scored(same, attribute("glasses", glasses), subjects=subjects).by_attribute[0].gaps["accuracy"].p_value > 0.2


def test_tests_are_adjusted_for_their_number() -> None:
    random = np.random.default_rng(0)
    attributes = [attribute(f"a{number}", random.integers(0, 2, 300)) for number in range(4)]
    report = scored(random.random(300) < 0.7, *attributes)
    single = [each.gaps["accuracy"] for each in report.by_attribute if len(each.attributes) == 1]
    assert len(report.by_attribute) == 4 + 6
    assert [each.p_adjusted for each in single] == holm([each.p_value for each in single])
    assert min(each.p_adjusted for each in single) > min(each.p_value for each in single)


def test_faces_that_the_table_does_not_name_count_nowhere() -> None:
    subjects = np.where(np.arange(100) < 40, -1, np.arange(100))
    report = scored(np.arange(100) >= 40, attribute("sex", np.where(subjects < 0, -1, 0)), subjects=subjects)
    assert (report.num_unnamed, report.overall.num_faces, report.overall.accuracy.value) == (40, 60, 1.0)
    assert report.by_attribute[0].num_unknown == 0


def test_a_table_of_other_faces_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="names none of the 5 faces"):
        scored(share(5, 1), attribute("sex", np.full(5, -1)), subjects=np.full(5, -1))
    with pytest.raises(InvalidInput, match="of as many faces"):
        scored(share(5, 1), attribute("sex", np.zeros(5, np.int64)), uncertain=np.zeros(4, np.bool_))


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_faces_without_any_error_have_no_gap(right: float) -> None:
    gap = scored(share(100, right), attribute("sex", np.arange(100) % 2)).by_attribute[0].gaps["accuracy"]
    assert (gap.p_value, gap.difference.value) == (1.0, 0.0)
    assert gap.ratio == (1.0 if right else None)


@given(st.integers(0, 2**32 - 1))
def test_whatever_the_answers_figures_are_finite_and_in_their_intervals(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(40, 300))
    subjects = random.integers(0, random.integers(10, 60), count)
    columns = [attribute(f"a{number}", random.integers(0, 3, count)) for number in range(2)]
    report = scored(random.random(count) < random.random(), *columns, subjects=subjects, resamples=99)
    for scores in report.by_attribute:
        for group in scores.by_group.values():
            for estimate in (group.accuracy, group.confidence, group.standardised, group.overconfidence):
                assert np.isfinite([estimate.value, estimate.low, estimate.high]).all()
                assert estimate.low - 0.1 <= estimate.value <= estimate.high + 0.1
        for gap in scores.gaps.values():
            assert 0 < gap.p_value <= gap.p_adjusted <= 1
            assert gap.difference.low <= gap.difference.value <= gap.difference.high


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_the_interval_of_a_difference_says_what_the_test_says(seed: int, within: bool) -> None:
    """Of two groups; of more, the clearest difference need not be the largest."""
    random = np.random.default_rng(seed)
    subjects = np.arange(300) // 3
    codes = random.integers(0, 2, 300) if within else random.integers(0, 2, 100)[subjects]
    correct = random.random(300) < 0.7 + 0.15 * codes
    gap = scored(correct, attribute("a", codes), subjects=subjects, resamples=199).by_attribute[0].gaps["accuracy"]
    assert gap.method == ("bootstrap" if within else "permutation")
    assert (gap.difference.low > 1e-9) == (gap.p_value < 0.05) or gap.p_value == pytest.approx(0.05, abs=0.006)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_faces_does_not_matter_to_the_figures(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes, subjects, correct = random.integers(0, 2, 200), random.integers(0, 50, 200), random.random(200) < 0.6
    labels, order = random.integers(0, 2, 200), random.permutation(200)
    one = scored(correct, attribute("a", codes), subjects=subjects, labels=labels, resamples=9)
    other = scored(
        correct[order], attribute("a", codes[order]), subjects=subjects[order], labels=labels[order], resamples=9
    )
    for first, second in zip(
        one.by_attribute[0].by_group.values(), other.by_attribute[0].by_group.values(), strict=True
    ):
        assert first.accuracy.value == second.accuracy.value
        assert first.standardised.value == pytest.approx(second.standardised.value)


@pytest.mark.slow
def test_chance_alone_is_seldom_taken_for_a_gap() -> None:
    """5 % of 300 tables, with subjects that differ: at most 9 % (four standard errors)."""
    false = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        subjects = np.repeat(np.arange(60), random.integers(1, 16, 60))
        correct = random.random(len(subjects)) < random.beta(4, 2, 60)[subjects]
        report = scored(correct, attribute("a", random.integers(0, 3, 60)[subjects]), subjects=subjects, resamples=199)
        false += bool(report.by_attribute[0].gaps) and report.by_attribute[0].gaps["accuracy"].p_value <= 0.05
    assert false <= 30
