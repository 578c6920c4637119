import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
from mien.recognition.model_file import MAX_METADATA
from mien.runtime import MAX_BYTES, MAX_NODES, check_bounds, open_session

from .conftest import INFO, onnx


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
    with pytest.raises(ModelError, match="its weights are in other files"):
        OnnxClassifier(path)


@pytest.mark.parametrize("place", ["weights", "unused", "constant", "sparse"])
def test_no_tensor_may_be_in_another_file(place: str) -> None:
    """Of those that nothing uses, onnxruntime reads none and says nothing; the onnx package, for an export, would."""
    outside = onnx.TensorProto(name="w", data_type=1, dims=[1], data_location="EXTERNAL")
    outside.external_data.add(key="location", value="/etc/hostname")
    graph = onnx.GraphProto()
    if place == "sparse":
        graph.sparse_initializer.add(values=outside)
    elif place == "constant":
        graph.node.append(onnx.helper.make_node("Constant", [], ["w"], value=outside))
    else:
        graph.initializer.append(outside)
    with pytest.raises(ModelError, match="its weights are in other files"):
        check_bounds(onnx.ModelProto(graph=graph).SerializeToString(), "m.onnx")


def edited(path: Path, edit: Callable[[Any], object]) -> Path:
    """The model file after an edit of its ONNX message."""
    model = onnx.load(path)
    edit(model)
    onnx.save(model, path)
    return path


def _add_endless_loop(model: Any) -> None:
    helper, Type = onnx.helper, onnx.TensorProto
    true = onnx.numpy_helper.from_array(np.array(True), "on")
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"])],
        "body",
        [helper.make_tensor_value_info("i", Type.INT64, []), helper.make_tensor_value_info("go", Type.BOOL, [])],
        [helper.make_tensor_value_info("again", Type.BOOL, [])],
    )
    model.graph.initializer.append(true)
    model.graph.node.append(helper.make_node("Loop", ["", "on"], [], body=body))


def _add_function(model: Any) -> None:
    opset = onnx.helper.make_opsetid("", 18)
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    model.functions.append(onnx.helper.make_function("own", "Same", ["x"], ["y"], [node], [opset]))


def _add_nodes(model: Any) -> None:
    model.graph.node.extend([onnx.helper.make_node("Identity", ["faces"], [f"copy{n}"]) for n in range(MAX_NODES)])


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (_add_endless_loop, "its graph has loops or branches"),
        (_add_function, "its graph has functions"),
        (_add_nodes, "its graph has more than 10,000 operations"),
    ],
)
def test_graphs_that_could_compute_without_end_are_refused(
    make_model: Callable[..., Path], edit: Callable[[Any], object], says: str
) -> None:
    """Fault 53: an endless loop was run."""
    path = edited(make_model(), edit)
    with pytest.raises(ModelError, match=rf"means\.onnx: {says}"):
        OnnxClassifier(path)


def test_a_message_that_repeats_or_breaks_fields_hides_nothing() -> None:
    graph = onnx.GraphProto(node=[onnx.helper.make_node("If", ["x"], ["y"], then_branch=onnx.GraphProto())])
    model = onnx.ModelProto(graph=graph).SerializeToString()
    group = b"\xfb\x01\xfc\x01"  # opens and closes; parsers pass over it
    for content in (model, b"\x3a\x00" + model, group + model, b"\x08\x80\x80\x00" + model):
        assert onnx.load_from_string(content).graph.node[0].op_type == "If"
        with pytest.raises(ModelError, match="loops or branches"):
            check_bounds(content, "m.onnx")
    assert model[0] == 0x3A
    with pytest.raises(ModelError, match="loops or branches"):  # onnxruntime passes over a key's 33rd bit
        check_bounds(b"\xba\x80\x80\x80\x10" + model[1:], "m.onnx")
    for end in range(len(model)):
        with suppress(ModelError):
            check_bounds(model[:end], "m.onnx")


