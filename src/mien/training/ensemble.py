"""Several trained networks as one, for export."""

import copy
import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.errors import RecipeError
from mien.training.architectures import Network
from mien.training.augmentation import Augmentation, augment, standardize
from mien.training.trainee import Trainee
from mien.values import GreyFaces

FACES_FOR_NORMS = 8192
BATCH = 256


class Ensemble(Network):
    """The mean of the logits of networks that were trained apart.

    Args:
        members: of the same classes and size of faces.
    """

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.num_embedded = sum(member.num_embedded for member in members)
        self.members = nn.ModuleList(members)

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """As `Network.classify`; the embedding is the members' one after the other."""
        logits, _, embedding = self.forward(faces)
        return logits, embedding

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Network.forward`; the evidence is as fine as the finest member's."""
        answers = [member(faces) for member in self.members]
        logits = torch.stack([answer[0] for answer in answers]).mean(0)
        finest = max((answer[1].shape[2:] for answer in answers), key=lambda shape: shape[0])
        evidence = torch.stack([_resized(answer[1], finest) for answer in answers]).mean(0)
        return logits, evidence, torch.cat([answer[2] for answer in answers], dim=1)

    def merged(self) -> Network:
        """As `Network.merged`, of each member."""
        return Ensemble([cast(Network, member).merged() for member in self.members])


def assembled(trainees: Sequence[Trainee]) -> Trainee:
    """Trained networks as one, in evaluation mode; it gives votes if all of them do, and then the mean of theirs."""
    heads = [trainee.votes for trainee in trainees if trainee.votes is not None]
    ensemble = Trainee(Ensemble([trainee.network for trainee in trainees]), votes=len(heads) == len(trainees))
    if ensemble.votes is not None:
        # The mean of dense layers, each of its own part of the embedding, is one dense layer of all of it.
        with torch.no_grad():
            ensemble.votes.weight.copy_(torch.cat([head.weight for head in heads], dim=1) / len(heads))
            ensemble.votes.bias.copy_(torch.stack([head.bias for head in heads]).mean(0))
    return ensemble.eval()


def averaged(trainees: Sequence[Trainee], shares: Sequence[float]) -> Trainee:
    """One network whose weights are a mean of those of several, as fast as any of them; in evaluation mode.

    It is good only where they come from one beginning: a network and what a further training made of it, for what each
    of them is better at (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv:2109.01903).
    Its batch norms want `refresh_norms` afterwards.

    Args:
        trainees: of one architecture.
        shares: of each in the mean; divided by their sum.

    Raises:
        RecipeError: they are not of one architecture, or some of them give votes and others do not.
    """
    if len({trainee.votes is None for trainee in trainees}) > 1:
        raise RecipeError("the weights of these trainings have no mean: some learnt FER+'s votes, and others did not")
    states = [trainee.state_dict() for trainee in trainees]
    shapes = [{name: tuple(tensor.shape) for name, tensor in state.items()} for state in states]
    if any(other != shapes[0] for other in shapes[1:]):
        raise RecipeError("the weights of these trainings have no mean: they are not of one architecture")
    mean = copy.deepcopy(trainees[0])
    mean.load_state_dict(
        {
            name: sum(share / sum(shares) * state[name] for share, state in zip(shares, states, strict=True))
            if first.is_floating_point()
            else first
            for name, first in states[0].items()
        }
    )
    return mean.eval()


@torch.no_grad()
def refresh_norms(trainee: Trainee, faces: GreyFaces, how: Augmentation) -> None:
    """Give batch norms the statistics of what they see now: those of a mean of weights are no mean of statistics.

    Source: Izmailov et al. 2018, "Averaging weights leads to wider optima", arXiv:1803.05407.

    Args:
        trainee: changed in place; in evaluation mode afterwards.
        faces: (N, S, S) uint8, of the training split; some thousands of them are taken.
        how: they are augmented, as the trainee has to bear it.
    """
    trainee.eval()
    for norm in trainee.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.train().reset_running_stats()
            norm.momentum = None  # the mean over all batches
    dice = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(faces), generator=dice)[:FACES_FOR_NORMS]
    for part in chosen.chunk(math.ceil(len(chosen) / BATCH)):  # all alike, since they count alike
        images = torch.from_numpy(faces[part.numpy()])
        trainee.network(standardize(augment(images, how, dice)))
    trainee.eval()


def _resized(evidence: Tensor, shape: torch.Size) -> Tensor:
    """(N, K, h, w) → (N, K, *shape) with the same means."""
    if evidence.shape[2:] == shape:
        return evidence
    resized = F.interpolate(evidence, size=shape, mode="nearest")
    return resized + (evidence.mean((2, 3)) - resized.mean((2, 3)))[:, :, None, None]
