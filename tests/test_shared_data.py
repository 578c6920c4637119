"""What is promised on real data: FER2013 and pictures that are not part of the project. Slow; CI has the data."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from detection import Count, counted_scenes

from mien.analyzer import Analyzer
from mien.data import FaceSet, load
from mien.data.dataset import fingerprint
from mien.evaluation import evaluate
from mien.images import read_image
from mien.recognition import load_classifier
from tests.conftest import each_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def fer2013(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `fer2013.csv`, `fer2013new.csv` and `images/`."""
    folder = tmp_path_factory.mktemp("fer2013")
    unpack = shared / "fer2013" / "unpack.py"
    if not unpack.is_file():
        pytest.skip(f"needs {unpack}, which is not here")
    subprocess.run([sys.executable, str(unpack), str(folder), "--images"], check=True)
    return folder


@pytest.fixture(scope="session")
def faces(fer2013: Path) -> FaceSet:
    return load(fer2013 / "fer2013.csv")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", each_model())
def test_a_shipped_model_scores_what_it_says(faces: FaceSet, name: str) -> None:
    classifier = load_classifier(name)
    result = evaluate(classifier, faces, "PublicTest")
    assert result["num_faces"] == classifier.info.measured["num_faces"] == 3589
    assert result["accuracy"] == pytest.approx(classifier.info.measured["accuracy"], abs=5e-4)
    assert result["ece"] == pytest.approx(classifier.info.measured["ece"], abs=2e-3)
    assert result["without_duplicates"]["num_faces"] == 3589 - 280


@pytest.mark.timeout(600)
def test_the_folder_form_is_the_same_data(fer2013: Path, faces: FaceSet) -> None:
    folder = load(fer2013 / "images")
    assert sorted(face.tobytes() for face in folder.faces) == sorted(face.tobytes() for face in faces.faces)
    classifier = load_classifier("mini-xception")
    scores = [evaluate(classifier, data, "PublicTest")["accuracy"] for data in (faces, folder)]
    assert scores[0] == pytest.approx(scores[1])


@pytest.mark.timeout(600)
def test_training_saw_this_very_data(faces: FaceSet) -> None:
    trained_on = load_classifier("mini-xception").info.trained_on
    assert trained_on["sha256"] == fingerprint(faces)


HAAR_FINDS_ALL = ("five_faces.jpg", "group.jpg", "no_faces.jpg", "one_face.jpg", "solvay_1927.jpg")


@pytest.mark.parametrize("detector", ["yunet", "haar"])
def test_the_faces_that_were_marked_by_eye_are_found_and_no_others(shared: Path, detector: str) -> None:
    analyzer = Analyzer(detector=detector)
    scenes = dict(counted_scenes(shared / "media"))
    assert "counted: solvay_1927_whole.jpg" in scenes
    for name, scene in scenes.items():
        if detector == "yunet" or name.removeprefix("counted: ") in HAAR_FINDS_ALL:
            count = Count()
            count.add(scene, [face.detection.region.box for face in analyzer(scene.image)])
            assert (count.found, count.false) == (len(scene.faces), 0), name


@pytest.mark.parametrize("name", ["one_face.jpg", "five_faces.jpg", "group.jpg", "solvay_1927.jpg"])
def test_a_photograph_that_lies_shows_what_it_shows_upright(shared: Path, name: str) -> None:
    analyzer, image = Analyzer(), read_image(shared / "media" / name)
    labels = sorted(face.label for face in analyzer(image))
    for quarters in (1, 2, 3):
        faces = analyzer(np.ascontiguousarray(np.rot90(image, quarters)))
        assert len(faces) == len(labels)
        assert len(set(labels) ^ {face.label for face in faces}) <= 2
        assert all(abs((face.pose.roll + 90 * quarters + 180) % 360 - 180) < 45 for face in faces)


def test_every_file_is_answered_in_one_table(
    run_mien: Callable[..., tuple[int, str, str]], shared: Path, tmp_path: Path
) -> None:
    files = sorted((shared / "media").iterdir())
    table = tmp_path / "all.jsonl"
    status, _, err = run_mien("analyze", shared / "media", "--jsonl", table, "--jobs", 2)
    assert status == 0, err
    lines = [json.loads(line) for line in table.read_text().splitlines()]
    assert list(dict.fromkeys(line["source"] for line in lines)) == [str(file) for file in files]
    assert all(line["error"] is None for line in lines)
    for video in (file for file in files if file.suffix in (".mp4", ".mov")):
        frames = [line for line in lines if line["source"] == str(video)]
        assert [line["index"] for line in frames] == list(range(len(frames)))
        people = {face["track_id"] for line in frames for face in line["faces"]}
        assert people == (set() if video.name.startswith("no_face.") else {1}), video.name
    pictures = [file for file in files if file.suffix not in (".mp4", ".mov")]
    status, _, err = run_mien("analyze", *pictures, "--json", tmp_path / "r.json", "--annotate", tmp_path / "out")
    assert status == 0, err
    rows = json.loads((tmp_path / "r.json").read_text())["results"]
    assert [row["source"] for row in rows] == [str(file) for file in pictures]
    assert "Traceback" not in err
    for drawn in (tmp_path / "out").iterdir():
        assert np.ndim(read_image(drawn)) == 3
