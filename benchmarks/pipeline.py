"""What `mien benchmark` says of this machine, with the commit: shipped models and both detectors, side by side.

    PYTHONPATH=src:benchmarks python benchmarks/pipeline.py --data fer2013.csv --json benchmarks/results/pipeline.json

Ends in one JSON line.
"""

import argparse
from pathlib import Path

from measuring import hardware, write_result

from mien.benchmark import benchmark
from mien.detection import DETECTORS

MODELS = ("rep-small", "mini-xception", "ensemble")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    measured = benchmark(MODELS, [*DETECTORS], data=options.data, seconds=options.seconds, watch=print)
    print("\n".join(measured.advice))
    write_result({"benchmark": "pipeline", **hardware(), **measured.to_dict()}, options.json)


if __name__ == "__main__":
    main()
