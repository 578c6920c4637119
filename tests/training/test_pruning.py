"""Whole channels leave a network, in every layer that gives or takes them."""

import dataclasses
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.data import FaceSet
from mien.errors import ModelError, RecipeError
from mien.recognition import OnnxClassifier, shipped_models
from mien.training.architectures import ARCHITECTURES, BLOCK
from mien.training.architectures.network import Head, Network
from mien.training.augmentation import as_input
from mien.training.events import Epoch
from mien.training.export import export, export_trained
from mien.training.initial import Initial, initialize, load_initial
from mien.training.loop import begin_with, predict, train
from mien.training.pruning import importance, pruned, width_axes
from mien.training.recipe import Recipe, parse_recipe
from mien.training.run import Run
from mien.training.trained import Trainee, load_trained
from tests.conftest import each_network

CPU = torch.device("cpu")
PRUNABLE = [name for name, architecture in ARCHITECTURES.items() if architecture.widths]
RECIPE = Recipe(architecture="rep-nano", image_size=32, epochs=1, batch_size=16, learning_rate=0.01, ema_decay=0.0)


@pytest.mark.parametrize("name", PRUNABLE)
@given(keep=st.floats(0.001, 1), more=st.floats(0.001, 1))
def test_what_is_kept_is_whole_blocks_and_more_of_a_larger_share(name: str, keep: float, more: float) -> None:
    architecture = ARCHITECTURES[name]
    less, most = (architecture.kept(share) for share in sorted((keep, more)))
    for width, few, many in zip(architecture.widths, less, most, strict=True):
        assert few % BLOCK == 0 or few == width
        assert min(BLOCK, width) <= few <= many <= width
    assert architecture.kept(1) == architecture.widths


@pytest.mark.parametrize("name", PRUNABLE)
def test_every_width_is_found_in_all_layers_that_have_it(name: str) -> None:
    """The axes of a network of other numbers of channels have those lengths, or a multiple for their positions."""
    architecture, axes = ARCHITECTURES[name], width_axes(name)
    widths = tuple(range(9, 9 + 2 * len(architecture.widths), 2))
    tensors = architecture.build(7, 48, widths).state_dict()
    assert {width for found in axes.values() for width in found.values()} == set(range(len(widths)))
    for key, tensor in tensors.items():
        for axis, length in enumerate(tensor.shape):
            width = axes[key].get(axis)
            assert length in (1, 3, 7) if width is None else length in (widths[width], 9 * widths[width]), key


def silenced(name: str, size: int, keep: float) -> tuple[Network, dict[int, torch.Tensor]]:
    """A network in which only some channels of each width ever differ from 0, and which channels those are."""
    architecture, axes = ARCHITECTURES[name], width_axes(name)
    network = architecture(7, size)
    for _ in range(3):  # statistics of batch norm that differ from channel to channel
        network.classify(torch.randn(16, 1, size, size))
    loud = {
        number: torch.randperm(width)[:few].sort().values
        for number, (width, few) in enumerate(zip(architecture.widths, architecture.kept(keep), strict=True))
    }
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            if 0 in axes[key]:
                silent = torch.ones(len(tensor), dtype=torch.bool)
                silent[loud[axes[key][0]]] = False
                tensor[silent] = 0  # of weights, biases and statistics: nothing comes out
    return network.eval(), loud


