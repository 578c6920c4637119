"""How good explanations are: whether what a map points at decides the answer, and where on a face it points."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.detection import YuNet
from mien.errors import DataError
from mien.recognition import Reader
from mien.values import GreyFaces, Landmarks

Maps: TypeAlias = NDArray[np.float32]
"""(N, h, w) float32, a map for each face; or (N, S, S), enlarged to the faces' size."""

Explained: TypeAlias = Callable[[GreyFaces], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""(N, S, S) uint8 → scores (N, K) and maps (N, K, h, w), of one run of the network."""

PARTS: Final = ("eyes", "brows", "nose", "mouth")

NUM_FACES: Final = 300
"""Faces of a split that are looked at, chosen at random."""

_STEPS: Final = 16  # in which a face is deleted or inserted
_SOFT: Final = 1 / 8  # standard deviation of the blur that hides a face's parts, as a share of its side
_CENTRE: Final = 1 / 4  # standard deviation of the map that points at the centre of every face, likewise
_ENLARGED: Final = 192  # side to which a face is enlarged for YuNet, in pixels; smaller ones are found less often
_BORDER: Final = 48  # mirrored around it, without which a face that fills the picture is not found
_RANDOM: Final = 4  # random maps a face; their mean counts
_BOOTSTRAPS: Final = 1000


def explained_by(reader: Reader) -> Explained:
    """What a model file says of faces, and why."""

    def read(faces: GreyFaces) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        found = reader.read(faces, maps=True)
        assert found.maps is not None
        return found.scores, found.maps

    return read


@dataclass(frozen=True, slots=True)
class Curves:
    """How the probability of the label falls and rises, for N faces and one kind of map.

    Petsiuk, Das and Saenko 2018 (RISE, arXiv:1806.07421): a face's pixels are hidden from the one that the map values
    most to the one it values least, or a hidden face is uncovered in this order. A good map makes the probability fall
    soon and rise soon. Hidden is what is blurred beyond recognition, for both; black or grey parts would be a sign of
    their own.

    Attributes:
        deletion: (N,), the area under each curve of a falling probability, 0 to 1; less is better.
        insertion: (N,), that of the rising one; more is better.
    """

    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]


def curves(read: Explained, faces: GreyFaces, maps: Maps, labels: NDArray[np.int64]) -> Curves:
    """The curves of (N, S, S) faces and a map for each, of any size, for the probability of `labels`, (N,)."""
    size = faces.shape[1]
    sigma = _SOFT * size
    blurred = np.stack([cv2.GaussianBlur(face, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101) for face in faces])
    order = np.argsort(-enlarged(maps, size).reshape(len(faces), -1), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(size * size)[None], axis=1)
    ranks = ranks.reshape(faces.shape)
    falling: list[NDArray[np.float64]] = []
    rising: list[NDArray[np.float64]] = []
    for step in range(_STEPS + 1):
        chosen = ranks < size * size * step // _STEPS
        for start, end, course in ((faces, blurred, falling), (blurred, faces, rising)):
            scores, _ = read(np.where(chosen, end, start))
            course.append(scores[np.arange(len(faces)), labels].astype(np.float64))
    return Curves(_area(np.array(falling)), _area(np.array(rising)))


def enlarged(maps: Maps, size: int) -> Maps:
    """(N, h, w) → (N, size, size), as drawings enlarge them."""
    shown = [cv2.resize(each.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR) for each in maps]
    return np.asarray(shown, np.float32).reshape(-1, size, size)


def landmarks_of(faces: GreyFaces, search: YuNet | None = None) -> list[Landmarks | None]:
    """YuNet's five points of each face, in its own pixels; None where it finds no face."""
    search = search or YuNet(min_face=_ENLARGED / 3)
    scale = _ENLARGED / faces.shape[1]
    found: list[Landmarks | None] = []
    for face in faces:
        large = cv2.resize(face, (_ENLARGED, _ENLARGED), interpolation=cv2.INTER_CUBIC)
        large = cv2.copyMakeBorder(large, *(_BORDER,) * 4, cv2.BORDER_REFLECT_101)
        detections = search(np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2RGB), np.uint8))
        points = detections[0].landmarks if detections else None
        found.append(None if points is None else ((points - _BORDER) / scale).astype(np.float32))
    return found


