"""Whether `mien evaluate --groups` finds a gap that is there, and none where there is none.

    python benchmarks/groups.py --data fer2013.csv --json benchmarks/results/groups.json --page groups.html
    python benchmarks/groups.py --data fer2013.csv --json benchmarks/results/groups.json --keep-simulated

First the command itself, on PublicTest with groups that are made up and gaps that are planted: its faces are dealt out
to subjects of 1 to 12 faces; the faces of some subjects are blurred, labels of others are made wrong, and a third
attribute is pure chance. Then `score_groups` on simulated answers, `--repetitions` times each: how often it reports a
gap where there is none, and where there is one; and how often its intervals cover the truth. Subjects differ in how
well they are read, as real ones do: the share of each one's faces that is correctly classified is drawn from a beta
distribution. Ends in one JSON line.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from measuring import earlier, hardware, write_result
from numpy.typing import NDArray
from robustness import blurred

from mien.data import Attribute, FaceSet, Groups, load
from mien.defaults import DEFAULT_MODEL
from mien.evaluation import evaluate, score_groups
from mien.evaluation.groups import GroupReport
from mien.recognition import load_classifier

SPLIT: Final = "PublicTest"
SIGMA: Final = 1.5  # of the planted blur, in pixels
WRONG: Final = 0.12  # the share of planted wrong labels
RESAMPLES: Final = 999
ALPHA: Final = 0.05
ACCURACY: Final = 0.7
SIMULATED: Final = ("repetitions", "resamples", "no_gap", "gap", "coverage", "simulated")
"""What a result has of the simulations, with the date, machine and commit of their run."""
ALIKE: Final = 6.0
"""How much subjects are alike: the sum of the beta distribution's parameters. Of 6, the correlation within a subject is
1 / 7."""

Random = np.random.Generator
Ints = NDArray[np.int64]


class Draw(NamedTuple):
    """One simulated table: N faces."""

    subjects: Ints
    groups: Mapping[str, Ints]
    easy: NDArray[np.float64]  # (S,) each subject's share of correctly classified faces
    labels: Ints | None = None


def planted(faces: FaceSet, folder: Path) -> dict[str, Any]:
    """Plant gaps in PublicTest, run the command, and return what it says, with what was planted."""
    random = np.random.default_rng(0)
    chosen = faces.split(SPLIT)
    subjects = dealt(len(chosen), random)
    num = int(subjects.max()) + 1
    lens = np.where(random.random(num) < 0.3, "smeared", "clean")[subjects]
    team = random.choice(["A", "B", "C", "D"], num)[subjects]
    coin = random.choice(["heads", "tails"], num)[subjects]
    coin[subjects < 3] = "edge"
    pixels = np.where((lens == "smeared")[:, None, None], blurred(SIGMA)(chosen.faces), chosen.faces)
    labels = chosen.labels.copy()
    wrong = (team == "D") & (random.random(len(labels)) < WRONG)
    labels[wrong] = (labels[wrong] + random.integers(1, 7, wrong.sum())) % 7
    with (folder / "fer2013.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["emotion", "pixels", "Usage"])
        rows.writerows(
            [label, " ".join(map(str, face.reshape(-1))), SPLIT] for label, face in zip(labels, pixels, strict=True)
        )
    with (folder / "groups.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "subject", "lens", "team", "coin"])
        for place, values in enumerate(zip(subjects, lens, team, coin, strict=True)):
            rows.writerow([f"fer2013.csv:{place + 2}", *values])
    words = ["evaluate", DEFAULT_MODEL, "--data", folder / "fer2013.csv", "--groups", folder / "groups.csv",
             "--json", folder / "scores.json", "--report", folder / "groups.html"]  # fmt: skip
    subprocess.run([sys.executable, "-m", "mien", *map(str, words)], check=True)
    result: dict[str, Any] = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    plain = evaluate(load_classifier(DEFAULT_MODEL), chosen, SPLIT)
    return {
        "planted": {"lens": f"blur of {SIGMA} pixels on {(lens == 'smeared').mean():.0%} of the faces",
                    "team": f"{wrong.sum()} wrong labels in D, {wrong.sum() / (team == 'D').sum():.0%} of its faces"},
        "num_faces": len(chosen), "num_subjects": num, "accuracy_before": plain["accuracy"], "scores": result,
    }  # fmt: skip


def dealt(count: int, random: Random) -> Ints:
    """(N,) made-up subjects of 1 to 12 faces."""
    sizes = random.integers(1, 13, count)
    subjects = np.repeat(np.arange(count), sizes)[:count]
    return np.asarray(random.permutation(subjects), np.int64)


def beta(count: int, random: Random, alike: float = ALIKE, mean: float = ACCURACY) -> NDArray[np.float64]:
    return random.beta(alike * mean, alike * (1 - mean), count)


def faces_of(sizes: Ints) -> Ints:
    return np.repeat(np.arange(len(sizes)), sizes)


def several(count: int, random: Random, mean: float = 8.0) -> Ints:
    """(S,) numbers of faces of subjects, 1 or more."""
    return random.geometric(1 / mean, count)


def with_shares(*shares: float, num_subjects: int = 150, gap: float = 0.0) -> Callable[[Random], Draw]:
    """Groups with these shares of the subjects; the last one's accuracy is lower by `gap`."""

    def draw(random: Random) -> Draw:
        subjects = faces_of(several(num_subjects, random))
        group = random.permutation(np.searchsorted(np.cumsum(shares), np.linspace(0, 0.999, num_subjects)))
        easy = np.where(
            group == len(shares) - 1, beta(num_subjects, random, mean=ACCURACY - gap), beta(num_subjects, random)
        )
        return Draw(subjects, {"group": group[subjects]}, easy)

    return draw


