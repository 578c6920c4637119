import pytest
import torch

from mien.training.architectures import ARCHITECTURES
from mien.training.architectures.rep_net import RepConv, merged
from mien.training.trained import Trainee


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(("size", "num_classes"), [(48, 7), (64, 8)])
def test_logits_are_the_means_of_the_evidence(name: str, size: int, num_classes: int) -> None:
    network = ARCHITECTURES[name](num_classes, size).eval()
    faces = torch.randn(2, 1, size, size)
    logits, evidence, embedding = network(faces)
    torch.testing.assert_close(network.classify(faces), (logits, embedding))
    assert logits.shape == (2, num_classes)
    assert evidence.shape[:2] == (2, num_classes)
    torch.testing.assert_close(logits, evidence.mean((2, 3)))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_parameter_learns(name: str) -> None:
    trainee = Trainee(ARCHITECTURES[name](7, 48), votes=True)
    classes, votes = trainee(torch.randn(4, 1, 48, 48))
    (classes.square().sum() + votes.square().sum()).backward()
    still = [name for name, value in trainee.named_parameters() if value.grad is None or not value.grad.any()]
    assert not still


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_second_head_does_not_change_the_first(name: str) -> None:
    trainee = Trainee(ARCHITECTURES[name](7, 48), votes=True).eval()
    faces = torch.randn(2, 1, 48, 48)
    torch.testing.assert_close(trainee(faces)[0], trainee.network(faces)[0])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_merged_it_answers_the_same_with_no_more_parameters(name: str) -> None:
    torch.manual_seed(0)
    network = ARCHITECTURES[name](7, 48)
    for _ in range(3):
        network.classify(torch.randn(8, 1, 48, 48) * 2 + 0.5)
    plain = merged(network.eval())
    assert not any(isinstance(module, RepConv) for module in plain.modules())
    faces = torch.randn(4, 1, 48, 48)
    for one, other in zip(network(faces), plain(faces), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * float(one.detach().abs().max()))
    num, num_merged = (sum(each.numel() for each in net.parameters()) for net in (network, plain))
    assert num_merged <= num


@pytest.mark.parametrize(
    ("name", "most"),
    [("rep-nano", 62_000), ("rep-small", 1_000_000), ("conv-attention", 1_000_000), ("rep-base", 15_000_000)],
)
def test_a_size_class_is_kept(name: str, most: int) -> None:
    assert most / 4 < sum(parameter.numel() for parameter in ARCHITECTURES[name](7, 48).parameters()) < most


def test_mini_xception_is_the_published_network() -> None:
    network = ARCHITECTURES["mini-xception"](7, 48)
    trained = sum(parameter.numel() for parameter in network.parameters())
    averages = sum(value.numel() for name, value in network.named_buffers() if "running" in name)
    assert trained == 56_951
    assert trained + averages == 58_423  # as published: Keras counts the moving averages too
    assert not any(isinstance(module, torch.nn.Linear) for module in network.modules())
