"""Time and found faces of Haar's settings, and of YuNet.

    python benchmarks/detectors.py --data fer2013.csv --json benchmarks/results/detectors.json

On one thread. The time is that of one search of the bundled picture, scaled to 640×480. Faces are counted on 500
training faces of FER2013, each enlarged to 192 pixels with a mirrored border (384×384): how many are covered by a box
with an overlap (intersection over union) of a half or more, and how many other boxes there are. `--pictures FOLDER`
adds the number of boxes in each picture of a folder. Ends in one JSON line.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from measuring import hardware, median_microseconds, write_result
from pipeline import as_camera_picture
from through_detector import LEAST_OVERLAP, TRUTH, picture_of

from mien.data import load
from mien.detection import Haar, YuNet
from mien.detection.detector import Detector
from mien.images import is_picture_name, read_image

NUM_FACES = 500
SETTINGS: dict[str, Detector] = {
    "naive: step 1.1, 5 neighbours, min 30": Haar(scale_step=1.1, neighbours=5, min_face=30),
    "default: step 1.15, 2 neighbours, min 70": Haar(),
    "step 1.05": Haar(scale_step=1.05),
    "step 1.1": Haar(scale_step=1.1),
    "step 1.2": Haar(scale_step=1.2),
    "step 1.3": Haar(scale_step=1.3),
    "3 neighbours": Haar(neighbours=3),
    "5 neighbours": Haar(neighbours=5),
    "min 36": Haar(min_face=36),
    "min 48": Haar(min_face=48),
    "min 100": Haar(min_face=100),
    "with profiles": Haar(profile=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/astronaut.jpg"))
    parser.add_argument("--pictures", type=Path, help="a folder of pictures whose boxes are counted")
    parser.add_argument("--yunet", type=Path, help="YuNet's model file; only Haar is measured without it")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    detectors = SETTINGS | ({"yunet": YuNet(options.yunet)} if options.yunet else {})
    camera = read_image(as_camera_picture(options.picture))
    times = median_microseconds({name: partial(each, camera) for name, each in detectors.items()}, rounds=9)
    faces = load(options.data).split("Training").faces
    chosen = np.random.default_rng(0).choice(len(faces), NUM_FACES, replace=False)
    framed = [picture_of(faces[place]) for place in chosen]
    folder = options.pictures
    files = sorted(path for path in folder.iterdir() if is_picture_name(path)) if folder else []

    rows: dict[str, dict[str, Any]] = {}
    for name, detector in detectors.items():
        boxes = [detector(picture) for picture in framed]
        covering = [[face.box.overlap(TRUTH) >= LEAST_OVERLAP for face in found] for found in boxes]
        rows[name] = {
            "milliseconds": times[name] / 1000,
            "share_of_naive_time": times[name] / times[next(iter(detectors))],
            "found": sum(any(each) for each in covering) / NUM_FACES,
            "boxes_besides": sum(each.count(False) for each in covering) / NUM_FACES,
            "boxes": {path.name: len(detector(read_image(path))) for path in files},
        }
        counts = "  ".join(f"{file} {count}" for file, count in rows[name]["boxes"].items())
        print(
            f"{name:38} {rows[name]['milliseconds']:7.1f} ms  {rows[name]['share_of_naive_time']:5.0%}  "
            f"found {rows[name]['found']:.3f}  besides {rows[name]['boxes_besides']:.3f}  {counts}"
        )
    write_result({"benchmark": "detectors", "num_faces": NUM_FACES, "rows": rows, **hardware()}, options.json)


if __name__ == "__main__":
    main()
