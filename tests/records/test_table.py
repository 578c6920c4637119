from importlib.util import find_spec
from typing import Any

import pytest

from mien.errors import InvalidInput, MissingExtra
from mien.records import Header, as_table
from mien.records.rows import columns, rows
from mien.records.table import table_columns
from mien.values import Failure


def test_the_columns_are_those_of_the_csv(results: list[Any], header: Header) -> None:
    table = table_columns(iter(results))
    assert (*table,) == columns(header)
    assert [*zip(*table.values(), strict=True)] == [row for each in results for row in rows(header, each)]


def test_without_a_face_the_labels_have_to_be_given() -> None:
    failures = [Failure("a.jpg", "broken")]
    assert "happy" not in table_columns(failures)
    assert table_columns(failures, labels=("happy", "sad"))["happy"] == [None]
    assert table_columns([], labels=("happy", "sad"))["raw_sad"] == []


def test_a_label_that_is_another_columns_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="its label 'time'"):
        table_columns([], labels=("time",))


@pytest.mark.skipif(not (find_spec("pandas") or find_spec("polars")), reason="needs pandas or polars")
def test_a_data_frame(results: list[Any]) -> None:
    table = as_table(results)
    assert list(table["source"]) == ["a.jpg", *["talk.mp4"] * 5, "b.jpg", "c.jpg"]
    assert list(table["happy"])[2] == 0.75


@pytest.mark.skipif(bool(find_spec("pandas") or find_spec("polars")), reason="needs neither pandas nor polars")
def test_without_either_the_extra_is_named(results: list[Any]) -> None:
    with pytest.raises(MissingExtra, match=r"A data frame needs .*table"):
        as_table(results)