def parts_of(points: Landmarks, size: int) -> dict[str, NDArray[np.bool_]]:
    """Where eyes, brows, nose and mouth are in a face of that size, by its five points: (S, S) each, none shared.

    Ellipses along the line through the eyes, whose sizes are shares of the distance d between these: the eyes .7 d by
    .4 d, the brows .8 d by .3 d at .42 d above them, the nose from between the eyes to a little below its tip, the
    mouth a third wider than its corners are apart and .75 d high.
    """
    right, left, tip, *corners = points.astype(np.float64)
    across = left - right
    d = max(float(np.hypot(*across)), 1e-6)
    across /= d
    down = np.array([-across[1], across[0]])
    between, mouth = (right + left) / 2, (corners[0] + corners[1]) / 2
    width = max(float(np.hypot(*(corners[1] - corners[0]))), d / 2)
    length = max(float((tip - between) @ down), d / 4)
    shapes = {
        "eyes": [(eye, 0.35 * d, 0.2 * d) for eye in (right, left)],
        "mouth": [(mouth, 0.67 * width, 0.375 * d)],
        "brows": [(eye - 0.42 * d * down, 0.4 * d, 0.15 * d) for eye in (right, left)],
        "nose": [((between + tip) / 2 + 0.1 * d * down, 0.3 * d, 0.5 * length + 0.1 * d)],
    }
    y, x = np.mgrid[:size, :size] + 0.5
    taken = np.zeros((size, size), bool)
    parts = {}
    for name, ellipses in shapes.items():  # where two would overlap, the first has it
        part = np.zeros_like(taken)
        for centre, half_width, half_height in ellipses:
            u = ((x - centre[0]) * across[0] + (y - centre[1]) * across[1]) / half_width
            v = ((x - centre[0]) * down[0] + (y - centre[1]) * down[1]) / half_height
            part |= u * u + v * v <= 1
        parts[name] = part & ~taken
        taken |= part
    return {name: parts[name] for name in PARTS}


