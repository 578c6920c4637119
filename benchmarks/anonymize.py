"""How many faces `--anonymize` leaves bare, in pictures and videos that were made harder.

    python benchmarks/anonymize.py --media FOLDER --json benchmarks/results/anonymize.json

The folder holds the pictures and videos of counted.json, whose faces were looked at one by one; in a video they are
interpolated between those frames. Each is taken as it is, enlarged, shrunk, dark and turned; of videos, too, half of
the width, which is moved so that the face leaves the picture and comes back.

A face counts as bare where less than 80 % of its square is hidden: the inner 80 % of its width, since the squares, as
Haar draws them, show surroundings at the edges. Of a face at the picture's edge the part inside is meant, if it is
half of it or more. *detector's faces* hides what a plain analysis finds, with a detector that runs on every frame, and
where its tracker is in doubt; that is all that `--anonymize` hid before it had a search of its own. *live* is what
`mien live --anonymize` hides.

Runs on one thread for about three minutes; times are the processor's. Ends in one JSON line.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from detection import COUNTED
from measuring import hardware, write_result

from mien.analyzer import Analyzer
from mien.drawing import anonymize
from mien.images import read_image
from mien.jobs.hiding import LowThreshold, Search, places_in_picture, places_in_video, places_live
from mien.tracking.stream import Stream
from mien.values import Box, Frame, FrameResult, Image
from mien.video import open_video

COVERED = 0.8
"""Share of a face's square that must be hidden, and of the square's width that counts."""

LEAST_INSIDE = 0.5
"""Share of a face that is inside the picture, from which it counts."""

FRAMES = 120
"""Frames of each video that are used, from the first with a face on."""

TIMED = (1280, 720)
HIDERS = ("detector's faces", "anonymize", "live")


@dataclass(frozen=True)
class Scene:
    image: Image
    faces: tuple[Box, ...]


@dataclass
class Count:
    """Faces, those of them that stay bare, and the share of all pixels that are hidden without a face."""

    faces: int = 0
    bare: int = 0
    images: int = 0
    needless: float = 0.0

    def add(self, scene: Scene, boxes: Iterable[Box]) -> None:
        noise = np.random.default_rng(0).integers(0, 256, scene.image.shape, dtype=np.uint8)
        hidden = (anonymize(noise, list(boxes)) != noise).any(axis=2)
        height, width = hidden.shape
        self.images += 1
        needless = hidden.copy()
        for face in scene.faces:
            inside = face.clipped(width, height)
            if inside.area >= LEAST_INSIDE * face.area:
                self.faces += 1
                self.bare += bool(hidden[_pixels(inside)].mean() < COVERED)
            needless[_pixels(_scaled(face, 2).clipped(width, height))] = False
        self.needless += float(needless.mean())

    def as_json(self) -> dict[str, Any]:
        return {"faces": self.faces, "bare": self.bare, "needless": self.needless / self.images}


def _pixels(box: Box) -> tuple[slice, slice]:
    left, top, right, bottom = map(round, box)
    return slice(top, max(top + 1, bottom)), slice(left, max(left + 1, right))


def _scaled(box: Box, factor: float) -> Box:
    (x, y), half = box.centre, factor * box.width / 2
    return Box(x - half, y - half, x + half, y + half)


Change = Callable[[Scene], Scene]


def scaled(scene: Scene, factor: float) -> Scene:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    image = np.asarray(cv2.resize(scene.image, None, fx=factor, fy=factor, interpolation=how), np.uint8)
    return Scene(image, tuple(face.scaled(factor, factor) for face in scene.faces))


def darkened(scene: Scene, factor: float) -> Scene:
    noise = 3 * np.random.default_rng(0).standard_normal(scene.image.shape, dtype=np.float32)
    return Scene(np.clip(factor * scene.image + noise + 0.5, 0, 255).astype(np.uint8), scene.faces)


def turned(scene: Scene, degrees: int) -> Scene:
    """The whole picture turned counter-clockwise, in a larger one that holds its corners."""
    height, width = scene.image.shape[:2]
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    size = round(width * cos + height * sin), round(width * sin + height * cos)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    faces = []
    for face in scene.faces:
        x, y = matrix @ [*face.centre, 1]
        half = face.width / 2
        faces.append(Box(x - half, y - half, x + half, y + half))
    return Scene(np.asarray(cv2.warpAffine(scene.image, matrix, size), np.uint8), tuple(faces))


CHANGES: dict[str, Change] = {
    "as they are": lambda scene: scene,
    "twice as large": partial(scaled, factor=2),
    "a quarter": partial(scaled, factor=1 / 4),
    "an eighth": partial(scaled, factor=1 / 8),
    "dark": partial(darkened, factor=0.15),
    "nearly black": partial(darkened, factor=0.06),
    "turned by 30°": partial(turned, degrees=30),
    "turned by 90°": partial(turned, degrees=90),
    "turned by 180°": partial(turned, degrees=180),
}
OF_VIDEOS = ("as they are", "a quarter", "an eighth", "dark", "nearly black", "turned by 30°", "turned by 90°")
MOVED = "moved out and back"


def moved(scenes: Sequence[Scene]) -> Iterator[Scene]:
    """Half of the width, moved to and fro once in two seconds at 30 frames a second, so that the face leaves it."""
    for index, scene in enumerate(scenes):
        width = scene.image.shape[1]
        left = round(width / 4 * (1 - math.cos(2 * math.pi * index / 60)))
        image = np.ascontiguousarray(scene.image[:, left : left + width // 2])
        faces = (Box(face.left - left, face.top, face.right - left, face.bottom) for face in scene.faces)
        yield Scene(image, tuple(face for face in faces if face.clipped(*image.shape[1::-1]).area > 0))


def square(x: float, y: float, width: float) -> Box:
    half = COVERED * width / 2
    return Box(x - half, y - half, x + half, y + half)


def pictures(folder: Path) -> Iterator[Scene]:
    for name, content in json.loads(COUNTED.read_text(encoding="utf-8"))["pictures"].items():
        yield Scene(read_image(folder / name), tuple(square(*face) for face in content["faces"]))


def videos(folder: Path) -> Iterator[list[Scene]]:
    """The frames of each video, from the first that was looked at to the last."""
    for name, content in json.loads(COUNTED.read_text(encoding="utf-8"))["videos"].items():
        numbers, faces = list(map(int, content["faces"])), np.array(list(content["faces"].values()), np.float64)
        scenes: list[Scene] = []
        with open_video(folder / name) as video:
            for frame in video:
                if numbers[0] <= frame.index <= numbers[-1] and len(scenes) < FRAMES:
                    face = (float(np.interp(frame.index, numbers, column)) for column in faces.T)
                    scenes.append(Scene(frame.image, (square(*face),)))
        yield scenes


def hidden_in_pictures(scene: Scene, analyzer: Analyzer, search: Search) -> dict[str, list[Box]]:
    height, width = scene.image.shape[:2]
    faces = tuple(analyzer.analyze([scene.image])[0])
    result = FrameResult(source="", width=width, height=height, faces=faces, image=scene.image)
    return {"detector's faces": [face.box for face in faces], "anonymize": places_in_picture(result, search)}


def hidden_in_video(scenes: Sequence[Scene], analyzer: Analyzer, search: Search) -> dict[str, list[list[Box]]]:
    """For each way to hide, the boxes of every frame."""
    frames = [Frame(index, index / 30, scene.image) for index, scene in enumerate(scenes)]
    before = Stream(analyzer.detector, analyzer.classifier, every_frame=True)
    now = Stream(analyzer.detector, analyzer.classifier, images=True)
    results = [now(frame) for frame in frames]
    live = places_live(search)
    return {
        "detector's faces": [[*(face.box for face in each.faces), *each.doubtful] for each in map(before, frames)],
        "anonymize": [boxes for _, boxes in places_in_video(results, search)],
        "live": [live(result) for result in results],
    }


def count_pictures(folder: Path, analyzer: Analyzer, search: Search) -> dict[str, dict[str, Count]]:
    rows: dict[str, dict[str, Count]] = {}
    for name, change in CHANGES.items():
        for scene in map(change, pictures(folder)):
            for hider, boxes in hidden_in_pictures(scene, analyzer, search).items():
                rows.setdefault(name, {}).setdefault(hider, Count()).add(scene, boxes)
    return rows


def count_videos(folder: Path, analyzer: Analyzer, search: Search) -> dict[str, dict[str, Count]]:
    rows: dict[str, dict[str, Count]] = {}
    for scenes in videos(folder):
        changed = {name: list(map(CHANGES[name], scenes)) for name in OF_VIDEOS} | {MOVED: list(moved(scenes))}
        for name, each in changed.items():
            for hider, hidden in hidden_in_video(each, analyzer, search).items():
                count = rows.setdefault(name, {}).setdefault(hider, Count())
                for scene, boxes in zip(each, hidden, strict=True):
                    count.add(scene, boxes)
    return rows


def times(folder: Path, analyzer: Analyzer, search: Search) -> dict[str, float]:
    """Milliseconds of processor time a frame of 1280×720 for analysing, hiding in a video, and hiding live."""
    images = [np.asarray(cv2.resize(scene.image, TIMED), np.uint8) for scene in next(videos(folder))[:60]]
    stream = Stream(analyzer.detector, analyzer.classifier, images=True)
    begun = time.process_time()
    results = [stream(Frame(index, index / 30, image)) for index, image in enumerate(images)]
    analysed = time.process_time()
    for _ in places_in_video(results, search):
        pass
    hidden = time.process_time()
    live = places_live(search)
    for result in results:
        live(result)
    spans = {"analysis": analysed - begun, "anonymize": hidden - analysed, "live": time.process_time() - hidden}
    return {name: 1000 * span / len(images) for name, span in spans.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=Path, required=True, help="a folder with what counted.json names")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    analyzer, search = Analyzer(), LowThreshold()
    rows = {
        "pictures": count_pictures(options.media, analyzer, search),
        "videos": count_videos(options.media, analyzer, search),
    }
    for what, counts in rows.items():
        for name, row in counts.items():
            cells = (f"{hider} {each.bare} of {each.faces} ({each.needless / each.images:.1%})"
                     for hider, each in row.items())  # fmt: skip
            print(f"{what}, {name}: bare", ", ".join(cells))
    write_result(
        {
            "benchmark": "anonymize", "least_covered": COVERED, "frames_a_video": FRAMES,
            "rows": {
                what: {name: {hider: each.as_json() for hider, each in row.items()} for name, row in counts.items()}
                for what, counts in rows.items()
            },
            "milliseconds": times(options.media, analyzer, search), **hardware(),
        },
        options.json,
    )  # fmt: skip


if __name__ == "__main__":
    main()
