"""The findings of an audit: a row each in a CSV that people can read, sort and change, and that `load` obeys."""

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.dataset import FaceSet
from mien.data.reading import Faults, quoted, read_rows
from mien.errors import DataError
from mien.files import as_text_cell, begins_with, replacing

KINDS: Final = {
    "duplicate": "pixel for pixel the same as others, and labelled alike",
    "conflict": "pixel for pixel the same as others, but labelled differently",
    "near duplicate": "the same photograph, cropped, lit or compressed in another way",
    "mirrored": "the same photograph, mirrored",
    "flat": "one grey level from edge to edge",
    "not a face": "most of FER+'s annotators saw no face",
    "graphic": "hardly more than two grey levels: perhaps a sign, text or a drawing; check it by eye",
}
"""The kinds of findings, and what each means of a face."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about one face.

    Attributes:
        source: The face's source, as in `FaceSet.sources`.
        split: The face's split.
        label: The face's label, by name.
        kind: One of `KINDS`.
        group: The number of the face's group within the kind; None for a face on its own.
        partner: The source of the most similar face of the group, one in another split if there is one; or "".
        partner_split: The partner's split, or "".
        partner_label: The partner's label, or "".
        score: The similarity to the partner (1 for the same pixels), the share of votes for "not a face", or the
            share of pixels in two grey levels; 0 to 1.
        leave_out: Whether `load(..., leave_out=...)` leaves the face out.
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
    """The result of an audit.

    Attributes:
        name: The data set's name.
        num_faces: The number of faces examined.
        findings: All findings, by kind in the order of `KINDS`, then by group; a face has one for each of its kinds.
    """

    name: str
    num_faces: int
    findings: tuple[Finding, ...]

    def of_kind(self, *kinds: str) -> tuple[Finding, ...]:
        """The findings of these kinds."""
        return tuple(finding for finding in self.findings if finding.kind in kinds)

    def num_groups(self, *kinds: str) -> int:
        """The number of groups of these kinds."""
        return len({(each.kind, each.group) for each in self.of_kind(*kinds) if each.group is not None})

    def num_leaks(self, *kinds: str) -> int:
        """The number of faces outside "train" whose partner is in it."""
        return sum(each.split != "train" and each.partner_split == "train" for each in self.of_kind(*kinds))

    @property
    def left_out(self) -> frozenset[str]:
        """The sources of the faces that are marked to be left out."""
        return frozenset(finding.source for finding in self.findings if finding.leave_out)

    def write_csv(self, path: str | Path) -> None:
        """Write a row for each finding. `load` leaves out the faces whose column leave_out says yes; it may be changed.

        Raises:
            OSError: The file cannot be written; an older one of that name is as it was.
        """
        with (
            replacing(Path(path)) as partial,
            # File names need not be UTF-8; their bytes pass through the CSV unchanged.
            partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for each in self.findings:
                cells = [as_text_cell(cell) if isinstance(cell, str) else cell for cell in astuple(each)[:-2]]
                writer.writerow([*cells, f"{each.score:.4f}", "yes" if each.leave_out else "no"])


def is_audit(path: Path) -> bool:
    """Whether a file begins as those of `AuditReport.write_csv` do."""
    return begins_with(path, ",".join(_COLUMNS).encode())


def listed_to_leave_out(path: Path, faces: FaceSet) -> NDArray[np.bool_]:
    """Which faces an audit's CSV, changed by hand or not, says to leave out in any of its rows: (N,) bool."""
    places = {as_text_cell(source): place for place, source in enumerate(faces.sources)}
    left_out = np.zeros(len(faces), np.bool_)
    faults = Faults(path.name, "rows")
    for line, row in read_rows(path, _NEEDED, "what `mien data audit` writes, with commas", faults):
        if row:
            with faults.of_line(line):
                place, leave_out = _parse_row(row, places, faces)
                left_out[place] |= leave_out
    faults.raise_if_any()
    return left_out


def _parse_row(row: dict[str, str], places: dict[str, int], faces: FaceSet) -> tuple[int, bool]:
    """The index of the row's face, and whether to leave it out."""
    source, place = quoted(row["source"], 200), places.get(as_text_cell(row["source"]))
    if place is None:
        raise DataError(f"{source} is not in {faces.name}; expected the audit of this data set")
    split, label = str(faces.splits[place]), faces.classes[faces.labels[place]]
    if (row["split"], as_text_cell(row["label"])) != (split, as_text_cell(label)):
        raise DataError(
            f"{source} is {label!r} in {split!r} in {faces.name}, here {quoted(row['label'])} in "
            f"{quoted(row['split'])}; expected the audit of this data set"
        )
    answer = _YES_NO.get(row["leave_out"].strip().casefold())
    if answer is None:
        raise DataError(f"leave_out is {quoted(row['leave_out'])}; expected yes or no")
    return place, answer
