"""mien beside the package fer and plain loops of OpenCV and onnxruntime, on the same pictures.

    pip install --no-deps scikit-image scikit-learn     # for the photographs alone; see scenes.py
    PYTHONPATH=src:benchmarks python benchmarks/peers/compare.py FOLDER --data fer2013.csv --pictures PICTURES \
        --json benchmarks/results/peers.json

Makes in FOLDER a virtual environment for each peer, by pip alone, and the pictures (pictures.py). Each peer runs in a
process of its own on one core; all get one picture after the other in turns, so that what else the machine does slows
all alike. The processor's time counts, which other programs disturb less; on a quiet machine it is the time that
passes.

A face counts as found when the middle of a box lies within a quarter of the face's side from the face's middle, and the
box's side is half to twice the face's: the boxes of the peers differ. Every box beyond that is one without a face.
Ends in one JSON line.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measuring import hardware, write_result
from peers.lines import answer, ask
from peers.pictures import Truth, write_pictures

from mien.detection import yunet_file
from mien.recognition import shipped_models

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STARTS = 5
"""How often each peer is started; the median counts."""

WARM_UP = 5
"""Pictures that each peer reads before its times count."""

PLAIN = ("opencv-python-headless<5", "onnxruntime", "numpy")

ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "mien": (str(ROOT),),
    # setuptools 81 and later have no pkg_resources, which fer imports, and OpenCV 5 no cascade.
    "fer": ("fer", "setuptools<81", "opencv-contrib-python<5"),
    "plain": PLAIN,
}
"""What pip is told to install."""

PEERS = {"mien": "mien", "fer": "fer", "plain_haar": "plain", "plain_yunet": "plain"}
"""Each peer, which is a file `with_NAME.py`, and its environment."""


class Peer:
    """A peer's process, on one core; a context manager."""

    def __init__(self, name: str, python: Path, folder: Path) -> None:
        self._words = [str(python), str(HERE / "answer.py"), f"with_{name}", str(folder)]

    def __enter__(self) -> "Peer":
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self._process = subprocess.Popen(
            self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
        answer(self._process, shlex.join(self._words))
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()

    def read(self, path: Path) -> dict[str, Any]:
        """The faces in a picture, and the seconds that they took."""
        return ask(self._process, str(path), shlex.join(self._words))

    def end(self) -> dict[str, Any]:
        """The most memory it took."""
        return ask(self._process, "", shlex.join(self._words))


@dataclass
class Score:
    """What one peer found."""

    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)
    faces: int = 0
    found: int = 0
    false: int = 0
    labelled: int = 0
    right: int = 0

    def add(self, truth: Truth, answer: dict[str, Any]) -> None:
        """Count one picture."""
        self.seconds.append(answer["seconds"])
        self.processor_seconds.append(answer["processor_seconds"])
        matched = match(truth, answer["faces"])
        self.faces += len(truth.squares)
        self.found += len(matched)
        self.false += len(answer["faces"]) - len(matched)
        self.labelled += len(truth.labels)
        self.right += sum(truth.labels[at] == label for at, label in matched.items() if truth.labels)

    def as_json(self) -> dict[str, Any]:
        """Plain values; times in the processor's seconds."""
        total = sum(self.processor_seconds)
        return {
            "pictures_a_second": len(self.processor_seconds) / total,
            "milliseconds_p50": 1000 * statistics.median(self.processor_seconds),
            "pictures_a_second_by_the_clock": len(self.seconds) / sum(self.seconds),
            "faces": self.faces, "found": self.found, "false": self.false,
            "labelled": self.labelled, "right": self.right,
        }  # fmt: skip


def match(truth: Truth, boxes: Sequence[Any]) -> dict[int, str]:
    """The faces that are found, by their index, with the label of the nearest box; each box is for one face at most."""
    pairs = []
    for face, (left, top, side) in enumerate(truth.squares):
        for box, (x1, y1, x2, y2, _) in enumerate(boxes):
            apart = max(abs((x1 + x2) / 2 - left - side / 2), abs((y1 + y2) / 2 - top - side / 2)) / side
            scale = ((x2 - x1) * (y2 - y1)) ** 0.5 / side
            if apart <= 0.25 and 0.5 <= scale <= 2:
                pairs.append((apart, face, box))
    matched: dict[int, str] = {}
    taken = set()
    for _, face, box in sorted(pairs):
        if face not in matched and box not in taken:
            matched[face] = boxes[box][4]
            taken.add(box)
    return matched


