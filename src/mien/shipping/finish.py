"""From an exported file to the one that callers get: in its format, calibrated, measured, and described in itself."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import onnx

from mien.data import FaceSet, vote_shares
from mien.emotions import FER_PLUS_EXPRESSIONS, parse_vote
from mien.errors import ExportError, InvalidInput
from mien.evaluation import class_indices, fit_vector_scaling, score
from mien.evaluation.metrics import shares_of
from mien.evaluation.profile import profile_of
from mien.recognition import FileClassifier, ModelInfo, OnnxClassifier
from mien.recognition.formats import FORMATS
from mien.recognition.model_file import LEAST_SHARE, LOGITS, VOTES, VOTES_EVIDENCE
from mien.shipping.calibrate import Scaling, rescale, unscaled
from mien.shipping.convert import WRITERS, Writer, check_path, name_of
from mien.shipping.doubt import with_doubt
from mien.shipping.exact import make_exact
from mien.shipping.parity import agreement_of, made_pictures, parity
from mien.shipping.quantize import dequantize, halve, in_eight_bits, quantize

LEAST_AGREEMENT: Final = 0.99
"""The share of faces that a new file has to give the same label as the one that it was made from, by each reading."""


def finish(
    exported: Path,
    path: Path,
    *,
    faces: FaceSet | None = None,
    form: str | None = None,
    least_agreement: float = LEAST_AGREEMENT,
) -> FileClassifier:
    """Write a model file in a format, calibrate it on a validation split, and note in it what it scores there.

    The logits of the labels are calibrated against the labels, and those of the votes against the shares of the votes,
    by what the new file itself answers.

    Args:
        exported: A model file in ONNX; one that was finished before is finished anew. From one in eight bits, other
            formats than "openvino" are made with the weights that eight bits could hold.
        path: NAME and the format's suffix, untouched until all is done; the model is called NAME.
        faces: A data set at the model's input size. Its validation split calibrates and measures the file, which is
            left as it is without one; its training split shows the range of activations, for eight bits. Without votes,
            people's reading stays as it is.
        form: The format, a key of `FORMATS`; None for ONNX with the weights as they are.
        least_agreement: The share of faces that the file has to give the same label as `exported`, which is calibrated
            likewise, by FER2013's labels and by people's reading; of made pictures without data. Where a file in eight
            bits is made whole, it is compared with its weights in float32, and `info.parity["agreement_in_eight_bits"]`
            says how many agree with the file itself.

    Returns:
        The file, opened. `info.parity` says how its answers differ; `mien.shipping.parity` describes it.

    Raises:
        InvalidInput: Eight bits are asked for without data, or of an ensemble.
        DataError: A split is empty, or the data have a class that the model does not know.
        ExportError: The format cannot hold the network, or too few labels agree.
        MissingExtra: What writes or runs the format is not installed.

    Example:
        >>> from mien.data import load
        >>> faces = load("fer2013.csv")                                                            # doctest: +SKIP
        >>> model = finish(Path("whole.onnx"), Path("small.onnx"), faces=faces, form="onnx-fp16")  # doctest: +SKIP
        >>> model.info.parity["agreement"]                                                         # doctest: +SKIP
        0.9997
    """
    source = OnnxClassifier(exported)
    eight_bits = in_eight_bits(exported)
    name = form or ("onnx-int8" if eight_bits else "onnx")
    _check_request(source, path, name, form, faces)
    hint = "" if form == "onnx-int8" else ", or leave the data out, and the file uncalibrated"
    val_split = None if faces is None else faces.split("val", hint="name data with a validation split" + hint)
    info, write = _renamed(source.info, name_of(path), form), WRITERS[name]
    with TemporaryDirectory() as folder:
        work = Path(folder)
        becomes_whole = form not in (None, "openvino") and eight_bits
        whole = dequantize(exported, work / "whole.onnx").path if becomes_whole else exported
        draft, trial = _in_form(whole, form, faces, work), work / f"trial{FORMATS[name].suffix}"
        if val_split is None:
            converted, pictures = write(draft, info, trial), made_pictures(info.input_size)
            report = {"faces": "made pictures"} | parity(OnnxClassifier(whole), converted, pictures)
        else:
            befores = [whole, exported] if becomes_whole else [whole]
            draft, info, report = _fitted_to(val_split, draft, info, write, trial, befores)
        report = {"format": name, "made_from": "eight bits" if eight_bits else "float32"} | report
        _check_agreement(report, least_agreement, path)
        return write(draft, dataclasses.replace(info, parity=report), path)


def _check_request(source: OnnxClassifier, path: Path, name: str, form: str | None, faces: FaceSet | None) -> None:
    if name not in FORMATS:
        raise InvalidInput(f"a format is one of {', '.join(FORMATS)}; got {name!r}")
    check_path(path, name)
    if form == "onnx-int8" and faces is None:
        raise InvalidInput(f"{source.path}: eight bits need data whose training split shows the range of activations")
    if form == "onnx-int8" and source.info.size_class == "ensemble":
        raise InvalidInput(f"{source.path}: an ensemble can be kept in half precision (onnx-fp16), not in eight bits")


def _renamed(info: ModelInfo, name: str, form: str | None) -> ModelInfo:
    """A description under another name, without what another form of the weights makes untrue."""
    # Of files of earlier versions, which have no `parity`; it stays true while the weights do.
    old = () if form is None else ("accuracy_before_quantization",)
    measured = {key: value for key, value in info.measured.items() if key not in old}
    return dataclasses.replace(info, name=name, measured=measured)


def _in_form(whole: Path, form: str | None, faces: FaceSet | None, work: Path) -> Path:
    """The model file in ONNX with the weights as a format has them."""
    if form == "onnx-fp16":
        return halve(whole, work / "half.onnx").path
    if form == "onnx-int8" and faces is not None:
        small = quantize(whole, faces.split("train").faces, work / "small.onnx")
        return make_exact(small.path, work / "exact.onnx").path
    return whole


def _fitted_to(
    split: FaceSet, draft: Path, info: ModelInfo, write: Writer, trial: Path, befores: Sequence[Path]
) -> tuple[Path, ModelInfo, dict[str, Any]]:
    """A draft, calibrated by what it answers once it is written to `trial`; its description, and its parity.

    `befores` are the file that it was made from and, where that was in eight bits and became whole, the one before.
    """
    # Each is calibrated by its own answers, so that what is compared is what callers would get.
    references = [
        rescale(before, fitted(before, OnnxClassifier(before), split), trial.with_name(f"before-{number}.onnx"))
        for number, before in enumerate(befores)
    ]
    draft = rescale(draft, fitted(draft, write(draft, info, trial), split), trial.with_name("calibrated.onnx")).path
    converted = write(draft, info, trial)
    info = described_by(converted, dataclasses.replace(info, readings=_readings(info, split, draft)), split)
    labels, converted = class_indices(split, info.labels), converted.described(info)
    report = {"faces": split.name} | parity(references[0], converted, split.faces, labels)
    for given in references[1:]:
        report["agreement_in_eight_bits"] = parity(given, converted, split.faces)["agreement"]
    return draft, info, report


def _readings(info: ModelInfo, split: FaceSet, draft: Path) -> dict[str, Any]:
    """What is known of people's reading. Without votes, what answers for people stays as it is, and so does this."""
    if split.votes is None:
        return {name: known for name, known in info.readings.items() if name == "people"}
    return fit_readings(split) if _explains_votes(draft) else {}


