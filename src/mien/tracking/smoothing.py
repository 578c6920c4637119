"""What faces show over time: scores without jitter, labels without flicker, a person's resting face.

Spans are in seconds, not in frames, so that the results are the same at 10, 25 and 60 frames a second. What is smoothed
are the logarithms of probabilities, which a softmax turns into probabilities again.
"""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from mien.emotions import RESTING
from mien.errors import InvalidInput
from mien.recognition import Abstention, softmax
from mien.values import Face, Failure, FrameResult, Prediction, checked_number

Vector = NDArray[np.float64]
Result = TypeVar("Result", FrameResult, FrameResult | Failure)
Smoothing: TypeAlias = Literal["ema", "median", "off"]

TIME_TOLERANCE: Final = 1e-6  # difference in seconds below which two times are equal, since timestamps are rounded

MIN_SCORE: Final = 1e-6  # smallest probability whose logarithm is taken; smaller ones are raised to it

FLOOR: Final = math.log(1e-3)
"""Smallest log score that is smoothed; smaller ones are raised to it. The networks' probabilities carry no information
below one in a thousand, and a single frame's -30 would outweigh a second of other frames in a mean."""

MOST_SECONDS: Final = 5.0  # longest time constant or window

MOST_HELD: Final = 800_000_000
"""Most bytes of frames that wait for later ones: half a second of 4K at 60 frames a second. Frames of this size wait no
longer, whether they carry their images or not, so that no row depends on whether something is drawn."""

LOOKAHEAD: Final = 0.5
"""Seconds for which a frame of a file waits for later ones, unless the smoothing reaches further. Frames that wait are
in memory. `benchmarks/labels.py` measures other spans."""

EVIDENCE: Final = 0.3
"""Cost of a change of the label, in log odds times seconds, with the default time constant. The new label has to make
up for it and then lead by as much again: .8 against .03 does so in a fifth of a second. That is how late such a change
is live. In a file no change is late that takes less than `LOOKAHEAD`."""

LONGEST_STEP: Final = 0.2
"""Seconds for which one frame counts as evidence at most, or the first one after a pause would decide alone."""

FIRST_STEP: Final = 0.04  # seconds for which the first frame counts, which has none before it

HAIR: Final = 1e-4
"""Lead of the label, in log odds, where it would not lead by itself: enough to survive being rounded to 32 bits."""

RESTING_ODDS: Final = 24.0
"""Odds of the resting class against each other class for a face at rest: .8 for it and .2 for the other six."""


def _exponential(offsets: Vector, rows: Vector, seconds: float) -> Vector:
    """(N,) seconds from the frame and (N, K) log scores → (K,) a mean, weighted by the distance in time.

    Frames further than twice `seconds` do not count: it may not be known yet whether they have another label.
    """
    weights = np.exp(-np.abs(offsets) / seconds) * (np.abs(offsets) <= 2 * seconds + TIME_TOLERANCE)
    mean: Vector = weights @ rows / weights.sum()
    return mean


def _median(offsets: Vector, rows: Vector, seconds: float) -> Vector:
    """Likewise: the median of each class by itself, which ignores a single outlier, such as a blink."""
    median: Vector = np.median(rows[np.abs(offsets) <= seconds / 2 + TIME_TOLERANCE], axis=0)
    return median


class _Kind(NamedTuple):
    """A way to smooth."""

    kernel: Callable[[Vector, Vector, float], Vector]
    seconds: float  # the default time constant or window
    wait: float  # for how many time constants or windows a frame of a file has to wait for later ones


_KINDS: Final[Mapping[str, _Kind]] = {
    "ema": _Kind(_exponential, 0.15, 2.0),
    "median": _Kind(_median, 0.4, 1.0),
}


