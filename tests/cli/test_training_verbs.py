"""mien train, export, evaluate and models, from a CSV to a model that answers."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from mien.cli.export import _name_of
from mien.recognition import OnnxClassifier
from mien.training.events import Epoch
from mien.training.export import sample_faces
from mien.training.recipe import shipped_recipes

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
    rng = np.random.default_rng(0)
    path = tmp_path / "fer2013.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["emotion", "pixels", "Usage"])
        faces = [rng.integers(0, 80, 48 * 48) + 20 * (number % 7) for number in range(42)]
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
    assert re.search(
        r"epoch   2  train loss \d+\.\d+ accuracy \d+\.\d%  val loss \d+\.\d+ accuracy \d+\.\d%  \d+ s", err
    )
    assert "28 faces, 14 to validate on" in out
    assert "warning: 4 steps in all are too few" in err
    assert err.index("watch it:") < err.index("epoch   1")
    assert "mini-xception.epoch-00" in out

    status, out, err = run_mien("export", run, "--out", model, "--data", fer_csv)
    assert status == 0, err
    assert "torch and onnxruntime agree" in out
    info = OnnxClassifier(model).info
    assert info.measured["num_faces"] == 14
    assert "calibrated there" in out
    faces = sample_faces(info.input_size)
    assert run_mien("export", run, "--out", tmp_path / "plain.onnx")[0] == 0
    assert not np.allclose(OnnxClassifier(tmp_path / "plain.onnx")(faces), OnnxClassifier(model)(faces))

    both = tmp_path / "both.onnx"
    status, out, err = run_mien("export", run, run, "--out", both, "--data", fer_csv, "--format", "onnx-fp16")
    assert status == 0, err
    assert OnnxClassifier(both).info.size_class == "ensemble"
    assert OnnxClassifier(both).info.measured["accuracy"] == pytest.approx(info.measured["accuracy"], abs=0.1)

    mean = tmp_path / "mean.onnx"
    status, out, err = run_mien("export", run, run, "--average", "0.7,0.3", "--out", mean, "--data", fer_csv)
    assert status == 0, err
    assert OnnxClassifier(mean).info.recipe["shares"] == [0.7, 0.3]
    assert OnnxClassifier(mean).info.architecture == "mini-xception"
    assert OnnxClassifier(mean).info.measured["num_faces"] == 14

    scores = tmp_path / "scores.json"
    status, out, err = run_mien("evaluate", model, "--data", fer_csv, "--split", "PublicTest", "--json", scores)
    assert status == 0, err
    assert "no duplicates" in out
    assert f" {100 * info.measured['accuracy']:.2f} ± " in out
    result = json.loads(scores.read_text())
    wanted = {"model", "data", "split", "num_faces", "accuracy", "macro_f1", "per_class", "confusion", "ece", "nll"}
    assert wanted <= result.keys()
    assert result["num_faces"] == 14
    assert result["without_duplicates"]["num_faces"] == 13
    assert result["accuracy"] == pytest.approx(info.measured["accuracy"])

    status, out, _ = run_mien("evaluate", model, "--data", fer_csv, "--flip", "--json", "-")
    assert status == 0
    assert json.loads(out)["views"] == 2

    status, out, err = run_mien("train", recipe, "--data", fer_csv, "--out", run)
    assert status == 1
    assert "--resume" in err
    status, _, err = run_mien("train", recipe, "--data", fer_csv, "--out", run, "--resume", "--set", "epochs=3")
    assert status == 1
    assert f"--init {run} --out ANOTHER" in err
    status, _, err = run_mien("train", recipe, "--data", fer_csv, "--out", run, "--resume")
    assert status == 0, err


def test_an_export_says_whether_it_is_calibrated_and_replaces_no_file_but_models(
    run_mien: Callable[..., tuple[int, str, str]], recipe: Path, fer_csv: Path, tmp_path: Path
) -> None:
    run, model = tmp_path / "a run", tmp_path / "model.onnx"
    status, _, err = run_mien("train", recipe, "--data", fer_csv, "--out", run, "--threads", 1, "--resume")
    assert status == 0, err
    assert f"{run} holds no training to go on with; one begins there" in err
    status, _, err = run_mien("export", run, "--out", model)
    assert status == 0, err
    assert "it is not calibrated, so it calls no face unclear" in err
    status, _, err = run_mien("export", run, "--data", fer_csv, "--out", model)
    assert status == 0, err
    assert "not calibrated" not in err
    before = model.read_bytes()
    status, _, err = run_mien("export", model, "--out", model, "--format", "onnx-fp16")
    assert (status, model.read_bytes()) == (1, before)
    assert f"--out: {model} is an input, and would be overwritten" in err
    model.write_text("a table of mine")
    status, _, err = run_mien("export", run, "--out", model)
    assert (status, model.read_text()) == (1, "a table of mine")
    assert f"--out: {model} is there already and was not written by mien" in err


def test_a_file_is_named_after_its_run_and_a_model_file_after_itself(tmp_path: Path) -> None:
    assert _name_of(tmp_path / "mine" / "models" / "mini-xception.epoch-002.accuracy-0.5000.pt") == "mine"
    assert _name_of(tmp_path / "models" / "small.onnx") == "small"
    assert _name_of(tmp_path) == tmp_path.name


def test_explanations_are_measured_when_asked(
    run_mien: Callable[..., tuple[int, str, str]], fer_csv: Path, tmp_path: Path
) -> None:
    file = tmp_path / "scores.json"
    words = ["--data", fer_csv, "--explanations", "--json", file]
    status, out, err = run_mien("evaluate", "mini-xception", *words)
    assert status == 0, err
    for column in ("deletion, less is better", "brows", "weights shuffled in 50% of the layers"):
        assert column in out
    measured = json.loads(file.read_text())["explanations"]
    assert measured["resolution"] == [3, 3]
    assert measured["reading"] == "people"
    assert measured["num_faces"] == 14
    assert set(measured["randomized"]) == {
        "25% of the layers",
        "50% of the layers",
        "100% of the layers",
        "another face",
    }


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["train", "none.toml", "--data", "none.csv"], 1, "there is no such recipe"),
        (["train"], 2, "Missing argument"),
        (["train", "none.toml"], 2, "name what to train on"),
        (["train", "none.toml", "other.toml", "--data", "none.csv"], 2, "one recipe is trained at a time; got 2"),
        (["train", "none.toml", "--data", "none.csv", "--fold", "3/2"], 2, "expected K/N"),
        (["train", "mini-exception", "--data", "none.csv"], 1, "did you mean mini-xception?"),
        (["train", "--compare", "none"], 1, "none holds no training"),
        (["train", "none.toml", "--data", "none.csv", "--resume"], 2, "name the run"),
        (["runs", "nowhere"], 2, "there is no folder nowhere"),
        (["evaluate", "unheard-of", "--data", "none.csv"], 2, "unknown model 'unheard-of'"),
        (["export", "none"], 1, "none: there is no such file or folder, and no shipped model of that name"),
        (["export", "rep-smal"], 1, "no shipped model of that name; did you mean rep-small?"),
        (["export", "none", "none"], 2, "name the data to"),
        (["export", "none", "--format", "onnx-int8"], 2, "name the data to"),
        (["export", "none", "none", "--format", "onnx-int8", "--data", "x"], 2, "an ensemble can be kept"),
        (["export", "none", "--format", "tflite"], 2, "expected one of onnx, onnx-fp16, onnx-int8, openvino, ncnn"),
        (["export", "none", "--format", "openvino", "--out", "x.onnx"], 2, "in the format openvino ends in .xml"),
        (["export", "none", "--out", ".onnx"], 2, "ends in .onnx; got .onnx"),
        (["export", "none.xml"], 2, "none.xml was made from a file in ONNX or a run"),
        (["export", "none", "--least-agreement", "120%"], 2, "--least-agreement"),
        (["evaluate", "rep-small", "--data", "none.csv", "--provider", "gpu"], 2, "provider is one of cpu, cuda"),
        (["analyze", "none.jpg", "--provider", "gpu"], 2, "provider is one of cpu, cuda"),
        (["export", "none", "--average", "1", "--data", "x"], 2, "at least two models"),
        (["export", "none", "none", "--average", "1,0", "--data", "x"], 2, "a positive number for each"),
        (["export", "none", "none", "--average", "half,half", "--data", "x"], 2, "a positive number for each"),
        (["export", "none", "none", "--average", "1,1"], 2, "name the data to measure their mean"),
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


def test_recipes_that_come_with_mien_are_trained_by_name_anywhere(
    run_mien: Callable[..., tuple[int, str, str]], fer_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, _ = run_mien("train", "--help")
    assert status == 0
    for name in shipped_recipes():
        assert name in out
    monkeypatch.chdir(tmp_path)
    words = ["--set", "epochs=1", "--set", "batch_size=14", "--threads", 1]
    status, out, err = run_mien("train", "mini-xception", "--data", fer_csv, *words)
    assert status == 0, err
    (run,) = Path("runs").iterdir()
    assert run.name.startswith("mini-xception-2")
    assert (run / "page.html").exists()


def test_a_training_is_announced_once_it_is_sure_to_begin(
    run_mien: Callable[..., tuple[int, str, str]],
    recipe: Path,
    fer_csv: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["train", recipe, "--data", fer_csv, "--out", tmp_path / "run", "--threads", 1, "--set", "epochs=1"]
    status, out, err = run_mien(*words, "--set", "batch_size=29")
    assert (status, out) == (1, "")
    assert "fewer than one batch" in err
    screen = io.StringIO()
    monkeypatch.setattr("mien.cli.train.err", Console(file=screen, force_terminal=True, width=200))
    status, out, _ = run_mien(*words)
    assert status == 0
    assert out.startswith("training mini-xception on")
    assert "preparing" in screen.getvalue()
    assert "nan" not in screen.getvalue()


def test_a_training_that_learned_nothing_is_not_shipped(
    run_mien: Callable[..., tuple[int, str, str]], recipe: Path, fer_csv: Path, tmp_path: Path
) -> None:
    """Fault 15."""
    words = ("train", recipe, "--data", fer_csv, "--out", tmp_path / "run", "--threads", 1)
    status, out, err = run_mien(*words, "--set", "learning_rate=1e-7", "--set", "epochs=1")
    assert status == 0, err
    assert "warning: the network has learned nothing" in err
    assert "ship it" not in out


def test_processes_that_train_together_share_a_folder_that_is_named(
    run_mien: Callable[..., tuple[int, str, str]], recipe: Path, fer_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of its own has the time in it, which need not be the same second for all."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    status, _, err = run_mien("train", recipe, "--data", fer_csv)
    assert status == 2
    assert "name the folder that all processes share" in err


def test_without_a_terminal_a_long_epoch_is_not_silent(
    run_mien: Callable[..., tuple[int, str, str]], recipe: Path, fer_csv: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Fault 37."""
    monkeypatch.setattr("mien.cli.train.SECONDS_A_LINE", 0)
    monkeypatch.setattr("mien.training.loop.STEPS_A_REPORT", 5)
    words = ("train", recipe, "--data", fer_csv, "--out", tmp_path / "run", "--threads", 1, "--set", "batch_size=2")
    _, _, err = run_mien(*words, "--set", "epochs=1")
    assert re.search(r"epoch   1, \d+ of 14 steps  loss \d\.\d+ accuracy \d+\.\d%\n", err)


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


