"""Runs in a peer's own environment: reads paths of pictures, a line each, and answers each with a line of JSON.

    python answer.py PEER [FOLDER]

PEER is a module beside this file with `load(folder)`, which returns a function from a picture's path to its faces:
(left, top, right, bottom, label). The first line says that it is ready; the last one, after an empty line of input, how
much memory it took. Nothing of mien is imported here.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path


def peak_megabytes() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    name, folder = sys.argv[1:]
    os.sched_setaffinity(0, {0})  # before libraries count the cores
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    read = importlib.import_module(name).load(Path(folder))
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in iter(sys.stdin.readline, "\n"):
        start, used = time.perf_counter(), time.process_time()
        faces = read(line.rstrip("\n"))
        taken = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - used}
        print(json.dumps({"faces": [(*map(float, box), label) for *box, label in faces], **taken}), file=answers,
              flush=True)  # fmt: skip
    print(json.dumps({"peak_megabytes": peak_megabytes()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
