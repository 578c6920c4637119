"""Are the rows of videos those of an earlier commit? Every column that both have, cell by cell.

    python benchmarks/same_rows.py VIDEO... --before OLD/src --after src [--json benchmarks/results/same_rows.json]

Runs `mien analyze VIDEO --csv` of both checkouts on each video, with Haar and with YuNet. Cells
are compared as text, so a digit more or less counts. Ends in one JSON line; status 1 if anything differs.
"""

import argparse
import csv
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from checkouts import Checkout
from measuring import hardware, write_result

Row = dict[str, str]


def table(checkout: Checkout, video: Path, options: Sequence[str]) -> list[Row]:
    """The rows that this version writes for a video, by the names of their columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        checkout.mien("analyze", video, "--csv", path, *options)
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def comparison(before: Sequence[Row], after: Sequence[Row]) -> dict[str, Any]:
    """How many cells differ, and in which columns; a row that only one side has differs in all of them."""
    old, new = list(before[0]), list(after[0])
    common = [name for name in old if name in new]
    differing = {
        name: abs(len(before) - len(after))
        + sum(one[name] != other[name] for one, other in zip(before, after, strict=False))
        for name in common
    }
    return {
        "rows_before": len(before),
        "rows_after": len(after),
        "columns_compared": common,
        "columns_only_before": [name for name in old if name not in new],
        "columns_only_after": [name for name in new if name not in old],
        "cells_that_differ": sum(differing.values()),
        "columns_that_differ": {name: number for name, number in differing.items() if number},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--before", type=Path, required=True, help="the folder src of the earlier checkout")
    parser.add_argument("--after", type=Path, required=True, help="the folder src of the later checkout")
    parser.add_argument("--yunet", type=Path, help="YuNet's model file; only Haar is run without it")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    before, after = Checkout(options.before), Checkout(options.after)
    detectors = {name: ["--detector", name] for name in ("haar", "yunet")}

    compared: list[dict[str, Any]] = []
    for name, detector in detectors.items():
        for video in options.videos:
            row = comparison(*(table(checkout, video, detector) for checkout in (before, after)))
            compared.append({"video": video.name, "detector": name, **row})
            print(f"{name:6} {video.name:24} {row['rows_after']:6} rows, {row['cells_that_differ']} cells differ")
    columns = list(dict.fromkeys(name for row in compared for name in row.pop("columns_compared")))
    result = {
        "benchmark": "same_rows",
        "before": before.commit,
        "after": after.commit,
        "videos": len(options.videos),
        "rows": sum(row["rows_after"] for row in compared),
        "columns_compared": columns,
        "cells_that_differ": sum(row["cells_that_differ"] for row in compared),
        "compared": compared,
    }
    write_result(result | hardware(), options.json)
    sys.exit(1 if result["cells_that_differ"] else 0)


if __name__ == "__main__":
    main()
