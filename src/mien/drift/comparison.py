"""Counting the faces of an analysis so that they can be compared with a model's reference profile."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.drift.findings import Compared, Drift, concluded
from mien.drift.profile import CONFIDENCE, Answers, Distribution, Reference
from mien.values import Face, Failure, FrameResult

Counts = NDArray[np.float64]

FEW: Final = 20
"""Where a label leads in fewer reference faces, its confidence is compared with that of all of them."""


class Comparison:
    """Counts faces as they come; it keeps no picture, and its memory does not grow with their number.

        >>> comparison = Comparison(reference)
        >>> comparison.add(result)
        >>> comparison.conclude().num_units
        1

    Faces of one picture share its light, and those of one person in a video look alike. So each picture counts once,
    and each person in a video once, whatever the number of faces: as their mean.

    Args:
        reference: What the faces are compared with.
    """

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._units = _Sums(reference)
        self._num_units = self._num_faces = 0
        self._video: str | None = None  # the present one
        self._index = -1  # of its last frame
        self._people: dict[int | None, _Sums] = {}  # in it

    def add(self, result: FrameResult | Failure) -> None:
        """Count the faces of one more picture or frame; the frames of a video come one after another."""
        if isinstance(result, Failure):
            return
        video = result.source if result.video else None
        if video != self._video or result.index <= self._index:
            self._end_video()
        self._video, self._index = video, result.index
        self._num_faces += len(result.faces)
        if video is not None:
            for face in result.faces:
                self._people.setdefault(face.track_id, _Sums(self._reference)).add(face)
        elif result.faces:
            picture = _Sums(self._reference)
            for face in result.faces:
                picture.add(face)
            self._count(picture)

    def counts(self) -> dict[str, Any]:
        """What was counted so far, as JSON has it; faces that come later begin new people."""
        self._end_video()
        measures = {name: sums.tolist() for name, sums in self._units.measures.items()}
        confidence = self._units.confidence.tolist()
        return {
            "measures": measures, "confidence": confidence, "units": self._num_units, "faces": self._num_faces,
        }  # fmt: skip

    def add_counts(self, counts: Mapping[str, Any]) -> None:
        """Add what another comparison with the same reference has counted."""
        for name in self._units.measures:
            self._units.measures[name] += counts["measures"][name]
        self._units.confidence += np.reshape(counts["confidence"], self._units.confidence.shape)
        self._num_units += counts["units"]
        self._num_faces += counts["faces"]

    def conclude(self) -> Drift:
        """How the faces so far differ from the reference; those that come later begin new people."""
        self._end_video()
        profile, answers, units = self._reference.profile, self._reference.answers, self._units
        compared = [
            _compared(name, reference, units.measures[name], profile.num_faces)
            for name, reference in profile.measures.items()
        ]
        if answers:
            reference, num = _mixed(answers, units.confidence, profile.num_faces)
            compared.append(_compared(CONFIDENCE, reference, units.confidence.sum(axis=0), num))
        return concluded(
            self._reference, [each for each in compared if each.num > 0],
            num_faces=self._num_faces, num_units=self._num_units,
            leading=units.confidence[:, :-1].sum(axis=1),
        )  # fmt: skip

    def _end_video(self) -> None:
        for person in self._people.values():
            self._count(person)
        self._people = {}

    def _count(self, unit: "_Sums") -> None:
        self._units.add_mean(unit)
        self._num_units += 1


class _Sums:
    """Sums over faces, or over the means of pictures and people.

    Attributes:
        measures: By the name of each measure with L levels, (L + 2,): how many are at most at the first level, then at
            most at the next, above the last; and the sum of the measure.
        confidence: (K, L + 2), the same of the leading score for each label that leads.
    """

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        answers = reference.answers
        num = len(answers.labels) if answers else 0
        levels = answers.confidence[0].levels if answers else ()
        self.measures = {name: np.zeros(len(each.levels) + 2) for name, each in reference.profile.measures.items()}
        self.confidence = np.zeros((num, len(levels) + 2))

    def add(self, face: Face) -> None:
        measured = face.quality.measures if face.quality else {}
        for name, sums in self.measures.items():
            if name in measured:
                _add(sums, self._reference.profile.measures[name], measured[name].raw)
        answers, scores = self._reference.answers, self._scores(face)
        if answers and scores is not None:
            leading = int(scores.argmax())
            _add(self.confidence[leading], answers.confidence[leading], float(scores[leading]))

    def add_mean(self, unit: "_Sums") -> None:
        """Add the mean of another's faces."""
        for name, sums in unit.measures.items():
            self.measures[name] += sums / max(1.0, sums[:-1].sum())
        self.confidence += unit.confidence / max(1.0, unit.confidence[:, :-1].sum())

    def _scores(self, face: Face) -> Counts | None:
        """What this picture or frame alone shows, under the profile's prior; None for other labels."""
        answers, by_label = self._reference.answers, (face.raw or face.prediction).by_label()
        if answers is None or not by_label.keys() >= {*answers.labels}:
            return None
        factors = self._reference.factors
        scores = np.array([by_label[label] * factors.get(label, 1.0) for label in answers.labels])
        return scores / scores.sum() if scores.sum() > 0 else None


def _add(sums: Counts, reference: Distribution, value: float) -> None:
    sums[bisect_left(reference.levels, value)] += 1
    sums[-1] += value


def _compared(name: str, reference: Distribution, sums: Counts, num_reference: float) -> Compared:
    num = float(sums[:-1].sum())
    shares = sums[:-2].cumsum() / max(num, 1.0)
    here = Distribution(reference.levels, tuple(shares.tolist()), float(sums[-1]) / max(num, 1.0))
    return Compared(name, reference, here, num, num_reference)


def _mixed(answers: Answers, confidence: Counts, num_faces: int) -> tuple[Distribution, float]:
    """How confident the reference's answers would be if its labels led as often as here, and the number of faces that
    this is as good as; so that other expressions alone are no difference."""
    leading = confidence[:, :-1].sum(axis=1)
    weights = leading / max(leading.sum(), 1e-9)
    counts = np.array(answers.counts, np.float64)
    of_all = np.average([each.shares for each in answers.confidence], axis=0, weights=np.maximum(counts, 1e-9))
    mean_of_all = float(np.average([each.mean for each in answers.confidence], weights=np.maximum(counts, 1e-9)))
    few = counts < FEW
    shares = np.array([of_all if low else each.shares for low, each in zip(few, answers.confidence, strict=True)])
    means = np.array([mean_of_all if low else each.mean for low, each in zip(few, answers.confidence, strict=True)])
    num = 1 / max(float((weights**2 / np.where(few, num_faces, counts)).sum()), 1e-9)
    mixed = Distribution(answers.confidence[0].levels, tuple((weights @ shares).tolist()), float(weights @ means))
    return mixed, num
