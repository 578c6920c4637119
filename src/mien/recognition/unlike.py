"""How unlike the faces of the training a face is, by the network's own outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import ModelError


@dataclass(frozen=True, slots=True, eq=False)
class Unlike:
    """A score of how unlike the training faces a face is: above 0 for a picture that the network should not be asked.

        >>> faces, others = np.random.default_rng(0).normal((0, 3), 1, (200, 2)), np.zeros((200, 2))
        >>> unlike = fit_unlike(faces.astype(np.float32), others.astype(np.float32), [2])
        >>> bool((unlike(others.astype(np.float32)) > 0).all())
        True

    A network that knows nothing of a picture gives low logits, as their energy shows (Liu et al. 2020,
    arXiv:2010.03759). The score is linear in the logits, their squares and their energy, the logarithm of the sum of
    their exponentials, of each head; its weights tell validation faces from outliers (outlier exposure: Hendrycks,
    Mazeika and Dietterich 2019, arXiv:1812.04606).

    Attributes:
        heads: The number of logits of each head of the network.
        weights: (F,) float64, of the features.
        offset: Added to their sum.
    """

    heads: tuple[int, ...]
    weights: NDArray[np.float64]
    offset: float

    def __call__(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """(N, M) logits of all heads side by side → (N,) scores; above 0: unlike the training."""
        return np.asarray(features(outputs, self.heads) @ self.weights + self.offset)

    def to_dict(self) -> dict[str, Any]:
        """As the metadata of a model file holds it."""
        return {
            "heads": list(self.heads),
            "weights": [float(f"{weight:.6g}") for weight in self.weights],
            "offset": float(f"{self.offset:.6g}"),
        }

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any], heads: Sequence[int], source: str) -> "Unlike":
        """What `to_dict` made; a `ModelError`, which names the file, for anything else."""
        weights, offset = entry.get("weights"), entry.get("offset")
        if not (
            entry.get("heads") == list(heads)
            and isinstance(weights, list)
            and len(weights) == 2 * sum(heads) + len(heads)
            and all(isinstance(each, int | float) for each in [*weights, offset])
        ):
            raise ModelError(f"{source}: what is unlike its training does not fit its outputs. Export it again")
        assert offset is not None
        return cls(tuple(heads), np.array(weights, np.float64), float(offset))


def features(outputs: NDArray[np.float32], heads: Sequence[int]) -> NDArray[np.float64]:
    """(N, M) logits → (N, 2M + number of heads): logits, their squares and their energies, head by head."""
    columns = []
    for logits in np.split(outputs.astype(np.float64), np.cumsum(heads)[:-1], axis=1):
        greatest = logits.max(axis=1, keepdims=True)
        energy = greatest + np.log(np.exp(logits - greatest).sum(axis=1, keepdims=True))
        columns += [logits, logits**2, energy]
    return np.concatenate(columns, axis=1)


def fit_unlike(
    faces: NDArray[np.float32], outliers: NDArray[np.float32], heads: Sequence[int], false_alarms: float = 0.02
) -> Unlike:
    """Fit the score on the outputs of faces, (N, M), and of other pictures, (L, M), by logistic regression.

    The offset is such that the share `false_alarms` of the faces has a score above 0.
    """
    rows = np.concatenate([features(faces, heads), features(outliers, heads)])
    mean, deviation = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    wanted = np.repeat([0.0, 1.0], [len(faces), len(outliers)])
    weights = _logistic(np.insert((rows - mean) / deviation, 0, 1, axis=1), wanted)[1:] / deviation
    scores = features(faces, heads) @ weights
    return Unlike(tuple(heads), weights, -float(np.quantile(scores, 1 - false_alarms)))


def _logistic(rows: NDArray[np.float64], wanted: NDArray[np.float64], ridge: float = 3.0) -> NDArray[np.float64]:
    """The weights of the highest likelihood by Newton's method; all but the first are drawn towards 0 by `ridge`."""
    penalty = np.diag([1e-6, *np.full(rows.shape[1] - 1, ridge)])
    weights = np.zeros(rows.shape[1])
    for _ in range(30):
        likely = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (likely - wanted) + penalty @ weights
        curvature = (rows * (likely * (1 - likely))[:, None]).T @ rows + penalty
        weights -= np.linalg.solve(curvature, slope)
    return weights