def test_the_command_line_overrides_the_recipe_and_faults_come_at_once(
    run_mien: Callable[..., tuple[int, str, str]], recipe: Path, fer_csv: Path, tmp_path: Path
) -> None:
    words = ["train", recipe, "--data", fer_csv, "--out", tmp_path / "run", "--threads", 1]
    status, _, err = run_mien(*words, "--set", "epoch=1", "--set", "optimizer=sdg")
    assert status == 1
    assert "epoch: no such key; did you mean epochs?" in err
    assert "optimizer: expected 'sgd', 'adam' or 'adamw', got 'sdg'" in err
    status, _, err = run_mien(*words, "--fold", "0/3")
    assert status == 2
    assert "expected K/N" in err

    changes = ["--set", "epochs=1", "--set", "optimizer=adamw", "--set", "augmentation.erase=0.5", "--seed", 7]
    status, _, err = run_mien(*words, *changes, "--fold", "2/3")
    assert status == 0, err
    written = json.loads((tmp_path / "run" / "run.json").read_text())["recipe"]
    assert (written["epochs"], written["optimizer"], written["augmentation"]["erase"]) == (1, "adamw", 0.5)
    assert (written["seed"], written["folds"], written["fold"]) == (7, 3, 1)


def test_runs_are_listed_and_compared(
    run_mien: Callable[..., tuple[int, str, str]], recipe: Path, fer_csv: Path, tmp_path: Path
) -> None:
    status, out, _ = run_mien("runs", tmp_path)
    assert status == 0
    assert "no training in" in out
    for seed in (1, 2):
        words = ["--out", tmp_path / "runs" / str(seed), "--seed", seed, "--threads", 1]
        assert run_mien("train", recipe, "--data", fer_csv, *words)[0] == 0
    status, out, _ = run_mien("runs", tmp_path, "--json", "-")
    assert status == 0
    rows = json.loads(out)
    assert [row["epochs_done"] for row in rows] == [2, 2]
    picture = tmp_path / "both.svg"
    status, out, err = run_mien(
        "train", "--compare", tmp_path / "runs" / "1", tmp_path / "runs" / "2", "--out", picture
    )
    assert status == 0, err
    assert "accuracy, %" in err
    assert f" {100 * rows[0]['val_accuracy']:.1f} " in err
    assert "<svg" in picture.read_text()
    compared = ("train", "--compare", tmp_path / "runs" / "1", "--out")
    assert run_mien(*compared, picture)[0] == 0
    drawing = tmp_path / "mine.svg"
    drawing.write_text("<svg/>")
    status, _, err = run_mien(*compared, drawing)
    assert (status, drawing.read_text()) == (1, "<svg/>")
    assert f"--out: {drawing} is there already and was not written by mien" in err
    words = ["--out", tmp_path / "runs" / "1", "--seed", 1, "--threads", 1, "--resume"]
    status, out, _ = run_mien("train", recipe, "--data", fer_csv, *words)
    assert status == 0
    assert "best: " in out