class Smoother:
    """Smooths what the faces of a video show.

        >>> from mien import Box, Detection, Face, FrameResult, Prediction
        >>> def frame(index: int, happy: float) -> FrameResult:
        ...     shown = Prediction(("happy", "sad"), np.array([happy, 1 - happy], np.float32))
        ...     face = Face(Detection(Box(0, 0, 9, 9), 1.0), shown, track_id=1)
        ...     return FrameResult(source="a.mp4", index=index, time=index / 25, width=9, height=9, faces=(face,))
        >>> frames = [frame(index, 0.2 if index == 8 or index >= 20 else 0.8) for index in range(40)]
        >>> labels = [face.label for result in Smoother()(frames) for face in result.faces]
        >>> labels[8], labels[19], labels[20]
        ('happy', 'happy', 'sad')

    A person's labels are the sequence for which the log probabilities of the labels, summed over time, minus a cost for
    every change, are greatest (Viterbi 1967, with the decision delayed by a fixed time: Forney 1973). So a change is
    dated where it happened, and an expression that leads too briefly, or by too little, is passed over.

    The scores of a frame are those of the frames before and after it, weighted by their distance in time. Frames beyond
    a change of the label do not count, so a change is not blurred. Where another expression leads too briefly to become
    the label, the label's score is raised to its height: no label is below its rival.

    Results of a live source (`VideoInfo.live`) have no later frames: they are smoothed over earlier ones, and returned
    at once. Any other waits for half a second of the video, or longer if `seconds` needs it (two time constants or one
    window), and is in memory until then, with its image if it has one. Frames wait less where they would have more than
    800 MB as images.

    Args:
        smoothing: "ema" for weights that fall exponentially with the distance in time, "median" for the median of each
            expression, "off" for the prediction of each frame alone, unchanged if there is no `baseline`.
        seconds: The time constant of "ema", the whole window of "median", above 0 and up to 5; None for the default.
            The evidence that a change of the label needs rises with it.
        baseline: Seconds at the start of each person's track whose mean is taken for the resting face, and subtracted
            afterwards; 0 for none.
        abstention: Says anew by the smoothed scores whether a face is unclear, and what its prediction set is; other
            reasons of uncertainty are the frame's own. None leaves both as they are.

    Raises:
        InvalidInput: One of them is of the wrong type or out of range.
    """

    def __init__(
        self,
        smoothing: Smoothing = "ema",
        seconds: float | None = None,
        baseline: float = 0.0,
        abstention: Abstention | None = None,
    ) -> None:
        if smoothing not in (*_KINDS, "off"):
            raise InvalidInput(f"unknown smoothing {smoothing!r}; expected {', '.join(_KINDS)}, off")
        self._smooths = smoothing != "off"
        kind = _KINDS.get(smoothing, _KINDS["ema"])
        self._kernel = kind.kernel
        self._seconds = kind.seconds
        if seconds is not None:
            name = "smoothing_seconds"
            if smoothing == "off":
                raise InvalidInput(f"{name} is of a smoothing that is on; got {seconds!r:.80} with smoothing='off'")
            self._seconds = checked_number(name, seconds, most=MOST_SECONDS, kind="a number of seconds", above=True)
        self._span = max(LOOKAHEAD, kind.wait * self._seconds)
        self._evidence = EVIDENCE * self._seconds / kind.seconds
        self._baseline = checked_number("baseline", baseline, kind="a number of seconds")
        self._abstention = abstention

    def __call__(self, results: Iterable[Result]) -> Iterator[Result]:
        """The results of one video with smoothed scores, and those of each frame by itself as `raw`.

        They come and go in the order of their times. An exception is raised after all results before it.
        """
        people: dict[int, _Person] = {}
        if not self._smooths:
            yield from (self._finished(result, people) for result in results)
            return
        held: deque[Result] = deque()
        num_bytes = 0

        def due(until: float) -> Iterator[Result]:
            nonlocal num_bytes
            while held and (num_bytes > MOST_HELD or isinstance(first := held[0], Failure) or first.time <= until):
                num_bytes -= _size(held[0])
                yield self._finished(held.popleft(), people)

        try:
            for result in results:
                if isinstance(result, FrameResult):
                    decided = result.time - (0.0 if _is_live(result) else self._span)
                    yield from due(decided - TIME_TOLERANCE)  # before a pause, after which all begins anew
                    self._add(result, people)
                    held.append(result)
                    num_bytes += _size(result)
                    yield from due(decided + TIME_TOLERANCE)
                else:
                    held.append(result)
        except Exception:  # whatever ends the source, the frames before it are complete
            yield from due(math.inf)
            raise
        yield from due(math.inf)

    def _add(self, result: FrameResult, people: dict[int, "_Person"]) -> None:
        for face in result.faces:
            if face.track_id is not None:
                logs, time = self._log_scores(face, result.time, people), result.time
                person = people[face.track_id]
                if person.trace is None or time - person.trace.times[-1] > self._span + TIME_TOLERANCE:
                    person.trace = _Trace(len(logs), self._evidence, 2 * self._span)
                person.trace.add(time, np.maximum(logs, FLOOR))
        for track_id, person in list(people.items()):
            if person.trace and person.trace.times[-1] < result.time - 2 * self._span:
                person.trace = None
                if not person.baseline:  # a resting face is kept: its person may come back
                    del people[track_id]

    def _log_scores(self, face: Face, time: float, people: dict[int, "_Person"]) -> Vector:
        """(K,) natural logarithms of a tracked face's probabilities, relative to its resting face's. Call it once."""
        assert face.track_id is not None
        person = people.setdefault(face.track_id, _Person(_baseline(self._baseline, face.prediction.labels)))
        logs: Vector = np.log(np.maximum(face.prediction.scores.astype(np.float64), MIN_SCORE))
        return person.baseline(time, logs) if person.baseline else logs

    def _finished(self, result: Result, people: dict[int, "_Person"]) -> Result:
        """A result whose tracked faces have smoothed scores, and their own as `raw`."""
        if isinstance(result, Failure):
            return result

        def finished(face: Face) -> Face:
            if face.track_id is None:
                return face
            smoothed = replace(face, prediction=self._prediction(face, result.time, people), raw=face.prediction)
            return smoothed if self._abstention is None else self._abstention.judge_again(smoothed)

        return replace(result, faces=tuple(map(finished, result.faces)))

    def _prediction(self, face: Face, time: float, people: dict[int, "_Person"]) -> Prediction:
        assert face.track_id is not None
        if self._smooths:
            scores = self._scores(time, people[face.track_id])
        elif self._baseline:
            scores = self._log_scores(face, time, people)
        else:
            return face.prediction
        return Prediction(face.prediction.labels, softmax(scores.astype(np.float32)))

    def _scores(self, time: float, person: "_Person") -> Vector:
        """(K,) smoothed log scores, of which the label's is the greatest."""
        assert person.trace
        label, times, rows = person.trace.stretch(time)
        scores = self._kernel(times - time, rows, self._seconds)
        if scores.argmax() != label:
            scores[label] = scores.max() + HAIR
        return scores