def single_faces(random: Random) -> Draw:
    count = 1200
    return Draw(np.arange(count), {"group": random.integers(0, 2, count)}, np.full(count, ACCURACY))


def more_faces(random: Random) -> Draw:
    group = np.arange(150) % 2
    subjects = faces_of(np.where(group == 0, several(150, random, 4), several(150, random, 16)))
    return Draw(subjects, {"group": group[subjects]}, beta(150, random))


def more_alike(random: Random) -> Draw:
    """A quarter of the subjects differ far more from each other than the rest."""
    group = (np.arange(160) % 4 == 0).astype(np.int64)
    subjects = faces_of(several(160, random))
    return Draw(subjects, {"group": group[subjects]}, np.where(group, beta(160, random, 1), beta(160, random, 50)))


def within(random: Random) -> Draw:
    """The value changes from face to face of a subject."""
    subjects = faces_of(several(150, random))
    return Draw(subjects, {"group": (random.random(len(subjects)) < 0.3).astype(np.int64)}, beta(150, random))


def five_attributes(random: Random) -> Draw:
    subjects = faces_of(several(150, random))
    groups = {f"attribute {number}": random.integers(0, 2 + number % 3, 150)[subjects] for number in range(5)}
    return Draw(subjects, groups, beta(150, random))


def other_expressions(random: Random) -> Draw:
    """Half of the subjects show the easy one of two expressions more often; with the same expression all are alike."""
    subjects = faces_of(several(150, random))
    group = np.arange(150) % 2
    labels = (random.random(len(subjects)) < np.where(group == 1, 0.7, 0.3)[subjects]).astype(np.int64)
    return Draw(subjects, {"group": group[subjects]}, beta(150, random), labels)


def ten_subjects(random: Random) -> Draw:
    """A group of 10 subjects, the fewest that are scored, beside 140."""
    subjects = faces_of(3 + several(150, random))
    group = (np.arange(150) < 10).astype(np.int64)
    return Draw(subjects, {"group": group[subjects]}, beta(150, random))


def reported(draw: Draw, random: Random) -> GroupReport:
    """What `score_groups` says of simulated answers, of two expressions."""
    count = len(draw.subjects)
    labels = random.integers(0, 2, count) if draw.labels is None else draw.labels
    easy = draw.easy[draw.subjects]
    if draw.labels is not None:
        easy = np.clip(easy + np.where(labels == 1, 0.15, -0.15), 0, 1)
    correct = random.random(count) < easy
    likely = np.where(correct, labels, 1 - labels)
    scores = np.where(np.arange(2) == likely[:, None], ACCURACY, 1 - ACCURACY).astype(np.float32)
    attributes = tuple(
        Attribute(name, tuple(map(str, range(int(codes.max()) + 1))), codes) for name, codes in draw.groups.items()
    )
    groups = Groups("simulated", draw.subjects, attributes)
    return score_groups(labels, scores, groups, ("one", "two"), resamples=RESAMPLES, seed=int(random.integers(2**31)))


def found(report: GroupReport, figure: str) -> bool:
    """Whether a gap is reported for any single attribute."""
    return any(
        each.gaps[figure].p_adjusted <= ALPHA for each in report.by_attribute if len(each.attributes) == 1 and each.gaps
    )


