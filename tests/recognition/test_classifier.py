import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from mien.errors import InvalidInput, ModelError
from mien.recognition import OnnxClassifier, checked_scores, softmax


def half_lit(num: int) -> np.ndarray:
    """Faces dark on the left and brighter on the right, from face to face."""
    faces = np.zeros((num, 8, 8), np.uint8)
    faces[:, :, 4:] = (np.arange(num) % 200)[:, None, None]
    return faces


def test_scores_logits_and_evidence_agree(make_model: Callable[..., Path]) -> None:
    classifier = OnnxClassifier(make_model())
    faces = half_lit(5)
    logits, evidence = classifier.logits(faces), classifier.evidence(faces)
    np.testing.assert_array_equal(logits[:, 1], np.arange(5))
    np.testing.assert_allclose(evidence.mean((2, 3)), logits)
    np.testing.assert_allclose(classifier(faces), softmax(logits))
    assert classifier.labels == ("left", "right")
    assert classifier.input_size == 8


@pytest.mark.parametrize("num", [0, 1, 255, 256, 257, 600])
def test_any_number_of_faces_keeps_its_order(make_model: Callable[..., Path], num: int) -> None:
    logits = OnnxClassifier(make_model()).logits(half_lit(num))
    assert logits.shape == (num, 2)
    np.testing.assert_array_equal(logits[:, 1], np.arange(num) % 200)


def test_many_threads_get_their_own_answers(make_model: Callable[..., Path]) -> None:
    classifier = OnnxClassifier(make_model())
    batches = [half_lit(number) for number in range(1, 60)]
    expected = [classifier(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for got, wanted in zip(pool.map(classifier, batches), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_it_survives_pickle(make_model: Callable[..., Path]) -> None:
    classifier = OnnxClassifier(make_model())
    again = pickle.loads(pickle.dumps(classifier))
    assert again.info == classifier.info
    np.testing.assert_array_equal(again(half_lit(5)), classifier(half_lit(5)))


@pytest.mark.parametrize(
    "faces",
    [
        np.zeros((2, 8, 9), np.uint8),
        np.zeros((8, 8), np.uint8),
        np.zeros((2, 8, 8), np.float32),
        np.zeros((2, 8, 8, 3), np.uint8),
    ],
    ids=lambda faces: f"{faces.shape} {faces.dtype}",
)
def test_faces_of_another_form_are_refused(make_model: Callable[..., Path], faces: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match=r"takes \(N, 8, 8\) uint8, grey; got"):
        OnnxClassifier(make_model())(faces)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        OnnxClassifier(tmp_path / "none.onnx")
    for content in (b"", b"hello", b"\x08\x09" * 100):
        (tmp_path / "broken.onnx").write_bytes(content)
        with pytest.raises(ModelError, match=r"broken\.onnx"):
            OnnxClassifier(tmp_path / "broken.onnx")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"given": "x"}, "its graph takes"),
        ({"cam": "map"}, "its graph takes"),
        ({"size": 16}, "its graph takes"),
    ],
)
def test_graphs_of_another_form_are_refused(
    make_model: Callable[..., Path], names: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        OnnxClassifier(make_model(**names))


def test_a_file_without_or_with_strange_metadata_is_refused(make_model: Callable[..., Path]) -> None:
    good = json.loads(OnnxClassifier(make_model()).info.to_json())
    with pytest.raises(ModelError, match="lacks mien's metadata"):
        OnnxClassifier(make_model(None))
    for metadata, message in (
        ("{", "no JSON"),
        ("[]", "model format None"),
        (json.dumps(good | {"format_version": 99}), "model format 99"),
        (json.dumps(good | {"labels": "ab"}), "no valid 'labels'"),
        (json.dumps(good | {"labels": [1, 2]}), "labels that are different names"),
        (json.dumps(good | {"labels": ["same", "same"]}), "labels that are different names"),
        (json.dumps(good | {"labels": []}), "labels that are different names"),
        (json.dumps(good | {"labels": ["a", "b", "c"]}), "does not fit its metadata"),
        ("[" * 200_000, "no JSON"),
        (
            json.dumps({key: value for key, value in good.items() if key != "input_size"}),
            "no valid 'input_size'",
        ),
    ):
        with pytest.raises(ModelError, match=message):
            OnnxClassifier(make_model(metadata=metadata))


def test_entries_that_nothing_obeys_are_neither_written_nor_read(make_model: Callable[..., Path]) -> None:
    """Files of earlier versions carry a margin and a temperature; they load, and their answers are the softmax."""
    plain = OnnxClassifier(make_model())
    written = json.loads(plain.info.to_json())
    assert written.keys().isdisjoint({"crop_margin", "temperature"})
    older = OnnxClassifier(make_model(metadata=json.dumps(written | {"crop_margin": 0.2, "temperature": 4.0})))
    assert older.info == plain.info
    np.testing.assert_array_equal(older(half_lit(5)), plain(half_lit(5)))


def test_weights_in_another_file_are_not_read(
    make_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    path = make_model()
    model = onnx.load(path)
    onnx.save_model(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").exists()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="no model that onnxruntime can run"):
        OnnxClassifier(path)


@given(arrays.arrays(np.float32, (3, 7), elements=st.floats(-1e4, 1e4, width=32)))
def test_softmax_gives_probabilities_in_the_order_of_the_logits(logits: np.ndarray) -> None:
    scores = softmax(logits)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    for row, values in zip(logits, scores, strict=True):
        assert (np.diff(values[np.argsort(row)]) >= 0).all()


class Fake:
    labels = ("left", "right")
    input_size = 4

    def __init__(self, returned: object) -> None:
        self.returned = returned

    def __call__(self, faces: NDArray[np.uint8]) -> Any:
        if not len(faces):
            raise AssertionError("a classifier is not called without faces")
        return self.returned


FACES = np.zeros((2, 4, 4), np.uint8)


def test_scores_as_they_should_be_pass_as_float32() -> None:
    scores = np.array([[0.25, 0.75], [1.0, 0.0]])
    checked = checked_scores(Fake(scores), FACES)
    assert checked.dtype == np.float32
    assert checked.tolist() == scores.tolist()
    assert checked_scores(Fake(None), FACES[:0]).shape == (0, 2)


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (np.full((1, 2), 0.5), r"the shape \(1, 2\)"),
        (np.full((2, 3), 1 / 3), r"the shape \(2, 3\)"),
        (np.full(2, 0.5), r"the shape \(2,\)"),
        (np.array([[0.5, 0.5], [np.nan, 0.5]]), "the row .*nan"),
        (np.array([[0.5, 0.5], [np.inf, 0.5]]), "the row .*inf"),
        (np.array([[0.5, 0.5], [-0.5, 1.5]]), "the row .*1.5"),
        (np.array([[2.0, 3.0], [0.5, 0.5]]), "the row .*3"),
        (np.eye(2, dtype=np.int64), "int64"),
        (np.array([["a", "b"]] * 2), "<U1"),
        ([[0.5, 0.5], [0.5, 0.5]], "list"),
        (None, "NoneType"),
    ],
)
def test_a_classifier_that_returns_anything_else_is_named(returned: object, got: str) -> None:
    with pytest.raises(InvalidInput, match=rf"Fake has to return .* of shape \(2, 2\).* got {got}"):
        checked_scores(Fake(returned), FACES)
