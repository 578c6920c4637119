"""Fit `WEIGHTS` of `recognition/quality.py`: how much each measure of a face's picture says about errors.

    python benchmarks/fit_quality.py --data fer2013.csv --json benchmarks/results/quality_weights.json

Training faces are spoilt as `spoiling` does. The probability of a right answer is taken to be `chance + (best - chance)
* product(share ** weight)` over the measures' scores as shares of 100; chance, best and the weights, none below 0,
have the highest likelihood. The network has learned these faces, which raises `best`; how much a fault takes away is
fitted relative to it. Ends in one JSON line.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from measuring import hardware, write_result
from numpy.typing import NDArray
from spoiling import COPIES, Judged, judged

from mien.data import load
from mien.defaults import DEFAULT_MODEL
from mien.detection import YuNet
from mien.recognition import load_classifier
from mien.values import MEASURES

NUM_FACES = 3000
SEED = 0
LEAST_SHARE = 0.01
"""Smaller scores are raised to it, since the logarithm of 0 has no weight."""

LEAST_WEIGHT = 0.05
"""A measure with a smaller weight does not predict errors, and gets none."""

STEPS = 2000


def fit(shares: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float, float]:
    """The weights, chance and best of the highest likelihood.

    Args:
        shares: (N, M) the measures' scores, 0 to 1; NaN counts as 1.
        right: (N,) whether the answer was right.

    Returns:
        (M,) weights, and the probabilities of a right answer at a product of 0 and of 1.
    """
    logs = np.log(np.clip(np.nan_to_num(shares, nan=1.0), LEAST_SHARE, 1))
    weights, ends = np.full(shares.shape[1], 0.3), np.array([0.25, 0.8])
    means, squares = np.zeros(len(weights) + 2), np.zeros(len(weights) + 2)
    for step in range(1, STEPS + 1):
        product = np.exp(logs @ weights)
        likely = np.clip(ends[0] + (ends[1] - ends[0]) * product, 1e-4, 1 - 1e-4)
        slope = np.where(right, 1 / likely, -1 / (1 - likely)) / len(right)
        gradient = np.concatenate([
            logs.T @ (slope * (ends[1] - ends[0]) * product), [slope @ (1 - product), slope @ product],
        ])  # fmt: skip
        means = 0.9 * means + 0.1 * gradient
        squares = 0.999 * squares + 0.001 * gradient**2
        move = 0.01 * means / (1 - 0.9**step) / (np.sqrt(squares / (1 - 0.999**step)) + 1e-8)
        weights = np.maximum(weights + move[:-2], 0)
        ends = np.clip(ends + move[-2:], 0.01, 0.99)
    return weights, float(ends[0]), float(ends[1])


def chosen(rows: Judged) -> tuple[dict[str, float], float, float]:
    """The weights by the measures' names, fitted again without those that are too small to count, and without the roll.

    The network sees every face upright, and whoever filters by quality wants faces that lie, too.
    """
    upright = np.array([name != "tilted" for name in MEASURES])
    weights, _, _ = fit(np.where(upright, rows.shares, 1.0), rows.right)
    counts = upright & (weights >= LEAST_WEIGHT)
    weights, chance, best = fit(np.where(counts, rows.shares, 1.0), rows.right)
    return dict(zip(MEASURES, np.where(counts, weights, 0.0).round(2).tolist(), strict=True)), chance, best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    classifier = load_classifier(DEFAULT_MODEL)
    faces = load(options.data, size=classifier.input_size).split("Training")
    faces = faces.select(np.sort(np.random.default_rng(SEED).choice(len(faces), NUM_FACES, replace=False)))
    rows = judged(faces, classifier, YuNet(), SEED)
    weights, chance, best = chosen(rows)
    for name, weight in weights.items():
        print(f"{name:14} {weight:.2f}")
    result = {
        "benchmark": "fit_quality", "model": DEFAULT_MODEL, "split": "Training", "seed": SEED,
        "num_faces": NUM_FACES, "num_pictures": NUM_FACES * (1 + COPIES), "weights": weights,
        "chance": chance, "best": best, **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


if __name__ == "__main__":
    main()
