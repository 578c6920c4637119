from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mien.errors import InvalidInput
from mien.tracking.assignment import assign

prices = st.one_of(
    st.integers(-3, 3).map(float),  # many ties
    st.floats(-1000, 1000, allow_nan=False, width=32),
    st.just(np.inf),
)
matrices = st.tuples(st.integers(0, 5), st.integers(0, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=prices)
)


def by_trying_all(cost: NDArray[np.float64]) -> tuple[int, float]:
    """The most pairs that can be made, and what they cost at least."""
    num_rows, num_columns = cost.shape
    best = (0, 0.0)
    for number in range(1, min(num_rows, num_columns) + 1):
        totals = [
            sum(float(cost[pair]) for pair in zip(rows, columns, strict=True))
            for rows in combinations(range(num_rows), number)
            for columns in permutations(range(num_columns), number)
        ]
        if np.isfinite(min(totals)):
            best = (number, min(totals))
    return best


@given(matrices)
def test_no_choice_makes_more_pairs_or_cheaper_ones(cost: NDArray[np.float64]) -> None:
    pairs = assign(cost)
    number, total = by_trying_all(cost)
    assert len(pairs) == number
    assert sum(float(cost[pair]) for pair in pairs) == pytest.approx(total, abs=1e-6)


@given(matrices)
def test_each_row_and_column_is_used_once_and_nothing_forbidden_is(cost: NDArray[np.float64]) -> None:
    pairs = assign(cost)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(np.isfinite(cost[pair]) for pair in pairs)
    assert pairs == sorted(pairs)


def test_a_cheap_first_choice_is_given_up_when_that_saves_more_later() -> None:
    assert assign(np.array([[1.0, 2.0], [1.0, 9.0]])) == [(0, 1), (1, 0)]


def test_a_row_without_any_allowed_column_does_not_take_one_away() -> None:
    assert assign(np.array([[5.0, np.inf], [1.0, np.inf], [np.inf, np.inf]])) == [(1, 0)]


def test_a_hidden_permutation_of_a_hundred_is_found() -> None:

    random = np.random.default_rng(0)
    hidden = random.permutation(100)
    cost = random.uniform(1, 2, (100, 100))
    cost[np.arange(100), hidden] = random.uniform(0, 0.5, 100)
    assert assign(cost) == list(enumerate(hidden.tolist()))


@pytest.mark.parametrize("cost", [np.array([1.0]), np.array([[np.nan]]), np.array([[-np.inf, 1.0]])])
def test_what_is_no_matrix_of_costs_is_refused(cost: NDArray[np.float64]) -> None:
    with pytest.raises(InvalidInput, match="matrix"):
        assign(cost)
