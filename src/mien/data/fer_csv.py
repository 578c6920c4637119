"""FER2013 as Kaggle publishes it: one CSV with the columns emotion, pixels and Usage."""

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data.cache import Arrays, cached
from mien.data.dataset import SPLITS, FaceSet, parse_split, resize_faces
from mien.data.fer_plus import VOTES_FILE, read_votes
from mien.data.reading import Faults, quoted, shortened
from mien.emotions import EMOTIONS, parse_emotion
from mien.errors import DataError

SIDE = 48
_COLUMNS = ("emotion", "pixels", "Usage")
_EXPECTED = "expected a CSV with the columns emotion, pixels and Usage"
_PIXELS = SIDE * SIDE
_DIGITS_AND_SPACES = b"0123456789 \t"
_AROUND_FIELDS = ' \t\r\n"'
# A face takes 9,216 bytes at most; without a limit a file without line ends would be read into memory whole.
_LONGEST_ROW = 1 << 16


def read_fer_csv(path: Path, size: int = SIDE) -> FaceSet:
    """The faces of `fer2013.csv`, or of `icml_face_data.csv`, the same table under its other name.

    Columns are found by name, in any order and case; others are ignored. Where FER+'s `fer2013new.csv` lies beside the
    table, its votes are read too. What was read is kept in the cache and read from there until either file changes.
    The rows keep the table's order; Training becomes "train", PublicTest "val", and PrivateTest "test".
    """
    votes = path.with_name(VOTES_FILE)
    files = [path, votes] if votes.is_file() and votes.name != path.name else [path]
    stamp = " ".join(f"{status.st_size} {status.st_mtime_ns}" for status in map(Path.stat, files))
    arrays = cached(path, "fer-csv", stamp, lambda: _read(*files))
    return FaceSet(
        name=path.name,
        faces=resize_faces(arrays["faces"], size),
        classes=EMOTIONS,
        labels=arrays["labels"],
        splits=np.array(SPLITS)[arrays["splits"]],
        sources=[f"{path.name}:{line}" for line in arrays["lines"].tolist()],
        votes=arrays.get("votes"),
    )


def _read(path: Path, votes: Path | None = None) -> Arrays:
    faults = Faults(path.name, "rows")
    faces = bytearray()
    rows: list[tuple[int, int, int]] = []
    with path.open("rb") as file:
        columns, width = _read_header(path.name, file.readline(_LONGEST_ROW))
        for number, line in _lines(file):
            with faults.of_line(number):
                fields = _fields(line, width)
                emotion, pixels, usage = (fields[column] for column in columns)
                row = *_codes(emotion, usage), number
                faces += _parse_pixels(pixels.strip(_AROUND_FIELDS.encode()))
                rows.append(row)
    faults.raise_if_any()
    if not rows:
        raise DataError(f"{path.name}: holds a header and no rows; expected a face a row")
    labels, splits, lines = np.array(rows, np.int64).T.copy()
    arrays: dict[str, NDArray[Any]] = {
        "faces": np.frombuffer(faces, np.uint8).reshape(-1, SIDE, SIDE),
        "labels": labels, "splits": splits, "lines": lines,
    }  # fmt: skip
    if votes is not None:
        arrays["votes"] = read_votes(votes, path.name, lines, np.array(SPLITS)[splits])
    return arrays


def _read_header(name: str, line: bytes) -> tuple[list[int], int]:
    """The index of each of `_COLUMNS`, and the number of fields in a row."""
    if not line:
        raise DataError(f"{name}: is empty; {_EXPECTED}")
    try:
        text = _text(line).removeprefix("\ufeff")
    except DataError as error:
        raise DataError(f"{name}:1: {error}; {_EXPECTED}") from error
    names = [field.strip(_AROUND_FIELDS).casefold() for field in text.split(",")]
    missing = [column for column in _COLUMNS if column.casefold() not in names]
    if missing:
        fault = f"no column {', '.join(missing)}; {_EXPECTED} separated by commas, got {quoted(text.strip(), 80)}"
        if "neutral" in names and "nf" in names:
            fault += ". These are FER+'s votes: pass the fer2013.csv that they belong to, and keep them beside it"
        elif missing == ["Usage"]:
            fault += ". Kaggle's train.csv has no splits: use fer2013.csv or icml_face_data.csv"
        raise DataError(f"{name}:1: {fault}")
    for column in _COLUMNS:
        if names.count(column.casefold()) > 1:
            raise DataError(f"{name}:1: the column {column} appears twice; expected it once")
    return [names.index(column.casefold()) for column in _COLUMNS], len(names)


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
        _text(line)  # raises if that is the reason
        raise DataError(f"expected {width} fields separated by commas, as in the header; got {len(fields)}")
    return fields


@lru_cache(100)  # there are few spellings and many rows
def _codes(*fields: bytes) -> tuple[int, int]:
    emotion, usage = (shortened(_text(field).strip(_AROUND_FIELDS)) for field in fields)
    return EMOTIONS.index(parse_emotion(emotion)), SPLITS.index(parse_split(usage))


def _text(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError("is UTF-16; save it as UTF-8")
    if b"\0" in raw:
        raise DataError("holds a NUL byte, which is not text")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 text: byte {error.start + 1} is 0x{raw[error.start]:02x}") from error


def _parse_pixels(text: bytes) -> bytes:
    """The face that one row holds: 2,304 bytes."""
    # Older releases of numpy read "1.5" as 1.
    if text and not text.translate(None, _DIGITS_AND_SPACES):
        with suppress(ValueError):  # a number above 255
            pixels = np.loadtxt([text], np.uint8, comments=None, ndmin=1)
            if pixels.size == _PIXELS:
                return pixels.tobytes()
    _text(text)
    words = text.split()
    if len(words) != _PIXELS:
        raise DataError(f"expected {_PIXELS:,} pixels; got {len(words):,}")
    for place, word in enumerate(words, start=1):
        # The length is checked first: turning a very long number into an integer is slow, or refused.
        if not (word.isdigit() and len(word.lstrip(b"0")) <= 3 and int(word) <= 255):
            raise DataError(f"pixel {place:,} is {quoted(word)}; expected a whole number from 0 to 255")
    return bytes(map(int, words))
