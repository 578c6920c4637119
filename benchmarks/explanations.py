"""How good the evidence maps of every shipped model are, what they cost, and whether they leave a covered mouth.

    PYTHONPATH=src:benchmarks python benchmarks/explanations.py --data fer2013.csv \
        --out benchmarks/results/explanations.json

Everything is measured on faces of PublicTest chosen by `--seed`. Maps are those of people's reading, and of rep-small
also those of FER2013's; each is of the likeliest label. The covered mouth is that of faces which are labelled happy
and classified so. A mouth is what `mien.evaluation.explanations.parts_of` takes for one, two pixels wider all around;
it is covered by mid-grey, by the median grey of the nose, or by what surrounds it (Telea 2004, cv2.inpaint). To compare
with, the brows are covered likewise. Ends in one JSON line.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import cv2
import numpy as np
from measuring import earlier, hardware, median_microseconds, write_result
from numpy.typing import NDArray

from mien.data import FaceSet, load
from mien.evaluation.explanations import (
    enlarged,
    evaluate_explanations,
    explained_by,
    landmarks_of,
    parts_of,
    shares_in,
)
from mien.recognition import OnnxClassifier, Reader, shipped_models
from mien.shipping.shuffle import shuffle_weights
from mien.values import GreyFaces, Landmarks

NUM_FACES: Final = {"ensemble": 150, "gelu-cnn": 150}
"""Faces for models that take long; 300 for the others."""

NUM_HAPPY: Final = 250
"""Faces with a mouth to cover."""

SHUFFLED: Final = (0.25, 0.5, 1.0)
PATCH: Final = 4  # side of the patches by which a cell's reach is measured, in pixels

Mask = NDArray[np.bool_]
Cover = Callable[[NDArray[np.uint8], Mask, Mapping[str, Mask]], NDArray[np.uint8]]
"""A face, what to cover, and its parts → the covered face."""


def filled_with(grey: Callable[[NDArray[np.uint8], Mapping[str, Mask]], float]) -> Cover:
    def cover(face: NDArray[np.uint8], mask: Mask, parts: Mapping[str, Mask]) -> NDArray[np.uint8]:
        return np.where(mask, np.uint8(grey(face, parts)), face)

    return cover


COVERS: Final[Mapping[str, Cover]] = {
    "mid-grey": filled_with(lambda face, parts: 128),
    "the nose's grey": filled_with(lambda face, parts: float(np.median(face[parts["nose"]]))),
    "what surrounds it": lambda face, mask, parts: np.asarray(
        cv2.inpaint(face, mask.astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8
    ),
}


def covered_mouths(reader: Reader, faces: GreyFaces, points: list[Landmarks]) -> dict[str, Any]:
    """Evidence for happy in the mouth, as it is and with the mouth or the brows covered."""
    read, happy, size = explained_by(reader), reader.labels.index("happy"), reader.input_size
    scores, _ = read(faces)
    right = np.flatnonzero(scores.argmax(axis=1) == happy)
    faces, parts = faces[right], [parts_of(points[place], size) for place in right]

    mouths = [each["mouth"] for each in parts]

    def row(shown: GreyFaces) -> dict[str, Any]:
        scores, maps = read(shown)
        large = enlarged(maps[:, happy], size)
        inside = np.array([each[mouth].mean() for each, mouth in zip(large, mouths, strict=True)])
        return {
            "still happy": float((scores.argmax(axis=1) == happy).mean()),
            "logit": float(maps[:, happy].mean()),
            "evidence in the mouth": float(inside.mean()),
            "share in the mouth": float(np.nanmean(shares_in(large, mouths))),
            "each": inside,
        }

    rows = {"as they are": row(faces)}
    for part in ("mouth", "brows"):
        for name, cover in COVERS.items():
            masks = [cv2.dilate(each[part].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0 for each in parts]
            shown = np.stack([cover(*each) for each in zip(faces, masks, parts, strict=True)])
            rows[f"{part} covered by {name}"] = row(shown)
    before = rows["as they are"]["each"]
    return {
        "num_faces": len(faces),
        "area of the mouth": float(np.mean(mouths)),
        "rows": {
            name: {key: value for key, value in each.items() if key != "each"}
            | {"less than before": float((each["each"] < before).mean())}
            for name, each in rows.items()
        },
    }


def reach(reader: Reader, faces: GreyFaces) -> dict[str, float]:
    """What a cell of a map answers to: the mean distance, as a share of the face's side, and the share within it.

    Every patch of a face is replaced by its mean; how much a cell of the likeliest label's map then changes, squared,
    is the patch's weight for this cell.
    """
    read, size = explained_by(reader), reader.input_size
    scores, maps = read(faces)
    labels, num = scores.argmax(axis=1), size // PATCH
    weights = np.zeros((num, num, *maps.shape[2:]))
    for row in range(num):
        for column in range(num):
            place = np.s_[:, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
            changed = faces.copy()
            changed[place] = np.rint(changed[place].mean(axis=(1, 2), keepdims=True))
            difference = read(changed)[1] - maps
            weights[row, column] = np.square(difference[np.arange(len(faces)), labels]).mean(axis=0)
    centres = (np.arange(num) + 0.5) / num
    y, x = centres[:, None, None, None], centres[None, :, None, None]
    cell_y, cell_x = ((np.arange(side) + 0.5) / side for side in maps.shape[2:])
    away = np.hypot(y - cell_y[:, None], x - cell_x)
    own = (abs(y - cell_y[:, None]) <= 0.5 / len(cell_y)) & (abs(x - cell_x) <= 0.5 / len(cell_x))
    return {
        "distance": float((weights * away).sum() / weights.sum()),
        "share within the cell": float((weights * own).sum() / weights.sum()),
        "share of a cell of the face": 1 / (len(cell_y) * len(cell_x)),
    }


def exactness(network: OnnxClassifier, faces: GreyFaces) -> dict[str, float]:
    """The largest difference of a logit from the mean of its map, by reading, in logits."""
    differences = {}
    for reading in ("people", "fer2013"):
        found = Reader(network, reading).read(faces, maps=True)
        assert found.maps is not None
        differences[reading] = float(np.abs(found.maps.mean((2, 3)) - found.logits).max())
    return differences


def cost(reader: Reader, face: GreyFaces) -> float:
    """The processor's time for a face with its maps, divided by that without."""
    calls = {"scores": lambda: reader.read(face), "maps": lambda: reader.read(face, maps=True)}
    times = median_microseconds(calls, rounds=200, clock=time.process_time)
    return times["maps"] / times["scores"]