def test_operations_on_constants_are_left_to_the_first_face_which_has_a_time_limit(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Opening a session has none, and a kilobyte of products of constants took it a second."""

    def add_constants(model: Any) -> None:
        model.graph.node.append(onnx.helper.make_node("Mul", ["one", "two_three"], ["product"]))
        model.graph.node.append(onnx.helper.make_node("Neg", ["product"], ["nothing"]))
        model.graph.output.append(onnx.helper.make_tensor_value_info("nothing", onnx.TensorProto.INT64, [2]))

    onnxruntime = pytest.importorskip("onnxruntime")  # after mien, which switches its telemetry off
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    monkeypatch.setattr(onnxruntime, "SessionOptions", lambda: options)
    session = open_session(edited(make_model(), add_constants).read_bytes(), "means.onnx")
    session.run(["nothing"], {"faces": half_lit(1)})
    events = json.loads(Path(session.end_profiling()).read_text())
    assert {"Mul", "Neg"} <= {event["args"].get("op_name") for event in events}


def _divide_by_a_shape(model: Any) -> None:
    """A reshape that fails when it runs, and not before."""
    shape = onnx.numpy_helper.from_array(np.array([7, -1]), "seven")
    model.graph.initializer.append(shape)
    model.graph.node[-1].output[0] = "means"
    model.graph.node.append(onnx.helper.make_node("Reshape", ["means", "seven"], ["logits"]))


def test_a_model_that_fails_when_it_runs_is_a_model_error(make_model: Callable[..., Path]) -> None:
    """Fault 53: onnxruntime's own errors came through."""
    with pytest.raises(ModelError, match=r"means\.onnx cannot classify one face: .*Reshape"):
        OnnxClassifier(edited(make_model(), _divide_by_a_shape))


def test_a_model_that_fails_with_many_faces_is_a_model_error(make_model: Callable[..., Path]) -> None:
    def one_face_only(model: Any) -> None:
        shape = onnx.numpy_helper.from_array(np.array([1, 2]), "one_two")
        model.graph.initializer.append(shape)
        model.graph.node[-1].output[0] = "means"
        model.graph.node.append(onnx.helper.make_node("Reshape", ["means", "one_two"], ["logits"]))

    classifier = OnnxClassifier(edited(make_model(), one_face_only))
    with pytest.raises(ModelError, match=r"means\.onnx fails with 3 faces"):
        classifier(np.zeros((3, 8, 8), np.uint8))


def test_a_model_that_is_too_slow_is_refused(make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(model: Any) -> None:
        for step in range(400):
            model.graph.node.append(onnx.helper.make_node("Identity", ["cam"], [f"copy{step}"]))

    class Early:
        """A timer that has run out when it is started."""

        def __init__(self, seconds: float, call: Callable[..., object], arguments: tuple[Any, ...]) -> None:
            self.start = lambda: call(*arguments)
            self.cancel = lambda: None

    monkeypatch.setattr("threading.Timer", Early)
    with pytest.raises(ModelError, match=r"cannot classify one face: it takes longer than 10 s"):
        OnnxClassifier(edited(make_model(), slow))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"input_size": 20_000}, "its input_size is 20000; expected 1 to 1024 pixels"),
        ({"input_size": 0}, "its input_size is 0"),
        ({"vote_labels": [1]}, "vote_labels that are names"),
        ({"labels": [["a"]]}, "labels that are different names"),
        ({"profile": {"data": 1}}, "its reference profile is damaged: the profile: there is no 'num_faces'"),
        ({"num_parameters": 10**4000}, "does not fit its metadata"),
    ],
)
def test_metadata_out_of_bounds_is_refused(make_model: Callable[..., Path], changes: dict[str, Any], says: str) -> None:
    """Fault 53: faces of 20,000 pixels took 2.4 GB."""
    values = json.loads(INFO.to_json()) | changes
    with pytest.raises(ModelError, match=says):
        OnnxClassifier(make_model(metadata=json.dumps(values), size=16))


def test_metadata_has_a_size(make_model: Callable[..., Path]) -> None:
    """Empty lists take twenty times as much memory as their letters."""
    wide = INFO.to_json().replace("{", '{"profile": [' + "[]," * (MAX_METADATA // 3) + "0], ", 1)
    with pytest.raises(ModelError, match=r"its metadata has [\d,]+ characters; at most 4,194,304 are read"):
        OnnxClassifier(make_model(metadata=wide))


def test_a_number_of_thousands_of_digits_is_no_metadata(make_model: Callable[..., Path]) -> None:
    """Fault 53: Python refuses to read it, with another error than that of other JSON."""
    with pytest.raises(ModelError, match="its metadata is no JSON"):
        OnnxClassifier(make_model(metadata=INFO.to_json().replace(": 0,", f": {'9' * 5000},")))


def test_names_that_are_no_text_are_a_model_error(make_model: Callable[..., Path]) -> None:
    """Fault 53: onnxruntime cannot even quote them."""
    path = make_model()
    for old, new in ((b"floats", b"fl\xff\xfets"), (b'"licence"', b'"lic\xff\xfece"')):
        broken = path.with_name("broken.onnx")
        broken.write_bytes(path.read_bytes().replace(old, new, 1))
        with pytest.raises(ModelError, match=r"broken\.onnx"):
            OnnxClassifier(broken)


def test_a_file_beyond_every_model_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "sparse.onnx").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelError, match=r"sparse\.onnx has 536,870,913 bytes; a model file has at most 536,870,912"):
        OnnxClassifier(tmp_path / "sparse.onnx")


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


def test_what_is_no_model_is_said_without_the_words_of_the_runtime(tmp_path: Path) -> None:
    (tmp_path / "picture.onnx").write_bytes(b"\xff\xd8\xff\xe0 no model")
    with pytest.raises(ModelError, match=r"picture\.onnx is no model") as caught:
        OnnxClassifier(tmp_path / "picture.onnx")
    assert "[ONNXRuntimeError]" not in str(caught.value)
