import json
import sys
from pathlib import Path

import average
import pytest
import torch

from mien.data import FaceSet
from mien.data.folds import without_fold
from mien.training import train
from mien.training.initial import load_initial
from mien.training.recipe import Recipe
from mien.training.run import Run
from mien.training.trained import describe_together, load_trained


@pytest.fixture
def kept(bars: FaceSet, tmp_path: Path) -> list[str]:
    """The models that a training kept of its two epochs."""
    recipe = Recipe(architecture="mini-xception", image_size=32, epochs=2, batch_size=56, ema_decay=0.5)
    for _ in train(recipe, bars, tmp_path / "run"):
        pass
    return [str(path) for path in Run(tmp_path / "run").kept_models().values()]


def arguments(*words: str | Path) -> list[str]:
    return ["average.py", *map(str, words), "--data", "bars"]


def test_the_mean_of_weights_is_kept_as_a_model(
    bars: FaceSet, kept: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(average, "load_for", lambda info, path: bars)
    assert len(kept) == 2
    out = tmp_path / "mean.pt"
    monkeypatch.setattr(sys, "argv", arguments(*kept, "--shares", "0.25,0.75", "--out", out))
    average.main()
    result = json.loads(capsys.readouterr().out)
    (mean, about), *members = (load_trained(each) for each in (out, *map(Path, kept)))
    weights, first, second = (each.state_dict() for each in (mean, *(trainee for trainee, _ in members)))
    name = next(name for name, value in weights.items() if value.dim() == 4)
    torch.testing.assert_close(weights[name], 0.25 * first[name] + 0.75 * second[name])
    assert about["epoch"]["val_accuracy"] == result["val_accuracy"]
    described = describe_together(mean, [about, about], "tested").recipe["members"][0]
    assert described["shares"] == [0.25, 0.75]
    assert [each["architecture"] for each in described["mean_of"]] == ["mini-xception"] * 2


def test_a_mean_is_fitted_on_the_faces_that_its_parts_learned_from(
    bars: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(architecture="mini-xception", image_size=32, epochs=1, batch_size=16, folds=2, fold=1)
    for name in "ab":
        for _ in train(recipe, bars, tmp_path / name):
            pass
    given = []
    monkeypatch.setattr(average, "load_for", lambda info, path: bars)
    monkeypatch.setattr(average, "fit_mean", lambda mean, faces: given.append(len(faces)))
    average.keep_mean([tmp_path / name for name in "ab"], [1, 1], Path("bars"), tmp_path / "mean.pt")
    assert given == [len(without_fold(bars.split("train"), 2, 1))]
    assert load_initial(str(tmp_path / "mean.pt")).folds == 2


@pytest.mark.parametrize(
    ("shares", "message"),
    [(text, "expected a positive number for each of 2 trainings") for text in ("1", "0,0", "1,-1", "1,nan")]
    + [("half,half", "argument --shares: invalid numbers value")],
)
def test_shares_that_are_none_are_refused(
    kept: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shares: str,
    message: str,
) -> None:
    monkeypatch.setattr(sys, "argv", arguments(*kept, f"--shares={shares}", "--out", tmp_path / "mean.pt"))
    with pytest.raises(SystemExit):
        average.main()
    assert message in capsys.readouterr().err
    assert not (tmp_path / "mean.pt").exists()
