"""Draw the curves of one network under two recipes: docs/pictures/overfitting.svg.

    python benchmarks/overfitting.py

From the records of the runs in benchmarks/results/runs; the same as `mien train --compare RUN RUN`.
"""

from tables import OVERFITTING_RUNS, RESULTS, ROOT

from mien.report.curves import plot_curves
from mien.training.run import Run


def main() -> None:
    runs = {name: Run(RESULTS / "runs" / name).epochs() for name in OVERFITTING_RUNS}
    title = "One network, two recipes: training faces as they are (dashed) and PublicTest (solid)"
    plot_curves(runs, ROOT / "docs" / "pictures" / "overfitting.svg", title=title)


if __name__ == "__main__":
    main()
