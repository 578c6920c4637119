"""What `mien batch` holds when it is killed, and how fast and how large it is.

    python benchmarks/batch.py --json benchmarks/results/batch.json                       # everything, an hour
    python benchmarks/batch.py --only cores dask --pictures 400 --turns 3 --json part.json

Parts: `kills` (workers and the whole run are killed at random; are the tables those of an undisturbed run?), `cores`
(two processes against one), `dask` (two local workers against two processes), `memory` (of few inputs and of many, with
the time that a second run takes to find that everything is done), `size` (of the tables).

Pictures are made of docs/pictures/astronaut.jpg: whole (512×512), her face alone (200×200), or both shrunk; inputs are
symbolic links to twenty of them. What is compared takes turns. Parts that are left out stay as they are in the file.
Ends in one JSON line.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from checkouts import Checkout
from measuring import hardware, resident_megabytes, tree_megabytes, write_result

from mien.images import read_image, write_image

ROOT = Path(__file__).parents[1]
MIEN = Checkout(ROOT / "src")
NUM_DIFFERENT = 20


def album(folder: Path, num: int, kind: str) -> Path:
    """A folder with so many links to twenty pictures: "whole", "face" or "small"."""
    whole = read_image(ROOT / "docs" / "pictures" / "astronaut.jpg")
    image = {"whole": whole, "face": whole[20:220, 120:320], "small": cv2.resize(whole[20:220, 120:320], (64, 64))}[
        kind
    ]
    originals = folder / f"{kind}-originals"
    for number in range(NUM_DIFFERENT):
        write_image(originals / f"{number}.jpg", np.roll(np.asarray(image, np.uint8), 3 * number, axis=1))
    place = folder / f"{kind}-{num}"
    for number in range(num):
        inner = place / f"{number // 10_000:03d}"
        if number % 10_000 == 0:
            inner.mkdir(parents=True)
        (inner / f"{number:08d}.jpg").symlink_to(originals / f"{number % NUM_DIFFERENT}.jpg")
    return place


def run(*words: str | Path) -> tuple[float, float]:
    """Seconds of a batch, and of the processors that it took."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    status = MIEN.start("batch", *words, "--quiet").wait()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if status:
        raise SystemExit(f"mien batch {' '.join(map(str, words))} ended with status {status}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}


def workers_of(process: int) -> list[int]:
    """The processes of the pool; not the one with which Python keeps track of semaphores."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split()
        return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    except OSError:
        return []


def lives(process: int) -> bool:
    """Whether there is such a process, and it is no zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kills(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Kill workers and the whole run at random, and compare the tables with an undisturbed run's."""
    inputs = album(folder, options.killed_pictures, "face")
    calm, wild = folder / "calm", folder / "wild"
    shard = str(options.killed_pictures // (2 * options.kills))
    calm_seconds, _ = run(inputs, "--out", calm, "--jobs", "2", "--shard", shard)
    generator, begun = random.Random(options.seed), time.perf_counter()
    killed = {"worker": 0, "run": 0}
    outlived = 0

    def start() -> "subprocess.Popen[bytes]":
        return MIEN.start("batch", inputs, "--out", wild, "--jobs", "2", "--shard", shard, "--quiet")

    process = start()
    while process.poll() is None:
        time.sleep(generator.uniform(0.01, 0.2))
        # By what is done, as the third process that dies at a picture marks it as the one at fault: a slow machine
        # would not get past a picture between two kills.
        num = sum(killed.values())
        due = num < options.kills and len([*wild.glob("*.parquet")]) >= num * len(tables(calm)) // (options.kills + 1)
        workers = workers_of(process.pid) if due else []
        if not workers:
            continue
        if generator.random() < 0.75:
            os.kill(generator.choice(workers), signal.SIGKILL)
            killed["worker"] += 1
            continue
        process.kill()
        process.wait()
        killed["run"] += 1
        time.sleep(1.0)
        outlived += sum(map(lives, workers))
        process = start()
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"the batch ended with status {process.returncode}")
    before, after = tables(calm), tables(wild)
    return {
        "pictures": options.killed_pictures, "workers_killed": killed["worker"], "runs_killed": killed["run"],
        "workers_that_outlived_their_run_by_a_second": outlived, "tables": len(before),
        "tables_equal_byte_for_byte": sum(after.get(name) == content for name, content in before.items()),
        "tables_too_many": len(after.keys() - before.keys()), "undisturbed_seconds": round(calm_seconds, 1),
        "disturbed_seconds": round(seconds, 1), "seed": options.seed,
    }  # fmt: skip


def in_turns(calls: dict[str, Callable[[], tuple[float, float]]], num: int, turns: int) -> dict[str, Any]:
    """Rates of calls that analyse so many pictures each, and how many times as fast as the first each one is."""
    used: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(turns):
        for name, call in calls.items():
            used[name].append(call())
    first = next(iter(used.values()))
    rows = {}
    for name, times in used.items():
        ratios = [one[0] / other[0] for one, other in zip(first, times, strict=True)]
        rows[name] = {
            "a_second": round(num / statistics.median(seconds for seconds, _ in times), 1),
            "times_as_fast": round(statistics.median(ratios), 3),
            "times_as_fast_best": round(min(seconds for seconds, _ in first) / min(seconds for seconds, _ in times), 3),
            "processor_milliseconds_a_picture": round(1000 * statistics.median(cpu for _, cpu in times) / num, 3),
        }
    return {"pictures": num, "turns": turns, "rows": rows}


def cores(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One process against two; their start counts."""
    inputs = album(folder, options.pictures, "whole")
    numbers = iter(range(1000))

    def fresh(*words: str) -> tuple[float, float]:
        out = folder / f"cores-{next(numbers)}"
        seconds = run(inputs, "--out", out, *words)
        shutil.rmtree(out)
        return seconds

    found = in_turns(
        {f"--jobs {jobs}": lambda jobs=jobs: fresh("--jobs", str(jobs)) for jobs in (1, 2)},  # type: ignore[misc]
        options.pictures, options.turns,
    )  # fmt: skip
    originals = [path.stat().st_size for path in (folder / "whole-originals").iterdir()]
    return found | {"bytes_a_picture": round(statistics.mean(originals))}


def dask(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Two processes against two workers of a Dask cluster that is running already, as clusters are."""
    from distributed import LocalCluster

    inputs = album(folder, options.pictures, "whole")
    numbers = iter(range(1000))
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(folder / "dask")
    ) as cluster:

        def fresh(*words: str) -> tuple[float, float]:
            out = folder / f"dask-{next(numbers)}"
            seconds = run(inputs, "--out", out, *words)
            shutil.rmtree(out)
            return seconds

        fresh("--dask", cluster.scheduler_address)  # which imports mien in the workers
        found = in_turns(
            {
                "--jobs 2": lambda: fresh("--jobs", "2"),
                "--dask": lambda: fresh("--dask", cluster.scheduler_address),
            },
            options.pictures, options.turns,
        )  # fmt: skip
    for row in found["rows"].values():  # the workers' own is not the command's
        del row["processor_milliseconds_a_picture"]
    return found


def memory(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The most memory of few inputs and of many; what is written; and a second run, which finds everything done."""
    rows = {}
    for num in (options.few, options.many):
        inputs, out = album(folder, num, "small"), folder / f"memory-{num}"
        start = time.perf_counter()
        process = MIEN.start("batch", inputs, "--out", out, "--jobs", "2", "--quiet")
        whole, parent = [0.0], [0.0]
        while process.poll() is None:
            whole.append(tree_megabytes(process.pid))
            parent.append(resident_megabytes(process.pid))
            time.sleep(0.25)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(f"the batch ended with status {process.returncode}")
        again, _ = run(inputs, "--out", out, "--jobs", "2")
        unnamed, _ = run("--out", out, "--jobs", "2")
        summary = json.loads((out / "_batch" / "summary.json").read_text(encoding="utf-8"))
        rows[str(num)] = {
            "all_processes_megabytes": round(max(whole)),
            "parent_megabytes": round(max(each for each in parent if each == each)),  # noqa: PLR0124 - NaN once it ended
            "tables": summary["shards"], "faces": summary["faces"], "seconds": round(seconds, 1),
            "second_run_seconds": round(again, 1), "second_run_without_sources_seconds": round(unnamed, 1),
        }  # fmt: skip
    return {"rows": rows}


def size(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The bytes of a full table whose pictures are all different, as those of a real batch are."""
    face = read_image(ROOT / "docs" / "pictures" / "astronaut.jpg")[20:220, 120:320].astype(np.float32)
    generator, inputs, out = np.random.default_rng(options.seed), folder / "different", folder / "size"
    for number in range(1000):
        noisy = face * generator.uniform(0.5, 1.2) + generator.normal(0, generator.uniform(1, 9), face.shape)
        rolled = np.roll(noisy, generator.integers(-20, 20, 2), axis=(0, 1))
        write_image(inputs / f"photograph-{number:08d}.jpg", rolled.clip(0, 255).astype(np.uint8))
    run(inputs, "--out", out, "--shard", "1000", "--jobs", "1")
    summary = json.loads((out / "_batch" / "summary.json").read_text(encoding="utf-8"))
    return {
        "pictures": 1000, "faces": summary["faces"], "rows": summary["rows"],
        "table_bytes_an_input": round(sum(map(_size, out.glob("*.parquet"))) / 1000, 1),
        "other_bytes_an_input": round(sum(map(_size, (out / "_batch").rglob("*"))) / 1000, 1),
    }  # fmt: skip


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


PARTS = {"kills": kills, "cores": cores, "dask": dask, "memory": memory, "size": size}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--pictures", type=int, default=6000, help="of cores and dask")
    parser.add_argument("--turns", type=int, default=5, help="of cores and dask")
    parser.add_argument("--killed-pictures", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="of the kills")
    parser.add_argument("--few", type=int, default=2000, help="inputs of memory's first row")
    parser.add_argument("--many", type=int, default=100_000, help="inputs of memory's second row")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    earlier = options.json and options.json.is_file() and json.loads(options.json.read_text(encoding="utf-8"))
    found: dict[str, Any] = dict(earlier["parts"]) if earlier else {}
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = PARTS[name](Path(folder), options) | {"commit": hardware()["commit"]}
        print(name, json.dumps(found[name]))
    write_result({"benchmark": "batch", "parts": found} | hardware(), options.json)


if __name__ == "__main__":
    main()
