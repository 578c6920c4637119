import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.drift.statistics import fisher_exact, holm, kolmogorov_smirnov


@pytest.mark.parametrize(("num", "others"), [(30, 3589), (100, 100), (1000, 3589)])
def test_as_many_distances_as_promised_are_that_large(num: int, others: int) -> None:
    random = np.random.default_rng(0)
    levels = np.linspace(0, 1, 200)
    below = [
        kolmogorov_smirnov(_distance(random.random(num), random.random(others), levels), num, others) <= 0.05
        for _ in range(2000)
    ]
    assert 0.03 < np.mean(below) <= 0.06


def _distance(one: NDArray[np.float64], other: NDArray[np.float64], levels: NDArray[np.float64]) -> float:
    shares = [np.searchsorted(np.sort(each), levels, side="right") / len(each) for each in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


@given(st.floats(0, 1), st.floats(0, 1), st.floats(30, 1e6), st.floats(30, 1e6))
def test_a_larger_distance_is_less_likely(distance: float, more: float, num: float, others: float) -> None:
    small, large = sorted((distance, more))
    assert 0 <= kolmogorov_smirnov(large, num, others) <= kolmogorov_smirnov(small, num, others) + 1e-4 <= 1.0001


@pytest.mark.parametrize(("num", "others"), [(4, 5), (6, 3)])
def test_no_difference_of_shares_is_less_likely_than_it_is(num: int, others: int) -> None:
    """Counted over all ways to draw the samples: at most 5 % have a probability of 5 % or less."""
    for hits in range(num + others + 1):
        chosen = [
            (a, math.comb(num, a) * math.comb(others, hits - a))
            for a in range(max(0, hits - others), min(num, hits) + 1)
        ]
        total = sum(ways for _, ways in chosen)
        for limit in (0.05, 0.2, 0.5):
            rare = sum(ways for a, ways in chosen if fisher_exact(a, num, hits - a, others) <= limit + 1e-9)
            assert rare / total <= limit + 1e-9


def test_fisher_is_symmetric_and_takes_a_million_faces() -> None:
    for hits, other in product((0, 3, 10), (0, 5)):
        assert fisher_exact(hits, 10, other, 5) == pytest.approx(fisher_exact(other, 5, hits, 10))
    assert fisher_exact(100_000, 1_000_000, 359, 3589) == pytest.approx(1, abs=0.05)
    assert fisher_exact(200_000, 1_000_000, 359, 3589) < 1e-20


def test_holm_by_hand() -> None:
    assert holm([]) == []
    assert holm([0.02]) == [0.02]
    assert holm([0.5, 0.01, 0.6]) == [1.0, 0.03, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_corrected_probabilities_keep_their_order(probabilities: list[float]) -> None:
    corrected = holm(probabilities)
    assert all(each >= given for each, given in zip(corrected, probabilities, strict=True))
    assert min(corrected) == min(1.0, len(probabilities) * min(probabilities))
    order = np.argsort(probabilities, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()
