"""What FER+'s votes say about FER2013's labels: soft targets in the place of one person's choice.

Each label of FER2013 is one person's; FER+ has ten votes for every face. A network that learns the labels alone learns
their mistakes by heart.
"""

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mien.data.dataset import FaceSet

_PENALTY: Final = 1e-4  # of the squared weights; it keeps labels that some votes never go with from weights without end
_STEPS: Final = 100  # of L-BFGS, at most


def labels_by_votes(faces: FaceSet) -> Tensor:
    """The probability of each label given a face's votes, by a multinomial regression over these very faces.

    It regresses on the shares of all ten columns of votes, their roots and their squares.

    Returns:
        (N, K) float32; for a face without any vote, its label alone.
    """
    if faces.votes is None:
        raise ValueError("the faces have no votes")
    labels, num = torch.from_numpy(faces.labels), len(faces.classes)
    total = faces.votes.sum(axis=1, keepdims=True, dtype=np.float64)
    shares = torch.from_numpy(faces.votes / np.maximum(total, 1))
    voted = torch.from_numpy(total[:, 0] > 0)
    inputs = torch.cat([shares, shares.sqrt(), shares.square(), torch.ones(len(shares), 1)], dim=1)
    weights = torch.zeros(inputs.shape[1], num, dtype=inputs.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(inputs[voted] @ weights, labels[voted]) + _PENALTY * weights.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    if voted.any():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    probabilities = F.softmax((inputs @ weights).detach(), dim=1)
    return torch.where(voted[:, None], probabilities, F.one_hot(labels, num).double()).float()
