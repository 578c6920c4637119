"""Finding what is wrong with a data set: copies, leaks between splits, conflicting labels, pictures without a face."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.dataset import SPLITS, FaceSet
from mien.data.findings import KINDS, AuditReport, Finding
from mien.data.similarity import similar_pairs
from mien.emotions import FER_PLUS_VOTES
from mien.values import GreyFaces

_NOT_A_FACE: Final = FER_PLUS_VOTES.index("NF")
# Two bands, each of 12 of the 256 grey levels, that hold this share of the pixels. FER2013's Training and PublicTest
# have 67 such faces that are not flat; in 48 of them most of FER+'s annotators saw no face, as in 100 others. The other
# 19 are drawings, and photographs too dark or too bright.
_GRAPHIC_BAND: Final = 12
_GRAPHIC_SHARE: Final = 0.73


def audit(faces: FaceSet) -> AuditReport:
    """Find faces that no network should be trained on and no accuracy be measured on.

        >>> audit(load("fer2013.csv")).write_csv("audit.csv")

    Copies and flat pictures are certain. Near duplicates are nearly so (see `similarity`), except that copies that were
    cropped much more tightly are missed. "Not a face" is the vote of FER+'s annotators, and finds nothing without
    their votes. "Graphic" is a guess by the grey levels alone, wrong one time in four, on dark skin in poor light
    among others, and is therefore never marked to be left out.

    Marked to be left out: of identical faces all but one, which stays in the split furthest from training; all of
    them where labels disagree, unless most agree; training faces that are nearly the same as one in another
    split; flat pictures; and what is not a face.

    Args:
        faces: A data set with all its splits, as leaks show only between them.

    Returns:
        The findings, ordered by kind, group and position in the data set.
    """
    copies = _identical(faces.faces)
    flat = np.asarray(faces.faces.min(axis=(1, 2)) == faces.faces.max(axis=(1, 2)))
    different = [place for places in copies for place in _kept(faces, places) if not flat[place]]
    found = [
        *_exact(faces, copies),
        *_near(faces, np.array(sorted(different), np.int64)),
        *(_finding(faces, "flat", place, 1.0, True) for place in np.flatnonzero(flat).tolist()),
        *_voted(faces),
        *_graphic(faces, flat),
    ]
    kinds = list(KINDS)
    # The sort is stable, and each part gives its faces in the data set's order.
    found.sort(key=lambda each: (kinds.index(each.kind), each.group or 0))
    return AuditReport(faces.name, len(faces), tuple(found))


def duplicates_of_training(faces: FaceSet) -> NDArray[np.bool_]:
    """Which faces outside "train" are pixel for pixel in "train" too, whatever their labels; (N,) bool."""
    outside = faces.splits != "train"
    training = {face.tobytes() for face in faces.faces[~outside]}
    return np.asarray(outside & np.array([face.tobytes() in training for face in faces.faces], np.bool_))


def _finding(
    faces: FaceSet, kind: str, place: int, score: float, leave_out: bool, group: int | None = None, partner: int = -1
) -> Finding:
    """A finding about the face at `place`; `partner` is an index too, and negative without a partner."""

    def describe(place: int) -> tuple[str, str, str]:
        return faces.sources[place], str(faces.splits[place]), faces.classes[faces.labels[place]]

    described = ("", "", "") if partner < 0 else describe(partner)
    return Finding(*describe(place), kind, group, *described, score, leave_out)


def _identical(faces: GreyFaces) -> list[list[int]]:
    """The indices of each different picture."""
    places: defaultdict[bytes, list[int]] = defaultdict(list)
    for place, face in enumerate(faces):
        places[face.tobytes()].append(place)
    return list(places.values())


def _kept(faces: FaceSet, places: Sequence[int]) -> list[int]:
    """Of identical faces the one that stays, if most of their labels agree; otherwise none.

    It is one of the majority: from "test" before "val" before "train", then the earliest.
    """
    label, votes = Counter(faces.labels[places].tolist()).most_common(1)[0]
    agreed = [place for place in places if faces.labels[place] == label] if 2 * votes > len(places) else []
    return sorted(agreed, key=lambda place: (-SPLITS.index(str(faces.splits[place])), place))[:1]


def _exact(faces: FaceSet, copies: list[list[int]]) -> Iterator[Finding]:
    numbers = Counter[str]()
    for places in copies:
        if len(places) < 2:
            continue
        kind = "duplicate" if len(set(faces.labels[places].tolist())) == 1 else "conflict"
        numbers[kind] += 1
        kept = _kept(faces, places)
        for place in places:
            partner = _partner(faces, place, [other for other in places if other != place])
            yield _finding(faces, kind, place, 1.0, place not in kept, numbers[kind], partner)


def _partner(faces: FaceSet, place: int, others: Sequence[int]) -> int:
    """Of equally similar faces, the most telling: one in another split, else one with another label."""
    splits, labels = faces.splits, faces.labels
    return min(others, key=lambda other: (splits[other] == splits[place], labels[other] == labels[place], other))


def _near(faces: FaceSet, places: NDArray[np.int64]) -> Iterator[Finding]:
    pairs = similar_pairs(faces.faces[places])
    for kind, mirrored in (("near duplicate", False), ("mirrored", True)):
        partners: defaultdict[int, dict[int, float]] = defaultdict(dict)
        for pair in pairs:
            if pair.mirrored == mirrored:
                first, second = int(places[pair.first]), int(places[pair.second])
                partners[first][second] = partners[second][first] = pair.similarity
        groups = _components(partners)
        for place, similar in sorted(partners.items()):
            split = faces.splits[place]
            # A partner in another split is named before a more similar one in the same: that is the leak.
            leaks, score, partner = max(
                (faces.splits[other] != split, score, other) for other, score in similar.items()
            )
            yield _finding(faces, kind, place, score, bool(leaks) and split == "train", groups[place], partner)


def _components(neighbours: Mapping[int, Iterable[int]]) -> dict[int, int]:
    """The number of each node's connected component, from 1 and in the order of their first nodes."""
    numbers: dict[int, int] = {}
    count = 0
    for start in sorted(neighbours):
        count += start not in numbers
        waiting = [start]
        while waiting:
            place = waiting.pop()
            if place not in numbers:
                numbers[place] = count
                waiting += neighbours[place]
    return numbers


def _voted(faces: FaceSet) -> Iterator[Finding]:
    if faces.votes is None:
        return
    totals = faces.votes.sum(axis=1, dtype=np.int64)
    against = faces.votes[:, _NOT_A_FACE].astype(np.int64)
    for place in np.flatnonzero(2 * against > totals).tolist():
        yield _finding(faces, "not a face", place, against[place] / totals[place], True)


def _graphic(faces: FaceSet, flat: NDArray[np.bool_]) -> Iterator[Finding]:
    for place in np.flatnonzero(~flat).tolist():
        counts = np.bincount(faces.faces[place].ravel(), minlength=256)
        bands = np.convolve(counts, np.ones(_GRAPHIC_BAND, np.int64), "valid")
        apart = np.abs(np.arange(len(bands)) - bands.argmax()) >= _GRAPHIC_BAND
        share = (bands.max() + bands[apart].max()) / faces.faces[place].size
        if share >= _GRAPHIC_SHARE:
            yield _finding(faces, "graphic", place, float(share), False)
