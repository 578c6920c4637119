"""Write pictures as raw pixels, and what mien finds in them, for the test that holds the browser equal to Python.

    python web/golden.py FOLDER [PICTURE…]

Pictures are given as files; without any, NASA's portrait of Eileen Collins as it is, turned, dark, small, large and
thrice in one picture. test/parity.ts reads FOLDER/golden.json and the pixels beside it, and web/networks.py writes the
models there.
"""

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from networks import MODELS

import mien
from mien.crop import crop_face
from mien.detection import detect, load_detector
from mien.drawing.evidence import LIMIT, shades
from mien.recognition import Reader, load_classifier, read_faces
from mien.recognition.quality import assess
from mien.recognition.unlike import Unlike
from mien.values import Crop, Detection, Image

PORTRAIT = Path(__file__).parents[1] / "docs" / "pictures" / "astronaut.jpg"

ASKED: tuple[dict[str, Any], ...] = (
    {"reading": "people", "prior": "halfway"},
    {"reading": "people", "prior": "natural", "max_error": 0.05, "sets": 0.9},
    {"reading": "people", "prior": "even", "max_error": 1.0},
    {"reading": "fer2013", "prior": None, "max_error": 0.2, "sets": 0.8},
)
"""How every face is read."""


def main() -> None:
    folder, *files = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {file.stem: mien.read_image(file) for file in files} or variations(mien.read_image(PORTRAIT))
    detector = load_detector("yunet")
    cases = [golden(folder, name, image, detect(detector, image)) for name, image in pictures.items()]
    (folder / "golden.json").write_text(json.dumps(cases), encoding="utf-8")
    (folder / "colours.json").write_text(json.dumps(colours()), encoding="utf-8")


def variations(portrait: Image) -> dict[str, Image]:
    """Pictures that between them take every way through detection and cropping."""
    height, width = portrait.shape[:2]
    leaning = cv2.getRotationMatrix2D((width / 2, height / 2), -35, 1.0)
    three = np.full((480, 1100, 3), 90, np.uint8)
    for left, side in ((0, 480), (520, 300), (860, 120)):
        three[:side, left : left + side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    return {
        "as it is": portrait,
        "leaning": np.asarray(
            cv2.warpAffine(portrait, leaning, (width, height), borderValue=(128, 128, 128)), np.uint8
        ),
        "lying": np.ascontiguousarray(np.rot90(portrait)),
        "dark": (portrait * 0.3).astype(np.uint8),
        "small": np.asarray(cv2.resize(portrait, (150, 150), interpolation=cv2.INTER_AREA), np.uint8),
        "large": np.asarray(cv2.resize(portrait, (1900, 1500), interpolation=cv2.INTER_CUBIC), np.uint8),
        "blurred": np.asarray(cv2.GaussianBlur(portrait[20:220, 120:320], (0, 0), 8), np.uint8),
        "cut off": portrait[:220, 215:],
        "three": three,
        "nobody": np.full((200, 300, 3), 90, np.uint8),
    }


def golden(folder: Path, name: str, image: Image, found: list[Detection]) -> dict[str, Any]:
    """One picture: its pixels in a file of four bytes each, its faces' crops in another, and its faces."""
    pixels = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    (folder / f"{name}.rgba").write_bytes(pixels.tobytes())
    side = load_classifier(MODELS[0]).input_size
    crops = [crop_face(image, each.region, side) for each in found]
    cuts = any_crops(image)
    for kind, cut in ("crops", crops), ("cuts", [crop_face(image, each.region, side) for each in cuts]):
        (folder / f"{name}.{kind}").write_bytes(b"".join(each.tobytes() for each in cut))
    read = [
        {"model": model, **asked, "faces": answers(Reader(load_classifier(model), **asked), image, found)}
        for model in MODELS
        for asked in ASKED
    ]
    height, width = image.shape[:2]
    return {
        "name": name, "width": width, "height": height, "faces": [face(each) for each in found], "read": read,
        "cuts": [face(each) | {"quality": rating(image, each)} for each in cuts],
    }  # fmt: skip


def any_crops(image: Image, num: int = 40) -> list[Detection]:
    """Faces of any size and place, every other one turned, whatever is there: every way through crops and quality."""
    random = np.random.default_rng(0)
    height, width = image.shape[:2]
    sides = np.exp(random.uniform(np.log(8), np.log(max(height, width)), num))
    places = zip(random.uniform(1, width - 1, num), random.uniform(1, height - 1, num), sides, strict=True)
    crops = [Crop(float(x), float(y), float(side), 37.0 * n if n % 2 else 0.0) for n, (x, y, side) in enumerate(places)]
    points = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [-0.15, 0.2], [0.15, 0.2]])
    detections = []
    for crop, aside in zip(crops, random.normal(0, 0.2, num), strict=True):
        placed = points.copy()
        placed[2, 0] += aside  # the nose, as of a head that is turned
        landmarks = (crop[:2] + placed * crop.side).astype(np.float32)
        detections.append(Detection(crop.box.clipped(width, height), 1.0, landmarks, crop))
    return detections


def rating(image: Image, detection: Detection) -> dict[str, Any]:
    """How well a face can be read, and why not."""
    quality = assess(image, detection)
    return {"score": quality.score, "reasons": quality.reasons}


def answers(reader: Reader, image: Image, found: list[Detection]) -> list[dict[str, Any]]:
    """What a reader says of each face, and what makes it doubt that."""
    [faces] = read_faces(reader, [image], [found])
    crops = np.array([crop_face(image, each.region, reader.input_size) for each in found], np.uint8)
    heads = [len(reader.info.labels), len(reader.info.vote_labels)]
    score = Unlike.from_dict(reader.info.unlike, heads, reader.info.name)
    outputs = reader.read(crops.reshape(-1, reader.input_size, reader.input_size)).outputs
    return [
        {
            "scores": [*face.scores.values()], "uncertain": face.uncertain, "set": face.prediction_set,
            "quality": rating(image, face.detection), "unlike": each,
        }
        for face, each in zip(faces, score(outputs).tolist(), strict=True)
    ]  # fmt: skip


def colours(num: int = 500) -> list[dict[str, Any]]:
    """The colours of any grey values with any evidence, beyond the scale's ends too."""
    random = np.random.default_rng(0)
    table, levels = shades(), shades().shape[1]
    pairs = zip(random.integers(0, 256, num).tolist(), random.integers(-10, levels + 10, num).tolist(), strict=True)
    return [
        {
            "grey": grey, "logits": (2 * level / (levels - 1) - 1) * LIMIT,
            "colour": table[grey, min(max(level, 0), levels - 1)].tolist(),
        }
        for grey, level in pairs
    ]  # fmt: skip


def face(found: Detection) -> dict[str, Any]:
    """Where a face is."""
    landmarks = None if found.landmarks is None else found.landmarks.tolist()
    return {"box": found.box._asdict(), "crop": found.region._asdict(), "score": found.score, "landmarks": landmarks}


if __name__ == "__main__":
    main()
