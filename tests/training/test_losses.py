import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.data import FaceSet
from mien.training.batches import Batch, rarity
from mien.training.losses import Losses
from mien.training.recipe import Recipe

RECIPE = Recipe(architecture="mini-xception", image_size=32, label_smoothing=0.0)
LOGITS = torch.tensor([[2.0, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0]])
VOTES = torch.tensor([[1.0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 3]])


class Answers(nn.Module):
    """Gives these logits, and votes if there are any, whatever it is asked."""

    def __init__(self, votes: Tensor | None = None) -> None:
        super().__init__()
        self.logits = nn.Parameter(LOGITS.clone())
        self.votes = votes

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.logits, self.votes


def batch(teacher: Tensor | None = None, votes: Tensor | None = None) -> Batch:
    return Batch(torch.zeros(2, 1, 32, 32), F.one_hot(torch.tensor([0, 3]), 7).float(), votes, teacher)


def loss(recipe: Recipe, faces: FaceSet, given: Batch, model: Answers | None = None) -> float:
    model = model or Answers()
    value, accuracy = Losses(recipe, faces, torch.device("cpu"), bf16=False).backward(model, given)
    assert float(accuracy) == 0.5
    assert model.logits.grad is not None
    return float(value)


def log_shares(logits: Tensor = LOGITS) -> Tensor:
    return logits.log_softmax(1)


def test_the_loss_of_labels_is_cross_entropy(bars: FaceSet) -> None:
    assert loss(RECIPE, bars, batch()) == pytest.approx(float(-(log_shares()[0, 0] + log_shares()[1, 3]) / 2))


def test_smoothing_gives_all_classes_a_share(bars: FaceSet) -> None:
    smooth = dataclasses.replace(RECIPE, label_smoothing=0.1)
    own, all_alike = -(log_shares()[0, 0] + log_shares()[1, 3]) / 2, -log_shares().mean()
    assert loss(smooth, bars, batch()) == pytest.approx(float(0.9 * own + 0.1 * all_alike), rel=1e-5)


def test_rare_classes_weigh_more_where_they_are_to(bars: FaceSet) -> None:
    few = bars.select((bars.labels != 3) | (torch.arange(140) < 28).numpy())
    weighted = dataclasses.replace(RECIPE, class_weighting=1.0)
    weights = rarity(few.labels, 7, 1.0)
    first, second = -float(log_shares()[0, 0]), -float(log_shares()[1, 3])
    mean = (weights[0] * first + weights[3] * second) / 2  # over faces, as the weights are 1 on average
    assert weights[3] > 3 * weights[0]
    assert loss(weighted, few, batch()) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_teachers_have_their_share_at_their_temperature(bars: FaceSet, temperature: float) -> None:
    taught = dataclasses.replace(RECIPE, teacher_weight=0.25, teacher_temperature=temperature)
    says = torch.full((2, 7), 1 / 7)
    distilled = -float(log_shares(LOGITS / temperature).mean()) * temperature**2
    plain = loss(RECIPE, bars, batch())
    assert loss(taught, bars, batch(teacher=says)) == pytest.approx(0.75 * plain + 0.25 * distilled, rel=1e-5)


def test_votes_are_added_by_their_weight_and_a_face_without_any_adds_nothing(bars: FaceSet) -> None:
    voted = dataclasses.replace(RECIPE, votes_weight=0.5)
    shares = torch.zeros(2, 8)
    shares[0, 0] = 1  # nobody saw an expression in the second face
    added = 0.5 * (math.log(math.e + 7) - 1) / 2
    plain = loss(RECIPE, bars, batch())
    assert loss(voted, bars, batch(votes=shares), Answers(VOTES)) == pytest.approx(plain + added, rel=1e-5)
