"""From trained networks to the model file that explains itself."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.data.folds import without_fold
from mien.errors import ExportError
from mien.evaluation import load_for
from mien.files import replacing
from mien.recognition import FileClassifier, ModelInfo, OnnxClassifier
from mien.recognition.model_file import INPUT, METADATA_KEY, outputs_of
from mien.shipping.convert import check_path, name_of
from mien.shipping.finish import LEAST_AGREEMENT, finish
from mien.shipping.quantize import quietly
from mien.training.architectures import rep_net
from mien.training.architectures.network import Head
from mien.training.augmentation import standardize
from mien.training.ensemble import assembled, averaged, fit_mean
from mien.training.run import trained_file
from mien.training.trained import (
    Trainee,
    check_belong_together,
    describe_model,
    describe_together,
    fold_left_out,
    load_trained,
)

TOLERANCE = 1e-4  # how far an output may be from torch's, as a share of the largest value, but at least of 1


class Exported(nn.Module):
    """A trained network as callers get it: uint8 faces in; logits, evidence, and votes if it has learned them, out."""

    def __init__(self, trainee: Trainee, *, merged: bool = False) -> None:
        super().__init__()
        self.network = rep_net.merged(trainee.network) if merged else trainee.network
        self.votes = trainee.votes
        self.eval()

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S) uint8 → logits (N, K) and evidence maps (N, K, h, w); the same of FER+'s votes, if learned."""
        heads = [] if self.votes is None else [Head(self.votes.weight, self.votes.bias)]
        outputs: tuple[Tensor, ...] = self.network(standardize(faces.unsqueeze(1).float() / 255), *heads)
        return outputs


def export_trained(
    trained: Sequence[Path],
    path: Path,
    *,
    data: Path | None = None,
    shares: Sequence[float] = (),
    form: str = "onnx",
    least_agreement: float = LEAST_AGREEMENT,
) -> FileClassifier:
    """Write the model file of one training or several: exported, made smaller, calibrated and measured.

    Args:
        trained: runs (their best models) or kept models; several make an ensemble or, with `shares`, one network.
        path: NAME and the format's suffix, untouched until all is done; the model is called NAME.
        data: what to calibrate and measure the file on; see `load_for` and `finish`.
        shares: each model's share in the mean of their weights. Batch norm and the head for votes are then fitted anew,
            on training faces.
        form: the format, a key of `mien.recognition.formats.FORMATS`.
        least_agreement: see `finish`.

    Returns:
        The file, opened.

    Raises:
        ModelError: a kept model is missing, damaged, or not one of mien's.
        RecipeError: a run has kept no model yet, or the trainings cannot make one model.
        DataError: the data cannot be read, a split is empty, or a class is not the model's.
        ExportError: onnxruntime's outputs differ from torch's, or the format's from onnxruntime's; see `export` and
            `finish`.

    Example:
        >>> model = export_trained([Path("runs/mine")], Path("mine.onnx"), data=Path("fer2013.csv"))  # doctest: +SKIP
        >>> model.info.measured["accuracy"]                                                           # doctest: +SKIP
        0.671
    """
    check_path(path, form)
    members = [load_trained(trained_file(member)) for member in trained]
    trainees, abouts = [trainee for trainee, _ in members], [about for _, about in members]
    if len(members) == 1:
        trainee = trainees[0]
        info = describe_model(trainee, abouts[0], name_of(path))
    else:
        check_belong_together(abouts)
        trainee = averaged(trainees, shares) if shares else assembled(trainees)
        info = describe_together(trainee, abouts, name_of(path), shares=shares)
    faces = None if data is None else load_for(info, data)
    if shares and faces is not None:
        fit_mean(trainee, without_fold(faces.split("train"), *fold_left_out(info.recipe)))
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.onnx"
        export(trainee, info, whole)
        return finish(whole, path, faces=faces, form=form, least_agreement=least_agreement)


def export(trainee: Trainee, info: ModelInfo, path: Path) -> OnnxClassifier:
    """Write the model file of a trained network, and `compare` it with the network before `path` is touched."""
    model = Exported(trainee)
    faces = sample_faces(info.input_size)
    with quietly():
        program = torch.onnx.export(
            Exported(trainee, merged=True),
            (torch.from_numpy(faces),),
            dynamo=True,
            external_data=False,
            input_names=[INPUT],
            output_names=list(outputs_of(info)),
            dynamic_shapes={"faces": {0: torch.export.Dim("N")}},
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    proto.producer_name, proto.producer_version = "mien", ""
    del proto.metadata_props[:]
    onnx.helper.set_model_props(proto, {METADATA_KEY: info.to_json()})
    # What the exporter notes of every node: source lines with the paths of this machine.
    for part in (*proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    del proto.graph.metadata_props[:]
    with replacing(path) as partial:
        partial.write_bytes(proto.SerializeToString())
        compare(model, OnnxClassifier(partial), faces)
    return OnnxClassifier(path)


def compare(model: Exported, exported: OnnxClassifier, faces: NDArray[np.uint8]) -> float:
    """The largest difference of torch and onnxruntime, or of a logit and the mean of its map; see `TOLERANCE`."""
    with torch.no_grad():
        outputs = [output.numpy() for output in model(torch.from_numpy(faces))]
    names = outputs_of(exported.info)
    seen = exported.run(faces, names)
    pairs = {f"{name} of torch and onnxruntime": pair for name, *pair in zip(names, outputs, seen, strict=True)}
    for name, values, maps in zip(names[::2], seen[::2], seen[1::2], strict=True):
        pairs[f"{name} and the means of their evidence maps"] = [values, maps.mean((2, 3))]
    differences = {}
    for what, (one, other) in pairs.items():
        differences[what] = difference = np.abs(one - other).max() / max(1, np.abs(one).max())
        if not difference <= TOLERANCE:
            raise ExportError(f"the export failed: {what} differ by {difference:.2g}, more than {TOLERANCE:g}")
    return float(max(differences.values()))


def sample_faces(size: int) -> NDArray[np.uint8]:
    """Noise, flat greys and ramps to compare two forms of a network on: (38, size, size) uint8."""
    noise = np.random.default_rng(0).integers(0, 256, (32, size, size), dtype=np.uint8)
    flat = np.stack([np.full((size, size), grey, np.uint8) for grey in (0, 1, 128, 255)])
    ramp = np.tile(np.linspace(0, 255, size).astype(np.uint8), (size, 1))
    return np.concatenate([noise, flat, np.stack([ramp, ramp.T])])
