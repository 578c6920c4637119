"""FER+'s votes: ten people labelled every face of FER2013.

Barsoum, Zhang, Canton Ferrer and Zhang, "Training deep networks for facial expression recognition with
crowd-sourced label distribution", ICMI 2016; https://github.com/microsoft/FERPlus.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.dataset import parse_split
from mien.data.reading import Faults, quoted, read_rows, shortened
from mien.emotions import FER_PLUS_EXPRESSIONS, FER_PLUS_VOTES
from mien.errors import DataError

VOTES_FILE = "fer2013new.csv"
_MOST_VOTES = 10


def read_votes(path: Path, table: str, lines: NDArray[np.int64], splits: NDArray[np.str_]) -> NDArray[np.uint8]:
    """The votes for the rows of a FER2013 table: (N, 10) uint8, 0 to 10, in the order of `FER_PLUS_VOTES`.

    FER+'s `fer2013new.csv` has the same rows as the table in the same order: its column Usage is checked against
    `splits`, (N,), and messages name the table and, from `lines`, (N,), the line numbers of its rows.
    """
    faults = Faults(path.name, "rows")
    expected = f"Usage and FER+'s ten: {', '.join(FER_PLUS_VOTES)}"
    rows = list(read_rows(path, ("Usage", *FER_PLUS_VOTES), expected, faults))
    if len(rows) != len(lines):
        raise DataError(
            f"{path.name} has {len(rows):,} rows and {table} has {len(lines):,}; expected a row of votes "
            f"for every face. If they do not belong together, move one into another folder"
        )
    votes = np.zeros((len(rows), len(FER_PLUS_VOTES)), np.uint8)
    for place, (number, row) in enumerate(rows):
        if not row:
            continue
        with faults.of_line(number):
            votes[place] = [_parse_vote(row[column], column) for column in FER_PLUS_VOTES]
            if parse_split(shortened(row["Usage"])) != splits[place]:
                raise DataError(
                    f"Usage is {quoted(row['Usage'])}, but {table}:{lines[place]} is in the split "
                    f"{str(splits[place])!r}; expected the same rows in the same order"
                )
    faults.raise_if_any()
    return votes


def majority_of(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The expression that most of the (N, 10) votes for a face agree on, by the rule of FER+'s authors.

    Columns, in the order of `FER_PLUS_VOTES`, do not count with a single vote; of the other votes more than half have
    to be for one expression. The result is (N,) indices into `FER_PLUS_EXPRESSIONS`; -1 without such a majority, or
    where it is for no expression.
    """
    counted = np.where(votes > 1, votes, 0).astype(np.int64)
    first = counted.argmax(axis=1)
    agreed = (2 * counted.max(axis=1) > counted.sum(axis=1)) & (first < len(FER_PLUS_EXPRESSIONS))
    return np.where(agreed, first, -1)


def vote_shares(votes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, 10) votes → (N, 8) shares of `FER_PLUS_EXPRESSIONS`; all 0 where nobody voted for one."""
    expressions = votes[:, : len(FER_PLUS_EXPRESSIONS)].astype(np.float64)
    return np.asarray(expressions / np.maximum(expressions.sum(axis=1, keepdims=True), 1))


def _parse_vote(text: str, column: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= _MOST_VOTES):
        raise DataError(f"{column} is {quoted(text)}; expected a number of votes from 0 to {_MOST_VOTES}")
    return int(word)