def rate(values: list[bool]) -> dict[str, float]:
    share = float(np.mean(values))
    return {"rate": share, "standard_error": float(np.sqrt(share * (1 - share) / len(values)))}


class Scenario(NamedTuple):
    draw: Callable[[Random], Draw]
    figure: str = "accuracy"
    ignore_subjects: bool = False


NO_GAP: Final[Mapping[str, Scenario]] = {
    "two groups, every face of another subject": Scenario(single_faces),
    "two groups": Scenario(with_shares(0.5, 0.5)),
    "five groups of uneven size": Scenario(with_shares(0.4, 0.25, 0.15, 0.1, 0.1)),
    "one group with four times the faces a subject": Scenario(more_faces),
    "one group whose subjects differ more": Scenario(more_alike),
    "a group of 10 subjects beside 140": Scenario(ten_subjects),
    "the value changes within subjects (bootstrap)": Scenario(within),
    "five attributes, any of them": Scenario(five_attributes),
    "one group shows easier expressions: standardised": Scenario(other_expressions, "standardised"),
    "one group shows easier expressions: accuracy as it is": Scenario(other_expressions),
    "two groups, as if every face were another subject's": Scenario(with_shares(0.5, 0.5), ignore_subjects=True),
}
GAP: Final[Mapping[str, Scenario]] = {
    f"{gap:.0%} lower in one of two groups, {num} subjects": Scenario(with_shares(0.5, 0.5, num_subjects=num, gap=gap))
    for gap in (0.03, 0.05, 0.1)
    for num in (150, 600)
}


def draws(scenario: Scenario, repetitions: int) -> Iterator[GroupReport]:
    for number in range(repetitions):
        random = np.random.default_rng((1, number))
        draw = scenario.draw(random)
        if scenario.ignore_subjects:
            draw = Draw(np.arange(len(draw.subjects)), draw.groups, draw.easy[draw.subjects])
        yield reported(draw, random)


def simulated(scenarios: Mapping[str, Scenario], repetitions: int) -> dict[str, Any]:
    """How often a gap is reported in each scenario."""
    rows = {}
    for name, scenario in scenarios.items():
        rows[name] = rate([found(report, scenario.figure) for report in draws(scenario, repetitions)])
        print(f"{name:60} {rows[name]['rate']:.3f} ± {rows[name]['standard_error']:.3f}", flush=True)
    return rows


def coverage(repetitions: int) -> dict[str, Any]:
    """How often intervals cover the truth: that of a group's accuracy, and the one of the largest difference, 0."""
    rows = {}
    for name in ("two groups", "five groups of uneven size", "a group of 10 subjects beside 140"):
        accuracy, smallest, difference = [], [], []
        for report in draws(NO_GAP[name], repetitions):
            (scores,) = report.by_attribute
            intervals = [each.accuracy for each in scores.by_group.values()]
            accuracy += [each.low <= ACCURACY <= each.high for each in intervals]
            fewest = min(scores.by_group.values(), key=lambda each: each.num_subjects).accuracy
            smallest.append(fewest.low <= ACCURACY <= fewest.high)
            difference += [gap.difference.low <= 0 <= gap.difference.high for gap in (scores.gaps["accuracy"],)]
        rows[name] = {"accuracy": rate(accuracy), "smallest_group": rate(smallest), "difference": rate(difference)}
        print(name, rows[name], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path, help="keep the page that the command writes")
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--keep-simulated", action="store_true", help="leave the simulations in the file as they are")
    options = parser.parse_args()
    kept = {key: value for key, value in earlier(options.json).items() if key in SIMULATED}
    if options.keep_simulated and len(kept) < len(SIMULATED):
        parser.error("--keep-simulated needs the simulations in --json; run it once without")
    with tempfile.TemporaryDirectory() as folder:
        shown = planted(load(options.data), Path(folder))
        if options.page:
            options.page.write_bytes((Path(folder) / "groups.html").read_bytes())
    result = {"benchmark": "groups", "model": DEFAULT_MODEL, "split": SPLIT, "seed": 0, "shown": shown, **hardware()}
    if not options.keep_simulated:
        kept = simulations(options.repetitions) | {"simulated": hardware()}
    write_result(result | kept, options.json)


def simulations(num: int) -> dict[str, Any]:
    """What `score_groups` reports of simulated answers; no network has a part in it."""
    return {
        "repetitions": num, "resamples": RESAMPLES,
        "no_gap": simulated(NO_GAP, num), "gap": simulated(GAP, num), "coverage": coverage(num),
    }  # fmt: skip


if __name__ == "__main__":
    main()
