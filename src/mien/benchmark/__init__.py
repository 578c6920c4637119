"""How fast, how large and how accurate models are on this machine."""

from mien.benchmark.measure import Accuracy, Agreement, Benchmark, Row, Stages, benchmark
from mien.benchmark.timing import Timing

__all__ = ["Accuracy", "Agreement", "Benchmark", "Row", "Stages", "Timing", "benchmark"]
