import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mien.data import FaceSet, vote_shares
from mien.emotions import EMOTIONS
from mien.errors import RecipeError
from mien.recognition import OnnxClassifier
from mien.shipping.quantize import HALF, halve
from mien.training.architectures import ARCHITECTURES
from mien.training.augmentation import as_input
from mien.training.ensemble import (
    BATCH,
    assembled,
    averaged,
    fit_mean,
    refresh_norms,
)
from mien.training.export import export, sample_faces
from mien.training.initial import Initial, initialize, load_initial
from mien.training.trained import Trainee, check_belong_together, describe_model, describe_together
from tests.conftest import each_network

MEMBERS = ("rep-nano", "mini-xception", "conv-attention")


def about(architecture: str, **others: object) -> dict[str, object]:
    return {
        "recipe": {"architecture": architecture, "image_size": 48},
        "classes": list(EMOTIONS),
        "code": {"commit": "0123456789ab"},
        "data": {"name": "fer2013.csv", "faces": {"train": 10, "val": 5}},
        "epoch": {"epoch": 3, "val_accuracy": 0.4, "val_loss": 1.5},
        **others,
    }


def trained(architecture: str, *, votes: bool = True) -> Trainee:
    torch.manual_seed(len(architecture))
    trainee = Trainee(ARCHITECTURES[architecture](7, 48), votes=votes)
    trainee(torch.randn(8, 1, 48, 48))
    return trainee.eval()


@torch.no_grad()
def test_an_ensemble_gives_the_mean_of_its_members() -> None:
    trainees = [trained(name) for name in MEMBERS]
    faces = torch.randn(3, 1, 48, 48)
    logits, votes = assembled(trainees)(faces)
    alone = [trainee(faces) for trainee in trainees]
    torch.testing.assert_close(logits, torch.stack([each[0] for each in alone]).mean(0))
    torch.testing.assert_close(votes, torch.stack([each[1] for each in alone]).mean(0))


@pytest.mark.slow
def test_it_is_exported_as_one_file_that_explains_itself(tmp_path: Path) -> None:
    ensemble = assembled([trained(name) for name in MEMBERS])
    info = describe_together(ensemble, [about(name) for name in MEMBERS], "tested")
    exported = export(ensemble, info, tmp_path / "tested.onnx")
    assert exported.info.size_class == exported.info.architecture == "ensemble"
    assert [member["architecture"] for member in exported.info.recipe["members"]] == list(MEMBERS)
    faces = sample_faces(48)
    np.testing.assert_allclose(exported.evidence(faces).mean((2, 3)), exported.logits(faces), atol=1e-3)
    assert exported.votes(faces).shape == (len(faces), 8)


def test_one_member_without_votes_leaves_the_ensemble_without() -> None:
    assert assembled([trained("rep-nano"), trained("rep-nano", votes=False)]).votes is None


@pytest.mark.parametrize(
    "other",
    [
        about("rep-nano", classes=["smile", "frown"]),
        about("rep-nano", recipe={"architecture": "rep-nano", "image_size": 64}),
        about("rep-nano", data={"name": "other.csv"}),
    ],
)
def test_members_that_do_not_belong_together_are_refused(other: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match="differ in their"):
        check_belong_together([about("rep-nano"), other])


@torch.no_grad()
def test_the_mean_of_weights_is_one_network_in_between() -> None:
    """Of a network and the same with its last layer moved, the answers of the mean are the mean of the answers."""
    one, other = trained("rep-nano"), trained("rep-nano")
    for parameter in other.network.get_submodule("evidence").parameters():
        parameter.add_(torch.randn_like(parameter))
    faces = torch.randn(3, 1, 48, 48)
    mean = averaged([one, other], [3, 1])
    torch.testing.assert_close(mean(faces)[0], 0.75 * one(faces)[0] + 0.25 * other(faces)[0])
    info = describe_together(mean, [about("rep-nano")] * 2, "tested", shares=[3, 1])
    assert info.architecture == "rep-nano"
    assert info.size_class == "nano"
    assert info.recipe["shares"] == [3, 1]


