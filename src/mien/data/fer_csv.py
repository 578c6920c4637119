"""FER2013 as Kaggle publishes it: one CSV with the columns emotion, pixels and Usage."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.data.cache import Arrays, cached
from mien.data.dataset import SPLITS, FaceSet, parse_split, resize_faces
from mien.data.faults import Faults, quoted
from mien.data.fer_plus import VOTES_FILE, read_votes
from mien.emotions import EMOTIONS, parse_emotion
from mien.errors import DataError, InvalidInput
from mien.values import GreyFaces

SIDE = 48
"""FER2013's faces are 48 × 48 pixels."""

_PIXELS = SIDE * SIDE
# A face takes 9,216 bytes at most; without a limit a file without line ends would be read into memory whole.
_LONGEST_ROW = 1 << 16
# Enough rows to make numpy's cost per call small, few enough to stay in the processor's cache.
_ROWS_AT_ONCE = 16


def read_fer_csv(path: Path, *, size: int = SIDE) -> FaceSet:
    """The faces of `fer2013.csv`, or of `icml_face_data.csv`, the same table under its other name.

    Columns are found by name, in any order and case; others are passed over. Where FER+'s `fer2013new.csv` lies
    beside the table, its votes are read too. What was read is kept in the cache and read from there until either
    file changes.

    Args:
        path: the CSV.
        size: S, the side in pixels that the 48 × 48 faces are resized to.

    Returns:
        All rows in the table's order; Training is "train", PublicTest "val", PrivateTest "test".

    Raises:
        DataError: a column is missing, rows are wrong (the first ten are named, with their line's number), or the
            votes belong to another table.
    """
    votes = _votes_beside(path)
    try:
        stamp = " ".join(_stamp(file) for file in (path, votes) if file is not None)
        arrays = cached(path, "fer-csv", stamp, lambda: _read(path, votes))
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror or error}") from error
    return FaceSet(
        name=path.name,
        faces=resize_faces(arrays["faces"], size),
        classes=EMOTIONS,
        labels=arrays["labels"],
        splits=np.array(SPLITS)[arrays["splits"]],
        sources=[f"{path.name}:{line}" for line in arrays["lines"].tolist()],
        votes=arrays.get("votes"),
    )


def _votes_beside(path: Path) -> Path | None:
    votes = path.with_name(VOTES_FILE)
    return votes if votes.is_file() and votes.name != path.name else None


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


class _Columns(NamedTuple):
    """Where each column stands, and how many fields a row has."""

    emotion: int
    pixels: int
    usage: int
    width: int


class _Row(NamedTuple):
    line: int
    label: int
    split: int
    pixels: bytes


@dataclass
class _Table:
    """The good rows so far."""

    faces: bytearray = field(default_factory=bytearray)
    labels: list[int] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def append(self, rows: list[_Row], faces: GreyFaces) -> None:
        self.faces += faces.tobytes()
        self.labels += [row.label for row in rows]
        self.splits += [row.split for row in rows]
        self.lines += [row.line for row in rows]


def _read(path: Path, votes: Path | None) -> Arrays:
    faults = Faults(path.name, "rows")
    table = _Table()
    with path.open("rb") as file:
        columns = _read_header(path.name, file)
        rows = _read_rows(path.name, file, columns, faults)
        while batch := list(islice(rows, _ROWS_AT_ONCE)):
            _append(batch, table, path.name, faults)
    faults.raise_if_any()
    if not table.lines:
        raise DataError(f"{path.name}: holds a header and no rows; expected a face a row")
    lines, splits = np.array(table.lines, np.int64), np.array(table.splits, np.int64)
    arrays: dict[str, NDArray[Any]] = {
        "faces": np.frombuffer(table.faces, np.uint8).reshape(-1, SIDE, SIDE),
        "labels": np.array(table.labels, np.int64),
        "splits": splits,
        "lines": lines,
    }
    if votes is not None:
        arrays["votes"] = read_votes(votes, path.name, lines, np.array(SPLITS)[splits])
    return arrays


def _read_header(name: str, file: BufferedReader) -> _Columns:
    line = file.readline(_LONGEST_ROW)
    if not line:
        raise DataError(f"{name}: is empty; expected a CSV with the columns emotion, pixels and Usage")
    fault = _text_fault(line)
    if fault:
        raise DataError(f"{name}:1: {fault}; expected a CSV with the columns emotion, pixels and Usage")
    text = line.decode("utf-8-sig")
    names = [column.strip(' \t\r\n"').casefold() for column in text.split(",")]
    places = {column: names.index(column) for column in ("emotion", "pixels", "usage") if names.count(column) == 1}
    if len(places) < 3:
        raise DataError(_header_fault(name, text, names))
    return _Columns(**places, width=len(names))


def _header_fault(name: str, text: str, names: list[str]) -> str:
    twice = [column for column in ("emotion", "pixels", "usage") if names.count(column) > 1]
    if twice:
        return f"{name}:1: the column {twice[0]} stands there twice; expected it once"
    missing = [column for column in ("emotion", "pixels", "Usage") if column.casefold() not in names]
    fault = (
        f"{name}:1: no column {', '.join(missing)}; expected emotion, pixels and Usage separated by commas, "
        f"got {quoted(text.strip(), 80)}"
    )
    if "neutral" in names and "nf" in names:
        return f"{fault}. These are FER+'s votes: pass the fer2013.csv that they belong to, and keep them beside it"
    if missing == ["Usage"]:
        return f"{fault}. Kaggle's train.csv has no splits: use fer2013.csv or icml_face_data.csv"
    return fault


