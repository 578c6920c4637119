import dataclasses
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from mien.data import FaceSet
from mien.emotions import EMOTIONS
from mien.errors import ModelError
from mien.recognition import OnnxClassifier, shipped_models
from mien.shipping.quantize import in_eight_bits
from mien.training.architectures import ARCHITECTURES
from mien.training.augmentation import as_input
from mien.training.events import Epoch
from mien.training.export import export
from mien.training.initial import begin_votes_with, initialize, load_initial
from mien.training.loop import predict, train
from mien.training.recipe import Recipe
from mien.training.run import Run
from mien.training.trained import Trainee, describe_model, load_trained
from tests.conftest import each_model, each_network

RECIPE = Recipe(
    architecture="mini-xception", image_size=32, epochs=1, batch_size=16, learning_rate=0.05, votes_weight=0.5,
    ema_decay=0,
)  # fmt: skip
CPU = torch.device("cpu")


@pytest.fixture(scope="module", name="bars")
def few_bars(bars: FaceSet) -> FaceSet:
    return bars.select(np.arange(140) % 4 == 0)


@pytest.fixture(scope="module", params=each_network(ARCHITECTURES))
def run(request: pytest.FixtureRequest, bars: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    list(train(dataclasses.replace(RECIPE, architecture=request.param, learning_rate=1e-3), bars, folder, device=CPU))
    return folder


@pytest.mark.parametrize("exported", [False, True])
def test_a_network_begins_with_the_answers_of_another(run: Path, bars: FaceSet, tmp_path: Path, exported: bool) -> None:
    """From a model file too, in which batch norm is folded into the convolutions."""
    trained, about = load_trained(Run(run).best_model())
    architecture = about["recipe"]["architecture"]
    source = run
    if exported:
        source = tmp_path / "model.onnx"
        export(trained, describe_model(trained, about, "model"), source)
    network = ARCHITECTURES[architecture](7, 32)
    images = as_input(bars.faces)
    initial = load_initial(str(source))
    assert initialize(network, initial, architecture, bars.classes, images) == []
    begun = Trainee(network, votes=True)
    begin_votes_with(begun, initial)
    assert begun.votes is not None and trained.votes is not None
    torch.testing.assert_close(begun.votes.state_dict(), trained.votes.state_dict())
    wanted = predict(trained.network, bars.faces, CPU)
    torch.testing.assert_close(predict(network, bars.faces, CPU), wanted, atol=1e-3, rtol=1e-3)
    if not exported:
        return
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    torch.testing.assert_close(network.classify(images)[0], wanted, atol=0.1 + 0.2 * float(wanted.std()), rtol=0)


@pytest.mark.parametrize("name", each_model())
def test_shipped_models_can_be_gone_on_with(name: str) -> None:
    """From their weights as they were trained, without the calibration after them."""
    classifier = OnnxClassifier(shipped_models()[name])
    size = classifier.input_size
    faces = np.random.default_rng(0).integers(0, 256, (64, size, size), dtype=np.uint8)
    if classifier.info.size_class == "ensemble":
        with pytest.raises(ModelError, match="begin with one of its members"):
            initialize(ARCHITECTURES["rep-small"](7, size), load_initial(name), "rep-small", EMOTIONS, as_input(faces))
        return
    network = ARCHITECTURES[classifier.info.architecture](7, size)
    initialize(network, load_initial(name), classifier.info.architecture, classifier.labels, as_input(faces))
    trainee = Trainee(network, votes=True).eval()
    begin_votes_with(trainee, load_initial(name))
    with torch.no_grad():
        answers = trainee(as_input(faces))
    graph = onnx.load(shipped_models()[name]).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    atol = 0.2 if in_eight_bits(shipped_models()[name]) else 2e-3
    calibrated = {"logits": classifier.logits(faces), "votes": classifier.vote_logits(faces)}
    for answer, (output, values) in zip(answers, calibrated.items(), strict=True):
        wanted = (values - arrays[f"{output}_offsets"]) / arrays[f"{output}_factors"]
        np.testing.assert_allclose(answer, wanted, atol=atol)


@pytest.mark.parametrize("votes", [True, False])
def test_a_training_begins_with_the_head_for_votes(run: Path, bars: FaceSet, tmp_path: Path, votes: bool) -> None:
    """A training whose recipe asks for none has none."""
    initial = load_initial(str(run))
    recipe = dataclasses.replace(
        RECIPE, architecture=initial.architecture, learning_rate=1e-8, weight_decay=0, votes_weight=0.5 * votes
    )
    list(train(recipe, bars, tmp_path, device=CPU, initial=initial))
    trained, _ = load_trained(Run(tmp_path).best_model())
    assert (trained.votes is not None) == votes
    if trained.votes is not None:
        torch.testing.assert_close(trained.votes.weight, initial.votes["weight"])


def test_other_classes_get_a_fresh_last_layer(run: Path, bars: FaceSet, tmp_path: Path) -> None:
    initial = load_initial(str(run))
    three = dataclasses.replace(bars.select(bars.labels < 3), classes=("smile", "frown", "wink"), votes=None)
    recipe = dataclasses.replace(RECIPE, architecture=initial.architecture, batch_size=4, learning_rate=1e-3)
    events = list(train(recipe, three, tmp_path, device=CPU, initial=initial))
    assert isinstance(events[-1], Epoch)
    trained, about = load_trained(Run(tmp_path).best_model())
    assert about["classes"] == ["smile", "frown", "wink"]
    assert about["initial"]["name"] == initial.name
    assert predict(trained.network, three.faces, CPU).shape[1] == 3


def test_what_does_not_fit_is_reported(run: Path, bars: FaceSet) -> None:
    initial = load_initial(str(run))
    other = next(name for name in ARCHITECTURES if name != initial.architecture)
    with pytest.raises(ModelError, match=f"is a {initial.architecture}, and the recipe trains a {other}"):
        initialize(ARCHITECTURES[other](7, 32), initial, other, bars.classes, as_input(bars.faces))
    if initial.architecture.startswith("gelu"):
        with pytest.raises(ModelError, match=r"first\.weight needs the shape"):
            network = ARCHITECTURES[initial.architecture](7, 64)
            initialize(network, initial, initial.architecture, bars.classes, as_input(bars.faces))


@pytest.mark.parametrize("source", ["none", "none.onnx", "none.pt"])
def test_a_missing_source_is_named(source: str) -> None:
    with pytest.raises(ModelError, match="none"):
        load_initial(source)


def test_a_checkpoint_is_no_kept_model(run: Path) -> None:
    with pytest.raises(ModelError, match="is not a kept model; name the run's folder"):
        load_initial(str(run / "checkpoint.pt"))


def test_a_misspelt_source_gets_to_know_what_there_is() -> None:
    with pytest.raises(ModelError, match=r"expected a shipped one \(.*mini-xception.*\), a model file"):
        load_initial("mini-exception")


def test_a_run_that_was_unpacked_from_an_archive_of_weights_can_be_begun_with(run: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    best = Run(run).best_model()
    for number in (9, 24):
        shutil.copy(best, tmp_path / "models" / f"epoch-{number:03d}.pt")  # as the archive names them
    assert load_initial(str(tmp_path)).name == "epoch-024.pt"


def test_a_model_that_a_kill_cut_in_half_is_removed_by_the_next_training(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.models.mkdir()
    half = run.models / ".rep-nano.epoch-001.accuracy-0.3000.pt.0123abcd.partial"
    half.touch()
    with run.locked():
        assert not half.exists()