@torch.no_grad()
def test_batch_norm_is_refreshed_by_what_it_sees_now(bars: FaceSet) -> None:
    """The answers of a network whose statistics are false become those of one in training mode on the same faces."""
    trainee = trained("mini-xception")
    for module in trainee.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            module.running_mean.fill_(5)
    refresh_norms(trainee, bars.faces)
    assert not any(module.training for module in (trainee, trainee.network))
    images = as_input(bars.faces)
    answers = trainee(images)[0]
    torch.testing.assert_close(answers, trainee.train()(images)[0], rtol=0.05, atol=0.05)


@torch.no_grad()
def test_every_face_counts_alike_for_a_norm() -> None:
    """One more face than a whole batch, and very unlike the others, is no half of its variance."""
    faces = np.zeros((BATCH + 1, 48, 48), np.uint8)
    faces[:, ::2] = 255
    last = int(torch.randperm(BATCH + 1, generator=torch.Generator().manual_seed(0))[-1])
    faces[last] = 0
    variances = []
    for few in (faces, np.delete(faces, last, axis=0)):
        trainee = trained("mini-xception")
        refresh_norms(trainee, few)
        norm = next(module for module in trainee.modules() if isinstance(module, torch.nn.BatchNorm2d))
        variances.append(norm.running_var)
    torch.testing.assert_close(variances[0], variances[1], rtol=0.02, atol=0)


def test_the_head_for_votes_is_fitted_to_the_mean(bars: FaceSet) -> None:
    faces = dataclasses.replace(bars, faces=np.repeat(bars.faces[:, :24, :24], 2, 1).repeat(2, 2))
    assert bars.votes is not None
    wanted = torch.from_numpy(vote_shares(bars.votes)).float()

    def loss(trainee: Trainee) -> float:
        with torch.no_grad():
            return float(F.cross_entropy(trainee(as_input(faces.faces))[1], wanted))

    mean, other = trained("rep-nano"), trained("rep-nano")
    mean_before = other.state_dict()
    refresh_norms(other, faces.faces)
    fit_mean(mean, faces)
    assert loss(mean) < loss(other) - 0.3
    torch.testing.assert_close(mean.network.state_dict(), other.network.state_dict())
    for votes in (None, np.zeros_like(bars.votes)):
        kept = trained("rep-nano")
        fit_mean(kept, dataclasses.replace(faces, votes=votes))
        torch.testing.assert_close(kept.state_dict()["votes.weight"], mean_before["votes.weight"])


@pytest.mark.parametrize(
    ("name", "votes", "why"),
    [("mini-xception", True, "not of one architecture"), ("rep-nano", False, "some learned")],
)
def test_weights_of_different_networks_have_no_mean(name: str, votes: bool, why: str) -> None:
    with pytest.raises(RecipeError, match=why):
        averaged([trained("rep-nano"), trained(name, votes=votes)], [0.5, 0.5])


@pytest.mark.parametrize("name", each_network(["rep-small", "gelu-cnn"]))
def test_half_precision_halves_the_file_and_keeps_the_answers(name: str, tmp_path: Path, bars: FaceSet) -> None:
    trainee = trained(name)
    whole = export(trainee, describe_model(trainee, about(name), "tested"), tmp_path / "whole.onnx")
    half = halve(tmp_path / "whole.onnx", tmp_path / "half.onnx")
    assert half.info == whole.info
    sizes = [(tmp_path / f"{file}.onnx").stat().st_size for file in ("half", "whole")]
    assert sizes[0] < 0.55 * sizes[1]
    faces = sample_faces(48)
    scale = np.abs(whole.logits(faces)).max()
    np.testing.assert_allclose(half.logits(faces), whole.logits(faces), atol=5e-3 * scale)
    assert not np.array_equal(half.logits(faces), whole.logits(faces))
    initial = load_initial(str(tmp_path / "half.onnx"))
    assert not any(weight.endswith(HALF) for weight in initial.weights)
    network = ARCHITECTURES[name](7, 48)
    assert isinstance(initial, Initial)
    assert initialize(network, initial, name, EMOTIONS, as_input(sample_faces(48))) == []
    assert isinstance(half, OnnxClassifier)