def _lines(file: BufferedReader) -> Iterator[tuple[int, bytes]]:
    """Each line after the first that is not blank, with its number; of an endless one, only the beginning."""
    number = 1
    while line := file.readline(_LONGEST_ROW):
        number += 1
        rest = line
        while len(rest) == _LONGEST_ROW and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST_ROW)
        if not line.isspace():
            yield number, line


def _read_rows(name: str, file: BufferedReader, columns: _Columns, faults: Faults) -> Iterator[_Row]:
    """The rows whose emotion and usage are right; their pixels are still text."""
    labels = _Codes(lambda text: EMOTIONS.index(parse_emotion(text)))
    splits = _Codes(lambda text: SPLITS.index(parse_split(text)))
    for number, line in _lines(file):
        try:
            if len(line) == _LONGEST_ROW:
                raise DataError(f"is longer than {_LONGEST_ROW:,} bytes; expected {_PIXELS:,} numbers 0 to 255")
            fields = line.split(b",")
            if len(fields) != columns.width:
                raise DataError(_field_fault(line, len(fields), columns.width))
            label, split = labels[fields[columns.emotion]], splits[fields[columns.usage]]
        except InvalidInput as error:
            faults.add(f"{name}:{number}: {error}", number)
        else:
            yield _Row(number, label, split, fields[columns.pixels].strip(b' \t\r\n"'))


def _field_fault(line: bytes, came: int, expected: int) -> str:
    return _text_fault(line) or f"expected {expected} fields separated by commas, as in the header; got {came}"


def _text_fault(text: bytes) -> str | None:
    """What keeps bytes from being text, or None."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is UTF-16; save it as UTF-8"
    if b"\0" in text:
        return "holds a NUL byte, which is not text"
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"is not UTF-8 text: byte {error.start + 1} is 0x{text[error.start]:02x}"
    return None


class _Codes(dict[bytes, int]):
    """The code of each spelling; a spelling is parsed once, since there are few of them and many rows."""

    def __init__(self, parse: Callable[[str], int]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: bytes) -> int:
        fault = _text_fault(text)
        if fault:
            raise DataError(fault)
        word = text.decode().strip(' \t\r\n"')
        # Cut, because the parser repeats in its message what it was given.
        code = self[text] = self._parse(word if len(word) <= 40 else word[:40] + "…")
        return code


def _append(rows: list[_Row], table: _Table, name: str, faults: Faults) -> None:
    """Parse the rows' pixels together; only if that fails, one by one, to name the bad ones."""
    faces = parse_pixels([row.pixels for row in rows])
    if faces is not None:
        table.append(rows, faces)
        return
    for row in rows:
        face = parse_pixels([row.pixels])
        try:
            table.append([row], _parse_carefully(row.pixels) if face is None else face)
        except DataError as error:
            faults.add(f"{name}:{row.line}: {error}", row.line)


def parse_pixels(texts: list[bytes]) -> GreyFaces | None:
    """The faces that several rows of text hold, by arithmetic on all their digits at once.

    Args:
        texts: each 2,304 numbers from 0 to 255 with one space between them.

    Returns:
        (N, 48, 48) uint8, or None unless every text is exactly that.
    """
    # Three spaces in front, so that the two bytes before a number's last digit always exist.
    text = np.frombuffer(b"   " + b" ".join(texts) + b" ", np.uint8)
    digits = text - ord("0")  # whatever lies below "0" wraps round to far above 9
    is_digit = digits <= 9
    spaces = np.flatnonzero(text[2:] == ord(" ")) + 2
    ends, lengths = spaces[1:], spaces[1:] - spaces[:-1] - 1
    ends_of_texts = np.cumsum([len(each) + 1 for each in texts]) + 2
    if not (
        ends.size == len(texts) * _PIXELS
        and np.array_equal(ends[_PIXELS - 1 :: _PIXELS], ends_of_texts)
        and np.count_nonzero(is_digit) == text.size - ends.size - 3
        and 1 <= lengths.min() <= lengths.max() <= 3
    ):
        return None
    digits *= is_digit
    # Where a number has one digit, the byte two places before its end belongs to the number before.
    hundreds = (digits[:-1] * is_digit[1:])[ends - 3]
    values = hundreds.astype(np.uint16) * 100 + digits[ends - 2] * 10 + digits[ends - 1]
    if values.max() > 255:
        return None
    return values.astype(np.uint8).reshape(-1, SIDE, SIDE)


def _parse_carefully(text: bytes) -> NDArray[np.uint8]:
    """The face that one row holds, with any white space between the numbers.

    Raises:
        DataError: it does not hold one; the message says why.
    """
    fault = _text_fault(text)
    if fault:
        raise DataError(fault)
    words = text.split()
    if len(words) != _PIXELS:
        raise DataError(f"expected {_PIXELS:,} pixels; got {len(words):,}")
    for place, word in enumerate(words, start=1):
        # The length is checked first: turning a very long number into an integer is slow, or refused.
        if not (word.isdigit() and len(word.lstrip(b"0")) <= 3 and int(word) <= 255):
            raise DataError(f"pixel {place:,} is {quoted(word)}; expected a whole number from 0 to 255")
    return np.array([int(word) for word in words], np.uint8).reshape(1, SIDE, SIDE)
