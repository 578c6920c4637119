"""How steady and how late a video's labels are: of each frame alone, live, and of a file.

    python benchmarks/labels.py VIDEO... [--json benchmarks/results/labels.json]

Counts how often the label of a person in view changes, and in how many frames it is below a rival in the same record.
For comparison there is what many programs do: a moving average of the scores, and a label that stays until another has
led by .1 for .2 s. A file's labels are also measured with other spans for which frames wait for later ones. The delay
is that of a face that changes from one expression to another from one frame to the next. The trace of the last video
is kept for a figure. Ends in one JSON line.
"""

import argparse
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measuring import hardware, write_result

from mien import Analyzer, Box, Detection, Face, FrameResult, Prediction, open_video
from mien.emotions import EMOTIONS
from mien.tracking import smoothing
from mien.tracking.smoothing import Smoother
from mien.tracking.stream import Stream
from mien.values import VideoInfo

SPANS = (0.1, 0.25, 0.5, 0.75, 1.0, 2.0)
"""Seconds for which a frame waits for later ones."""

Labels = dict[int | None, list[tuple[float, str, bool]]]
"""For each person, of each frame: its time, the label, and whether that is below a rival."""


def raw_results(video: Path, analyzer: Analyzer) -> list[FrameResult]:
    """What each frame shows by itself."""
    with open_video(video) as source:
        return [*map(Stream(analyzer.detector, analyzer.classifier), source)]


def smoothed(
    results: Sequence[FrameResult], *, live: bool, lookahead: float = smoothing.LOOKAHEAD
) -> list[FrameResult]:
    """As `mien live` does it, or as `mien analyze`."""
    usual, smoothing.LOOKAHEAD = smoothing.LOOKAHEAD, lookahead  # type: ignore[misc] # measured here, not a setting
    try:
        return list(Smoother()(replace(result, video=VideoInfo(live=live)) for result in results))
    finally:
        smoothing.LOOKAHEAD = usual  # type: ignore[misc] # as above


def labels_of(results: Sequence[FrameResult]) -> Labels:
    """The labels as they are recorded."""
    found: Labels = defaultdict(list)
    for result in results:
        for face in result.faces:
            below = face.scores[face.label] < max(face.scores.values())
            found[face.track_id].append((result.time, face.label, below))
    return found


def with_hysteresis(results: Sequence[FrameResult]) -> Labels:
    """A moving average of .15 s; another label takes over when it has led by .1 for .2 s, or leads by .4."""
    found: Labels = defaultdict(list)
    means: dict[int | None, np.ndarray] = {}
    since: dict[int | None, np.ndarray] = {}
    for result in results:
        for face in result.faces:
            key, names = face.track_id, face.prediction.labels
            logs = np.log(np.maximum(face.prediction.scores, 1e-3))
            before = found[key][-1] if key in means else (result.time, face.prediction.label, False)
            weight = 1 - math.exp((before[0] - result.time) / 0.15)
            means[key] = mean = means.get(key, logs) * (1 - weight) + logs * weight
            scores = np.exp(mean) / np.exp(mean).sum()
            label = names.index(before[1])
            ahead = scores - scores[label]
            times = np.where(ahead >= 0.1, np.minimum(since.get(key, np.inf), result.time), np.inf)
            if max(ahead[result.time - times >= 0.2 - 1e-6], default=0) or ahead.max() >= 0.4:
                label, times = int(ahead.argmax()), np.full(len(names), np.inf)
            since[key] = times
            found[key].append((result.time, names[label], bool(scores[label] < scores.max())))
    return found


def num_changes(labels: Labels) -> int:
    return sum(one[1] != two[1] for each in labels.values() for one, two in itertools.pairwise(each))


def steadiness(results: Sequence[FrameResult]) -> dict[str, Any]:
    """Changes of the label, and the share of faces whose label is below a rival."""
    ways = {
        "raw": labels_of(results),
        "hysteresis": with_hysteresis(results),
        "live": labels_of(smoothed(results, live=True)),
        "file": labels_of(smoothed(results, live=False)),
    }
    steps = [(after.time - before.time) * len(after.faces) for before, after in itertools.pairwise(results)]
    faces = {name: [one for each in labels.values() for one in each] for name, labels in ways.items()}
    return {
        "seconds_in_view": round(sum(steps), 2),
        "people": len(ways["raw"]),
        "changes": {name: num_changes(labels) for name, labels in ways.items()},
        "below_a_rival": {name: round(sum(one[2] for one in each) / len(each), 3) for name, each in faces.items()},
        "changes_by_seconds_waited": {
            str(span): num_changes(labels_of(smoothed(results, live=False, lookahead=span))) for span in SPANS
        },
    }


def step(rate: float, every: int, before: float, after: float) -> Iterator[FrameResult]:
    """Three seconds of sad with a probability of `before`, then three of happy with `after`, without noise."""
    for index in range(0, round(6 * rate), every):
        leader, share = ("sad", before) if index < 3 * rate else ("happy", after)
        scores = [share if name == leader else (1 - share) / 6 for name in EMOTIONS]
        face = Face(Detection(Box(0, 0, 9, 9), 1.0), Prediction(EMOTIONS, np.array(scores, np.float32)), track_id=1)
        yield FrameResult(source="step", index=index, time=index / rate, width=9, height=9, faces=(face,))


def delays() -> dict[str, dict[str, float]]:
    """Seconds from the first frame that shows the second expression to the first with its label."""
    found = {}
    for before, after, (rate, every) in itertools.product(
        (0.8, 0.5), (0.8, 0.5), ((10, 1), (25, 1), (30, 1), (60, 1), (30, 3), (60, 3))
    ):
        results = [*step(rate, every, before, after)]
        changed = next(result.time for result in results if result.faces[0].label == "happy")
        ways = {
            "hysteresis": with_hysteresis(results),
            "live": labels_of(smoothed(results, live=True)),
            "file": labels_of(smoothed(results, live=False)),
        }
        found[f"{before} to {after}, {rate} a second, every {every}"] = {
            name: round(next(time for time, label, _ in labels[1] if label == "happy") - changed, 3)
            for name, labels in ways.items()
        }
    return found


def trace(results: Sequence[FrameResult], start: float, end: float) -> dict[str, Any]:
    """The person who is longest in view: raw and smoothed probabilities, and the labels, a line of text a frame."""
    people = labels_of(results)
    person = max(people, key=lambda key: len(people[key]))
    runs = [results, smoothed(results, live=True), smoothed(results, live=False)]
    rows = []
    for raw, live, file in zip(*runs, strict=True):
        found = [next((face for face in each.faces if face.track_id == person), None) for each in (raw, live, file)]
        if start <= raw.time < end and (shown := [face for face in found if face]):
            scores = [*shown[0].scores.values(), *shown[2].scores.values()]
            rows.append(" ".join([f"{raw.time:.3f}", *(f"{each:.3f}" for each in scores), *(f.label for f in shown)]))
    return {"labels": list(EMOTIONS), "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--trace", nargs=2, type=float, default=(0.0, math.inf), help="seconds of the last video")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    analyzer, found, results = Analyzer(), {}, []
    for video in options.videos:
        results = raw_results(video, analyzer)
        if any(result.faces for result in results):
            found[video.name] = steadiness(results)
            print(video.name, found[video.name], flush=True)
    result = {
        "benchmark": "labels",
        "model": analyzer.model,
        "detector": analyzer.detector_name,
        "videos": found,
        "seconds_late": delays(),
        "trace": {"video": options.videos[-1].name, **trace(results, *options.trace)},
    }
    write_result(result | hardware(), options.json)


if __name__ == "__main__":
    main()
