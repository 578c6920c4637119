import dataclasses

import numpy as np
import pytest
import torch

from mien.data import FaceSet
from mien.training.votes import labels_by_votes


def test_the_regression_gives_each_pattern_of_votes_the_labels_that_go_with_it(bars: FaceSet) -> None:
    """Of 140 faces with one of two patterns, labels that are 0 or 1 in known shares."""
    votes = np.zeros((140, 10), np.uint8)
    votes[:100, :2] = 8, 2
    votes[100:, :2] = 3, 7
    labels = np.zeros(140, np.int64)
    labels[75:100] = 1
    labels[110:] = 1
    found = labels_by_votes(dataclasses.replace(bars, votes=votes, labels=labels))
    assert found.shape == (140, 7)
    assert found.dtype == torch.float32
    assert found[0, :2].tolist() == pytest.approx([0.75, 0.25], abs=0.03)
    assert found[-1, :2].tolist() == pytest.approx([0.25, 0.75], abs=0.03)
    assert found.sum(1).numpy() == pytest.approx(1, abs=1e-5)


def test_a_face_that_nobody_voted_on_keeps_its_label(bars: FaceSet) -> None:
    assert bars.votes is not None
    votes = bars.votes.copy()
    votes[3] = 0
    found = labels_by_votes(dataclasses.replace(bars, votes=votes))
    assert found[3].tolist() == np.eye(7)[bars.labels[3]].tolist()
    none = labels_by_votes(dataclasses.replace(bars, votes=np.zeros_like(votes)))
    assert none.argmax(1).tolist() == bars.labels.tolist()
