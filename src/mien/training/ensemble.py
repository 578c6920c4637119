"""Several trained networks as one: the mean of their logits, or of their weights."""

import copy
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.data import FaceSet, vote_shares
from mien.errors import RecipeError
from mien.training.architectures import Network
from mien.training.architectures.network import Head
from mien.training.augmentation import Augmentation, as_input, augment, standardize
from mien.training.trained import Trainee
from mien.values import GreyFaces

FACES_FOR_NORMS = 8192
BATCH = 256
NEAR = 1e-3  # weight of a head's squared distance from where it was, beside the loss a face in nats
UNCHANGED = Augmentation()


class Ensemble(Network):
    """A network whose logits are the mean of those of its members, of the same classes and size of faces."""

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.num_embedded = sum(member.num_embedded for member in members)
        self.members = nn.ModuleList(members)

    def classify(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """As `Network.classify`; the embedding is those of the members in a row."""
        logits, embeddings = zip(*(member.classify(faces) for member in self._networks()), strict=True)
        return torch.stack(logits).mean(0), torch.cat(embeddings, dim=1)

    def forward(self, faces: Tensor, *heads: Head) -> tuple[Tensor, ...]:
        """As `Network.forward`; the evidence is as fine as the finest member's."""
        parts = [self._parts(head) for head in heads]
        answers = [member(faces, *(part[at] for part in parts)) for at, member in enumerate(self.members)]
        outputs: list[Tensor] = []
        by_output = [*zip(*answers, strict=True)]
        for logits, maps in zip(by_output[::2], by_output[1::2], strict=True):
            finest = max((each.shape[2:] for each in maps), key=lambda shape: shape[0])
            outputs += [torch.stack(logits).mean(0), torch.stack([_resized(each, finest) for each in maps]).mean(0)]
        return tuple(outputs)

    def _parts(self, head: Head) -> list[Head]:
        """A head for each member's embedding, the mean of whose values is what `head` makes of all embeddings."""
        sizes = [member.num_embedded for member in self._networks()]
        return [Head(weight * len(sizes), head.bias) for weight in torch.split(head.weight, sizes, dim=1)]

    def _networks(self) -> Iterator[Network]:
        return (member for member in self.members if isinstance(member, Network))


def assembled(trainees: Sequence[Trainee]) -> Trainee:
    """Trained networks as an ensemble in evaluation mode; its votes are the mean of theirs, if all have votes."""
    heads = [trainee.votes for trainee in trainees if trainee.votes is not None]
    ensemble = Trainee(Ensemble([trainee.network for trainee in trainees]), votes=len(heads) == len(trainees))
    if ensemble.votes is not None:
        # The mean of dense layers that each take a part of the embedding is one dense layer that takes all of it.
        with torch.no_grad():
            ensemble.votes.weight.copy_(torch.cat([head.weight for head in heads], dim=1) / len(heads))
            ensemble.votes.bias.copy_(torch.stack([head.bias for head in heads]).mean(0))
    return ensemble.eval()


def averaged(trainees: Sequence[Trainee], shares: Sequence[float]) -> Trainee:
    """One network in evaluation mode whose weights are the mean of those of several, as fast as any of them.

    Such a mean is good only between a network and its fine-tuned descendants, where it combines their strengths
    (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv:2109.01903). Call `fit_mean` afterwards. The
    shares are divided by their sum.
    """
    if len(shares) != len(trainees) or not all(0 < share < math.inf for share in shares):
        raise RecipeError(f"shares: expected a positive number for each of {len(trainees)} trainings; got {[*shares]}")
    if len({trainee.votes is None for trainee in trainees}) > 1:
        raise RecipeError("the weights of these trainings cannot be averaged: only some learned FER+'s votes")
    states = [trainee.state_dict() for trainee in trainees]
    shapes = [{name: tuple(tensor.shape) for name, tensor in state.items()} for state in states]
    if any(other != shapes[0] for other in shapes[1:]):
        raise RecipeError("the weights of these trainings cannot be averaged: they are not of one architecture")
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


def fit_mean(mean: Trainee, faces: FaceSet) -> None:
    """Fit to training faces what no mean of weights gives: batch norm's statistics, and the head for FER+'s votes.

    The heads that are averaged read features of different networks, and some have learned for a few epochs only.
    """
    refresh_norms(mean, faces.faces)
    if mean.votes is not None and faces.votes is not None:
        _fit_votes(mean, mean.votes, faces.faces, faces.votes)


def _fit_votes(trainee: Trainee, head: nn.Linear, faces: GreyFaces, votes: NDArray[np.uint8]) -> None:
    """Fit a head to the shares of votes by the features of the faces as they are, near to where it was."""
    shares = torch.from_numpy(vote_shares(votes)).float()
    voted = shares.any(dim=1)
    parts = np.array_split(faces, max(1, len(faces) // BATCH))
    with torch.no_grad():
        features = torch.cat([trainee.network.classify(as_input(part))[1] for part in parts])
    before = head.weight.detach().clone()
    optimizer = torch.optim.LBFGS([head.weight, head.bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        distance = (head.weight - before).square().sum()
        value = F.cross_entropy(head(features[voted]), shares[voted]) + NEAR * distance
        value.backward()  # type: ignore[no-untyped-call] # torch's stub
        return value

    if voted.any():
        optimizer.step(loss)  # type: ignore[no-untyped-call] # torch's stub


@torch.no_grad()
def refresh_norms(trainee: Trainee, faces: GreyFaces, augmentation: Augmentation = UNCHANGED) -> None:
    """Measure the statistics of batch norm anew, on at most `FACES_FOR_NORMS` faces of the training split.

    Averaged weights need others than the average of statistics (Izmailov et al. 2018, arXiv:1803.05407).
    """
    trainee.eval()
    for norm in trainee.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.train().reset_running_stats()
            norm.momentum = None  # the mean over all batches
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(faces), generator=generator)[:FACES_FOR_NORMS]
    for part in chosen.chunk(math.ceil(len(chosen) / BATCH)):  # of equal sizes, as batches have equal weights
        images = torch.from_numpy(faces[part.numpy()])
        trainee.network(standardize(augment(images, augmentation, generator)))
    trainee.eval()


def _resized(evidence: Tensor, shape: torch.Size) -> Tensor:
    """(N, K, h, w) → (N, K, *shape) with the same means."""
    if evidence.shape[2:] == shape:
        return evidence
    resized = F.interpolate(evidence, size=shape, mode="nearest")
    return resized + (evidence.mean((2, 3)) - resized.mean((2, 3)))[:, :, None, None]