@pytest.mark.slow
def test_classes_of_ones_own_go_all_the_way(
    run_mien: Callable[..., tuple[int, str, str]],
    recipe: Path,
    tmp_path: Path,
    astronaut: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three classes of pictures of any size, no validation split, beginning with a shipped model."""
    rng = np.random.default_rng(0)
    for number in range(60):
        path = tmp_path / "mine" / ("wink", "grin", "yawn")[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        face = rng.integers(0, 90, (50 + number, 60), dtype=np.uint8) + np.uint8(80 * (number % 3))
        cv2.imwrite(str(path), face)
    seven = tmp_path / "seven" / "happy" / "1.png"
    seven.parent.mkdir(parents=True)
    seven.write_bytes((tmp_path / "mine" / "grin" / "1.png").read_bytes())
    words = ["train", recipe, "--data", tmp_path / "mine", "--out", tmp_path / "run", "--threads", 1]
    status, _, err = run_mien(*words)
    assert status == 1
    assert "--own-classes" in err
    status, _, err = run_mien(*words, "--own-classes")
    assert status == 1
    assert "no faces in the split 'val'" in err
    assert "--val-share" in err
    status, _, err = run_mien(*words, "--own-classes", "--val-share", 0.3, "--init", "mini-xception")
    assert status == 0, err
    status, _, err = run_mien("evaluate", "mini-xception", "--data", tmp_path / "seven")
    assert status == 1
    assert "--split train" in err
    assert "--val-share" not in err
    model = tmp_path / "mine.onnx"
    assert run_mien("export", tmp_path / "run", "--out", model)[0] == 0
    assert OnnxClassifier(model).labels == ("grin", "wink", "yawn")
    for split in ("train", "val"):  # data that need nothing held out
        shutil.copytree(tmp_path / "mine", tmp_path / "whole" / split)
    status, _, err = run_mien("export", tmp_path / "run", "--out", model, "--data", tmp_path / "whole")
    assert status == 0, err
    status, out, err = run_mien("analyze", astronaut, "--model", model, "--json", "-")
    assert status == 0, err
    (face,) = json.loads(out)["results"][0]["faces"]
    assert set(face["scores"]) == {"grin", "wink", "yawn"}
    monkeypatch.chdir(tmp_path)
    model.unlink()
    for kept in (Path("run"), next((tmp_path / "run" / "models").iterdir())):
        assert run_mien("export", kept)[0] == 0
        assert OnnxClassifier(Path("run.onnx")).info.name == "run"
        Path("run.onnx").unlink()


def test_data_without_votes_leave_the_reading_of_people_and_the_command_says_so(
    run_mien: Callable[..., tuple[int, str, str]], fer_csv: Path, tmp_path: Path
) -> None:
    model = tmp_path / "again.onnx"
    status, out, err = run_mien("export", "mini-xception", "--data", fer_csv, "--out", model)
    assert status == 0, err
    assert "no votes of FER+: people's reading is calibrated as it was" in err
    assert "by people's reading), logits differ" in out
    assert "people" in OnnxClassifier(model).info.readings


def test_an_interrupted_training_says_how_to_go_on(
    run_mien: Callable[..., tuple[int, str, str]], recipe: Path, fer_csv: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def interrupt(epoch: Epoch) -> str:
        if epoch.epoch == 2:
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr("mien.cli.train._line", interrupt)
    words = ["train", recipe, "--data", fer_csv, "--out", tmp_path / "run", "--threads", 1, "--checkpoint-seconds", 0]
    status, _, err = run_mien(*words)
    assert status == 130
    assert "holds what was done until its last checkpoint, and --resume goes on" in err
    assert (tmp_path / "run" / "checkpoint.pt").exists()
