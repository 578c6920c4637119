"""FER+'s votes: ten people labelled every face of FER2013.

Barsoum, Zhang, Canton Ferrer and Zhang, "Training deep networks for facial expression recognition with
crowd-sourced label distribution", ICMI 2016; https://github.com/microsoft/FERPlus.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.dataset import parse_split
from mien.data.faults import Faults, quoted
from mien.emotions import FER_PLUS_EXPRESSIONS, FER_PLUS_VOTES
from mien.errors import DataError

VOTES_FILE = "fer2013new.csv"
"""The name of FER+'s file."""

_MOST_VOTES = 10


def read_votes(path: Path, table: str, lines: NDArray[np.int64], splits: NDArray[np.str_]) -> NDArray[np.uint8]:
    """The votes for the rows of a FER2013 table.

    Args:
        path: FER+'s `fer2013new.csv`: the same rows as the table, in the same order.
        table: The table's name in messages.
        lines: (N,), the line number of each row in the table.
        splits: (N,), the split of each row, against which FER+'s column Usage is checked.

    Returns:
        (N, 10) uint8, 0 to 10, in the order of `FER_PLUS_VOTES`.

    Raises:
        DataError: A column is missing, rows are wrong, or they are not those of the table.
    """
    faults = Faults(path.name, "rows")
    votes: list[list[int]] = []
    # Bytes that are not UTF-8 become characters that no number has, so that their row is reported.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = _numbered_rows(path.name, file)
        usage, places, width = _find_columns(path.name, next(rows, (1, []))[1])
        for line, row in rows:
            at = len(votes)
            try:
                if len(row) != width:
                    raise DataError(f"expected {width} fields, as in the header; got {len(row)}")
                votes.append(
                    [_parse_vote(row[place], name) for name, place in zip(FER_PLUS_VOTES, places, strict=True)]
                )
                if at < len(splits) and parse_split(row[usage][:40]) != splits[at]:
                    raise DataError(
                        f"Usage is {quoted(row[usage])}, but {table}:{lines[at]} is in the split {str(splits[at])!r}; "
                        f"expected the same rows in the same order"
                    )
            except DataError as error:
                faults.add(f"{path.name}:{line}: {error}")
                # The rows that follow must keep their places.
                votes[at:] = [[0] * len(FER_PLUS_VOTES)]
    if len(votes) != len(lines):
        raise DataError(
            f"{path.name} has {len(votes):,} rows and {table} has {len(lines):,}; expected a row of votes "
            f"for every face. If they do not belong together, move one into another folder"
        )
    faults.raise_if_any()
    return np.array(votes, np.uint8).reshape(-1, len(FER_PLUS_VOTES))


def majority_of(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The expression that most voters agree on, by the rule of FER+'s authors.

    Columns with a single vote are left out; of the other votes more than half have to be for one expression.

    Args:
        votes: (N, 10), in the order of `FER_PLUS_VOTES`.

    Returns:
        (N,) indices into `FER_PLUS_EXPRESSIONS`; -1 without such a majority, or where it is for no expression.
    """
    counted = np.where(votes > 1, votes, 0).astype(np.int64)
    first = counted.argmax(axis=1)
    agreed = (2 * counted.max(axis=1) > counted.sum(axis=1)) & (first < len(FER_PLUS_EXPRESSIONS))
    return np.where(agreed, first, -1)


def _numbered_rows(name: str, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """The line number and the fields of each row that is not blank."""
    reader = csv.reader(lines)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num}: is not CSV: {error}") from error


def _find_columns(name: str, header: list[str]) -> tuple[int, list[int], int]:
    """The index of Usage, that of each of `FER_PLUS_VOTES`, and the number of columns."""
    names = [column.strip().casefold() for column in header]
    missing = [column for column in ("Usage", *FER_PLUS_VOTES) if column.casefold() not in names]
    if missing:
        raise DataError(
            f"{name}:1: no column {', '.join(missing)}; expected Usage and FER+'s ten: {', '.join(FER_PLUS_VOTES)}"
        )
    return names.index("usage"), [names.index(vote.casefold()) for vote in FER_PLUS_VOTES], len(names)


def _parse_vote(text: str, column: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= _MOST_VOTES):
        raise DataError(f"{column} is {quoted(text)}; expected a number of votes from 0 to {_MOST_VOTES}")
    return int(word)
