"""Every format of model files, from a shipped network on: the same answers, the same outputs, the same description."""

import dataclasses
import importlib.util
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.data import FaceSet
from mien.emotions import EMOTIONS
from mien.errors import ExportError, InvalidInput, MissingExtra, ModelError
from mien.recognition import FileClassifier, Reader, load_classifier, shipped_models
from mien.recognition.formats import FORMATS, files_of, opener_of
from mien.recognition.model_file import EVIDENCE, LOGITS, VOTES, VOTES_EVIDENCE, outputs_of
from mien.values import GreyFaces
from tests.conftest import each_model

pytest.importorskip("onnx", reason="model files are written with onnx: pip install 'mien[train]'")

from mien.shipping.convert import WRITERS, check_path
from mien.shipping.finish import finish
from mien.shipping.outliers import shapes
from mien.shipping.parity import agreement_of
from mien.shipping.quantize import dequantize

SOURCE = "mini-xception"
LARGEST = {"onnx": 1e-6, "onnx-fp16": 0.02, "onnx-int8": 4.0, "openvino": 0.05, "ncnn": 0.05}
"""How far a logit of made pictures may be from the source's; eight bits are not made for such pictures."""


def made(num: int, seed: int = 1) -> GreyFaces:
    random, blank = np.random.default_rng(seed), np.zeros((48, 48), np.uint8)
    return np.stack([shapes(blank, random) for _ in range(num)])


def made_data() -> FaceSet:
    """Pictures, labelled as the source network sees them."""
    faces = made(160)
    return FaceSet(
        name="made", faces=faces, classes=EMOTIONS, labels=load_classifier(SOURCE)(faces).argmax(axis=1),
        splits=np.where(np.arange(160) < 80, "train", "val"), sources=[f"made:{number}" for number in range(160)],
    )  # fmt: skip


def need(*extras: str | None) -> None:
    for extra in extras:
        if extra and importlib.util.find_spec(extra) is None:
            pytest.skip(f"needs the extra {extra}: pip install 'mien[{extra}]'")


@pytest.fixture(scope="module", params=FORMATS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FileClassifier:
    """The source network in each format."""
    name = request.param
    need(FORMATS[name].extra, FORMATS[name].export_extra)
    path = tmp_path_factory.mktemp(name) / f"small{FORMATS[name].suffix}"
    faces, least = (made_data(), 0.5) if name == "onnx-int8" else (None, 0.99)
    return finish(shipped_models()[SOURCE], path, faces=faces, form=name, least_agreement=least)


def test_every_format_has_a_writer_and_nothing_else_does() -> None:
    assert WRITERS.keys() == FORMATS.keys()
    for name, each in FORMATS.items():
        assert opener_of(Path(f"NAME{each.suffix}")) is each.opener
        check_path(Path(f"a.b{each.suffix}"), name)
        with pytest.raises(ExportError, match=f"the format {name} is called NAME"):
            check_path(Path("NAME.bin"), name)


def test_it_answers_as_its_source_in_every_output(written: FileClassifier) -> None:
    source, faces = load_classifier(SOURCE), made(70)
    names = outputs_of(source.info)
    assert names == (LOGITS, EVIDENCE, VOTES, VOTES_EVIDENCE)
    largest = LARGEST[written.info.parity["format"]]
    new, old = written.run(faces, names), source.run(faces, names)
    for name, one, other in zip(names, new, old, strict=True):
        assert one.shape == other.shape, name
        assert one.dtype == np.float32
        if written.info.parity["format"] != "onnx-int8" or name == LOGITS:
            np.testing.assert_allclose(one, other, atol=3 * largest, err_msg=name)
    np.testing.assert_allclose(new[0], new[1].mean((2, 3)), atol=1e-4)
    np.testing.assert_allclose(new[2], new[3].mean((2, 3)), atol=1e-4)
    assert [each.shape for each in written.run(faces[:0], names)] == [(0, *each.shape[1:]) for each in new]


def test_it_explains_itself(written: FileClassifier) -> None:
    parity, source = written.info.parity, load_classifier(SOURCE).info
    again = load_classifier(written.path)
    assert type(again) is FORMATS[parity["format"]].opener
    assert again.info == written.info
    assert (again.info.name, again.info.labels, again.info.recipe) == ("small", source.labels, source.recipe)
    assert parity["made_from"] == "float32"
    assert parity["largest_difference"] <= LARGEST[parity["format"]]
    assert parity["evidence_difference"] < 1e-4
    if parity["format"] != "onnx-int8":
        assert dataclasses.replace(again.info, name=source.name, parity=source.parity) == source
        assert (parity["faces"], parity["num_faces"]) == ("made pictures", 512)
        assert parity["agreement"] >= 0.99


def test_it_reads_faces_in_threads_and_other_processes(written: FileClassifier) -> None:
    faces = made(12)
    wanted = written(faces)
    with ThreadPoolExecutor(4) as pool:
        for scores in pool.map(written, [faces] * 8):
            np.testing.assert_allclose(scores, wanted, atol=1e-6)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(written))(faces), wanted, atol=1e-6)
    with pytest.raises(InvalidInput, match=r"small takes \(N, 48, 48\) uint8"):
        written(faces[:, 1:])


