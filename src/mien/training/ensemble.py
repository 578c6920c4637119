"""Several trained networks as one, for export."""

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.emotions import FER_PLUS_EXPRESSIONS
from mien.errors import RecipeError
from mien.recognition import ModelInfo
from mien.training.architectures import Network
from mien.training.trainee import Trainee


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


def describe_ensemble(ensemble: Trainee, abouts: Sequence[dict[str, Any]], name: str) -> ModelInfo:
    """What the model file will say of itself, but for what it scores.

    Args:
        ensemble: of the members.
        abouts: what is known of each; see `export.load_trained`.
        name: of the model.

    Raises:
        RecipeError: the members do not belong together.
    """
    first = abouts[0]
    for about in abouts[1:]:
        for what, mine, other in (
            ("classes", first["classes"], about["classes"]),
            ("size of faces", first["recipe"]["image_size"], about["recipe"]["image_size"]),
            ("data", first["data"], about["data"]),
        ):
            if mine != other:
                raise RecipeError(f"these trainings make no ensemble: they differ in their {what}: {mine} and {other}")
    return ModelInfo(
        name=name,
        architecture="ensemble",
        labels=tuple(first["classes"]),
        vote_labels=() if ensemble.votes is None else FER_PLUS_EXPRESSIONS,
        input_size=first["recipe"]["image_size"],
        num_parameters=sum(parameter.numel() for parameter in ensemble.parameters()),
        size_class="ensemble",
        trained_on=first["data"],
        recipe={"members": [about["recipe"] for about in abouts]},
        commit=first["code"]["commit"],
    )


def _resized(evidence: Tensor, shape: torch.Size) -> Tensor:
    """(N, K, h, w) → (N, K, *shape) with the same means."""
    if evidence.shape[2:] == shape:
        return evidence
    resized = F.interpolate(evidence, size=shape, mode="nearest")
    return resized + (evidence.mean((2, 3)) - resized.mean((2, 3)))[:, :, None, None]
