"""What an audit found: a row a finding, as CSV that a person can read, sort and change, and that a reader obeys."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.dataset import FaceSet
from mien.data.faults import Faults, quoted
from mien.errors import DataError
from mien.files import replacing

KINDS: Final = {
    "duplicate": "pixel for pixel the same as others, and labelled alike",
    "conflict": "pixel for pixel the same as others, but labelled differently",
    "near duplicate": "the same photograph, cropped, lit or compressed in another way",
    "mirrored": "the same photograph, mirrored",
    "flat": "one grey level from edge to edge",
    "not a face": "most of FER+'s people saw no face",
    "graphic": "hardly more than two grey levels: perhaps a sign, text or a drawing; look at it",
}
"""What each kind of finding says of a face."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is odd about one face.

    Attributes:
        source: the face's own, as in `FaceSet.sources`.
        split: the face's.
        label: the face's, by name.
        kind: one of `KINDS`.
        group: the number that all faces of one group share, within a kind; None for a face on its own.
        partner: the source of the most similar face of the group, one in another split if there is one; or "".
        partner_split: the partner's, or "".
        partner_label: the partner's, or "".
        score: the similarity to the partner (1 for the same pixels), the share of votes for "not a face", or the
            share of pixels in two grey levels; 0 to 1.
        leave_out: what `load(..., leave_out=...)` does with the face.
    """

    source: str
    split: str
    label: str
    kind: str
    group: int | None
    partner: str
    partner_split: str
    partner_label: str
    score: float
    leave_out: bool


_COLUMNS: Final = tuple(field.name for field in fields(Finding))
_NEEDED: Final = ("source", "split", "label", "leave_out")
_YES_NO: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Everything that an audit found.

    Attributes:
        name: the data set's.
        num_faces: how many faces were looked at.
        findings: by kind in the order of `KINDS`, then group; a face stands there once for each kind it belongs to.
    """

    name: str
    num_faces: int
    findings: tuple[Finding, ...]

    def of_kind(self, *kinds: str) -> tuple[Finding, ...]:
        """The findings of these kinds."""
        return tuple(finding for finding in self.findings if finding.kind in kinds)

    def num_groups(self, *kinds: str) -> int:
        """How many groups there are of these kinds."""
        return len({(each.kind, each.group) for each in self.of_kind(*kinds) if each.group is not None})

    def num_leaks(self, *kinds: str) -> int:
        """How many faces outside "train" have their partner in it."""
        return sum(each.split != "train" and each.partner_split == "train" for each in self.of_kind(*kinds))

    @property
    def left_out(self) -> frozenset[str]:
        """The sources of the faces that are marked to be left out."""
        return frozenset(finding.source for finding in self.findings if finding.leave_out)

    def write_csv(self, path: str | Path) -> None:
        """Write a row a finding. The column leave_out says yes or no; change it, and `load` does as it says.

        Raises:
            OSError: the file cannot be written; one of that name is as it was.
        """
        with (
            replacing(Path(path)) as partial,
            # Names of files need not be UTF-8; their bytes go through the CSV unchanged.
            partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            writer.writerows(_cells(finding) for finding in self.findings)


def _cells(finding: Finding) -> list[object]:
    *cells, score, leave_out = astuple(finding)
    return ["" if cell is None else cell for cell in cells] + [f"{score:.4f}", "yes" if leave_out else "no"]


def listed_to_leave_out(path: Path, faces: FaceSet) -> NDArray[np.bool_]:
    """Which of `faces` an audit's CSV says to leave out.

    Args:
        path: what `AuditReport.write_csv` wrote, changed by hand or not. Of its columns only source, split, label
            and leave_out count; a face is left out when any of its rows says so.
        faces: the data set that was audited.

    Returns:
        (N,) bool.

    Raises:
        DataError: the file cannot be read, rows are wrong, or it is the audit of another data set.
    """
    places = {source: place for place, source in enumerate(faces.sources)}
    left_out = np.zeros(len(faces), np.bool_)
    faults = Faults(path.name, "rows")
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            for line, row in _rows(path.name, file):
                try:
                    place = _place_of(row, places, faces)
                    left_out[place] |= _parse_yes_no(row["leave_out"])
                except DataError as error:
                    faults.add(f"{path.name}:{line}: {error}")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    faults.raise_if_any()
    return left_out


def _rows(name: str, file: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that are not blank, by column, each with the number of its line."""
    reader = csv.DictReader(file, restval="")
    try:
        missing = [column for column in _NEEDED if column not in (reader.fieldnames or ())]
        if missing:
            raise DataError(
                f"{name}:1: no column {', '.join(missing)}; expected what `mien data audit` writes, with commas"
            )
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num}: is not CSV: {error}") from error


def _place_of(row: dict[str, str], places: dict[str, int], faces: FaceSet) -> int:
    place = places.get(row["source"])
    if place is None:
        raise DataError(f"{quoted(row['source'], 200)} is not in {faces.name}; expected the audit of this data set")
    split, label = str(faces.splits[place]), faces.classes[faces.labels[place]]
    if (row["split"], row["label"]) != (split, label):
        raise DataError(
            f"{quoted(row['source'], 200)} is {label!r} in {split!r} in {faces.name}, here {quoted(row['label'])} in "
            f"{quoted(row['split'])}; expected the audit of this data set"
        )
    return place


def _parse_yes_no(text: str) -> bool:
    answer = _YES_NO.get(text.strip().casefold())
    if answer is None:
        raise DataError(f"leave_out is {quoted(text)}; expected yes or no")
    return answer