def measured(name: str, path: Path, faces: FaceSet, seed: int, folder: Path) -> dict[str, Any]:
    network = OnnxClassifier(path)
    reader = Reader(network)
    generator = np.random.default_rng(seed)
    some = faces.faces[np.sort(generator.choice(len(faces), 300, replace=False))]
    happy = faces.faces[faces.labels == faces.classes.index("happy")][:NUM_HAPPY]
    points = landmarks_of(happy)
    found = [place for place, each in enumerate(points) if each is not None]
    copies = {f"{share:.0%}": shuffle_weights(path, folder / f"{name}-{share}.onnx", share=share) for share in SHUFFLED}
    readings = {}
    for reading in ("people", "fer2013") if name == "rep-small" else ("people",):
        readings[reading] = evaluate_explanations(
            explained_by(Reader(network, reading)), Reader(network, reading).labels, faces.faces,
            num_faces=NUM_FACES.get(name, 300), seed=seed,
            randomized={share: explained_by(Reader(copy, reading)) for share, copy in copies.items()},
        )  # fmt: skip
    return {
        "readings": readings,
        "largest difference from the logit": exactness(network, some),
        "time with maps, ratio": cost(reader, some[:1]),
        "reach": reach(reader, some[:60]),
        "covered mouths": covered_mouths(reader, happy[found], [each for each in points if each is not None]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="+", default=list(shipped_models()), help="others keep their rows in --out")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    faces = load(options.data).split("val")
    rows = earlier(options.out).get("rows", {})
    with TemporaryDirectory() as folder:
        for name in options.models:
            rows[name] = measured(name, shipped_models()[name], faces, options.seed, Path(folder))
    write_result(
        {**hardware(), "data": faces.name, "split": "PublicTest", "seed": options.seed, "rows": rows}, options.out
    )


if __name__ == "__main__":
    main()
