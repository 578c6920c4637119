"""Is mien as fast as it was at an earlier commit, and is its memory flat? Both versions take turns in one run.

    python benchmarks/turns.py --before OLD/src --after src --picture PICTURE... --video VIDEO... --minutes 3 \
        --json benchmarks/results/turns.json

The pictures are copied until there are 200. Every command runs in a process of its own, but for "one picture, warm",
which is the median of 30 calls in one. Which version comes first changes from turn to turn. A ratio is the later
version's time divided by the earlier one's in the same turn; its median and quartiles over all turns are given, of
the time that passed and of processor time, which other work on the machine disturbs less. Memory is read once a second
while the first video, in a loop of `--minutes`, is analysed. Ends in one JSON line.
"""

import argparse
import itertools
import shutil
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from checkouts import Checkout, Used
from hour import RATE, looped, memory_until_done, shrunk
from measuring import hardware, write_result

NUM_PICTURES = 200

WARM = """
import statistics, sys, time
from mien.analyzer import Analyzer
from mien.images import read_image
analyzer, clocks = Analyzer(), (time.perf_counter, time.process_time)
def call():
    before = [clock() for clock in clocks]
    analyzer(read_image(sys.argv[1]))  # the earlier version takes no path
    return [clock() - start for clock, start in zip(clocks, before)]
used = [call() for _ in range(35)][5:]
print(*map(statistics.median, zip(*used)))
"""


def warm(checkout: Checkout, picture: Path) -> Used:
    """The median time from a picture's file to its faces, in a process that has done it before."""
    used = checkout.python("-c", WARM, str(picture))
    seconds, cpu_seconds = map(float, used.output.split())
    return replace(used, seconds=seconds, cpu_seconds=cpu_seconds)


def commands(pictures: list[Path], videos: list[Path], folder: Path) -> dict[str, Callable[[Checkout], Used]]:
    """What is timed, by name."""
    many = folder / "pictures"
    many.mkdir()
    for number, picture in zip(range(NUM_PICTURES), itertools.cycle(pictures), strict=False):
        shutil.copy(picture, many / f"{number:03d}{picture.suffix}")
    table, drawing = folder / "table.csv", folder / "drawn.mp4"

    def analyze(*words: str | Path) -> Callable[[Checkout], Used]:
        def run(checkout: Checkout) -> Used:
            table.unlink(missing_ok=True)
            drawing.unlink(missing_ok=True)
            return checkout.mien("analyze", *words)

        return run

    ways: dict[str, Callable[[Checkout], Used]] = {
        "mien --help": lambda checkout: checkout.mien("--help"),
        "mien analyze PICTURE": analyze(pictures[0]),
        "one picture, warm, in Python": lambda checkout: warm(checkout, pictures[0]),
        f"{NUM_PICTURES} pictures, --csv": analyze(many, "--csv", table),
    }
    for video in videos:
        ways[f"{video.name}, --csv"] = analyze(video, "--csv", table)
        ways[f"{video.name}, --csv --annotate"] = analyze(video, "--csv", table, "--annotate", drawing)
    return ways


def in_turns(run: Callable[[Checkout], Used], versions: dict[str, Checkout], turns: int) -> dict[str, Any]:
    """The figures of one command."""
    used: dict[str, list[Used]] = {name: [] for name in versions}
    for checkout in versions.values():
        run(checkout)  # compiles the modules, and reads the files into memory
    for turn in range(turns):
        for name in sorted(versions, reverse=turn % 2 == 0):  # "before" and "after", or the other way round
            used[name].append(run(versions[name]))
    row: dict[str, Any] = {
        name: {
            "seconds": round(statistics.median(each.seconds for each in runs), 4),
            "cpu_seconds": round(statistics.median(each.cpu_seconds for each in runs), 4),
            "megabytes": round(statistics.median(each.megabytes for each in runs), 1),
        }
        for name, runs in used.items()
    }
    for clock in ("seconds", "cpu_seconds"):
        pairs = zip(used["after"], used["before"], strict=True)
        ratios = [getattr(after, clock) / getattr(before, clock) for after, before in pairs]
        quartiles = statistics.quantiles(ratios, n=4)
        row[f"ratio_of_{clock}"] = dict(
            zip(("lower", "median", "upper"), (round(q, 3) for q in quartiles), strict=True)
        )
    return row


def memory(video: Path, versions: dict[str, Checkout], minutes: float, folder: Path) -> dict[str, dict[str, float]]:
    """Megabytes of each version while it analyses a long video."""
    long = folder / "long.mp4"
    looped(folder / "clip.mp4", shrunk(video, folder / "clip.mp4"), long, round(minutes * 60 * RATE))
    found = {}
    for name, checkout in versions.items():
        megabytes = memory_until_done(checkout.start("analyze", long, "--csv", folder / f"{name}.csv"))
        tenth = max(1, len(megabytes) // 10)
        found[name] = {"in_the_first_fifth": max(megabytes[: 2 * tenth]), "at_the_end": max(megabytes[-tenth:])}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="the folder src of the earlier checkout")
    parser.add_argument("--after", type=Path, required=True, help="the folder src of the later checkout")
    parser.add_argument("--picture", nargs="+", type=Path, required=True, dest="pictures")
    parser.add_argument("--video", nargs="*", type=Path, default=[], dest="videos")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--minutes", type=float, default=0, help="of video for the memory; 0: not measured")
    parser.add_argument("--only", help="measure only commands whose name holds this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    versions = {"before": Checkout(options.before), "after": Checkout(options.after)}
    with tempfile.TemporaryDirectory() as name:
        rows: dict[str, dict[str, Any]] = {}
        for command, run in commands(options.pictures, options.videos, Path(name)).items():
            if options.only is None or options.only in command:
                row = rows[command] = in_turns(run, versions, options.turns)
                wall, cpu = row["ratio_of_seconds"], row["ratio_of_cpu_seconds"]
                print(
                    f"{command:40} {row['before']['seconds']:8.3f} {row['after']['seconds']:8.3f} s  ratio "
                    f"{wall['median']:.3f} ({wall['lower']:.3f} to {wall['upper']:.3f})  processor time "
                    f"{cpu['median']:.3f} ({cpu['lower']:.3f} to {cpu['upper']:.3f})",
                    flush=True,
                )
        result = {
            "benchmark": "turns",
            "before": versions["before"].commit,
            "after": versions["after"].commit,
            "turns": options.turns,
            "rows": rows,
        }
        if options.minutes:
            megabytes = memory(options.videos[0], versions, options.minutes, Path(name))
            result |= {"minutes": options.minutes, "megabytes": megabytes}
            print(megabytes)
    write_result(result | hardware(), options.json)


if __name__ == "__main__":
    main()
