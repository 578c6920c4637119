"""Finding what is wrong with a data set: copies, leaks between splits, conflicting labels, pictures without a face."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.dataset import SPLITS, FaceSet
from mien.data.findings import KINDS, AuditReport, Finding
from mien.data.similarity import Pair, similar_pairs
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
    groups = _identical(faces.faces)
    flat = _flat(faces.faces)
    findings = [
        *_exact_findings(faces, groups),
        *_near_findings(faces, _representatives(faces, groups, flat)),
        *_flat_findings(faces, flat),
        *_vote_findings(faces),
        *_graphic_findings(faces, flat),
    ]
    order = {source: place for place, source in enumerate(faces.sources)}
    kinds = list(KINDS)
    findings.sort(key=lambda each: (kinds.index(each.kind), each.group or 0, order[each.source]))
    return AuditReport(faces.name, len(faces), tuple(findings))


def duplicates_of_training(faces: FaceSet) -> NDArray[np.bool_]:
    """Which faces outside "train" are pixel for pixel in "train" too, whatever their labels; (N,) bool."""
    training = {face.tobytes() for face in faces.faces[faces.splits == "train"]}
    outside = (faces.splits != "train").tolist()
    return np.array(
        [out and face.tobytes() in training for out, face in zip(outside, faces.faces, strict=True)], np.bool_
    )


def _identical(faces: GreyFaces) -> list[list[int]]:
    """The indices of each different picture: a list for each, in the order of their first indices."""
    places: defaultdict[bytes, list[int]] = defaultdict(list)
    for place, face in enumerate(faces):
        places[face.tobytes()].append(place)
    return list(places.values())


def _flat(faces: GreyFaces) -> NDArray[np.bool_]:
    """Whether each face has one grey level only; (N,)."""
    return np.asarray(faces.min(axis=(1, 2)) == faces.max(axis=(1, 2)))


def _finding(
    faces: FaceSet,
    place: int,
    kind: str,
    score: float,
    leave_out: bool,
    group: int | None = None,
    partner: int | None = None,
) -> Finding:
    def describe(at: int | None) -> tuple[str, str, str]:
        if at is None:
            return "", "", ""
        return faces.sources[at], str(faces.splits[at]), faces.classes[faces.labels[at]]

    return Finding(*describe(place), kind, group, *describe(partner), score, leave_out)


def _kept(faces: FaceSet, places: Sequence[int]) -> list[int]:
    """Of identical faces the one that stays, if most of their labels agree; otherwise none.

    It is one of the majority: from "test" before "val" before "train", then the earliest.
    """
    label, votes = Counter(faces.labels[places].tolist()).most_common(1)[0]
    agreed = [place for place in places if faces.labels[place] == label] if 2 * votes > len(places) else []
    return sorted(agreed, key=lambda place: (-SPLITS.index(str(faces.splits[place])), place))[:1]


def _exact_findings(faces: FaceSet, groups: list[list[int]]) -> Iterator[Finding]:
    numbers = Counter[str]()
    for places in groups:
        if len(places) < 2:
            continue
        labels = Counter(faces.labels[places].tolist())
        kind = "duplicate" if len(labels) == 1 else "conflict"
        numbers[kind] += 1
        kept = _kept(faces, places)
        for place in places:
            partner = _partner(faces, place, [other for other in places if other != place])
            yield _finding(faces, place, kind, 1.0, place not in kept, numbers[kind], partner)


def _partner(faces: FaceSet, place: int, others: Sequence[int]) -> int:
    """Of equally similar faces, the most telling: one in another split, else one with another label."""
    return min(
        others,
        key=lambda other: (
            faces.splits[other] == faces.splits[place],
            faces.labels[other] == faces.labels[place],
            other,
        ),
    )


def _representatives(faces: FaceSet, groups: list[list[int]], flat: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The indices of the faces that stay: of identical faces one, and no flat ones."""
    kept = [place for places in groups if not flat[places[0]] for place in _kept(faces, places)]
    return np.array(sorted(kept), np.int64)


def _near_findings(faces: FaceSet, places: NDArray[np.int64]) -> Iterator[Finding]:
    pairs = [
        Pair(int(places[pair.first]), int(places[pair.second]), pair.similarity, pair.mirrored)
        for pair in similar_pairs(faces.faces[places])
    ]
    for kind, mirrored in (("near duplicate", False), ("mirrored", True)):
        chosen = [pair for pair in pairs if pair.mirrored == mirrored]
        groups = _components(chosen)
        partners: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
        for pair in chosen:
            partners[pair.first].append((pair.similarity, pair.second))
            partners[pair.second].append((pair.similarity, pair.first))
        for place, similar in partners.items():
            split = faces.splits[place]
            # A partner in another split is named before a more similar one in the same: that is the leak.
            elsewhere, similarity, partner = max(
                (faces.splits[other] != split, score, other) for score, other in similar
            )
            leaks = bool(elsewhere) and split == "train"
            yield _finding(faces, place, kind, similarity, leaks, groups[place], partner)


def _components(pairs: list[Pair]) -> dict[int, int]:
    """The connected component of each face by its index; components are numbered from 1."""
    parents: dict[int, int] = {}

    def root(place: int) -> int:
        parents.setdefault(place, place)
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]
        return place

    for pair in pairs:
        low, high = sorted((root(pair.first), root(pair.second)))
        parents[high] = low
    roots = {place: root(place) for place in sorted(parents)}
    numbers = {place: number for number, place in enumerate(sorted(set(roots.values())), start=1)}
    return {place: numbers[root] for place, root in roots.items()}


def _flat_findings(faces: FaceSet, flat: NDArray[np.bool_]) -> Iterator[Finding]:
    for place in np.flatnonzero(flat).tolist():
        yield _finding(faces, place, "flat", 1.0, leave_out=True)


def _vote_findings(faces: FaceSet) -> Iterator[Finding]:
    if faces.votes is None:
        return
    totals = faces.votes.sum(axis=1, dtype=np.int64)
    against = faces.votes[:, _NOT_A_FACE].astype(np.int64)
    for place in np.flatnonzero(2 * against > totals).tolist():
        yield _finding(faces, place, "not a face", against[place] / totals[place], leave_out=True)


def _graphic_findings(faces: FaceSet, flat: NDArray[np.bool_]) -> Iterator[Finding]:
    shares = _two_band_shares(faces.faces)
    for place in np.flatnonzero((shares >= _GRAPHIC_SHARE) & ~flat).tolist():
        yield _finding(faces, place, "graphic", float(shares[place]), leave_out=False)


def _two_band_shares(faces: GreyFaces) -> NDArray[np.float64]:
    """The share of each face's pixels in its fullest band of grey levels and the fullest other one; (N,)."""
    shares = np.zeros(len(faces))
    starts = np.arange(256 - _GRAPHIC_BAND + 1)
    for place, face in enumerate(faces):
        counts = np.concatenate(([0], np.bincount(face.ravel(), minlength=256).cumsum()))
        bands = counts[_GRAPHIC_BAND:] - counts[:-_GRAPHIC_BAND]
        fullest = bands.argmax()
        apart = np.abs(starts - fullest) >= _GRAPHIC_BAND
        shares[place] = (bands[fullest] + bands[apart].max()) / face.size
    return shares
