"""Seconds to read FER2013's CSV of 270 MB: by mien, by the usual ways, and from mien's cache.

    python benchmarks/read_csv.py --data fer2013.csv [--folder images] [--json benchmarks/results/read_csv.json]

All run in this process, on one thread, taking turns; a figure is the minimum over the rounds, as other
work on the machine only ever adds time. The usual ways parse the pixels and check nothing. Ends in one JSON line.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from measuring import hardware, write_result

from mien.data import load
from mien.values import GreyFaces


def with_int(path: Path) -> GreyFaces:
    """Python's csv, and an integer a pixel."""
    with path.open(newline="") as file:
        faces = [bytes(map(int, row["pixels"].split())) for row in csv.DictReader(file)]
    return np.frombuffer(b"".join(faces), np.uint8).reshape(-1, 48, 48)


def with_numpy(path: Path) -> GreyFaces:
    """Python's csv, and numpy's parser for each row: what most of FER2013's readers do, some through pandas."""
    with path.open(newline="") as file:
        faces = [np.fromstring(row["pixels"], np.uint8, sep=" ") for row in csv.DictReader(file)]
    return np.array(faces).reshape(-1, 48, 48)


def with_mien(path: Path) -> GreyFaces:
    """mien, every row checked, with a cache that is empty at first."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MIEN_CACHE"] = cache
        return load(path).faces


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv")
    parser.add_argument("--folder", type=Path, help="the same data as a folder of PNG files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    expected = with_mien(options.data)
    ways: dict[str, Callable[[], object]] = {
        "csv and int()": lambda: with_int(options.data),
        "csv and numpy.fromstring": lambda: with_numpy(options.data),
        "mien": lambda: with_mien(options.data),
    }
    for other in (with_int, with_numpy):
        if not np.array_equal(other(options.data), expected):
            raise SystemExit(f"{other.__name__} and mien read different faces")
    if options.folder:
        ways["mien, folder of PNG files"] = lambda: with_mien(options.folder)

    with tempfile.TemporaryDirectory() as warm:

        def cached(path: Path) -> GreyFaces:
            os.environ["MIEN_CACHE"] = warm
            return load(path).faces

        cached(options.data)
        ways["mien, from the cache"] = lambda: cached(options.data)
        if options.folder:
            cached(options.folder)
            ways["mien, folder from the cache"] = lambda: cached(options.folder)
        times = {name: min(values) for name, values in measured(ways, options.rounds).items()}

    for name, value in times.items():
        print(f"{name:30} {value:7.2f} s")
    result = {
        "benchmark": "read_csv",
        "megabytes": round(options.data.stat().st_size / 1e6, 1),
        "num_faces": len(expected),
        "threads": 1,
        "rounds": options.rounds,
        "seconds": {name: round(value, 3) for name, value in times.items()},
    }
    write_result(result | hardware(), options.json)


def measured(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """The seconds of each round of each way; the ways take turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            times[name].append(seconds(call))
    return times


if __name__ == "__main__":
    main()
