"""What the detectors find, where they find faces that are none, and how long they take.

    pip install --no-deps scikit-image scikit-learn     # for the photographs alone; see scenes.py
    python benchmarks/detection.py --data fer2013.csv --pictures FOLDER --settings \
        --json benchmarks/results/detection.json
    python benchmarks/detection.py --data fer2013.csv --quick               # the same with few faces
    python benchmarks/detection.py --data fer2013.csv --only yunet --kinds "1280×960"

The same faces of PublicTest are put into photographs by size, turn, light and how far they are outside (scenes.py).
`--pictures FOLDER` adds the pictures of counted.json, whose faces were marked by eye. A face counts as found when the
region that a network would see overlaps the true square by a half or more (intersection over union of what is inside
the picture). The region and not the drawn box, because every detector draws another box, but all regions have the
geometry of FER2013's crops. A square with the right middle may then have .71 to 1.41 times the true side, and one
of the right side may be off by a third of it. The true square of a turned face has the same middle and side, and
stands upright. Every other region is a false box; it is `nowhere` when it overlaps no face at all.

Many rows share their photographs, so their false boxes are not independent. The rows without a face count those; in
one of them ovals cut from photographs are pasted, for a detector that finds the pasting and not the face.

All runs on one thread; times are the processor's, as other programs disturb those less. Ends in one JSON line.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from measuring import hardware, median_microseconds, write_result
from scenes import LIGHTS, Kind, Scene, background, scenery, without_faces

from mien.data import load
from mien.detection import Haar, YuNet, detect
from mien.detection.detector import Detector
from mien.images import read_image
from mien.values import Box, Detection, GreyFaces, Image

LEAST_OVERLAP = 0.5
NUM_FACES, NUM_QUICK = 120, 24
FILLING_STEP = 4
"""One of so many faces fills a scene, since each of those needs a scene of its own."""

SIZES = ((640, 480), (1280, 960), (4000, 3000))
SIDES = (12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 400)
TURNS = (0, 15, 30, 45, 90, 180)
OUTSIDE = (0.1, 0.2, 0.3, 0.4)
SIDE = 128
"""Side of the faces that are turned, lit and cut, in scenes of 1280×960."""

TIMED = ((640, 480), (1280, 720), (4000, 3000))
LEAST_SCORE = 0.3
"""Score from which YuNet's detections are kept for the table of scores."""

SCORES = (0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
COUNTED = Path(__file__).with_name("counted.json")

DETECTORS: dict[str, Callable[[], Detector]] = {
    "haar": Haar,
    "yunet": YuNet,
    "yunet, turned": partial(YuNet, turned=True),
    "yunet, min_face 16": partial(YuNet, min_face=16),
}
"""Constructors of the detectors that are compared; a variant is one line more."""

SCORED: Callable[[], Detector] = partial(YuNet, min_score=LEAST_SCORE)

SETTINGS: dict[str, Callable[[], Detector]] = {
    "default: step 1.15, 2 neighbours, a seventh of the picture": Haar,
    "step 1.05": partial(Haar, scale_step=1.05),
    "step 1.3": partial(Haar, scale_step=1.3),
    "5 neighbours": partial(Haar, neighbours=5),
    "min 30": partial(Haar, min_face=30),
    "with profiles": partial(Haar, profile=True),
    "customary: step 1.1, 5 neighbours, min 30": partial(Haar, scale_step=1.1, neighbours=5, min_face=30),
}
"""Haar's settings, which are compared in pictures of 640×480 alone."""

SETTINGS_SIZE = "640×480"


@dataclass
class Count:
    """What was found in the scenes of one kind.

    Attributes:
        pictures: Number of scenes.
        faces: Number of true faces in them.
        found: How many of those a region covers.
        false: Regions that cover no face, or one that another covers better.
        nowhere: Those of them that overlap no face at all.
    """

    pictures: int = 0
    faces: int = 0
    found: int = 0
    false: int = 0
    nowhere: int = 0

    def add(self, scene: Scene, regions: list[Box]) -> None:
        """Count one scene's regions."""
        height, width = scene.image.shape[:2]
        inside = [region.clipped(width, height) for region in regions]
        truth = [face.clipped(width, height) for face in scene.faces]
        overlaps = np.array([[region.overlap(face) for face in truth] for region in inside])
        overlaps = overlaps.reshape(len(inside), len(truth))
        covered = int((overlaps.max(axis=0, initial=0) >= LEAST_OVERLAP).sum())
        self.pictures += 1
        self.faces += len(truth)
        self.found += covered
        self.false += len(inside) - covered
        self.nowhere += int((overlaps.max(axis=1, initial=0) == 0).sum())

    def __add__(self, other: "Count") -> "Count":
        return Count(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))

    def as_json(self) -> dict[str, Any]:
        """The counts, with recall and false boxes a picture."""
        recall = self.found / self.faces if self.faces else None
        return {**asdict(self), "recall": recall, "false_a_picture": self.false / self.pictures}


