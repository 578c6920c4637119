"""The whole benchmark, with few rounds."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.benchmark import benchmark
from mien.benchmark.candidates import candidates
from mien.benchmark.first import first_picture
from mien.benchmark.measure import PORTRAIT, Agreement
from mien.detection import Detector
from mien.errors import InvalidInput, MienError
from mien.images import read_image
from mien.recognition import load_classifier, shipped_models

DETECTOR = "some_detector:Middle"


@pytest.fixture(autouse=True)
def middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector of one's own, which finds a face in the middle of whatever it sees."""
    code = (
        "from mien.values import Box, Detection\n"
        "class Middle:\n"
        "    def __call__(self, image):\n"
        "        height, width = image.shape[:2]\n"
        "        return [Detection(Box(width / 4, height / 4, width * 3 / 4, height * 3 / 4), 1.0)]\n"
    )
    (tmp_path / "some_detector.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "some_detector", raising=False)


def test_the_portrait_shows_one_face() -> None:
    assert read_image(PORTRAIT).shape == (480, 640, 3)
    measured = benchmark(["mini-xception"], ["yunet", "haar"], seconds=0, least_rounds=1)
    assert measured.num_faces == {"yunet": 1, "haar": 1}


def test_models_and_detectors_side_by_side() -> None:
    threads = cv2.getNumThreads()
    measured = benchmark(["mini-xception", "rep-small"], [DETECTOR], seconds=0, least_rounds=5)
    assert [(row.model, row.detector) for row in measured.rows] == [
        ("mini-xception", DETECTOR),
        ("rep-small", DETECTOR),
    ]
    for row in measured.rows:
        assert set(row.stages) == {1, measured.machine.cores}
        stages = row.stages[1]
        for stage in (stages.read, stages.detector, stages.network, stages.whole):
            assert 0 < stage.p50 <= stage.p95
        assert stages.whole.num == measured.rounds == 5
        assert row.first_picture_seconds > 0
        assert row.accuracy is not None
        assert not row.accuracy.measured_here
    assert measured.rows[0].kilobytes < measured.rows[1].kilobytes
    assert measured.advice
    assert json.loads(json.dumps(measured.to_dict()))["size"] == [640, 480]
    assert cv2.getNumThreads() == threads


def test_the_accuracy_is_that_of_mien_evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.evaluation import evaluate, load_for

    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "faces" / "val" / ("happy", "sad")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), random.integers(0, 256, (48, 48), np.uint8))
    found = benchmark(["mini-xception"], [DETECTOR], data=tmp_path / "faces", seconds=0, least_rounds=1)
    classifier = load_classifier("mini-xception")
    scores = evaluate(classifier, load_for(classifier.info, tmp_path / "faces"), "val")
    (row,) = found.rows
    assert row.accuracy
    assert (row.accuracy.value, row.accuracy.num_faces) == (scores["accuracy"], 40)
    assert row.accuracy.measured_here


def test_each_model_in_another_format() -> None:
    pytest.importorskip("onnx")
    found = benchmark(["mini-xception"], [DETECTOR], formats=["onnx-fp16"], seconds=0, least_rounds=1)
    assert [row.model for row in found.rows] == ["mini-xception", "mini-xception as onnx-fp16"]
    assert any("The network of mini-xception as onnx-fp16 takes" in sentence for sentence in found.advice)
    as_shipped, converted = (row.agreement for row in found.rows)
    assert as_shipped == Agreement(value=1.0, num_faces=3589, data="fer2013.csv"), "as its file says"
    assert converted
    assert (converted.num_faces, converted.data) == (512, "made pictures")


def test_two_files_of_one_name_are_converted_apart(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from mien.shipping.finish import finish

    files = [tmp_path / folder / "x.onnx" for folder in "ab"]
    for file, name in zip(files, ("mini-xception", "rep-small"), strict=True):
        finish(shipped_models()[name], file)
    (tmp_path / "converted").mkdir()
    given = dict(candidates(files, ["onnx-fp16"], None, tmp_path / "converted"))
    architectures = [load_classifier(file).info.architecture for file in given.values()]
    assert architectures == ["mini-xception", "mini-xception", "rep-small", "rep-small"]
    assert len(set(given.values())) == 4


def test_a_format_is_measured_however_few_labels_agree(unlike_in_16_bits: Path) -> None:
    found = benchmark([unlike_in_16_bits], [DETECTOR], formats=["onnx-fp16"], seconds=0, least_rounds=1)
    agreement = found.rows[1].agreement
    assert agreement
    assert agreement.value < 0.9


def test_a_provider_runs_all_that_is_measured() -> None:
    found = benchmark(["mini-xception"], [DETECTOR], provider="cpu", seconds=0, least_rounds=1)
    assert found.provider == "cpu"
    with pytest.raises(InvalidInput, match=r"in a process of its own: .*provider is one of cpu"):
        first_picture("mini-xception", DETECTOR, PORTRAIT.read_bytes(), "gpu")


def test_a_picture_without_a_face_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(InvalidInput, match="yunet finds no face in the picture; name one with a face"):
        benchmark(["mini-xception"], picture=tmp_path / "grey.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": ["no-such"]}, "unknown model 'no-such'"),
        ({"detectors": ["no-such"]}, "unknown detector 'no-such'"),
        ({"provider": "gpu"}, "provider is one of cpu, cuda"),
        ({"provider": "cpu", "formats": ["ncnn"]}, "provider cpu runs ONNX files, and the format ncnn has a runtime"),
        ({"formats": ["gif"]}, "a format is one of onnx, .*; got 'gif'"),
        ({"picture": Path("none.jpg")}, "none.jpg"),
        ({"data": Path("none.csv"), "seconds": 0, "least_rounds": 1}, "none.csv"),
    ],
)
def test_what_cannot_be_read_is_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(MienError, match=message):
        benchmark(**arguments)  # type: ignore[arg-type] # of several kinds


def test_a_detector_may_have_no_threads_to_set() -> None:
    """It is not told how many."""
    from mien.detection import Haar, YuNet, load_detector

    made: list[Detector] = [load_detector(name, num_threads=2) for name in ("yunet", "haar", DETECTOR)]
    assert isinstance(made[0], YuNet)
    assert made[0].num_threads == 2
    assert isinstance(made[1], Haar)


def test_threads_change_nothing_of_what_is_found(astronaut: Path) -> None:
    import pickle

    import mien

    one, two = mien.Analyzer(), pickle.loads(pickle.dumps(mien.Analyzer(num_threads=2)))
    assert two.detector.num_threads == 2
    (face,), (other,) = one(astronaut), two(astronaut)
    assert face.box == other.box
    assert np.allclose([*face.scores.values()], [*other.scores.values()], atol=1e-5)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, 10**6, "2"])
def test_wrong_numbers_of_threads_are_refused(threads: object) -> None:
    import mien

    with pytest.raises(InvalidInput, match="num_threads is a whole number, 1 to 256"):
        mien.Analyzer(num_threads=threads)  # type: ignore[arg-type] # that is the test