def shares_in(maps: Maps, part: Sequence[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """(N,): the share of what speaks for a label that lies in a part of its face; NaN where nothing speaks for it.

    Args:
        maps: (N, S, S), enlarged to the faces' size.
        part: (S, S) for each face.
    """
    positive = np.maximum(maps, 0).astype(np.float64)
    total = positive.sum(axis=(1, 2))
    inside = (positive * np.asarray(part).reshape(positive.shape)).sum(axis=(1, 2))
    return np.where(total > 0, inside / np.where(total > 0, total, 1), np.nan)


def rank_correlation(some: Maps, others: Maps) -> NDArray[np.float64]:
    """(N,): Spearman's correlation of each two maps, -1 to 1; 0 where one of them is flat, NaN where one is missing."""
    ranks = [_ranks(maps.reshape(len(maps), -1)) for maps in (some, others)]
    one, other = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    norm = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    correlation = (one * other).sum(axis=1) / np.where(norm > 0, norm, np.inf)
    missing = np.isnan(some).any(axis=(1, 2)) | np.isnan(others).any(axis=(1, 2))
    return np.asarray(np.where(missing, np.nan, correlation), np.float64)


def evaluate_explanations(
    read: Explained,
    names: tuple[str, ...],
    faces: GreyFaces,
    *,
    num_faces: int = NUM_FACES,
    seed: int = 0,
    randomized: Mapping[str, Explained] | None = None,
) -> dict[str, Any]:
    """How good a network's maps are on a sample of faces, each beside random maps of the same resolution.

    Args:
        read: Gives scores and maps.
        names: The K labels.
        faces: (N, S, S) uint8, of the network's input size; a sample of them is looked at.
        num_faces: The size of the sample.
        seed: Of the sample and of the random maps.
        randomized: The same network with some of its weights shuffled, by a name for which.

    Returns:
        Plain values, ready for JSON: `num_faces`, `seed`, `resolution` (h, w); `deletion` and `insertion`, the mean
        area and its standard error for the network's own maps, random ones, another face's ("shuffled") and one that
        points at the centre; `margins`, by how much its own are better than each of the others, face by face, with a
        95 % interval of 1,000 bootstraps; `parts`, for each label the mean share of what speaks for it in each part of
        the face, with the part's share of the area and that of random maps; `randomized`, the mean rank correlation
        (Spearman) of the maps with those of each network of shuffled weights, and with those of other faces (Adebayo et
        al. 2018, arXiv:1810.03292: maps that do not change do not explain the network).

    Raises:
        DataError: There is no face.
    """
    if not len(faces):
        raise DataError("explanations are measured on faces; there is none")
    generator = np.random.default_rng(seed)
    faces = faces[np.sort(generator.choice(len(faces), min(num_faces, len(faces)), replace=False))]
    scores, maps = read(faces)
    labels = scores.argmax(axis=1)
    own = maps[np.arange(len(faces)), labels]
    random = generator.normal(size=(_RANDOM, *own.shape)).astype(np.float32)
    kinds = _curves_of_kinds(read, faces, own, random, labels, generator.permutation(len(faces)))
    return {
        "num_faces": len(faces),
        "seed": seed,
        "resolution": list(own.shape[1:]),
        **{
            measure: {kind: _mean(getattr(each, measure)) for kind, each in kinds.items()}
            for measure in ("deletion", "insertion")
        },
        "margins": {kind: _margins(kinds["own"], each, generator) for kind, each in kinds.items() if kind != "own"},
        "parts": _parts(faces, own, random[0], labels, names),
        "randomized": {
            **{
                what: _mean(rank_correlation(own, other(faces)[1][np.arange(len(faces)), labels]))
                for what, other in (randomized or {}).items()
            },
            "another face": _mean(rank_correlation(own, _of_another_face(own, labels, generator))),
        },
    }


def _curves_of_kinds(
    read: Explained, faces: GreyFaces, own: Maps, random: Maps, labels: NDArray[np.int64], order: NDArray[np.int64]
) -> dict[str, Curves]:
    size = faces.shape[1]
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    centre = np.exp(-(x * x + y * y) / (2 * _CENTRE**2)).astype(np.float32)
    several = [curves(read, faces, each, labels) for each in random]
    return {
        "own": curves(read, faces, own, labels),
        "random": Curves(
            np.mean([each.deletion for each in several], axis=0), np.mean([each.insertion for each in several], axis=0)
        ),
        "shuffled": curves(read, faces, own[order], labels),
        "centre": curves(read, faces, np.broadcast_to(centre, (len(faces), size, size)), labels),
    }


def _parts(
    faces: GreyFaces, own: Maps, random: Maps, labels: NDArray[np.int64], names: tuple[str, ...]
) -> dict[str, Any]:
    """For each label, and for all together, where what speaks for it lies; of faces in which YuNet finds the points."""
    size = faces.shape[1]
    points = landmarks_of(faces)
    found = [number for number, each in enumerate(points) if each is not None]
    parts = [parts_of(each, size) for each in points if each is not None]
    large, chance, labels = enlarged(own[found], size), enlarged(random[found], size), labels[found]
    rows: dict[str, Any] = {}
    for name in ("all", *names):
        chosen = np.flatnonzero(labels == names.index(name)) if name != "all" else np.arange(len(found))
        if len(chosen):
            rows[name] = {"num_faces": len(chosen)} | {
                part: {
                    "own": _mean(shares_in(large[chosen], [parts[place][part] for place in chosen]))["mean"],
                    "random": _mean(shares_in(chance[chosen], [parts[place][part] for place in chosen]))["mean"],
                    "area": float(np.mean([parts[place][part].mean() for place in chosen])),
                }
                for part in PARTS
            }
    return rows


def _margins(own: Curves, other: Curves, generator: np.random.Generator) -> dict[str, Any]:
    """By how much the areas of one kind are better than those of another, on the same faces."""
    better = {"deletion": other.deletion - own.deletion, "insertion": own.insertion - other.insertion}
    rows = {}
    for measure, differences in better.items():
        places = generator.integers(0, len(differences), (_BOOTSTRAPS, len(differences)))
        low, high = np.percentile(differences[places].mean(axis=1), (2.5, 97.5))
        rows[measure] = {"mean": float(differences.mean()), "interval": [float(low), float(high)]}
    return rows


def _of_another_face(maps: Maps, labels: NDArray[np.int64], generator: np.random.Generator) -> Maps:
    """For each face the map of another one with the same label; NaN where there is none."""
    others = np.full_like(maps, np.nan)
    for label in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == label))
        if len(places) > 1:
            others[places] = maps[np.roll(places, 1)]
    return others


def _mean(values: NDArray[np.float64]) -> dict[str, float]:
    values = values[~np.isnan(values)]
    if not values.size:
        return {"mean": 0.0, "standard_error": 0.0}
    return {"mean": float(values.mean()), "standard_error": float(values.std() / np.sqrt(values.size))}


def _area(course: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T + 1, N) values at even distances → (N,), the area under each curve over a base of 1."""
    return np.asarray((course[:-1] + course[1:]).sum(axis=0) / (2 * (len(course) - 1)), np.float64)


def _ranks(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, M) → the rank of each value in its row; equal values have the mean of their ranks."""
    ordered = np.sort(rows, axis=1)
    first = np.array([np.searchsorted(line, row, side="left") for line, row in zip(ordered, rows, strict=True)])
    last = np.array([np.searchsorted(line, row, side="right") for line, row in zip(ordered, rows, strict=True)])
    return np.asarray((first + last - 1) / 2, np.float64)
