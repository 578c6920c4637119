import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from mien.data import FaceSet
from mien.data.folds import without_fold
from mien.emotions import EMOTIONS
from mien.errors import ExportError, InvalidInput, ModelError
from mien.recognition import OnnxClassifier
from mien.recognition.model_file import METADATA_KEY
from mien.shipping.quantize import quantize
from mien.training import checkpoint
from mien.training.architectures import ARCHITECTURES
from mien.training.architectures.network import FullyConvolutional, Head
from mien.training.export import TOLERANCE, Exported, compare, export, export_trained, sample_faces
from mien.training.loop import train
from mien.training.recipe import Recipe
from mien.training.trained import Trainee, describe_model, load_trained
from tests.conftest import each_network
from tests.training.fakes import about, fresh


@pytest.mark.parametrize("name", each_network(ARCHITECTURES))
def test_the_file_explains_itself_and_agrees(name: str, tmp_path: Path) -> None:
    trainee = fresh(name, votes=True)
    info = describe_model(trainee, about(name), "tested")
    exported = export(trainee, info, tmp_path / "tested.onnx")
    assert exported.info == info
    assert compare(Exported(trainee), exported, sample_faces(48)) <= TOLERANCE
    for num in (0, 1, 5):
        faces = np.random.default_rng(num).integers(0, 256, (num, 48, 48), dtype=np.uint8)
        assert exported(faces).shape == (num, 7)
        assert exported.evidence(faces).shape[:2] == (num, 7)
        assert exported.votes(faces).shape == (num, 8)
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "tested.onnx").metadata_props}
    values = json.loads(metadata[METADATA_KEY])
    assert values["labels"] == list(EMOTIONS)
    assert values["commit"] == "0123456789ab"
    assert values["measured"]["accuracy"] == 0.4


def test_a_network_without_votes_gives_none(tmp_path: Path) -> None:
    trainee = fresh("mini-xception")
    exported = export(trainee, describe_model(trainee, about("mini-xception"), "tested"), tmp_path / "tested.onnx")
    assert exported.info.vote_labels == ()
    with pytest.raises(InvalidInput, match="tested gives no votes"):
        exported.votes(sample_faces(48))


def test_classes_whose_names_are_no_utf8_are_exported(tmp_path: Path) -> None:
    """Fault 52: a folder of pictures may have any name, and its class then too."""
    classes = ["c\udcff", "c\udcfe", "é", "d", "e", "f", "g"]
    trainee = fresh("mini-xception")
    info = describe_model(trainee, about("mini-xception") | {"classes": classes}, "tested")
    assert export(trainee, info, tmp_path / "tested.onnx").labels == tuple(classes)


def test_the_file_holds_no_path_of_this_machine(tmp_path: Path) -> None:
    network = fresh("mini-xception")
    export(network, describe_model(network, about("mini-xception"), "tested"), tmp_path / "tested.onnx")
    content = (tmp_path / "tested.onnx").read_bytes()
    assert str(Path(torch.__file__).parent).encode() not in content
    assert str(Path(__file__).parents[2]).encode() not in content


def test_a_disagreement_fails_the_export_and_leaves_the_old_file(tmp_path: Path) -> None:
    """A network whose answer changes from call to call can agree with no file."""

    class Fickle(FullyConvolutional):
        num_embedded = 1
        calls = 0

        def __init__(self) -> None:
            super().__init__()
            self.features = torch.nn.Conv2d(1, 1, 3)
            self.evidence = torch.nn.Conv2d(1, 7, 1)

        def forward(self, faces: torch.Tensor, *heads: Head) -> tuple[torch.Tensor, ...]:
            if not torch.compiler.is_exporting():
                faces = faces + 1
            return super().forward(faces, *heads)

    path = tmp_path / "tested.onnx"
    path.write_bytes(b"the old one")
    network = Trainee(Fickle(), votes=False).eval()
    with pytest.raises(ExportError, match="logits of torch and onnxruntime differ by"):
        export(network, describe_model(network, about("mini-xception"), "tested"), path)
    assert path.read_bytes() == b"the old one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["tested.onnx"]


@pytest.mark.parametrize("fault", ["architecture", "classes", "weights", "epoch"])
def test_a_model_this_mien_cannot_build_is_named(tmp_path: Path, fault: str) -> None:
    weights, known = fresh("mini-xception").state_dict(), about("mini-xception")
    if fault == "architecture":
        known["recipe"] = {"architecture": "unheard-of"}
    elif fault == "classes":
        known["classes"] = ["a", "b"]
    elif fault == "epoch":
        del known["epoch"]
    else:
        weights.popitem()
    checkpoint.save(tmp_path / "odd.pt", weights, known)
    with pytest.raises(ModelError, match=r"odd\.pt"):
        load_trained(tmp_path / "odd.pt")


def test_a_mean_is_fitted_on_the_faces_that_its_parts_learned_from(
    bars: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fitted(Exception):
        """Ends the export."""

    def fit(mean: Trainee, faces: FaceSet) -> None:
        raise Fitted(len(faces))

    recipe = Recipe(architecture="mini-xception", image_size=32, epochs=1, batch_size=16, folds=2, fold=1)
    for name in "ab":
        for _ in train(recipe, bars, tmp_path / name):
            pass
    monkeypatch.setattr("mien.training.export.load_for", lambda info, data: bars)
    monkeypatch.setattr("mien.training.export.fit_mean", fit)
    with pytest.raises(Fitted) as fitted:
        export_trained(
            [tmp_path / "a", tmp_path / "b"], tmp_path / "mean.onnx", data=Path("fer2013.csv"), shares=[1, 1]
        )
    assert fitted.value.args == (len(without_fold(bars.split("train"), 2, 1)),)


def test_an_exported_file_is_read_without_torch(tmp_path: Path) -> None:
    network = fresh("mini-xception")
    export(network, describe_model(network, about("mini-xception"), "tested"), tmp_path / "tested.onnx")
    assert OnnxClassifier(tmp_path / "tested.onnx").labels == EMOTIONS


def test_eight_bits_calibrate_on_any_number_of_faces(tmp_path: Path) -> None:
    network = fresh("rep-nano")
    export(network, describe_model(network, about("rep-nano"), "tested"), tmp_path / "whole.onnx")
    faces = np.random.default_rng(0).integers(0, 256, (101, 48, 48), dtype=np.uint8)
    assert quantize(tmp_path / "whole.onnx", faces, tmp_path / "small.onnx").info.name == "tested"


@pytest.mark.parametrize("name", each_network(["gelu-cnn", "mini-xception"]))
def test_eight_bits_answer_nearly_the_same(name: str, tmp_path: Path) -> None:
    network = fresh(name)
    whole = export(network, describe_model(network, about(name), "tested"), tmp_path / "whole.onnx")
    faces = sample_faces(48)
    small = quantize(tmp_path / "whole.onnx", faces, tmp_path / "small.onnx")
    difference = np.abs(small.logits(faces) - whole.logits(faces)).max()
    assert 0 < difference < 0.2 * np.abs(whole.logits(faces)).max() + 0.05
    np.testing.assert_allclose(small.evidence(faces).mean((2, 3)), small.logits(faces), atol=1e-4)
    if name == "gelu-cnn":
        assert (tmp_path / "small.onnx").stat().st_size < 0.3 * (tmp_path / "whole.onnx").stat().st_size