def environment(folder: Path, name: str) -> Path:
    """The Python of a peer's virtual environment, which is made where there is none."""
    place = folder / f"venv-{name}"
    python = place / "bin" / "python"
    if not (place / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *ENVIRONMENTS[name]], check=True)
        (place / "done").touch()
    return python


def megabytes(python: Path) -> dict[str, float]:
    """The size of an environment, and of its five largest packages."""
    place = python.parents[1]
    sizes = {}
    for path in sorted(place.glob("lib/python*/site-packages/*")):
        sizes[path.name] = sum(each.lstat().st_size for each in [path, *path.rglob("*")]) / 2**20
    largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    whole = sum(each.lstat().st_size for each in place.rglob("*")) / 2**20
    return {"all": round(whole, 1)} | {name: round(sizes[name], 1) for name in largest}


def versions(python: Path) -> dict[str, str]:
    """What is installed there."""
    done = subprocess.run([python, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True)
    wanted = ("mien", "fer", "tensorflow", "torch", "onnxruntime", "opencv-python-headless", "opencv-contrib-python")
    return {each["name"]: each["version"] for each in json.loads(done.stdout) if each["name"] in wanted}


def start_seconds(peer: Peer, picture: Path) -> float:
    """Seconds from starting a process to the faces of its first picture."""
    start = time.perf_counter()
    with peer:
        peer.read(picture)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the environments and the pictures; needs 10 GB")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, help="a folder with the pictures of counted.json")
    parser.add_argument("--num", type=int, help="only so many pictures, spread over all kinds")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    folder = options.folder.resolve()
    pythons = {name: environment(folder, name) for name in dict.fromkeys(PEERS[peer] for peer in options.only)}
    shutil.copy(shipped_models()["rep-small"], folder / "rep-small.onnx")
    shutil.copy(yunet_file(), folder / "yunet.onnx")
    truths = write_pictures(folder / "pictures", options.data, options.pictures)
    names = list(truths)[:: max(1, len(truths) // options.num) if options.num else 1]

    peers = {name: Peer(name, pythons[PEERS[name]], folder) for name in options.only}
    starts: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(STARTS):
        for name, peer in peers.items():
            starts[name].append(start_seconds(peer, folder / "pictures" / names[0]))
    scores = {name: Score() for name in peers}
    memory = {}
    for peer in peers.values():
        peer.__enter__()
    try:
        for number, name in enumerate([*names[:WARM_UP], *names]):
            for peer_name, peer in peers.items():
                answer = peer.read(folder / "pictures" / name)
                if number >= WARM_UP:
                    scores[peer_name].add(truths[name], answer)
        memory = {name: peer.end()["peak_megabytes"] for name, peer in peers.items()}
    finally:
        for peer in peers.values():
            peer.__exit__()
    rows = {
        name: {
            **scores[name].as_json(),
            "first_picture_seconds": statistics.median(starts[name]),
            "peak_megabytes": memory[name],
            "environment_megabytes": megabytes(pythons[PEERS[name]]),
            "versions": versions(pythons[PEERS[name]]),
        }
        for name in peers
    }
    for name, row in rows.items():
        print(f"{name:12} {row['pictures_a_second']:6.1f} pictures a second, found {row['found']} of {row['faces']}, "
              f"{row['false']} without a face, right {row['right']} of {row['labelled']}, "
              f"{row['peak_megabytes']:.0f} MB, starts in {row['first_picture_seconds']:.2f} s, "
              f"{row['environment_megabytes']['all']:,.0f} MB installed")  # fmt: skip
    result = {
        "benchmark": "peers", "split": "PublicTest", "seeds": {"faces": 0, "scenes": "number"},
        "num_pictures": len(names), "one_core": True, "rows": rows, **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


if __name__ == "__main__":
    main()
