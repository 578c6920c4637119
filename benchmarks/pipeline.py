"""Time of each stage of analysing one picture: read, detect, crop, classify.

    python benchmarks/pipeline.py docs/pictures/astronaut.jpg --json benchmarks/results/pipeline.json

The picture is first scaled to 640×480 with its face in it, and kept as a JPEG in memory. Every call has run before;
all run on one thread. Ends in one JSON line.
"""

import argparse
import io
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from measuring import hardware, median_microseconds, write_result
from PIL import Image as Pillow

from mien.analyzer import Analyzer
from mien.crop import crop_face
from mien.defaults import DEFAULT_MODEL
from mien.detection import DETECTORS, load_detector
from mien.detection.detector import Detector
from mien.images import read_image
from mien.recognition import load_classifier

ROUNDS = 25


def as_camera_picture(path: Path) -> bytes:
    """The picture as JPEG, 640×480: scaled to that height, and its edge columns repeated up to that width."""
    image = read_image(path)
    width = round(image.shape[1] * 480 / image.shape[0])
    scaled = cv2.resize(image, (min(width, 640), 480), interpolation=cv2.INTER_AREA)
    missing = 640 - scaled.shape[1]
    left = missing // 2
    framed = cv2.copyMakeBorder(scaled, 0, 0, left, missing - left, cv2.BORDER_REPLICATE)
    file = io.BytesIO()
    Pillow.fromarray(framed).save(file, "JPEG", quality=90)
    return file.getvalue()


STAGES = ("read", "detect", "crop", "classify", "end to end")


def stages(picture: bytes, name: str, detector: Detector) -> dict[str, Callable[[], object]]:
    """Calls of each stage on the output of the one before, and of all together; only two depend on the detector."""
    classifier = load_classifier(DEFAULT_MODEL)
    analyzer = Analyzer(classifier, detector)
    image = read_image(picture)
    found = detector(image)
    if len(found) != 1:
        raise SystemExit(f"expected one face in the picture, found {len(found)}")
    face = crop_face(image, found[0].region, classifier.input_size)[None]
    return {
        "read": lambda: read_image(picture),
        f"detect {name}": lambda: detector(image),
        "crop": lambda: crop_face(image, found[0].region, classifier.input_size),
        "classify": lambda: classifier(face),
        f"end to end {name}": lambda: analyzer(picture),
    }


def seconds_to_import() -> dict[str, float]:
    """Seconds of `import mien` in a new process, and those of importing numpy, OpenCV and onnxruntime alone."""
    code = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"

    def median(names: str) -> float:
        runs = [
            subprocess.run([sys.executable, "-c", code.format(names)], capture_output=True, text=True, check=True)
            for _ in range(7)
        ]
        return float(np.median([float(run.stdout) for run in runs]))

    return {"mien": median("mien"), "numpy, OpenCV and onnxruntime": median("numpy, cv2, onnxruntime")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="with one face")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    picture = as_camera_picture(options.picture)
    detectors: dict[str, Detector] = {name: load_detector(name) for name in DETECTORS}
    calls = {key: call for name, detector in detectors.items() for key, call in stages(picture, name, detector).items()}
    times = median_microseconds(calls, ROUNDS)
    rows = {
        name: {stage: times.get(stage, times.get(f"{stage} {name}", math.nan)) for stage in STAGES}
        for name in detectors
    }
    for name, row in rows.items():
        print(f"{name}: {row['end to end'] / 1000:.2f} ms end to end")
        for stage, microseconds in row.items():
            print(f"  {stage:10} {microseconds / 1000:7.3f} ms  {microseconds / row['end to end']:6.1%}")
    imports = seconds_to_import()
    print("  ".join(f"import {name}: {seconds:.3f} s" for name, seconds in imports.items()))
    result = {
        "benchmark": "pipeline", "picture": "640x480, one face", "microseconds": rows,
        "import_seconds": imports, **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


if __name__ == "__main__":
    main()
