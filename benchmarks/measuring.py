"""Shared by the benchmarks: timing, memory, and the JSON line that each ends in."""

import datetime
import importlib.metadata
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import mien

BATCHES = (1, 64)
ROUNDS = 15


def median_microseconds(
    calls: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """The median time of each call, in microseconds.

    `time.process_time` as the clock counts the processor's time alone, which other programs disturb less.

    The calls take turns, so that a machine that slows down slows all of them. In its turn a call is repeated for about
    20 ms, and their mean counts.
    """
    repeats = {}
    for name, call in calls.items():
        call()
        start = clock()
        call()
        repeats[name] = max(1, round(0.02 / max(clock() - start, 1e-6)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = clock()
            for _ in range(repeats[name]):
                call()
            times[name].append((clock() - start) / repeats[name] * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def time_in_batches(
    rows: Mapping[str, dict[str, Any]],
    calls: Callable[[int], Mapping[str, Callable[[], object]]],
    before: Mapping[str, Any] | None,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Add to each row the time a face, in microseconds, for each size of batch: that of the rows `before`, if given."""
    if before is not None and (new := sorted(rows.keys() - before.keys())):
        sys.exit(f"the earlier result has no times of {', '.join(new)}: leave out --keep-times")
    for batch in BATCHES:
        kind = f"microseconds_batch_{batch}"
        if before is not None:
            times = {name: before[name][kind] for name in rows}
        else:
            medians = median_microseconds(calls(batch), ROUNDS, clock)
            times = {name: round(microseconds / batch, 1) for name, microseconds in medians.items()}
        for name, microseconds in times.items():
            rows[name][kind] = microseconds


def hardware() -> dict[str, Any]:
    """Date, machine, versions and commit, "+" if the code differs from it, without which a speed means nothing."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parents[1]), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    commit = git("rev-parse", "--short=12", "HEAD")
    commit += "+" if commit and git("status", "--porcelain", "--", "src", "benchmarks/*.py", "web") else ""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "system": platform.system()},
        "versions": {
            "mien": mien.__version__,
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "onnxruntime": importlib.metadata.version("onnxruntime"),
        },
        "commit": commit or None,
    }


def resident_megabytes(process: int | str = "self") -> float:
    """Memory of a process that is in use, as Linux counts it; NaN once the process has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return math.nan
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return round(int(found[1]) / 1024, 1) if found else math.nan


def tree_megabytes(process: int) -> float:
    """Memory of a process and all that it started, where what several share counts once, as Linux counts it."""
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8")
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split()
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return (int(found[1]) / 1024 if found else 0.0) + sum(tree_megabytes(int(child)) for child in children)


def earlier(path: Path | None) -> dict[str, Any]:
    """What a benchmark wrote to a file before; nothing, if there is none."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    return found


def timed_then(before: Mapping[str, Any]) -> dict[str, Any]:
    """What `hardware` said when the times of an earlier result were measured; a later one keeps it as `timed`."""
    return dict(before.get("timed") or {key: before[key] for key in hardware()})


def write_result(result: dict[str, Any], path: Path | None) -> None:
    """Print the result as one JSON line, and write it to a file if there is one to write."""
    line = json.dumps(result, ensure_ascii=False)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(line)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
