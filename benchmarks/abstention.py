"""How sure: risk and coverage, prediction sets, pictures unlike the training, and quality, on PublicTest.

    pip install --no-deps scikit-image scikit-learn ai-edge-litert
    python benchmarks/abstention.py --data fer2013.csv --peer mini_xception_102.tflite \\
        --json benchmarks/results/abstention.json

FER+'s votes lie beside the table as fer2013new.csv. The shipped files were calibrated on PublicTest, so whatever needs
calibration is *cross-fitted*: on one random half of the faces all that `mien export` fits of this is fitted anew, and
measured on the other half; `HALVINGS` times, both ways. Only the networks' own vector scaling stays that of the whole.
Right is FER2013's label, or for people's reading the expression that more than half of ten people name, on the faces
that have such a majority. *Unlike* is measured on pictures of `strangers`; *quality* on the faces of `spoiling`, in
pictures, through the detector. Ends in one JSON line.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from measuring import earlier, hardware, write_result
from models import PEER, PublishedMiniXception
from numpy.typing import NDArray
from spoiling import found, samples
from strangers import ORDINARY, TAUGHT, strangers

from mien.crop import crop_face
from mien.data import FaceSet, load, resized
from mien.data.dataset import resize_faces
from mien.defaults import DEFAULT_MODEL
from mien.detection import YuNet
from mien.emotions import EMOTIONS
from mien.errors import InvalidInput
from mien.evaluation import class_indices
from mien.evaluation.abstention import score_abstention, score_sets
from mien.evaluation.readings import named_by_most, votes_for
from mien.recognition import Abstention, Reader, load_classifier, shipped_models
from mien.recognition.abstention import RUNNERS_UP, Calibration, aurc, lead
from mien.recognition.quality import assess
from mien.recognition.reader import PRIORS
from mien.recognition.unlike import Unlike, fit_unlike
from mien.shipping.outliers import outliers
from mien.values import GreyFaces, Quality

HALVINGS = 20
ERRORS = {"fer2013": (None, 0.3, 0.2, 0.1), "people": (None, 0.1, 0.05, 0.02)}
"""Errors that are accepted, by the reading; None keeps about nine of ten faces."""

SETS = (0.8, 0.9, 0.95)
NUM_SPOILT = 1200
SEED = 0


@dataclass(frozen=True)
class Answers:
    """What one reading says of N faces.

    Attributes:
        labels: K names.
        logits: (N, K), by the reading and its prior.
        outputs: (N, M), all logits of the network; None of a peer.
        outliers: (L, M), of pictures that are no faces; None of a peer.
        heads: How the M are divided.
        right: (N,) indices into the labels; -1 where there is none.
        ratios: (K,) of the prior's shares to the natural ones.
    """

    labels: tuple[str, ...]
    logits: NDArray[np.float32]
    outputs: NDArray[np.float32] | None
    outliers: NDArray[np.float32] | None
    heads: tuple[int, ...]
    right: NDArray[np.int64]
    ratios: NDArray[np.float64]

    def fitted(self, half: NDArray[np.bool_]) -> tuple[Calibration, Unlike | None]:
        """As `mien export` fits a file, on some of the faces."""
        unlike, kept = None, half
        if self.outputs is not None and self.outliers is not None:
            unlike = fit_unlike(self.outputs[half], self.outliers, self.heads)
            kept = half & (unlike(self.outputs) <= 0)
        return Calibration(self.logits[kept], self.right[kept], self.ratios), unlike


def answers_of(reader: Reader, split: FaceSet, others: GreyFaces) -> Answers:
    faces = resized(split, reader.input_size)
    assert faces.votes is not None
    people = reader.reading == "people"
    right = named_by_most(votes_for(faces.votes, reader.labels)) if people else class_indices(faces, reader.labels)
    readings = reader.read(faces.faces)
    ratios = np.ones(len(reader.labels))
    if reader.prior and reader.natural:
        ratios = np.array([reader.prior[label] / reader.natural[label] for label in reader.labels])
    heads = len(reader.info.labels), len(reader.info.vote_labels)
    unlike = reader.read(resize_faces(others, reader.input_size)).outputs
    return Answers(reader.labels, readings.logits, readings.outputs, unlike, heads, right, ratios)


def peers_answers(path: Path, split: FaceSet) -> Answers:
    peer = PublishedMiniXception(path)
    faces = resized(split, peer.input_size)
    logits = np.log(np.maximum(peer(faces.faces), np.finfo(np.float32).tiny))
    return Answers(EMOTIONS, logits, None, None, (), class_indices(faces, EMOTIONS), np.ones(len(EMOTIONS)))


def halves(number: int) -> list[NDArray[np.bool_]]:
    """Random halves of N faces, each followed by the other half."""
    random, chosen = np.random.default_rng(SEED), []
    for _ in range(HALVINGS):
        half = np.zeros(number, bool)
        half[random.permutation(number)[: number // 2]] = True
        chosen += [half, ~half]
    return chosen


def curve(answers: Answers) -> dict[str, Any]:
    """The risk–coverage curve of all faces, and what is the least that it could be."""
    known = answers.right >= 0
    whole = Calibration(answers.logits[known], answers.right[known])
    order = np.argsort(-whole.lead, kind="stable")
    risks = np.cumsum(whole.wrong[order]) / np.arange(1, len(order) + 1)
    shares = np.arange(0.05, 1.01, 0.05)
    return {
        "num_faces": len(order),
        "error": whole.error,
        "aurc": whole.aurc,
        "aurc_by_runner_up": {f"{each:g}": aurc(whole.wrong, lead(whole.scores, each)) for each in (0.0, *RUNNERS_UP)},
        "aurc_of_the_best_order": aurc(whole.wrong, np.where(whole.wrong, 0, 1).astype(np.float32)),
        "runner_up": whole.runner_up,
        "surest": {f"{share:.0%}": 1 - float(risks[round(share * len(order)) - 1]) for share in (0.5, 0.75, 0.9)},
        "coverage": shares.round(2).tolist(),
        "risk": [float(risks[max(0, round(share * len(order)) - 1)]) for share in shares],
    }


def accepted(answers: Answers, reading: str) -> dict[str, Any]:
    """By the error that is accepted: the error of the faces that are kept, and their share, cross-fitted.

    The error is given where all faces count alike, and as it is to be expected where expressions are as frequent as the
    prior says, which is what is promised.
    """
    rows: dict[str, Any] = {}
    known = answers.right >= 0
    wrong = answers.logits.argmax(axis=1) != answers.right
    scores = Calibration(answers.logits, answers.right).scores
    for max_error in ERRORS[reading]:
        errors, expected, shares, labelled, refused = [], [], [], [], 0
        for half in halves(len(known)):
            calibration, unlike = answers.fitted(half)
            try:
                least = calibration.least_lead(max_error)
            except InvalidInput:
                refused += 1
                continue
            kept = ~half & (lead(scores, calibration.runner_up) >= least)
            if unlike is not None and answers.outputs is not None:
                kept &= unlike(answers.outputs) <= 0
            counted = kept & known
            errors.append(float(wrong[counted].mean()))
            expected.append(float(np.average(wrong[counted], weights=answers.ratios[answers.right[counted]])))
            shares.append(float(kept.sum() / (~half).sum()))
            labelled.append(float(counted.sum() / (~half & known).sum()))
        limit = 1.0 if max_error is None else max_error
        rows["default" if max_error is None else f"{max_error:g}"] = {
            "error": float(np.mean(errors)),
            "error_by_prior": float(np.mean(expected)),
            "halves_above": float(np.mean(np.array(errors) > limit)),
            "halves_above_by_prior": float(np.mean(np.array(expected) > limit)),
            "kept": float(np.mean(shares)),
            "kept_of_labelled": float(np.mean(labelled)),
            "refused": refused,
        }
    return rows


def sets(answers: Answers) -> dict[str, Any]:
    """By the coverage that is asked for: the coverage and size of sets, of all and of each label's, cross-fitted."""
    rows: dict[str, Any] = {}
    known = answers.right >= 0
    scores = Calibration(answers.logits, answers.right).scores
    for coverage in SETS:
        found = []
        for half in halves(len(known)):
            calibration, _ = answers.fitted(half)
            abstention = Abstention(calibration.least_lead(), calibration.runner_up, calibration.least_share(coverage))
            others = ~half & known
            found.append(score_sets(answers.labels, abstention.sets(scores[others]), answers.right[others]))
        by_label = {label: [each["per_class"][label] for each in found] for label in answers.labels}
        per_class = {
            label: {name: float(np.mean([each[name] for each in parts])) for name in ("coverage", "size")}
            for label, parts in by_label.items()
        }
        means = {name: float(np.mean([each[name] for each in found])) for name in ("coverage", "size", "single")}
        rows[f"{coverage:g}"] = {**means, "per_class": per_class}
    return rows