def test_it_serves_an_analyzer(written: FileClassifier, astronaut: Path) -> None:
    analyzer = mien.Analyzer(written.path, explain=True)
    (face,) = analyzer(astronaut)
    assert face.label == "happy"
    assert face.reading == ("fer2013" if "people" not in written.info.readings else "people")
    assert face.explanation is not None
    assert pickle.loads(pickle.dumps(analyzer))(astronaut)[0].label == "happy"
    reader = Reader(load_classifier(written.path), "fer2013", max_error=0.5)
    assert reader.abstention is not None


def test_its_parts_belong_together(written: FileClassifier, tmp_path: Path) -> None:
    name = written.info.parity["format"]
    if not FORMATS[name].beside:
        pytest.skip(f"{name} is one file")
    main = tmp_path / f"other{FORMATS[name].suffix}"
    first, *others = files_of(written.path)
    assert first == written.path
    parts = {place: each.read_bytes() for place, each in zip(files_of(main)[1:], others, strict=True)}
    contents = {main: written.path.read_bytes()} | parts
    for place, content in contents.items():
        place.write_bytes(content)
    assert load_classifier(main).info == written.info  # all may be renamed together
    for place, content in parts.items():
        for damaged in (None, content[:-9], content[:-1] + bytes([content[-1] ^ 1])):
            place.unlink() if damaged is None else place.write_bytes(damaged)
            with pytest.raises(ModelError, match="other"):
                load_classifier(main)
        place.write_bytes(content)
    main.write_bytes(b"\x00 no model" * 9)
    with pytest.raises(ModelError, match="other"):
        load_classifier(main)


def test_a_file_with_a_runtime_of_its_own_takes_no_provider(written: FileClassifier) -> None:
    if written.path.suffix == ".onnx":
        assert load_classifier(written.path, provider="cpu").info == written.info
    else:
        with pytest.raises(InvalidInput, match=r"^provider cpu runs ONNX files, and .*small"):
            load_classifier(written.path, provider="cpu")


def test_calibration_and_thresholds_are_fitted_to_what_the_new_file_answers(tmp_path: Path) -> None:
    need("openvino")
    model = finish(shipped_models()[SOURCE], tmp_path / "x.xml", faces=made_data(), form="openvino")
    assert model.info.measured["data"] == "made"
    assert model.info.parity["accuracy"] == model.info.measured["accuracy"] > 0.9
    assert model.info.profile["num_faces"] == 80
    assert "calibration" in model.info.readings["fer2013"]


def test_too_little_agreement_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    message = r"small\.onnx is not written: .* of 80 faces.*, fewer than 100\.00%.*--least-agreement"
    with pytest.raises(ExportError, match=message):
        finish(shipped_models()[SOURCE], path, faces=made_data(), form="onnx-int8", least_agreement=1.0)
    assert [*tmp_path.iterdir()] == []


def test_agreement_is_asked_of_both_readings(unlike_in_16_bits: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"of 512 pictures by people's reading, fewer than 99\.00%"):
        finish(unlike_in_16_bits, tmp_path / "small.onnx", form="onnx-fp16")
    parity = finish(unlike_in_16_bits, tmp_path / "small.onnx", form="onnx-fp16", least_agreement=0).info.parity
    assert agreement_of(parity) == parity["people_agreement"] < 0.99 < parity["agreement"]


def test_without_votes_the_reading_of_people_stays(tmp_path: Path) -> None:
    source = load_classifier(SOURCE)
    model = finish(source.path, tmp_path / "small.onnx", faces=made_data(), form="onnx-fp16")
    assert model.info.readings["people"] == source.info.readings["people"]
    assert Reader(load_classifier(model.path)).reading == "people"


def test_a_file_in_eight_bits_keeps_what_they_hold(tmp_path: Path) -> None:
    """For OpenVINO it stays as it is; for others its weights are taken as they are, and its activations are whole."""
    shipped = shipped_models()["rep-small"]
    whole = finish(shipped, tmp_path / "whole.onnx", form="onnx")
    assert whole.info.parity["made_from"] == "eight bits"
    faces = made(60)
    np.testing.assert_array_equal(whole.logits(faces), dequantize(shipped, tmp_path / "plain.onnx").logits(faces))
    assert whole.path.stat().st_size > 3 * shipped.stat().st_size
    agree = whole(faces).argmax(axis=1) == load_classifier("rep-small")(faces).argmax(axis=1)
    assert agree.mean() > 0.9


@pytest.mark.parametrize("name", each_model("ensemble", "gelu-cnn"))
def test_a_network_that_a_format_cannot_hold_is_refused(name: str, tmp_path: Path) -> None:
    need("ncnn", "pnnx")
    with pytest.raises(ExportError, match=r"ncnn|pnnx"):
        finish(shipped_models()[name], tmp_path / "x.ncnn.param", form="ncnn")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("extra", ["openvino", "ncnn"])
def test_a_missing_extra_is_named_with_its_command(extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(extra, FORMATS[extra].export_extra)
    path = tmp_path / f"small{FORMATS[extra].suffix}"
    finish(shipped_models()[SOURCE], path, form=extra)
    monkeypatch.setitem(importlib.import_module("sys").modules, extra, None)
    with pytest.raises(MissingExtra, match=rf"A model file for {extra} needs .*pip install .*\[{extra}\]"):
        load_classifier(path)
