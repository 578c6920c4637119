from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from mien.data import load, vote_shares
from mien.emotions import FER_PLUS_VOTES
from mien.errors import DataError

Make: TypeAlias = Callable[..., Any]
HEADER = ["Usage", "Image name", *FER_PLUS_VOTES]


def write_votes(table: Path, lines: list[list[str]]) -> Path:
    path = table.with_name("fer2013new.csv")
    path.write_text("\n".join(",".join(line) for line in lines))
    return path


def line(usage: str = "Training", name: str = "fer0.png", *, votes: str = "4 0 0 1 3 2 0 0 0 0") -> list[str]:
    return [usage, name, *votes.split(" ")]


def test_votes_beside_the_table_are_read(rows: Make, write_table: Make) -> None:
    table = write_table(rows(3))
    write_votes(table, [HEADER, line(), line(name="", votes="0 0 0 0 0 0 0 0 0 10"), line("PublicTest")])

    faces = load(table)

    assert faces.votes is not None
    assert faces.votes.dtype == np.uint8
    assert faces.votes.tolist() == [[4, 0, 0, 1, 3, 2, 0, 0, 0, 0], [0] * 9 + [10], [4, 0, 0, 1, 3, 2, 0, 0, 0, 0]]


def test_columns_go_by_name(rows: Make, write_table: Make) -> None:
    table = write_table(rows(1))
    write_votes(table, [[name.upper() + " " for name in HEADER[::-1]], line("PublicTest")[::-1]])

    votes = load(table).votes

    assert votes is not None
    assert votes.tolist() == [[4, 0, 0, 1, 3, 2, 0, 0, 0, 0]]


def test_votes_follow_a_selection(rows: Make, write_table: Make) -> None:
    table = write_table(rows(2))
    write_votes(table, [HEADER, line(), line("PublicTest", votes="10 0 0 0 0 0 0 0 0 0")])

    votes = load(table).split("val").votes

    assert votes is not None
    assert votes.tolist() == [[10] + [0] * 9]


@pytest.mark.parametrize("count", [1, 4])
def test_another_number_of_rows_names_both_files(rows: Make, write_table: Make, count: int) -> None:
    table = write_table(rows(3))
    write_votes(table, [HEADER, *[line()] * count])

    with pytest.raises(DataError, match=rf"fer2013new\.csv has {count} rows and fer2013\.csv has 3; .*another folder"):
        load(table)


def test_a_usage_that_differs_names_both_rows(rows: Make, write_table: Make) -> None:
    table = write_table(rows(3))
    write_votes(table, [HEADER, line(), line("PrivateTest"), line("PublicTest")])

    with pytest.raises(DataError, match=r"fer2013new\.csv:3: Usage is 'PrivateTest', but fer2013\.csv:3 .* 'train'"):
        load(table)


def test_what_follows_a_long_gap_in_usage_is_read_too(rows: Make, write_table: Make) -> None:
    table = write_table(rows(2))
    write_votes(table, [HEADER, line("Training" + " " * 40 + "x"), line("PublicTest")])

    with pytest.raises(DataError, match=r"fer2013new\.csv:2: unknown split 'Training {32}…'"):
        load(table)


@pytest.mark.parametrize("vote", ["11", "-1", "4.0", "", "x", "٣", "9" * 5000, "\0", "\ud8ff"])
def test_a_bad_vote_is_named(rows: Make, write_table: Make, vote: str) -> None:
    table = write_table(rows(3))
    path = write_votes(table, [HEADER, line(), line(), line("PublicTest")])
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace("3", vote, 1)
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))

    with pytest.raises(DataError, match=r"^fer2013new\.csv:\d: ") as caught:
        load(table)

    assert len(str(caught.value)) < 200
    if vote != "\0":  # the csv module of Python 3.11 on reads it; older ones refuse the line
        assert caught.match("3: anger is .*expected a number of votes from 0 to 10")


def test_a_missing_column_is_named(rows: Make, write_table: Make) -> None:
    table = write_table(rows(1))
    write_votes(table, [[name for name in HEADER if name not in ("NF", "fear")], line()])

    with pytest.raises(DataError, match=r"fer2013new\.csv:1: no column fear, NF; expected Usage and FER\+'s ten"):
        load(table)


def test_an_empty_file_is_refused(rows: Make, write_table: Make) -> None:
    table = write_table(rows(1))
    write_votes(table, [])

    with pytest.raises(DataError, match=r"fer2013new\.csv:1: no column Usage, neutral"):
        load(table)


def test_a_short_row_is_named(rows: Make, write_table: Make) -> None:
    table = write_table(rows(2))
    write_votes(table, [HEADER, line()[:-1], line("PublicTest")])

    with pytest.raises(DataError, match=r"fer2013new\.csv:2: expected 12 fields, as in the header; got 11"):
        load(table)


def test_an_endless_field_is_refused(rows: Make, write_table: Make) -> None:
    table = write_table(rows(1))
    write_votes(table, [HEADER, ['"' + "x" * 200_000]])

    with pytest.raises(DataError, match=r"fer2013new\.csv:\d+: is not CSV: field larger than field limit"):
        load(table)


def test_votes_for_no_expression_have_no_shares() -> None:
    votes = np.array([[5, 5, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 3, 7]], np.uint8)
    shares = vote_shares(votes)
    assert shares[0].tolist() == [0.5, 0.5, 0, 0, 0, 0, 0, 0]
    assert not shares[1].any()
