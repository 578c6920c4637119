"""What `mien analyze --jobs 2` brings over one process, for many pictures and for several videos.

    python benchmarks/jobs.py --picture PICTURE... --video VIDEO... --json benchmarks/results/jobs.json

The pictures are copied until there are 400, the videos until there are four. The numbers of processes take turns, and
figures are medians over the turns; the start of the processes counts. Memory is the most that all processes of a
command hold together; what they share counts once. Ends in one JSON line.
"""

import argparse
import itertools
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from checkouts import Checkout
from measuring import hardware, tree_megabytes, write_result

from mien import open_video

NUM_PICTURES, NUM_VIDEOS = 400, 4
SOURCES = Path(__file__).parents[1] / "src"


def copies(files: Sequence[Path], num: int, folder: Path) -> Path:
    """A folder with that many copies of the files."""
    folder.mkdir()
    for number, file in zip(range(num), itertools.cycle(files), strict=False):
        shutil.copy(file, folder / f"{number:03d}{file.suffix}")
    return folder


def measure(folder: Path, jobs: int) -> tuple[float, float]:
    """Seconds and megabytes of analysing a folder with that many processes."""
    with tempfile.TemporaryDirectory() as place:
        table = Path(place, "table.csv")
        start = time.perf_counter()
        process = Checkout(SOURCES).start("analyze", folder, "--csv", table, "--jobs", str(jobs))
        megabytes = [0.0]
        while process.poll() is None:
            megabytes.append(tree_megabytes(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - start
        if process.returncode or not table.is_file():
            raise SystemExit(f"mien analyze --jobs {jobs} ended with status {process.returncode}")
    return seconds, max(megabytes)


def row(folder: Path, numbers: Sequence[int], turns: int, count: int, unit: str) -> dict[str, Any]:
    """The figures of one folder, by the number of processes."""
    used: dict[int, list[tuple[float, float]]] = {jobs: [] for jobs in numbers}
    for _ in range(turns):
        for jobs in numbers:
            used[jobs].append(measure(folder, jobs))
    alone = [seconds for seconds, _ in used[numbers[0]]]
    return {
        "unit": unit,
        "count": count,
        "processes": {
            jobs: {
                "a_second": round(count / statistics.median(seconds for seconds, _ in runs), 1),
                "times_as_fast": round(
                    statistics.median(one / other for one, (other, _) in zip(alone, runs, strict=True)), 2
                ),
                "megabytes": round(statistics.median(megabytes for _, megabytes in runs)),
            }
            for jobs, runs in used.items()
        },
    }


def num_frames(video: Path) -> int:
    with open_video(video) as frames:
        return sum(1 for _ in frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", nargs="+", type=Path, required=True, dest="pictures")
    parser.add_argument("--video", nargs="+", type=Path, required=True, dest="videos")
    parser.add_argument("--jobs", nargs="+", type=int, default=[1, 2], help="numbers of processes")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        pictures = copies(options.pictures, NUM_PICTURES, Path(name, "pictures"))
        videos = copies(options.videos, NUM_VIDEOS, Path(name, "videos"))
        frames = sum(map(num_frames, videos.iterdir()))
        rows = {
            f"{NUM_PICTURES} pictures": row(pictures, options.jobs, options.turns, NUM_PICTURES, "pictures"),
            f"{NUM_VIDEOS} videos": row(videos, options.jobs, options.turns, frames, "frames"),
        }
    for what, figures in rows.items():
        for jobs, each in figures["processes"].items():
            print(
                f"{what:14} --jobs {jobs}: {each['a_second']:7.1f} {figures['unit']} a second "
                f"({each['times_as_fast']:.2f} times as fast), {each['megabytes']:.0f} MB"
            )
    write_result({"benchmark": "jobs", "turns": options.turns, "rows": rows} | hardware(), options.json)


if __name__ == "__main__":
    main()
