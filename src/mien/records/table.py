"""Results as a data frame."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from mien.errors import MissingExtra
from mien.records.rows import Cell, columns, rows
from mien.records.sink import Header
from mien.values import Failure, FrameResult


def as_table(results: Iterable[FrameResult | Failure], *, labels: tuple[str, ...] | None = None) -> Any:
    """Results as a data frame of pandas, or of polars if only that is installed: the columns of the CSV.

        >>> as_table(mien.Analyzer().stream("talk.mp4"))  # doctest: +SKIP

    Args:
        results: Pictures, frames and failures, in any order.
        labels: The model's labels, K of them; taken from the first face when left out, and needed only if there may be
            no face.

    Raises:
        InvalidInput: One of the labels has the name of another column.
        MissingExtra: Neither is installed.
    """
    table = table_columns(results, labels=labels)
    if find_spec("pandas"):
        import pandas

        return pandas.DataFrame(table)
    if find_spec("polars"):
        import polars

        return polars.DataFrame(table, strict=False)
    raise MissingExtra("A data frame", "table")


def table_columns(
    results: Iterable[FrameResult | Failure], *, labels: tuple[str, ...] | None = None
) -> dict[str, list[Cell]]:
    """The cells of results by the names of their columns."""
    found = [*results]
    if labels is None:
        faces = (face for result in found if isinstance(result, FrameResult) for face in result.faces)
        labels = next((face.prediction.labels for face in faces), ())
    header = Header(model="a table", detector="", labels=labels)
    table = [row for result in found for row in rows(header, result)]
    return {name: [row[place] for row in table] for place, name in enumerate(columns(header))}
