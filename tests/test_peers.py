"""What is compared with other packages' expression networks, without those packages."""

import sys
from pathlib import Path

import numpy as np
import pytest
from peers.expressions import (
    ALL,
    CROPS,
    ENVIRONMENTS,
    MIRRORED,
    PEERS,
    PLAIN,
    Command,
    Peer,
    Process,
    scored,
    seven,
    write_faces,
)
from robustness import DISTORTIONS

from mien.data import FaceSet
from mien.emotions import EMOTIONS, FER_PLUS_VOTES

HERE = Path(__file__).parents[1] / "benchmarks" / "peers"

FAKE = """
from pathlib import Path
import numpy as np
from peers.classify import Network

def load(which):
    def run(faces):
        bright = faces.mean(axis=(1, 2))
        return np.stack([bright, 1 - bright], axis=1)

    ways = {"as it is": lambda faces: faces / 255, "inverted": lambda faces: 1 - faces / 255}
    return Network(("Happiness", which), ways, run, (Path(__file__),), 2, "a fake")
"""


def test_scores_go_to_the_seven_by_name_and_sum_to_one() -> None:
    labels = ["Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"]
    scores = seven(np.array([[0.1, 0.5, 0, 0, 0.3, 0.1, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0]], np.float32), labels)
    assert scores[0] == pytest.approx([0.2, 0, 0, 0.6, 0, 0, 0.2], abs=1e-6)
    assert scores[1] == pytest.approx([1 / 7] * 7), "where nothing is left, all are equally likely"


def test_a_peer_in_its_own_process_answers_for_every_face_in_every_way(tmp_path: Path) -> None:
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers" / "classify_fake.py").write_text(FAKE, encoding="utf-8")
    faces = np.broadcast_to(np.arange(0, 150, dtype=np.uint8)[:, None, None], (150, 48, 48))  # more than a batch
    faces.tofile(tmp_path / "faces.u8")
    peer = Peer("fake 1.0", "fake", "fake", "sad")
    start = f"import sys; sys.path.append({str(tmp_path)!r}); from peers.classify import main; main()"
    with Process(peer, Command([sys.executable, "-c", start, "fake", "sad"], tmp_path)) as process:
        assert process.about["labels"] == ["Happiness", "sad"]
        plain = process.classify("as it is", tmp_path / "faces.u8", tmp_path / "plain.f32")
        inverted = process.classify("inverted", tmp_path / "faces.u8", tmp_path / "inverted.f32")
        assert process.microseconds("inverted", 0.01) > 0
    assert plain[:, EMOTIONS.index("happy")] == pytest.approx(np.arange(150) / 255, abs=1e-6)
    assert inverted[:, EMOTIONS.index("sad")] == pytest.approx(np.arange(150) / 255, abs=1e-6)


def test_faces_are_written_as_they_are_spoilt_and_mirrored(tmp_path: Path) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (7, 48, 48), np.uint8)
    files = write_faces(tmp_path, faces)
    assert list(files) == list(CROPS)
    assert set(files["as it is"]) == {ALL, PLAIN, MIRRORED, *DISTORTIONS}

    def read(crop: str, name: str) -> np.ndarray:
        return np.fromfile(files[crop][name], np.uint8).reshape(-1, 48, 48)

    assert np.array_equal(read("as it is", ALL), faces)
    assert np.array_equal(read("as it is", PLAIN), faces[[0, 3, 6]])
    assert np.array_equal(read("as it is", MIRRORED)[:, :, ::-1], faces[[0, 3, 6]])
    assert not np.array_equal(read("30 % wider", ALL), faces)


def test_both_yardsticks_are_those_of_the_models() -> None:
    """Labelled happy; two of the three are named by most people, one of these sad."""
    random = np.random.default_rng(0)
    votes = np.zeros((4, 10), np.uint8)
    votes[np.arange(4), [FER_PLUS_VOTES.index(name) for name in ("happiness", "sadness", "happiness", "fear")]] = 10
    votes[2] = np.eye(10, dtype=np.uint8)[1] * 5 + np.eye(10, dtype=np.uint8)[0] * 5
    faces = FaceSet(
        "faces", random.integers(0, 256, (4, 48, 48), np.uint8), EMOTIONS, np.full(4, 3),
        np.array(["val"] * 3 + ["train"]), list("abcd"), votes,
    )  # fmt: skip
    split = faces.split("PublicTest")
    scores = np.eye(7, dtype=np.float32)[[3, 3, 4]]
    found = scored(scores, faces, split)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert (found["people"]["num_faces"], found["people"]["accuracy"]) == (2, 0.5)


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_has_its_module_and_pinned_packages(name: str) -> None:
    peer = PEERS[name]
    packages = ENVIRONMENTS[peer.environment] if peer.environment else None
    assert (HERE / f"classify_{peer.module}.{'mjs' if packages and packages.npm else 'py'}").exists()
    if packages:
        assert all("==" in each for each in (*packages.pip, *packages.pip_alone))
        assert all("@" in each[1:] for each in packages.npm)
        assert peer.licence
        assert peer.trained_on
