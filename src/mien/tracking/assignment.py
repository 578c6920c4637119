"""The assignment problem: the cheapest way to pair the rows of a matrix with its columns."""

import numpy as np
from numpy.typing import NDArray

from mien.errors import InvalidInput


def assign(cost: NDArray[np.floating]) -> list[tuple[int, int]]:
    """The largest possible number of pairs of a row and a column, each used once, at the lowest total cost.

    Kuhn's Hungarian method with shortest augmenting paths (Jonker and Volgenant 1987, Computing 38:325); O(N² M).

        >>> assign(np.array([[1.0, 2.0], [1.0, 9.0]]))
        [(0, 1), (1, 0)]

    Costs are (N, M), either of which may be 0; infinity forbids a pair. The pairs are sorted by rows.
    """
    cost = np.asarray(cost, dtype=np.float64)
    if cost.ndim != 2 or np.isnan(cost).any() or np.isneginf(cost).any():
        raise InvalidInput(f"costs are an (N, M) matrix of numbers or infinity; got shape {cost.shape}: {cost}")
    allowed = np.isfinite(cost)
    if not allowed.any():
        return []
    if cost.shape[0] > cost.shape[1]:
        return sorted((row, column) for column, row in assign(cost.T))
    # A forbidden pair costs more than any choice of allowed ones can save, so that it is taken only where it must be.
    least = cost[allowed].min()
    forbidden = (cost[allowed].max() - least + 1) * (len(cost) + 1)
    row_of = _augmented(np.where(allowed, cost - least, forbidden))
    return sorted((int(row), column) for column, row in enumerate(row_of) if row >= 0 and allowed[row, column])


def _augmented(cost: NDArray[np.float64]) -> NDArray[np.intp]:
    """The row assigned to each column, (M,), -1 for none, when each of N ≤ M rows is assigned a column."""
    num_rows, num_columns = cost.shape
    row_price, column_price = np.zeros(num_rows), np.zeros(num_columns)
    row_of = np.full(num_columns, -1, dtype=np.intp)
    column_of = np.full(num_rows, -1, dtype=np.intp)
    for start in range(num_rows):
        distance = np.full(num_columns, np.inf)  # from `start` along alternating paths, in reduced costs
        came_from = np.full(num_columns, -1, dtype=np.intp)
        settled = np.zeros(num_columns, dtype=bool)
        row, reached = start, 0.0
        while True:  # Dijkstra's search for the nearest free column
            total = reached + cost[row] - row_price[row] - column_price
            closer = ~settled & (total < distance)
            distance[closer], came_from[closer] = total[closer], row
            end = int(np.where(settled, np.inf, distance).argmin())
            reached = float(distance[end])
            settled[end] = True
            if row_of[end] < 0:
                break
            row = int(row_of[end])
        inside = settled & (row_of >= 0)
        row_price[start] += reached
        row_price[row_of[inside]] += reached - distance[inside]
        column_price[inside] += distance[inside] - reached
        while True:  # augment: each row on the path moves to its next column
            row = int(came_from[end])
            row_of[end], column_of[row], end = row, end, int(column_of[row])
            if row == start:
                break
    return row_of