def kinds() -> dict[str, Kind]:
    """All kinds of scenes by the name of their row: "group: row"."""
    by_size = {
        f"{width}×{height}: {side}": Kind((width, height), side, most=6 if width < 4000 else 12)
        for width, height in SIZES
        for side in SIDES
        if side < 0.9 * height
    }
    filling = {f"{width}×{height}: filling": Kind((width, height), height, most=1) for width, height in SIZES}
    middle = partial(Kind, SIZES[1], SIDE)
    return {
        **by_size,
        **filling,
        **{f"turn: {turn}": middle(turn=turn) for turn in TURNS},
        **{f"light: {light}": middle(light=light) for light in LIGHTS},
        **{f"outside: {share:.0%}": middle(outside=share) for share in OUTSIDE},
    }


def empty_scenes(photographs: Sequence[Image], num: int) -> Iterator[tuple[str, Scene]]:
    """Pictures without a face: the packages' as they are, and as many photographs of each size as asked for."""
    for image in without_faces().values():
        yield "no face: as they are", Scene(image, ())
    for width, height in SIZES:
        random = np.random.default_rng(width)
        for _ in range(num):
            yield f"no face: {width}×{height}", Scene(background(photographs, width, height, random), ())
    random = np.random.default_rng(0)
    cuts = np.stack([background(photographs, 48, 48, random)[:, :, 1] for _ in range(6 * num)])
    for scene in Kind(SIZES[1], SIDE).scenes(cuts, photographs, seed=3):
        yield "no face: ovals", Scene(scene.image, ())


def counted_scenes(folder: Path | None) -> Iterator[tuple[str, Scene]]:
    """The pictures of a folder whose faces were marked by eye."""
    if folder is None:
        return
    for name, content in json.loads(COUNTED.read_text(encoding="utf-8"))["pictures"].items():
        if not (folder / name).is_file():
            raise SystemExit(f"{folder / name} is not there; benchmarks/counted.json names the pictures")
        squares = tuple(Box(x - w / 2, y - w / 2, x + w / 2, y + w / 2) for x, y, w in content["faces"])
        yield f"counted: {name}", Scene(read_image(folder / name), squares)


