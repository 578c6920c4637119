from pathlib import Path

import numpy as np
import pytest
import torch

from mien.emotions import EMOTIONS
from mien.recognition import OnnxClassifier
from mien.recognition.model_file import LOGITS, VOTES, VOTES_EVIDENCE
from mien.shipping.calibrate import rescale, unscaled
from mien.shipping.quantize import halve, quantize
from mien.training.architectures import ARCHITECTURES
from mien.training.export import export, sample_faces
from mien.training.initial import load_initial
from mien.training.trained import Trainee, describe_model
from tests.conftest import each_network

FACTORS, OFFSETS = np.linspace(0.5, 2, 7), np.linspace(-1, 1, 7)


def export_fresh(architecture: str, path: Path) -> None:
    torch.manual_seed(0)
    trainee = Trainee(ARCHITECTURES[architecture](7, 48), votes=True).eval()
    about = {
        "recipe": {"architecture": architecture, "image_size": 48},
        "classes": list(EMOTIONS),
        "code": {"commit": "0123456789ab"},
        "data": {"name": "fer2013.csv", "faces": {"train": 10, "val": 5}},
        "epoch": {"epoch": 3, "val_accuracy": 0.4, "val_loss": 1.5},
    }
    export(trainee, describe_model(trainee, about, "tested"), path)


def load_both(raw: Path, calibrated: Path) -> tuple[OnnxClassifier, OnnxClassifier]:
    return OnnxClassifier(raw), rescale(raw, {LOGITS: (FACTORS, OFFSETS)}, calibrated)


@pytest.mark.parametrize("name", ["rep-small", "mini-xception"])
@pytest.mark.parametrize("form", ["whole", "half", "eight bits"])
def test_logits_are_scaled_and_their_maps_with_them(name: str, form: str, tmp_path: Path) -> None:
    whole, raw, calibrated = (tmp_path / f"{file}.onnx" for file in ("whole", "raw", "calibrated"))
    export_fresh(name, whole)
    faces = sample_faces(48)
    if form == "half":
        halve(whole, raw)
    elif form == "eight bits":
        quantize(whole, np.tile(faces, (2, 1, 1)), raw)
    else:
        raw = whole
    before, after = load_both(raw, calibrated)
    np.testing.assert_allclose(after.logits(faces), before.logits(faces) * FACTORS + OFFSETS, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(after.logits(faces), after.evidence(faces).mean((2, 3)), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(after.votes(faces), before.votes(faces), atol=1e-5)
    assert after.info == before.info


@pytest.mark.parametrize("name", each_network(["rep-small", "gelu-cnn"]))
def test_votes_are_scaled_with_their_maps_and_anew(name: str, tmp_path: Path) -> None:
    raw, once, twice = (tmp_path / f"{file}.onnx" for file in ("raw", "once", "twice"))
    export_fresh(name, raw)
    faces = sample_faces(48)
    factors, offsets = np.linspace(0.5, 2, 8), np.linspace(-1, 1, 8)
    before = OnnxClassifier(raw).vote_logits(faces)
    rescale(raw, {VOTES: (factors, offsets)}, once)
    np.testing.assert_allclose(
        unscaled(once, VOTES, OnnxClassifier(once).vote_logits(faces)), before, rtol=1e-4, atol=1e-4
    )
    after = rescale(once, {VOTES: (factors[::-1], offsets)}, twice)
    votes, maps = after.run(faces, [VOTES, VOTES_EVIDENCE])
    np.testing.assert_allclose(votes, before * factors[::-1] + offsets, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(votes, maps.mean((2, 3)), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(after.logits(faces), OnnxClassifier(raw).logits(faces), atol=1e-5)


def test_a_training_begins_with_the_weights_as_they_were_trained(tmp_path: Path) -> None:
    export_fresh("rep-nano", tmp_path / "raw.onnx")
    load_both(tmp_path / "raw.onnx", tmp_path / "calibrated.onnx")
    plain, rescaled = (load_initial(str(tmp_path / f"{name}.onnx")).weights for name in ("raw", "calibrated"))
    assert plain.keys() == rescaled.keys()
    for name, weight in plain.items():
        torch.testing.assert_close(weight, rescaled[name])