def _check_agreement(report: Mapping[str, Any], least_agreement: float, path: Path) -> None:
    if not agreement_of(report) >= least_agreement:
        reading = " by people's reading" if agreement_of(report) < report["agreement"] else ""
        raise ExportError(
            f"{path.name} is not written: it gives the same label as the file that it was made from for "
            f"{agreement_of(report):.2%} of {report['num_faces']:,} {'faces' if 'accuracy' in report else 'pictures'}"
            f"{reading}, fewer than {least_agreement:.2%}. Choose another format, or accept fewer by --least-agreement"
        )


def fitted(exported: Path, network: FileClassifier, split: FaceSet) -> dict[str, Scaling]:
    """What calibrates a network that was written from a model file in ONNX, by what it answers on a split."""
    shares = shares_of(class_indices(split, network.labels), len(network.labels))
    scalings = {LOGITS: fit_vector_scaling(shares, unscaled(exported, LOGITS, network.logits(split.faces)))}
    if split.votes is not None and _explains_votes(exported):
        votes = vote_shares(split.votes)
        seen = votes.any(axis=1)
        logits = unscaled(exported, VOTES, network.vote_logits(split.faces[seen]))
        scalings[VOTES] = fit_vector_scaling(votes[seen], logits)
    return scalings


def described_by(network: FileClassifier, info: ModelInfo, split: FaceSet) -> ModelInfo:
    """A description with what a calibrated network scores on a split, its doubts and its profile."""
    card = dataclasses.asdict(score(class_indices(split, info.labels), network(split.faces), info.labels))
    figures = {name: card[name] for name in ("num_faces", "accuracy", "macro_f1", "nll", "ece")}
    measured = {**info.measured, "data": split.name, "split": "val", **figures}
    info = with_doubt(dataclasses.replace(info, measured=measured), network, split)
    profile = profile_of(network.described(info), split.faces, Path(split.name).stem)
    return dataclasses.replace(info, profile=profile.to_dict())


def fit_readings(split: FaceSet) -> dict[str, Any]:
    """What `ModelInfo.readings` holds of a file that was calibrated on a split."""
    if split.votes is None:
        return {}
    votes = vote_shares(split.votes)
    seen = votes.any(axis=1)
    # An expression that nobody named counts as half a vote of ten, as a probability of 0 can never be revised.
    means = np.maximum(votes[seen].mean(axis=0), max(0.05 / max(int(seen.sum()), 1), LEAST_SHARE))
    shares = (means / means.sum()).tolist()
    natural = {parse_vote(name): share for name, share in zip(FER_PLUS_EXPRESSIONS, shares, strict=True)}
    return {"people": {"natural": natural, "num_faces": int(seen.sum())}}


def _explains_votes(exported: Path) -> bool:
    return any(output.name == VOTES_EVIDENCE for output in onnx.load(exported).graph.output)
