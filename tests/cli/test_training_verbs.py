"""mien train, export, evaluate and models, from a CSV to a model that answers."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.recognition import OnnxClassifier

RECIPE = """
architecture = "mini-xception"
epochs = 2
batch_size = 14
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def fer_csv(tmp_path: Path) -> Path:
    """42 faces of noise, brighter from class to class: 28 to train on, 14 to validate, one of them in both."""
    dice = np.random.default_rng(0)
    path = tmp_path / "fer2013.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["emotion", "pixels", "Usage"])
        faces = [dice.integers(0, 80, 48 * 48) + 20 * (number % 7) for number in range(42)]
        faces[28] = faces[0]
        for number, face in enumerate(faces):
            rows.writerow([number % 7, " ".join(map(str, face)), "Training" if number < 28 else "PublicTest"])
    return path


def test_from_a_csv_to_a_model_that_answers(
    run_mien: Callable[..., tuple[int, str, str]], recipe: Path, fer_csv: Path, tmp_path: Path
) -> None:
    run, model = tmp_path / "run", tmp_path / "tiny.onnx"
    status, out, err = run_mien("train", recipe, "--data", fer_csv, "--out", run, "--threads", 1)
    assert status == 0, err
    assert "epoch   2" in err
    assert "mini-xception.epoch-00" in out

    status, out, err = run_mien("export", run, "--out", model, "--data", fer_csv)
    assert status == 0, err
    assert "torch and onnxruntime agree" in out
    info = OnnxClassifier(model).info
    assert info.measured["num_faces"] == 14
    assert info.temperature != 1.0

    scores = tmp_path / "scores.json"
    status, out, err = run_mien("evaluate", model, "--data", fer_csv, "--split", "PublicTest", "--json", scores)
    assert status == 0, err
    assert "without duplicates" in out
    result = json.loads(scores.read_text())
    wanted = {"model", "data", "split", "num_faces", "accuracy", "macro_f1", "per_class", "confusion", "ece", "nll"}
    assert wanted <= result.keys()
    assert result["num_faces"] == 14
    assert result["without_duplicates"]["num_faces"] == 13
    assert result["accuracy"] == pytest.approx(info.measured["accuracy"])

    status, out, _ = run_mien("evaluate", model, "--data", fer_csv, "--flip", "--json", "-")
    assert status == 0
    assert json.loads(out)["flip"] is True

    status, out, err = run_mien("train", recipe, "--data", fer_csv, "--out", run)
    assert status == 1
    assert "--resume" in err
    status, _, err = run_mien("train", recipe, "--data", fer_csv, "--out", run, "--resume")
    assert status == 0, err


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["train", "none.toml", "--data", "none.csv"], 1, "there is no such recipe"),
        (["train"], 2, "Missing argument"),
        (["train", "none.toml", "--data", "none.csv", "--resume"], 2, "name the run"),
        (["evaluate", "unheard-of", "--data", "none.csv"], 1, "unknown model 'unheard-of'"),
        (["export", "none"], 1, "no such file"),
        (["models", "fetch", "retina"], 2, "expected: yunet"),
        (["unheard-of"], 2, "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_commands_say_what_is_wrong(
    run_mien: Callable[..., tuple[int, str, str]], words: list[str], status: int, message: str
) -> None:
    done, out, err = run_mien(*words)
    assert done == status
    assert message in err
    assert "Traceback" not in out + err


def test_faults_of_a_recipe_come_all_at_once(
    run_mien: Callable[..., tuple[int, str, str]], tmp_path: Path, fer_csv: Path
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('architecture = "mini-xception"\nepoch = 3\nbatch_size = 0\n')
    status, _, err = run_mien("train", path, "--data", fer_csv)
    assert status == 1
    assert "did you mean epochs?" in err
    assert "batch_size: expected at least 2, got 0" in err


def test_models_are_listed_for_people_and_machines(run_mien: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = run_mien("models")
    assert status == 0
    assert "mini-xception" in out
    status, out, _ = run_mien("models", "--json")
    (row,) = [row for row in json.loads(out) if row["name"] == "mini-xception"]
    assert status == 0
    assert row["parameters"] < 62_000
    assert row["size_class"] == "nano"
    assert row["licence"] == "Apache-2.0"
    assert row["accuracy"] > 0.665
