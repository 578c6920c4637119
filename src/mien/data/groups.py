"""Who is on the faces of a data set, from a table that its user has: subjects, and attributes of any names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.dataset import FaceSet
from mien.data.reading import Faults, quoted, read_rows
from mien.errors import DataError
from mien.files import opening_errors

FILE, SUBJECT = "file", "subject"
"""The columns that say which faces a row is about; all others are attributes."""

MOST_ATTRIBUTES: Final = 20
_LONGEST_VALUE: Final = 100
_SHOWABLE: Final = f"expected UTF-8 text on one line, of {_LONGEST_VALUE} characters at most"
_UNKNOWN: Final = frozenset({"", "na", "n/a", "nan"})
"""Values that say that nothing is known, in lower case; R and pandas write them so."""

_EXPECTED: Final = (
    "a CSV, separated by commas, with a column file or subject (or both), and a column for each attribute"
)


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """What is known of N faces under one heading, such as age.

    Attributes:
        name: The heading.
        values: The V different values, in natural order ("9" before "10").
        codes: (N,) int64, the index of each face's value; -1 where it is not known.
    """

    name: str
    values: tuple[str, ...]
    codes: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Who is on N faces, as far as a table says.

    Attributes:
        name: The table's name, for messages and reports.
        subjects: (N,) int64, the same number for all faces of one subject; -1 where the table does not name the face.
        attributes: The table's attributes, in its order.
    """

    name: str
    subjects: NDArray[np.int64]
    attributes: tuple[Attribute, ...]

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "Groups":
        """The faces that a mask or an array of indices selects, in its order."""
        attributes = tuple(replace(each, codes=each.codes[keep]) for each in self.attributes)
        return replace(self, subjects=self.subjects[keep], attributes=attributes)


def read_groups(path: str | Path, faces: FaceSet) -> Groups:
    """The groups of a data set's faces, from a CSV of the user's.

        >>> groups = read_groups("groups.csv", load("faces"))  # doctest: +SKIP
        >>> groups.attributes[0].values  # doctest: +SKIP
        ('female', 'male')

    A row is about one file (column `file`) or about all files of one subject (column `subject` without `file`). Every
    other column is an attribute, with any values; empty ones, `NA` and `NaN` are not known.

    - `file` is a path below the data set's folder, or the file's name alone where no other file has it; in a table such
      as fer2013.csv, the line as `mien data audit` names it: `fer2013.csv:17` (the header is line 1).
    - `subject` beside `file` joins the files of one person. A file without a subject is a subject of its own.
    - `subject` without `file`: a row for each person, whose files' names, or one of the folders that they are in, begin
      with the subject, followed by neither one more digit after a digit nor one more letter after a letter: `S005` is
      `S005_001.png` and `S005/1.png`, and not `S0051.png`.

    Args:
        path: The CSV, in UTF-8.
        faces: The whole data set, all splits.

    Raises:
        DataError: The table cannot be read, or names faces that are not in the data set, or one twice; the first ten
            bad rows are named.
    """
    path = Path(path)
    faults = Faults(path.name, "rows")
    with opening_errors(path, str(path), _EXPECTED, DataError):
        rows = [(line, row) for line, row in read_rows(path, None, _EXPECTED, faults) if row]
    if not rows:
        faults.raise_if_any()
        raise DataError(f"{path.name}: holds a header and no rows; expected {_EXPECTED}")
    columns = _Columns.of(path.name, rows[0][1])
    by_row = _places_by_row(columns, rows, faces, faults)
    for line, row in rows:
        with faults.of_line(line):
            columns.check_values(row)
    faults.raise_if_any()
    row_of_face = np.full(len(faces), -1, np.int64)
    for number, places in enumerate(by_row):
        row_of_face[places] = number
    names = [_known(row[columns.subject]) if columns.subject else "" for _, row in rows]
    attributes = (_attribute(name, [_known(row[name]) for _, row in rows], row_of_face) for name in columns.attributes)
    return Groups(path.name, _subjects(names, row_of_face), tuple(attributes))


@dataclass(frozen=True, slots=True)
class _Columns:
    """The table's columns, by what they are for and as they are spelled."""

    file: str | None
    subject: str | None
    attributes: tuple[str, ...]

    @classmethod
    def of(cls, table: str, names: Iterable[str]) -> "_Columns":
        by_key = {name.casefold(): name for name in names}
        columns = cls(
            by_key.get(FILE),
            by_key.get(SUBJECT),
            tuple(name for key, name in by_key.items() if key not in (FILE, SUBJECT)),
        )
        if not (columns.file or columns.subject):
            raise DataError(f"{table}:1: no column {FILE} or {SUBJECT}; expected {_EXPECTED}")
        if not columns.attributes:
            raise DataError(f"{table}:1: no column with an attribute; expected {_EXPECTED}")
        if len(columns.attributes) > MOST_ATTRIBUTES:
            raise DataError(
                f"{table}:1: {len(columns.attributes)} columns are attributes; expected {MOST_ATTRIBUTES} at most: "
                "remove those that are not to be compared"
            )
        for name in columns.attributes:
            if not _is_name(name):
                raise DataError(f"{table}:1: the column {quoted(name)} has no name that can be shown; {_SHOWABLE}")
        return columns

    def check_values(self, row: Mapping[str, str]) -> None:
        for name in self.attributes:
            if not _is_name(row[name]):
                raise DataError(f"{name} is {quoted(row[name])}; {_SHOWABLE}")


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_VALUE and text.isprintable()


