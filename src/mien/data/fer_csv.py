"""FER2013 as Kaggle publishes it: one CSV with the columns emotion, pixels and Usage."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BufferedReader
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

SIDE = 48
"""FER2013's faces are 48 × 48 pixels."""

_PIXELS = SIDE * SIDE
_DIGITS_AND_SPACES = b"0123456789 \t"
# A face takes 9,216 bytes at most; without a limit a file without line ends would be read into memory whole.
_LONGEST_ROW = 1 << 16


def read_fer_csv(path: Path, *, size: int = SIDE) -> FaceSet:
    """The faces of `fer2013.csv`, or of `icml_face_data.csv`, the same table under its other name.

    Columns are found by name, in any order and case; others are ignored. Where FER+'s `fer2013new.csv` lies
    beside the table, its votes are read too. What was read is kept in the cache and read from there until either
    file changes.

    Args:
        path: The CSV.
        size: S, the side in pixels that the 48 × 48 faces are resized to.

    Returns:
        All rows in the table's order; Training is "train", PublicTest "val", PrivateTest "test".

    Raises:
        DataError: A column is missing, rows are wrong (the first ten are named by their lines), or the votes belong to
            another table.
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
    """The index of each column, and the number of fields in a row."""

    emotion: int
    pixels: int
    usage: int
    width: int


def _read(path: Path, votes: Path | None) -> Arrays:
    faults = Faults(path.name, "rows")
    faces = bytearray()
    rows: list[tuple[int, int, int]] = []
    labels = _Codes(lambda text: EMOTIONS.index(parse_emotion(text)))
    splits = _Codes(lambda text: SPLITS.index(parse_split(text)))
    with path.open("rb") as file:
        columns = _read_header(path.name, file)
        for number, line in _lines(file):
            try:
                fields = _fields(line, columns.width)
                row = labels[fields[columns.emotion]], splits[fields[columns.usage]], number
                faces += _parse_pixels(fields[columns.pixels].strip(b' \t\r\n"')).tobytes()
            except InvalidInput as error:
                faults.add(f"{path.name}:{number}: {error}")
            else:
                rows.append(row)
    faults.raise_if_any()
    if not rows:
        raise DataError(f"{path.name}: holds a header and no rows; expected a face a row")
    label_codes, split_codes, lines = np.array(rows, np.int64).T.copy()
    arrays: dict[str, NDArray[Any]] = {
        "faces": np.frombuffer(faces, np.uint8).reshape(-1, SIDE, SIDE),
        "labels": label_codes,
        "splits": split_codes,
        "lines": lines,
    }
    if votes is not None:
        arrays["votes"] = read_votes(votes, path.name, lines, np.array(SPLITS)[split_codes])
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
        return f"{name}:1: the column {twice[0]} appears twice; expected it once"
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
    """Each line after the header that is not blank, with its number; of one that is too long, only the beginning."""
    number = 1
    while line := file.readline(_LONGEST_ROW):
        number += 1
        rest = line
        while len(rest) == _LONGEST_ROW and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST_ROW)
        if not line.isspace():
            yield number, line


def _fields(line: bytes, width: int) -> list[bytes]:
    if len(line) == _LONGEST_ROW:
        raise DataError(f"is longer than {_LONGEST_ROW:,} bytes; expected {_PIXELS:,} numbers 0 to 255")
    fields = line.split(b",")
    if len(fields) != width:
        fault = f"expected {width} fields separated by commas, as in the header; got {len(fields)}"
        raise DataError(_text_fault(line) or fault)
    return fields


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
    """The code of each spelling, parsed only once, since there are few spellings and many rows."""

    def __init__(self, parse: Callable[[str], int]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: bytes) -> int:
        fault = _text_fault(text)
        if fault:
            raise DataError(fault)
        word = text.decode().strip(' \t\r\n"')
        # Shortened, because the parser repeats it in its message.
        code = self[text] = self._parse(word if len(word) <= 40 else word[:40] + "…")
        return code


def _parse_pixels(text: bytes) -> NDArray[np.uint8]:
    """The face that one row holds, (2304,).

    Raises:
        DataError: It does not hold one; the message says why.
    """
    # Older releases of numpy read "1.5" as 1.
    if text and not text.translate(None, _DIGITS_AND_SPACES):
        with suppress(ValueError):  # a number above 255
            pixels = np.loadtxt([text], np.uint8, comments=None, ndmin=1)
            if pixels.size == _PIXELS:
                return pixels
    return _parse_carefully(text)


def _parse_carefully(text: bytes) -> NDArray[np.uint8]:
    """As `_parse_pixels`, with any white space, more slowly, and with the message."""
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
    return np.array([int(word) for word in words], np.uint8)