def all_scenes(faces: GreyFaces, folder: Path | None, only: str) -> Iterator[tuple[str, Scene]]:
    """Every scene with the name of its row; `only` is the start of the rows that are wanted."""
    photographs = scenery()
    yield from (item for item in counted_scenes(folder) if item[0].startswith(only))
    if "no face".startswith(only) or only.startswith("no face"):
        yield from (item for item in empty_scenes(photographs, max(2, len(faces) // 3)) if item[0].startswith(only))
    for name, kind in kinds().items():
        if name.startswith(only):
            chosen = faces[::FILLING_STEP] if kind.most == 1 else faces
            yield from ((name, scene) for scene in kind.scenes(chosen, photographs, seed=1))


def measure(
    detectors: dict[str, Detector], scored: Detector | None, scenes: Iterable[tuple[str, Scene]]
) -> tuple[dict[str, dict[str, Count]], dict[float, dict[str, Count]]]:
    """Counts by detector and row, and of one detector by score and group: a row's name as far as its colon."""
    rows: dict[str, dict[str, Count]] = {name: {} for name in detectors}
    scores: dict[float, dict[str, Count]] = {least: {} for least in SCORES}
    for row, scene in scenes:
        for name, detector in detectors.items():
            regions = [found.region.box for found in detect(detector, scene.image)]
            rows[name].setdefault(row, Count()).add(scene, regions)
        if scored:
            add_scored(scores, row.partition(":")[0], scene, detect(scored, scene.image))
    return rows, scores


def add_scored(scores: dict[float, dict[str, Count]], group: str, scene: Scene, found: list[Detection]) -> None:
    """Count a scene by each threshold; what a higher threshold finds is a part of what a lower one does."""
    for least, counts in scores.items():
        regions = [detection.region.box for detection in found if detection.score >= least]
        counts.setdefault(group, Count()).add(scene, regions)


def times(detectors: dict[str, Detector], faces: GreyFaces, size: tuple[int, int]) -> dict[str, float]:
    """Milliseconds of processor time on a scene with six faces, each a tenth as wide as the scene is high."""
    image = next(Kind(size, size[1] / 10).scenes(faces, scenery(), seed=2)).image
    calls = {name: partial(detector, image) for name, detector in detectors.items()}
    return {name: value / 1000 for name, value in median_microseconds(calls, rounds=7, clock=time.process_time).items()}


def measure_settings(faces: GreyFaces) -> dict[str, dict[str, Any]]:
    """Haar's settings: what each finds of all faces in scenes of one size, what else, and how long it takes."""
    detectors = {name: make() for name, make in SETTINGS.items()}
    milliseconds = times(detectors, faces, SIZES[0])
    rows, _ = measure(detectors, None, all_scenes(faces, None, SETTINGS_SIZE))
    return {
        name: {**sum(counts.values(), Count()).as_json(), "milliseconds": milliseconds[name]}
        for name, counts in rows.items()
    }


def show(rows: dict[str, dict[str, Count]]) -> None:
    """Print recall and false boxes, a line a row."""
    print(f"{'recall, % (false boxes a picture)':34}" + "".join(f"{name:>20}" for name in rows))
    for row in next(iter(rows.values())):
        cells = ""
        for counts in rows.values():
            count = counts[row].as_json()
            recall = "" if count["recall"] is None else f"{100 * count['recall']:.1f}"
            cells += f"{recall:>11} ({count['false_a_picture']:5.2f})"
        print(f"{row:34}{cells}")


def show_scores(scores: dict[float, dict[str, Count]]) -> None:
    """Print recall and false boxes of each group by threshold."""
    for group in scores[SCORES[0]]:
        print(f"yunet by score, {group}:")
        for least, counts in scores.items():
            count = counts[group]
            print(f"  {least:.2f}  found {count.found:5} of {count.faces:5}  false {count.false:4} in {count.pictures}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, help="a folder with the pictures of counted.json")
    parser.add_argument("--num", type=int, default=NUM_FACES, help="faces in each row")
    parser.add_argument("--quick", action="store_true", help=f"the same as --num {NUM_QUICK}")
    parser.add_argument("--only", nargs="+", choices=DETECTORS, default=list(DETECTORS), metavar="DETECTOR")
    parser.add_argument("--kinds", default="", metavar="START", help="only rows whose names start so")
    parser.add_argument("--no-times", action="store_true")
    parser.add_argument("--no-scores", action="store_true")
    parser.add_argument("--settings", action="store_true", help="compare Haar's settings too")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    detectors = {name: DETECTORS[name]() for name in options.only}
    scored = None if options.no_scores else SCORED()
    public = load(options.data).split("PublicTest").faces
    num = NUM_QUICK if options.quick else options.num
    faces = public[np.random.default_rng(0).choice(len(public), num, replace=False)]
    rows, scores = measure(detectors, scored, all_scenes(faces, options.pictures, options.kinds))
    if not next(iter(rows.values())):
        raise SystemExit(f"no row starts with {options.kinds!r}; rows are: {', '.join(kinds())}, no face, counted")
    show(rows)
    if scored:
        show_scores(scores)
    sizes = () if options.no_times else TIMED
    milliseconds = {f"{size[0]}×{size[1]}": times(detectors, faces, size) for size in sizes}
    for size, row in milliseconds.items():
        print(f"{size}:", "  ".join(f"{name} {value:.1f} ms" for name, value in row.items()))
    settings = measure_settings(faces) if options.settings else {}
    for name, setting in settings.items():
        print(f"{name}: {setting['milliseconds']:.1f} ms, {setting['recall']:.1%}, {setting['false']} false boxes")
    result = {
        "benchmark": "detection", "num_faces": num, "seeds": {"faces": 0, "scenes": 1}, "least_overlap": LEAST_OVERLAP,
        "rows": {name: {row: count.as_json() for row, count in counts.items()} for name, counts in rows.items()},
        "milliseconds": milliseconds, "settings": settings,
        "by_score": {
            f"{least:.2f}": {group: count.as_json() for group, count in counts.items()}
            for least, counts in scores.items()
        },
        **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


if __name__ == "__main__":
    main()
