"""What follows from the figures of a benchmark, in sentences."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.benchmark.timing import Call, Ratio, Samples, ratio, timing

CAMERA: Final = 30.0
"""Frames a second of a usual camera."""

LARGE_SHARE: Final = 0.6
"""Share of a picture's time from which one part of it alone decides how long the whole takes."""

OWN_SHARE: Final = 0.9
"""Share of the time in which a thread has the processor on a machine that does nothing else, at least."""

SLOWED: Final = 1.2
"""Ratio of the last third's median to the first third's from which the machine became slower meanwhile."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What advice is drawn from.

    Attributes:
        models: Their names, in the order in which they were given: the others are compared with the first.
        detectors: Likewise.
        threads: The numbers of threads, 1 first.
        samples: Milliseconds of each call, by round.
        share: The share of the time on one thread in which that thread had the processor.
        correct: Whether each model is right about each face, (N,), of the same faces; empty where none were measured.
        at_least: The share of the faces below which a model is not to be taken; None for any.
    """

    models: Sequence[str]
    detectors: Sequence[str]
    threads: Sequence[int]
    samples: Mapping[Call, Samples]
    share: float
    correct: Mapping[str, NDArray[np.bool_]]
    at_least: float | None = None

    def is_accurate(self, model: str) -> bool:
        """Whether nothing is known against a model's accuracy."""
        return self.at_least is None or not self.correct or float(self.correct[model].mean()) >= self.at_least

    def whole(self, threads: int = 1) -> Samples:
        """The whole picture by the first model and detector."""
        return self.samples[Call("whole", threads, self.models[0], self.detectors[0])]


def advise(findings: Findings) -> Iterator[str]:
    """The sentences; each says what was measured and what to do about it."""
    yield from _doubts(findings)
    yield _camera(findings)
    yield from _threads(findings)
    yield from _parts(findings)
    for other in findings.models[1:]:
        yield _model(findings, other)
    for other in findings.detectors[1:]:
        yield _detector(findings, other)


def _camera(findings: Findings) -> str:
    best = min(findings.threads, key=lambda num: timing(findings.whole(num)).p50)
    if best > 1 and not ratio(findings.whole(best), findings.whole()).is_faster:
        best = 1
    each = timing(findings.whole(best))
    rate, steady = 1000 / each.p50, 1000 / each.p95
    said = f"{findings.models[0]} with {findings.detectors[0]} reads {_rate(rate)} pictures a second on {_num(best)}"
    if steady >= CAMERA:
        return f"{said}: enough for a camera at {CAMERA:.0f}."
    if rate >= CAMERA:
        return f"{said}, and {_rate(steady)} where it is slow: a camera at {CAMERA:.0f} loses a frame now and then."
    return f"{said}: of a camera's {CAMERA:.0f} frames `mien live` analyses as many, and leaves out the others."


def _threads(findings: Findings) -> Iterator[str]:
    most = findings.threads[-1]
    if most == 1:
        return
    gain = ratio(findings.whole(), findings.whole(most))
    if gain.is_slower:
        yield f"{_num(most)} read one picture {_times(gain)} as fast as one: `--threads {most}` for a camera."
    else:
        yield f"{_num(most).capitalize()} bring nothing for one picture: leave `--threads` at 1."
    yield f"Many pictures are read fastest by a process a core: `mien analyze --jobs {most}`."


def _parts(findings: Findings) -> Iterator[str]:
    """Which part of the time a change of model or detector can save, of the first of each."""
    whole = timing(findings.whole()).p50
    for call in (Call("detector", 1, detector=findings.detectors[0]), Call("network", 1, findings.models[0])):
        share = timing(findings.samples[call]).p50 / whole
        if share >= LARGE_SHARE:
            name, other = (call.detector, "network") if call.detector else (call.model, "detector")
            yield f"{name} takes {share:.0%} of a picture's time: another {other} changes little."


def _model(findings: Findings, other: str) -> str:
    first = findings.models[0]
    networks = ratio(findings.samples[Call("network", 1, other)], findings.samples[Call("network", 1, first)])
    whole = ratio(findings.samples[Call("whole", 1, other, findings.detectors[0])], findings.whole())
    accuracy = _accuracy(findings, other)
    speed = (
        f"The network of {other} takes {_compared(networks)} {first}'s time here, a whole picture {_compared(whole)}"
    )
    accurate = [name for name in (first, other) if findings.is_accurate(name)]
    end = ""
    if len(accurate) < 2:
        choice = f"only {accurate[0]} has" if accurate else "neither has"
        end = f": {choice} the accuracy of {findings.at_least:.2%} that was asked for"
    elif networks.is_slower and findings.correct and accuracy <= 0:
        end = f": keep {first}"
    elif networks.is_faster and findings.correct and accuracy >= 0:
        end = f": take {other}"
    return f"{speed}{_points(findings, other)}{end}."


def _accuracy(findings: Findings, other: str) -> float:
    """The difference of the accuracies, other less first; 0 where it may be chance."""
    if not findings.correct:
        return 0.0
    difference, error = _difference(findings, other)
    return difference if abs(difference) > 2 * error else 0.0


def _difference(findings: Findings, other: str) -> tuple[float, float]:
    """The difference of the accuracies, other less first, and its standard error, as both see the same faces."""
    differences = findings.correct[other].astype(float) - findings.correct[findings.models[0]]
    return float(differences.mean()), float(differences.std()) / math.sqrt(len(differences))


def _points(findings: Findings, other: str) -> str:
    if not findings.correct:
        return ""
    difference, error = _difference(findings, other)
    if not _accuracy(findings, other):
        return f"; it is as accurate on these faces, within {200 * error:.1f} points"
    which = "more" if difference > 0 else "less"
    return f"; it is {100 * abs(difference):.1f} ± {100 * error:.1f} points {which} accurate"


def _detector(findings: Findings, other: str) -> str:
    first = findings.detectors[0]
    found = ratio(*(findings.samples[Call("detector", 1, detector=name)] for name in (other, first)))
    return f"{other} takes {_compared(found)} {first}'s time here; what each finds is in docs/detection.md."


def _doubts(findings: Findings) -> Iterator[str]:
    """Why the figures should not be relied on."""
    samples = findings.whole()
    third = len(samples) // 3
    if findings.share < OWN_SHARE:
        yield (
            f"Only {findings.share:.0%} of the processor's time was mien's: something else uses it. Measure again when "
            "it is quiet."
        )
    slowed = float(np.median(samples[-third:]) / np.median(samples[:third])) if third else 1.0
    if slowed > SLOWED:
        yield (
            f"It took {slowed:.1f} times as long at the end as at the beginning: the processor got hot, or busy. "
            "Measure longer, as --seconds 5:00, to see where it ends."
        )


def _compared(found: Ratio) -> str:
    """A ratio of times as words: "about 1.0 times" unless the rounds agree that one is longer."""
    return _times(found) if found.is_slower or found.is_faster else "about 1.0 times"


def _times(found: Ratio) -> str:
    return f"{found.median:.1f} times" if found.median > 1 else f"{found.median:.2f} times"


def _rate(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"


def _num(threads: int) -> str:
    return "one thread" if threads == 1 else f"{threads} threads"
