"""Measure how far the browser's scores differ from Python's on the same faces.

    PYTHONPATH=web python benchmarks/browser_scores.py FER2013.CSV [--json benchmarks/results/browser_scores.json]

Both run the same model files on every seventh face of PublicTest: onnxruntime compiled to WebAssembly, in Node, and
onnxruntime for this processor; people's reading. Needs Node with what `npm ci --prefix web` installs. Ends in one JSON
line.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import driving
import numpy as np
from measuring import hardware, write_result
from networks import MODELS

from mien.data import load
from mien.recognition import Reader, load_classifier
from mien.values import GreyFaces

EVERY = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if lacks := driving.missing(chromium=False):
        raise SystemExit(f"needs {lacks}")
    faces = np.ascontiguousarray(load(options.data).split("val").faces[::EVERY])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        driving.build("test", folder)
        faces.tofile(folder / "faces.bin")
        subprocess.run(["node", folder / "scores.mjs", folder], check=True)
        scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    rows = {model: compared(model, faces, np.array(scores[model])) for model in MODELS}
    result = {"benchmark": "browser_scores", "split": "val", "num_faces": len(faces), "rows": rows}
    write_result(result | hardware(), options.json)


def compared(model: str, faces: GreyFaces, scores: Any) -> dict[str, float]:
    """The largest difference of a face's scores, over the faces."""
    expected = Reader(load_classifier(model), "people", "halfway").read(faces).scores
    off = np.abs(scores - expected).max(axis=1)
    return {
        "median": float(f"{np.median(off):.2g}"),
        "percentile_99": float(f"{np.quantile(off, 0.99):.2g}"),
        "largest": float(f"{off.max():.2g}"),
        "share_above_0.001": round(float((off > 1e-3).mean()), 4),
        "other_labels": int((scores.argmax(axis=1) != expected.argmax(axis=1)).sum()),
    }


if __name__ == "__main__":
    main()