def _size(result: FrameResult | Failure) -> int:
    """The bytes of a result's image, whether it carries it or not."""
    return 0 if isinstance(result, Failure) else 3 * result.width * result.height


def _is_live(result: FrameResult) -> bool:
    return result.video is not None and result.video.live


class Baseline:
    """Removes what a person's face reads as at rest.

    A face whose corners of the mouth hang by nature reads as sad all day. This learns the mean log scores of the first
    `seconds`, in which the person should be at rest, and afterwards subtracts each class's deviation from the mean over
    the classes. A score then says how much more of an expression there is than at rest. Until then scores pass
    unchanged. It goes before the smoothing.

    Args:
        seconds: The time for which it learns, from the first frame on.
        resting: The index of the class that the resting face should read as, usually neutral's; it gets .8 of seven
            classes' probability. None: at rest all classes are equally likely, and noise decides which one leads.
    """

    def __init__(self, seconds: float, resting: int | None = None) -> None:
        self.seconds, self.resting = seconds, resting
        self._start = math.inf
        self._num_frames = 0
        self._mean: Vector = np.empty(0)

    def __call__(self, time: float, log_scores: Vector) -> Vector:
        """(K,) natural logarithms of one frame's probabilities → relative to the resting face's."""
        scores = np.maximum(log_scores, FLOOR)
        self._start = min(self._start, time)
        if time - self._start < self.seconds - TIME_TOLERANCE:
            self._num_frames += 1
            mean = self._mean if self._mean.size else scores
            self._mean = mean + (scores - mean) / self._num_frames
            return log_scores
        deviation = self._mean - self._mean.mean()
        if self.resting is not None:
            deviation[self.resting] -= math.log(RESTING_ODDS)
        result: Vector = scores - deviation
        return result