def unlike(reader: Reader, answers: Answers, pictures: dict[str, GreyFaces]) -> dict[str, Any]:
    """By the kind of picture: how well its score tells it from other faces (AUROC), and the share that is flagged."""
    outputs = {name: reader.read(resize_faces(each, reader.input_size)).outputs for name, each in pictures.items()}
    assert answers.outputs is not None
    areas: dict[str, list[float]] = {name: [] for name in outputs}
    flagged: dict[str, list[float]] = {name: [] for name in outputs}
    false_alarms = []
    for half in halves(len(answers.right))[:4]:
        score = answers.fitted(half)[1]
        assert score is not None
        faces = score(answers.outputs[~half])
        false_alarms.append(float((faces > 0).mean()))
        for name, rows in outputs.items():
            others = score(rows)
            areas[name].append(auroc(faces, others))
            flagged[name].append(float((others > 0).mean()))
    return {
        "false_alarms": float(np.mean(false_alarms)),
        "kinds": {
            name: {
                "auroc": float(np.mean(areas[name])), "flagged": float(np.mean(flagged[name])),
                "taught": name in TAUGHT, "ordinary": name in ORDINARY, "num": len(outputs[name]),
            }
            for name in outputs
        },
    }  # fmt: skip


def auroc(low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """The probability that a value of `high` is above one of `low`."""
    ranks = np.argsort(np.argsort(np.concatenate([low, high])))[len(low) :]
    return float((ranks.sum() - len(high) * (len(high) - 1) / 2) / (len(low) * len(high)))


def by_quality(readers: dict[str, Reader], split: FaceSet) -> dict[str, Any]:
    """Of faces in pictures, as they are and spoilt: the error of clear answers by quality and its reasons."""
    reader = readers["people"]
    chosen = np.sort(np.random.default_rng(SEED).choice(len(split), NUM_SPOILT, replace=False))
    part = resized(split.select(chosen), reader.input_size)
    detector, rows, crops = YuNet(), [], []
    for sample in samples(part.faces, SEED):
        detection = found(detector, sample)
        crop = crop_face(sample.image, detection.region, reader.input_size)
        rows.append((sample.face, not sample.faults, assess(sample.image, detection, crop)))
        crops.append(crop)
    place, plain = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    qualities = [row[2] for row in rows]
    return {
        name: quality_rows(each, np.stack(crops), answers_of(each, part, part.faces[:1]).right[place], plain, qualities)
        for name, each in readers.items()
    }


def quality_rows(
    reader: Reader, crops: GreyFaces, right: NDArray[np.int64], plain: NDArray[np.bool_], qualities: list[Quality]
) -> dict[str, Any]:
    assert reader.abstention is not None
    readings = [reader.read(crops[start : start + 256]) for start in range(0, len(crops), 256)]
    scores = np.concatenate([each.scores for each in readings])
    uncertain = reader.abstention.are_uncertain(scores, np.concatenate([each.outputs for each in readings]))
    quality = np.array([each.score for each in qualities])
    low = quality < reader.abstention.least_quality
    wrong, known = scores.argmax(axis=1) != right, right >= 0
    reasons = sorted({reason for each in qualities for reason in each.reasons})
    named = {reason: np.array([reason in each.reasons for each in qualities]) for reason in reasons}
    bands = {f"quality {start} to {end}": (quality >= start) & (quality < end + (end == 100))
             for start, end in ((0, 20), (20, 40), (40, 60), (60, 80), (80, 100))}  # fmt: skip
    parts = {"faces as they are": plain, **bands, **named, **{f"{each}, quality of 40 or more": named[each] & ~low
                                                              for each in named}}  # fmt: skip

    def row(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        clear = chosen & known & ~uncertain
        expected = 1 - scores.max(axis=1)
        return {
            "num": int(chosen.sum()),
            "share_of_plain": float((chosen & plain).sum() / plain.sum()),
            "uncertain_else": float(uncertain[chosen].mean()) if chosen.any() else None,
            "num_clear": int(clear.sum()),
            "error_of_clear": float(wrong[clear].mean()) if clear.any() else None,
            "expected_of_clear": float(expected[clear].mean()) if clear.any() else None,
        }

    return {
        "rows": {name: row(chosen) for name, chosen in parts.items()},
        "kept_of_plain": float((~uncertain & ~low)[plain].mean()),
        "kept_of_spoilt": float((~uncertain & ~low)[~plain].mean()),
        "error_of_all_spoilt": float(wrong[known & ~plain].mean()),
        "error_of_kept_spoilt": float(wrong[known & ~plain & ~uncertain & ~low].mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True, help="mini_xception_102.tflite")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--models", nargs="+", default=list(shipped_models()), help="others keep their rows in --json")
    options = parser.parse_args()
    cv2.setNumThreads(1)

    split = load(options.data).split("PublicTest")
    others, pictures = outliers(split.faces), strangers(split.faces)
    peer = peers_answers(options.peer, split)
    models: dict[str, Any] = earlier(options.json).get("models", {}) | {
        PEER: {"fer2013": {**curve(peer), "accepted": accepted(peer, "fer2013"), "sets": sets(peer)}}
    }
    for name in options.models:
        network = load_classifier(name)
        models[name] = {}
        for reading in ERRORS:
            reader = Reader(network, reading, sets=0.9)
            answers = answers_of(reader, split, others)
            readings = reader.read(resized(split, reader.input_size).faces)
            models[name][reading] = {
                **curve(answers),
                "accepted": accepted(answers, reading),
                "sets": sets(answers),
                "shipped": score_abstention(reader, readings, answers.right),
            }
            print(name, reading, round(models[name][reading]["aurc"], 4), flush=True)
        models[name]["unlike"] = unlike(reader, answers, pictures)
    network = load_classifier(DEFAULT_MODEL)
    priors = {}
    for prior in PRIORS:
        answers = answers_of(Reader(network, "people", prior), split, others)
        priors[prior] = {**curve(answers), "accepted": accepted(answers, "people")}
    readers = {reading: Reader(network, reading) for reading in ERRORS}
    result = {
        "benchmark": "abstention", "split": "PublicTest", "num_faces": len(split), "halvings": HALVINGS, "seed": SEED,
        "default": DEFAULT_MODEL, "models": models, "priors": priors,
        "quality": {"num_faces": NUM_SPOILT, **by_quality(readers, split)}, **hardware(),
    }  # fmt: skip
    write_result(result, options.json)


if __name__ == "__main__":
    main()
