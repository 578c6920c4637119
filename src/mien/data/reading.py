"""What the readers share: the rows of a CSV by column, and everything that is wrong reported at once."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mien.errors import DataError, InvalidInput

_SHOWN = 10


class Faults:
    """The bad rows or files (`things`) of a file or folder: the first ten in full, the rest as a number."""

    def __init__(self, source: str, things: str) -> None:
        self._source, self._things = source, things
        self._faults: list[str] = []
        self.add = self._faults.append

    @contextmanager
    def of_line(self, number: int) -> Iterator[None]:
        """Add the error that parsing this line of the file raises."""
        try:
            yield
        except InvalidInput as error:
            self.add(f"{self._source}:{number}: {error}")

    def raise_if_any(self) -> None:
        if len(self._faults) == 1:
            raise DataError(self._faults[0])
        if self._faults:
            count = len(self._faults)
            lines = [f"{self._source}: {count:,} {self._things} cannot be used:", *self._faults[:_SHOWN]]
            if count > _SHOWN:
                lines.append(f"… and {count - _SHOWN:,} more")
            raise DataError("\n  ".join(lines))


def read_rows(
    path: Path, columns: Sequence[str] | None, expected: str, faults: Faults
) -> Iterator[tuple[int, dict[str, str]]]:
    """The line number of each row that is not blank, and its fields in `columns`, which may have any order and case.

    Without `columns` the fields of all columns come, as the header spells them; each has to have a name of its own.

    A row that is longer or shorter than the header is added to the faults, and comes without fields. Bytes that are not
    UTF-8 become surrogates: names of files keep theirs, and as no number has any, other rows are reported.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file)
        try:
            header = [name.strip() for name in next(reader, ())]
            names = [name.casefold() for name in header]
            if columns is None:
                _check_names(path.name, header, expected)
                columns = header
            missing = [column for column in columns if column.casefold() not in names]
            if missing:
                raise DataError(f"{path.name}:1: no column {', '.join(missing)}; expected {expected}")
            places = {column: names.index(column.casefold()) for column in columns}
            for row in filter(None, reader):
                if len(row) == len(names):
                    yield reader.line_num, {column: row[place] for column, place in places.items()}
                else:
                    fault = f"expected {len(names)} fields, as in the header; got {len(row)}"
                    faults.add(f"{path.name}:{reader.line_num}: {fault}")
                    yield reader.line_num, {}
        except csv.Error as error:
            raise DataError(f"{path.name}:{reader.line_num}: is not CSV: {error}") from error


def _check_names(table: str, header: Sequence[str], expected: str) -> None:
    """Check that every column of a header has a name of its own."""
    if not any(header):
        raise DataError(f"{table}:1: no column has a name; expected {expected}")
    seen = set()
    for number, name in enumerate(header, start=1):
        if not name:
            raise DataError(
                f"{table}:1: column {number} has no name; name it or remove it (pandas: to_csv(..., index=False))"
            )
        if name.casefold() in seen:
            raise DataError(f"{table}:1: the column {quoted(name)} appears twice; expected it once")
        seen.add(name.casefold())


def shortened(text: str, longest: int = 40) -> str:
    return text if len(text) <= longest else text[:longest] + "…"


def quoted(value: bytes | str, longest: int = 40) -> str:
    """`value` for a message: in quotes and on one line."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    return repr(shortened(text, longest))