@pytest.mark.parametrize("name", each_network(PRUNABLE))
@pytest.mark.parametrize("size", [32, 48])
def test_channels_that_are_always_zero_leave_and_nothing_changes(name: str, size: int) -> None:
    """Were one layer cut at other channels than its neighbours, another output would come."""
    torch.manual_seed(0)
    whole, loud = silenced(name, size, 0.5)
    faces, labels = torch.randn(80, 1, size, size), torch.arange(80) % 7
    scores = importance(whole, width_axes(name), faces, labels)
    for width, channels in loud.items():
        assert set(scores[width].nonzero()[:, 0].tolist()) <= set(channels.tolist())
    thin = ARCHITECTURES[name](7, size, 0.5)
    pruned(whole, thin, name, faces, labels)
    head = torch.randn(8, whole.num_embedded)
    num = len(loud) - 1
    last = scores[num].topk(len(loud[num])).indices.sort().values  # not always the loud ones: one may be 0 on all faces
    wanted = whole(faces, Head(head, torch.zeros(8)))
    found = thin.eval()(faces, Head(head[:, last], torch.zeros(8)))
    for one, other in zip(wanted, found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    sizes = [sum(each.numel() for each in net.parameters()) for net in (whole, thin)]
    assert sizes[1] < sizes[0]


def test_the_channels_that_matter_stay() -> None:
    """A channel's importance is what the loss changes by without it: here, of one that is all that the classes see."""
    torch.manual_seed(0)
    network = ARCHITECTURES["rep-nano"](7, 32).eval()
    weight = network.get_parameter("evidence.weight")
    with torch.no_grad():
        weight[:, 20] *= 30
    scores = importance(network, width_axes("rep-nano"), torch.randn(64, 1, 32, 32), torch.arange(64) % 7)
    assert int(scores[2].argmax()) == 20


@pytest.fixture(scope="module")
def whole_run(bars: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    recipe = dataclasses.replace(RECIPE, epochs=12, learning_rate=0.05)
    events = list(train(recipe, bars, folder, device=CPU))
    assert isinstance(events[-1], Epoch)
    assert events[-1].val_accuracy > 0.6
    return folder


def finished(recipe: Recipe, faces: FaceSet, folder: Path, initial: Initial | None, *, resume: bool = False) -> Path:
    list(train(recipe, faces, folder, device=CPU, initial=initial, resume=resume))
    return Run(folder).best_model()


def test_a_pruned_network_is_trained_kept_exported_and_gone_on_with(
    whole_run: Path, bars: FaceSet, tmp_path: Path
) -> None:
    half = dataclasses.replace(RECIPE, keep=0.5, epochs=2)
    kept = finished(half, bars, tmp_path / "half", load_initial(str(whole_run)))
    trainee, about = load_trained(kept)
    assert about["recipe"]["keep"] == 0.5
    assert trainee.network.num_embedded == 32
    assert "Conv2d(16, 32" in Run(tmp_path / "half").page.read_text()

    before = len(Run(tmp_path / "half").epochs())
    finished(half, bars, tmp_path / "half", None, resume=True)  # which need not name the weights again
    assert len(Run(tmp_path / "half").epochs()) == before == 2

    exported = export_trained([tmp_path / "half"], tmp_path / "half.onnx")
    assert exported.info.num_parameters == sum(each.numel() for each in trainee.parameters())
    assert exported.info.recipe["keep"] == 0.5

    for source in (tmp_path / "half", tmp_path / "half.onnx"):
        initial = load_initial(str(source))
        again = ARCHITECTURES["rep-nano"](7, 32, 0.5)
        initialize(again, initial, "rep-nano", bars.classes, as_input(bars.faces))
        wanted = predict(trainee.network, bars.faces, CPU)
        torch.testing.assert_close(predict(again, bars.faces, CPU), wanted, atol=1e-3, rtol=1e-3)
        smaller = finished(dataclasses.replace(half, keep=0.25), bars, tmp_path / f"after-{source.name}", initial)
        assert load_trained(smaller)[0].network.num_embedded == 16


def test_two_pruned_networks_have_a_mean(whole_run: Path, bars: FaceSet, tmp_path: Path) -> None:
    half = dataclasses.replace(RECIPE, keep=0.5)
    first = finished(half, bars, tmp_path / "first", load_initial(str(whole_run)))
    finished(half, bars, tmp_path / "second", load_initial(str(first)))
    export_trained([tmp_path / "first", tmp_path / "second"], tmp_path / "mean.onnx", shares=[0.5, 0.5])
    assert load_initial(str(tmp_path / "mean.onnx")).keep == 0.5


def test_more_channels_than_there_are_is_refused(whole_run: Path, bars: FaceSet, tmp_path: Path) -> None:
    half = dataclasses.replace(RECIPE, keep=0.5)
    finished(half, bars, tmp_path, load_initial(str(whole_run)))
    with pytest.raises(ModelError, match=r"train at its image_size with keep=0\.5 or less"):
        begin_with(ARCHITECTURES["rep-nano"](7, 32), load_initial(str(tmp_path)), RECIPE, bars)


def test_other_classes_are_learned_before_channels_leave(whole_run: Path, bars: FaceSet) -> None:
    three = dataclasses.replace(bars.select(bars.labels < 3), classes=("smile", "frown", "wink"), votes=None)
    recipe = dataclasses.replace(RECIPE, keep=0.5)
    with pytest.raises(ModelError, match="train it with keep=1 first, and prune what comes of it"):
        begin_with(ARCHITECTURES["rep-nano"](3, 32, 0.5), load_initial(str(whole_run)), recipe, three)


@pytest.mark.parametrize("recipe", [{"keep": "half"}, {"keep": float("nan")}, {"keep": 7}, {"members": 3}])
def test_a_damaged_share_in_a_model_file_is_named(recipe: dict[str, object], tmp_path: Path) -> None:
    network = ARCHITECTURES["rep-nano"](7, 32)
    about = dataclasses.replace(OnnxClassifier(shipped_models()["mini-xception"]).info, input_size=32)
    info = dataclasses.replace(about, architecture="rep-nano", recipe=recipe)
    export(Trainee(network, votes=True).eval(), info, tmp_path / "odd.onnx")
    with pytest.raises(ModelError, match=r"odd\.onnx: the share of channels kept in its recipe is no number"):
        load_initial(str(tmp_path / "odd.onnx"))


def test_networks_whose_channels_cannot_leave_say_so() -> None:
    with pytest.raises(RecipeError, match="keep: expected 1 with conv-attention"):
        parse_recipe({"architecture": "conv-attention", "keep": 0.5}, "bad.toml")
    for wrong in (0.0, 1.5, True):
        with pytest.raises(RecipeError, match="keep: expected"):
            parse_recipe({"architecture": "rep-nano", "keep": wrong}, "bad.toml")
