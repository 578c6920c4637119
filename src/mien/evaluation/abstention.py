"""How well a model knows which of its answers to leave out, and what its prediction sets hold."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.recognition import Reader
from mien.recognition.abstention import Calibration, aurc, lead, risk_coverage, upper_bound
from mien.recognition.reader import Readings

COVERAGES: Final = (0.5, 0.75, 0.9)
"""Shares of the faces, those that are answered most clearly, whose accuracy is given."""


def score_abstention(reader: Reader, readings: Readings, right: NDArray[np.int64]) -> dict[str, Any]:
    """What a reader leaves uncertain, how often it is wrong on the rest, and its risk–coverage curve.

    Quality is left out, as faces that were cut already have none. Faces count alike, whatever the prior.

    Args:
        reader: The model file with its reading, prior, accepted error and sets.
        readings: What it says of N faces.
        right: (N,) the right label of each, as an index into the reader's labels; -1 where there is none, as where
            people have no majority. Such faces count in the share that is uncertain only.

    Returns:
        Plain values: `num_faces` with a right label; `aurc`; the accuracy of the clearest answers by the share of them
        (`surest`), and `curve`, their error by every fifth of a tenth; the share that is `uncertain` and the part of it
        that is `unlike` the training; `error_kept` and its upper bound with a confidence of 90 %; and `sets`. What
        needs calibration faces in the file is None without them.
    """
    abstention = reader.abstention
    known = right >= 0
    own = Calibration(readings.logits, right)
    leads = own.lead if abstention is None else lead(readings.scores, abstention.runner_up)
    coverage, risk = risk_coverage(own.wrong[known], leads[known])
    figures: dict[str, Any] = {
        "num_faces": int(known.sum()),
        "aurc": aurc(own.wrong[known], leads[known]),
        "surest": {f"{share:.0%}": 1 - _at(coverage, risk, share) for share in COVERAGES},
        "curve": [_at(coverage, risk, share) for share in np.arange(0.05, 1.01, 0.05).tolist()],
        **dict.fromkeys(("uncertain", "unlike", "error_kept", "error_kept_bound", "sets")),
    }
    if abstention is None:
        return figures
    uncertain = abstention.are_uncertain(readings.scores, readings.outputs)
    counted = ~uncertain & known
    figures["uncertain"] = float(uncertain.mean())
    figures["unlike"] = 0.0 if abstention.unlike is None else float((abstention.unlike(readings.outputs) > 0).mean())
    if counted.any():
        wrong, number = int(own.wrong[counted].sum()), int(counted.sum())
        figures |= {"error_kept": wrong / number, "error_kept_bound": upper_bound(wrong, number)}
    if abstention.least_share is not None:
        figures["sets"] = score_sets(reader.labels, abstention.sets(readings.scores)[known], right[known])
    return figures


def score_sets(labels: Sequence[str], sets: NDArray[np.bool_], right: NDArray[np.int64]) -> dict[str, Any]:
    """How often (N, K) prediction sets hold the right labels, (N,), of all faces and of each label's; their sizes."""
    held, sizes = sets[np.arange(len(right)), right], sets.sum(axis=1)

    def of(chosen: NDArray[np.bool_]) -> dict[str, float]:
        return {"coverage": float(held[chosen].mean()), "size": float(sizes[chosen].mean())}

    by_label = {label: right == number for number, label in enumerate(labels)}
    return {
        **of(np.ones(len(right), bool)),
        "single": float((sizes == 1).mean()),
        "per_class": {label: of(chosen) for label, chosen in by_label.items() if chosen.any()},
    }


def _at(coverage: NDArray[np.float64], risk: NDArray[np.float64], share: float) -> float:
    """The error of the clearest answers, so large a share of them."""
    return float(risk[max(0, int(np.searchsorted(coverage, share + 1e-9)) - 1)])