def _baseline(seconds: float, labels: tuple[str, ...]) -> Baseline | None:
    resting = labels.index(RESTING) if RESTING in labels else None
    return Baseline(seconds, resting) if seconds else None


@dataclass
class _Person:
    """What is remembered of one track."""

    baseline: Baseline | None
    trace: "_Trace | None" = None


class _Trace:
    """The last log scores of a face that stays in sight, and the most plausible sequence of its labels.

    Args:
        num_classes: K.
        evidence: The cost of a change, in log odds times seconds.
        memory: Seconds of scores that are kept.
    """

    def __init__(self, num_classes: int, evidence: float, memory: float) -> None:
        self.times: list[float] = []
        self._rows: list[Vector] = []
        self._before: list[NDArray[np.int64]] = []
        """For each frame and label: the label of the frame before, in the best sequence that ends with it."""
        self._label: int | None = None
        """The last frame's label. It is another only once that is better by a change's cost: of two expressions that
        alternate, or lead by turns, each would be the best for a moment."""
        self._totals = np.zeros(num_classes)
        """For each label: log scores over time, less the changes' costs, of the best sequence that ends with it."""
        self._evidence, self._memory = evidence, memory

    def add(self, time: float, row: Vector) -> None:
        """Add a frame's time in seconds and its (K,) log scores."""
        step = min(max(time - self.times[-1], 1e-3), LONGEST_STEP) if self.times else FIRST_STEP
        best = int(self._totals.argmax())
        changed = self._totals[best] - self._evidence
        self._before.append(np.where(self._totals >= changed, np.arange(len(row)), best))
        totals = np.maximum(self._totals, changed) + step * row
        self._totals = totals - totals.max()
        if self._label is None or self._totals[self._label] < -self._evidence:
            self._label = int(self._totals.argmax())
        self.times.append(time)
        self._rows.append(row)
        while self.times[0] < time - self._memory - TIME_TOLERANCE:
            del self.times[0], self._rows[0], self._before[0]

    def stretch(self, time: float) -> tuple[int, Vector, Vector]:
        """The label at the time of one of the frames, and the times (N,) and log scores (N, K) of the frames around it
        that have the label without a break."""
        assert self._label is not None
        first = last = bisect_left(self.times, time)
        label = self._labels_to(self._label)[first]
        labels = self._labels_to(int(self._totals.argmax()))  # may know of a change that is not decided yet
        if labels[first] != label:
            labels = self._labels_to(self._label)
        while first > 0 and labels[first - 1] == label:
            first -= 1
        while last + 1 < len(labels) and labels[last + 1] == label:
            last += 1
        return label, np.array(self.times[first : last + 1]), np.array(self._rows[first : last + 1])

    def _labels_to(self, last: int) -> list[int]:
        """The best sequence of labels of all frames that ends with this one."""
        labels = [last]
        for before in reversed(self._before[1:]):
            labels.append(int(before[labels[-1]]))
        return labels[::-1]