def _places_by_row(
    columns: _Columns, rows: Sequence[tuple[int, Mapping[str, str]]], faces: FaceSet, faults: Faults
) -> list[list[int]]:
    """The indices of the faces that each row is about; whatever is wrong with a row is added to the faults."""
    find = _Files(faces).find if columns.file else _Subjects(faces).find
    column = columns.file or columns.subject or ""
    line_of_face: dict[int, int] = {}
    found = []
    for line, row in rows:
        places: list[int] = []
        with faults.of_line(line):
            places = find(row[column].strip())
            for place in places:
                if place in line_of_face:
                    raise DataError(
                        f"{faces.sources[place]} is in line {line_of_face[place]} too; expected it in one row"
                    )
                line_of_face[place] = line
        found.append(places)
    return found


class _Files:
    """Finds a data set's faces by their files."""

    def __init__(self, faces: FaceSet) -> None:
        self._faces = faces
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        for place, source in enumerate(faces.sources):
            self._places[_last(source)].append(place)

    def find(self, text: str) -> list[int]:
        wanted = text.replace("\\", "/").removeprefix("./")
        if not wanted:
            raise DataError(f"{FILE} is empty; expected a file of {self._faces.name}")
        found = [
            place
            for place in self._places.get(_last(wanted), ())
            if _ends_with(self._faces.sources[place], wanted) or _ends_with(wanted, self._faces.sources[place])
        ]
        if len(found) > 1:
            names = ", ".join(self._faces.sources[place] for place in found[:3]) + (", …" if len(found) > 3 else "")
            raise DataError(f"{quoted(text, 200)} is the name of {len(found)} files ({names}); write its folder too")
        if not found:
            example = f", such as {self._faces.sources[0]}" if self._faces.sources else ""
            raise DataError(f"{quoted(text, 200)} is not in {self._faces.name}; expected one of its files{example}")
        return found


class _Subjects:
    """Finds a data set's faces by subjects whose names their files' names or folders begin with."""

    def __init__(self, faces: FaceSet) -> None:
        self._name = faces.name
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        for place, source in enumerate(faces.sources):
            if re.search(r":\d+$", source):
                raise DataError(
                    f"{faces.name} is a table, whose faces have no file names to begin with a subject; add a column "
                    f"{FILE} with their lines, such as {source}"
                )
            for name in {beginning for part in source.split("/") for beginning in _beginnings(part)}:
                self._places[name].append(place)

    def find(self, text: str) -> list[int]:
        if not text:
            raise DataError(f"{SUBJECT} is empty; expected what the names of the person's files begin with")
        found = self._places.get(text)
        if not found:
            raise DataError(
                f"no file's or folder's name in {self._name} begins with the {SUBJECT} {quoted(text, 200)}; a column "
                f"{FILE}, which the table has not, would name files themselves"
            )
        return found


_ENDS: Final = re.compile(r"(?<=\d)(?!\d)|(?<=[^\W\d_])(?![^\W\d_])|(?<=[\W_])")


def _beginnings(name: str) -> list[str]:
    """What a file's name can be said to begin with: `S005_1.png` with S, S005, S005_, S005_1 and so on."""
    return [name[: each.end()] for each in _ENDS.finditer(name) if each.end()]


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _ends_with(path: str, end: str) -> bool:
    """Whether a path is `end`, or ends with it, whole folders at a time."""
    return path == end or path.endswith(f"/{end}")


def _subjects(names: Sequence[str], row_of_face: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) a number for each face's subject, by the row of each face and the name in each row; -1 without a row."""
    # A row whose subject is empty is about one file, and a subject of its own.
    numbers = {name: number for number, name in enumerate(dict.fromkeys(filter(None, names)))}
    of_row = [numbers.get(name, len(numbers) + row) for row, name in enumerate(names)]
    return np.where(row_of_face >= 0, np.array(of_row, np.int64)[row_of_face], -1)


def _attribute(name: str, texts: Sequence[str], row_of_face: NDArray[np.int64]) -> Attribute:
    """An attribute of the faces, by the row of each face and the value in each row."""
    values = sorted(set(filter(None, texts)), key=_natural)
    code = {value: number for number, value in enumerate(values)}
    of_row = np.array([code.get(text, -1) for text in texts], np.int64)
    return Attribute(name, tuple(values), np.where(row_of_face >= 0, of_row[row_of_face], -1))


def _known(text: str) -> str:
    """A cell's text; empty where it says that nothing is known."""
    return "" if text.strip().casefold() in _UNKNOWN else text.strip()


def _natural(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """A key by which "9" comes before "10"."""
    parts = re.findall(r"\d+|\D+", text)
    return [(0, int(part[:50]), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts], text
